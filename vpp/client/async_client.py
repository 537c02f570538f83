"""The asynchronous client: one line for each call."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from vpp.client import calls
from vpp.client.asynchronous import AsynchronousCalls, asks, gathers, lists, watches
from vpp.client.connection import Connection


class AsyncClient(AsynchronousCalls):
    """Asks the service within an event loop. Use it in an `async with` block.

    Every call raises ClientError. A call that does not reach the service is repeated up to five times.
    """

    @classmethod
    def connect(
        cls,
        address: str,
        *,
        certificates: str | Path,
        name: str = "operator",
        token_file: str | Path | None = None,
    ) -> Self:
        """Return a client with the certificate of operator `name` in a folder; see `Connection.of`."""
        return cls(Connection.of(address, certificates=certificates, name=name, token_file=token_file))

    fleet_summary = asks(calls.fleet.fleet_summary)
    assets = lists(calls.fleet.assets)
    watch_fleet = watches(calls.fleet.watch_fleet)

    runs = lists(calls.runs.runs)
    run = asks(calls.runs.run)
    watch_run = watches(calls.runs.watch_run)
    plan = gathers(calls.runs.plan)
    setpoints = lists(calls.runs.setpoints)
    trail = asks(calls.runs.trail)

    trigger_run = asks(calls.dispatch.trigger_run)
    stop = asks(calls.dispatch.stop)
    release = asks(calls.dispatch.release)
    stops = lists(calls.dispatch.stops)
    dry_run = asks(calls.rehearsals.dry_run)
    what_if = asks(calls.rehearsals.what_if)
    set_override = asks(calls.overrides.set_override)
    clear_override = asks(calls.overrides.clear_override)
    overrides = lists(calls.overrides.overrides)

    put_signals = asks(calls.signals.put_signals)
    announce_event = asks(calls.signals.announce_event)
    withdraw_signal = asks(calls.signals.withdraw_signal)
    opt_out = asks(calls.signals.opt_out)
    signals = lists(calls.signals.signals)

    forecasts = lists(calls.forecasts.forecasts)
    add_context = asks(calls.forecasts.add_context)
    context_items = lists(calls.forecasts.context_items)
    explain_forecast = asks(calls.forecasts.explain_forecast)

    approvals = lists(calls.approvals.approvals)
    approval = asks(calls.approvals.approval)
    approve = asks(calls.approvals.approve)
    reject = asks(calls.approvals.reject)
    watch_approvals = watches(calls.approvals.watch_approvals)

    shadows = lists(calls.shadows.shadows)
    shadow_cycles = lists(calls.shadows.shadow_cycles)
    shadow_report = asks(calls.shadows.shadow_report)
    propose_promotion = asks(calls.shadows.propose_promotion)
    revert_promotion = asks(calls.shadows.revert_promotion)
    promotions = lists(calls.shadows.promotions)

    explain_setpoint = asks(calls.audit.explain_setpoint)
    audit_records = lists(calls.audit.audit_records)
    audit_head = asks(calls.audit.audit_head)
    verify_audit = watches(calls.audit.verify_audit)

    revoke_tokens = asks(calls.access.revoke_tokens)

    schedules = lists(calls.schedules.schedules)
    pause_schedule = asks(calls.schedules.pause_schedule)
    resume_schedule = asks(calls.schedules.resume_schedule)
    firings = lists(calls.schedules.firings)

    settle_event = lists(calls.settlement.settle_event)
