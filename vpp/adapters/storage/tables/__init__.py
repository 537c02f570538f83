"""The tables: name, type, unit and meaning of every column.

Times are microseconds since 1970-01-01 UTC (`_us`), so that both databases keep them exactly alike.
Rows are only ever added. What changes with time is superseded by a row with a later `available_at_us`
or `announced_at_us`, so that a replay can ask what was known at a moment. The exceptions hold no
history by purpose: asset and feeder (master data) and latest_reading (a view kept up to date). Rows
are removed where that is the point: readings older than kept, audit records older than kept, keys,
folded orders once their rows are there.
"""

from vpp.adapters.storage.tables.announced import charging_session, context_item, price
from vpp.adapters.storage.tables.approvals import (
    approval,
    approval_event,
    approval_plan,
    component_version,
)
from vpp.adapters.storage.tables.audit import audit_key, audit_record
from vpp.adapters.storage.tables.columns import metadata
from vpp.adapters.storage.tables.consent import consent
from vpp.adapters.storage.tables.fleet import asset, feeder, writer_epoch
from vpp.adapters.storage.tables.forecasts import (
    forecast,
    forecast_model,
    forecast_outcome,
    forecast_round,
    forecaster_pause,
    model_call,
)
from vpp.adapters.storage.tables.identity import (
    certificate,
    enrolment_token,
    identity_event,
    revocation,
    token_revocation,
)
from vpp.adapters.storage.tables.operators import (
    override_cost,
    override_end,
    override_order,
    stop_order,
    stop_report,
)
from vpp.adapters.storage.tables.promotions import promotion
from vpp.adapters.storage.tables.runs import (
    acknowledgement,
    cycle_record,
    fleet_register,
    fleet_snapshot,
    folded_orders,
    plan,
    run,
    setpoint,
)
from vpp.adapters.storage.tables.schedules import schedule_firing, schedule_word
from vpp.adapters.storage.tables.shadows import (
    shadow_cycle,
    shadow_forecast,
    shadow_outcome,
    shadow_score,
)
from vpp.adapters.storage.tables.signals import signal, signal_request
from vpp.adapters.storage.tables.telemetry import (
    archived_day,
    feeder_reading,
    latest_reading,
    misdated_reading,
    reading,
)

__all__ = [
    "acknowledgement",
    "approval",
    "approval_event",
    "approval_plan",
    "archived_day",
    "asset",
    "audit_key",
    "audit_record",
    "certificate",
    "charging_session",
    "component_version",
    "consent",
    "context_item",
    "cycle_record",
    "enrolment_token",
    "feeder",
    "feeder_reading",
    "fleet_register",
    "fleet_snapshot",
    "folded_orders",
    "forecast",
    "forecast_model",
    "forecast_outcome",
    "forecast_round",
    "forecaster_pause",
    "identity_event",
    "latest_reading",
    "metadata",
    "misdated_reading",
    "model_call",
    "override_cost",
    "override_end",
    "override_order",
    "plan",
    "price",
    "promotion",
    "reading",
    "revocation",
    "run",
    "schedule_firing",
    "schedule_word",
    "setpoint",
    "shadow_cycle",
    "shadow_forecast",
    "shadow_outcome",
    "shadow_score",
    "signal",
    "signal_request",
    "stop_order",
    "stop_report",
    "token_revocation",
    "writer_epoch",
]
