"""Tables of forecasts."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from vpp.adapters.storage.tables.columns import NUMBER, column, metadata, number

model_call = Table(
    "model_call",
    metadata,
    Column("call_id", Text(), primary_key=True, comment="identity of the exchange"),
    column("asked_at_us", BigInteger(), "us UTC"),
    column("model", Text(), "name of the model"),
    column("endpoint", Text(), "where it was asked"),
    column("verdict", String(32), "what became of the request"),
    column("reason", Text(), "why, in words"),
    column("prompt_tokens", BigInteger(), "tokens"),
    column("completion_tokens", BigInteger(), "tokens"),
    column("cached_tokens", BigInteger(), "tokens"),
    column("cost", Double(), "money in currency"),
    column("currency", Text(), "ISO 4217"),
    column("duration_s", Double(), "s"),
    column("exchange", LargeBinary(), "prompt, replies and reasoning whole, see codec.py"),
    comment="exchanges with the reasoning model; a replay reads these and asks nobody",
)

forecast = Table(
    "forecast",
    metadata,
    number("forecast_number", "order of writing"),
    column("forecast_id", Text(), "identity of the forecast"),
    column("available_at_us", BigInteger(), "us UTC, from when it was known"),
    column("source", String(32), "baseline or adjusted"),
    column("verdict", String(32), "what became of the request to the model"),
    column("reason", Text(), "why the model was not followed, in words"),
    column("call_id", Text(), "model call behind it", ForeignKey("model_call.call_id"), nullable=True),
    column("quantiles", LargeBinary(), "feeders, grid and matrices in kW, see codec.py"),
    UniqueConstraint("forecast_id"),
    Index(None, "available_at_us"),
    comment="load and PV forecasts",
)

forecast_round = Table(
    "forecast_round",
    metadata,
    Column(
        "round_number", NUMBER, primary_key=True, autoincrement=False, comment="UTC days since 1970-01-01"
    ),
    column("opened_at_us", BigInteger(), "us UTC"),
    column("share", Double(), "of the mix in the forecast of this day; the rest is the baseline"),
    column("weights", Text(), "of each forecaster within the mix, JSON"),
    comment="days that were forecast, with the weights fixed before they began",
)

forecast_outcome = Table(
    "forecast_outcome",
    metadata,
    Column(
        "round_number",
        NUMBER,
        ForeignKey("forecast_round.round_number"),
        primary_key=True,
        autoincrement=False,
        comment="day",
    ),
    column("learned_at_us", BigInteger(), "us UTC"),
    column("loss", Double(), "of the forecast, mean share of the scale"),
    column("baseline_loss", Double(), "of the frozen baseline"),
    column("expert_losses", Text(), "of each forecaster, JSON"),
    column("excess", Double(), "sum of loss above the baseline's since the first day"),
    column("bound", Double(), "what that sum can never exceed"),
    column("state", Text(), "what has been learned, JSON"),
    comment="what forecast days came to, and what was learned from them",
)

forecaster_pause = Table(
    "forecaster_pause",
    metadata,
    number("pause_number", "order of writing"),
    column("forecaster", Text(), "name"),
    column("paused", Boolean(), "False takes it up again"),
    column("at_us", BigInteger(), "us UTC"),
    column("reason", Text(), "in the operator's words"),
    comment="what operators decided about forecasters; the newest row of each counts",
)

forecast_model = Table(
    "forecast_model",
    metadata,
    number("version", "order of writing"),
    column("trained_at_us", BigInteger(), "us UTC, end of what it has seen"),
    column("summary", Text(), "what it was fitted on and how well, JSON"),
    column("content", LargeBinary(), "coefficients and trees, see codec.py"),
    comment="versions of the fitted forecasters",
)
