"""Tables of shadows: what they planned beside live cycles, and what came of it."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from vpp.adapters.storage.tables.columns import NUMBER, column, metadata, number

shadow_cycle = Table(
    "shadow_cycle",
    metadata,
    number("cycle_number", "order of writing"),
    column("shadow_id", Text(), "name of the shadow"),
    column("change_sha256", String(64), "of what is other in it"),
    column("run_id", Text(), "live cycle whose inputs it had"),
    column("cycle_start_us", BigInteger(), "us UTC, start of the first planned interval"),
    column("planned_at_us", BigInteger(), "us UTC"),
    column("figures", Text(), "of both sides: rung, money, kWh, kW, s, JSON"),
    column("powers", LargeBinary(), "kW of the first interval of both sides, see codec.py"),
    UniqueConstraint("shadow_id", "change_sha256", "run_id"),
    Index(None, "shadow_id", "change_sha256", "cycle_start_us"),
    comment="what shadows planned from the inputs of live cycles; nothing of it was sent",
)


def _of_a_cycle() -> Column[int]:
    reference = ForeignKey("shadow_cycle.cycle_number")
    return Column(
        "cycle_number", NUMBER, reference, primary_key=True, autoincrement=False, comment="compared cycle"
    )


shadow_outcome = Table(
    "shadow_outcome",
    metadata,
    _of_a_cycle(),
    column("settled_at_us", BigInteger(), "us UTC"),
    column("figures", Text(), "of both sides: money, kWh, kW, JSON; null where it was never metered"),
    comment="what the first interval of a compared cycle came to by metering",
)

shadow_score = Table(
    "shadow_score",
    metadata,
    _of_a_cycle(),
    column("scored_at_us", BigInteger(), "us UTC"),
    column("figures", Text(), "sums of errors by source, kW, JSON; empty where it was never metered"),
    comment="how good the forecasts of a compared cycle were by metering",
)

shadow_forecast = Table(
    "shadow_forecast",
    metadata,
    number("forecast_number", "order of writing"),
    column("shadow_id", Text(), "name of the shadow"),
    column("forecast_id", Text(), "identity of the forecast"),
    column("available_at_us", BigInteger(), "us UTC, from when it was known"),
    column("source", String(32), "baseline or adjusted"),
    column("verdict", String(32), "what became of the request to the model"),
    column("reason", Text(), "why the model was not followed, in words"),
    column("call_id", Text(), "model call behind it", ForeignKey("model_call.call_id"), nullable=True),
    column("quantiles", LargeBinary(), "feeders, grid and matrices in kW, see codec.py"),
    UniqueConstraint("forecast_id"),
    Index(None, "shadow_id", "available_at_us"),
    comment="forecasts of shadows' own models; no live cycle reads them",
)
