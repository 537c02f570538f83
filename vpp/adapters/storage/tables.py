"""The tables: name, type, unit and meaning of every column.

Times are microseconds since 1970-01-01 UTC (`_us`), so that both databases keep them exactly alike.
Rows are only ever added. What changes with time is superseded by a row with a later `available_at_us`
or `announced_at_us`, so that a replay can ask what was known at a moment. The exceptions hold no
history by purpose: asset and feeder (master data) and latest_reading (a view kept up to date).
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.types import TypeEngine

# Constraints carry names on both databases, so that a later migration can find them.
metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    }
)

IDENTIFIER = String(64)
# SQLite counts up by itself only in a column of the very type INTEGER.
NUMBER = BigInteger().with_variant(Integer(), "sqlite")


def _column(
    name: str, kind: TypeEngine[Any], comment: str, *references: ForeignKey, nullable: bool = False
) -> Column[Any]:
    return Column(name, kind, *references, nullable=nullable, comment=comment)


def _number(name: str, comment: str) -> Column[Any]:
    """Return a primary key that counts up in the order of writing."""
    return Column(name, NUMBER, primary_key=True, autoincrement=True, comment=comment)


# fleet -----------------------------------------------------------------------------------------------

feeder = Table(
    "feeder",
    metadata,
    Column("feeder_slot", Integer, primary_key=True, autoincrement=False, comment="position, kept for good"),
    _column("feeder_id", IDENTIFIER, "name of the network segment"),
    _column("import_limit_kw", Double(), "kW, magnitude"),
    _column("export_limit_kw", Double(), "kW, magnitude"),
    UniqueConstraint("feeder_id"),
    comment="network segments with their operating envelope",
)

asset = Table(
    "asset",
    metadata,
    Column("slot", Integer, primary_key=True, autoincrement=False, comment="position, kept for good"),
    _column("asset_id", IDENTIFIER, "name of the device"),
    _column("node_id", IDENTIFIER, "name of the node that speaks for it"),
    _column("feeder_slot", Integer(), "feeder it hangs on", ForeignKey("feeder.feeder_slot")),
    _column("kind", String(32), "home_battery, ev_charger, grid_battery"),
    _column("capacity_kwh", Double(), "kWh"),
    _column("energy_min_kwh", Double(), "kWh"),
    _column("energy_max_kwh", Double(), "kWh"),
    _column("max_charge_kw", Double(), "kW at the AC terminals, magnitude"),
    _column("max_discharge_kw", Double(), "kW at the AC terminals, magnitude"),
    _column("min_charge_kw", Double(), "kW, charging is zero or at least this"),
    _column("min_discharge_kw", Double(), "kW, discharging is zero or at least this"),
    _column("charge_efficiency", Double(), "ratio in (0, 1]"),
    _column("discharge_efficiency", Double(), "ratio in (0, 1]"),
    _column("wear_cost_per_kwh", Double(), "money per kWh of AC throughput"),
    _column("default_control", String(32), "what the node does without a valid setpoint"),
    UniqueConstraint("asset_id"),
    comment="controllable devices",
)

writer_epoch = Table(
    "writer_epoch",
    metadata,
    Column("epoch", NUMBER, primary_key=True, autoincrement=False, comment="fencing token in every setpoint"),
    _column("taken_at_us", BigInteger(), "us UTC, when the writer took over"),
    _column("holder", Text(), "host and process of the writer"),
    comment="who was the single writer, newest epoch last",
)

# telemetry -------------------------------------------------------------------------------------------


def _reading_columns() -> list[Column[Any]]:
    """Return the columns of a reading, widest first: PostgreSQL aligns them."""
    return [
        _column("measured_at_us", BigInteger(), "us UTC, by the node's clock"),
        _column("received_at_us", BigInteger(), "us UTC, by the service"),
        _column("soc", Double(), "ratio 0..1; NULL where the device sent no finite number", nullable=True),
        _column("power_kw", Double(), "kW, positive discharges into the grid; NULL as soc", nullable=True),
        _column("slot", Integer(), "asset; no foreign key, it would cost more than the row"),
        _column("quality", SmallInteger(), "flags, 0 is good; see vpp.domain.readings.Quality"),
        _column("clock_ahead_ms", SmallInteger(), "ms, how far the node's clock was ahead"),
        _column("connected", Boolean(), "is the device able to exchange power"),
    ]


# In SQLite the key starts with time: rows arrive nearly in its order, so that a fleet's readings fill
# one page after the other, and the key doubles as the index over time. In PostgreSQL there is one
# partition for each UTC day (see reading_days.py), and no key: a row is kept from being stored twice by
# readings_postgresql.py, at half the cost of a unique index.
reading = Table(
    "reading",
    metadata,
    *_reading_columns(),
    PrimaryKeyConstraint("measured_at_us", "slot"),
    sqlite_with_rowid=False,
    comment="telemetry as it came, the bad included; in PostgreSQL one partition for each UTC day",
)

misdated_reading = Table(
    "misdated_reading",
    metadata,
    *_reading_columns(),
    PrimaryKeyConstraint("measured_at_us", "slot"),
    sqlite_with_rowid=False,
    comment="readings whose time cannot be right; they never steer",
)

archived_day = Table(
    "archived_day",
    metadata,
    Column("day", Integer, primary_key=True, autoincrement=False, comment="UTC days since 1970-01-01"),
    _column("rows", BigInteger(), "readings in the file"),
    _column("sha256", Text(), "of the file"),
    _column("archived_at_us", BigInteger(), "us UTC"),
    _column("dropped", Boolean(), "are its readings gone from this database"),
    comment="days whose readings lie in an archive file, written and checked",
)

latest_reading = Table(
    "latest_reading",
    metadata,
    Column(
        "slot",
        Integer,
        ForeignKey("asset.slot"),
        primary_key=True,
        autoincrement=False,
        comment="asset",
    ),
    _column("measured_at_us", BigInteger(), "us UTC, by the device"),
    _column("received_at_us", BigInteger(), "us UTC, by the service"),
    _column("soc", Double(), "ratio 0..1"),
    _column("power_kw", Double(), "kW, positive discharges into the grid"),
    _column("connected", Boolean(), "is the device able to exchange power"),
    _column("clock_ahead_ms", SmallInteger(), "ms, how far the node's clock was ahead"),
    comment="newest good reading of each asset, a copy of its row in reading",
)

feeder_reading = Table(
    "feeder_reading",
    metadata,
    _column("start_us", BigInteger(), "us UTC, start of the metered interval"),
    _column("feeder_slot", Integer(), "feeder", ForeignKey("feeder.feeder_slot")),
    _column("available_at_us", BigInteger(), "us UTC, from when it was known"),
    _column("consumption_kw", Double(), "kW, mean, positive; NULL where not finite", nullable=True),
    _column("pv_kw", Double(), "kW, mean, positive; NULL where not finite", nullable=True),
    PrimaryKeyConstraint("start_us", "feeder_slot", "available_at_us"),
    sqlite_with_rowid=False,
    comment="metered load of feeders without the fleet's assets",
)

# what is announced -----------------------------------------------------------------------------------

charging_session = Table(
    "charging_session",
    metadata,
    _column("slot", Integer(), "asset", ForeignKey("asset.slot")),
    _column("connected_from_us", BigInteger(), "us UTC"),
    _column("announced_at_us", BigInteger(), "us UTC, from when it was known"),
    _column("connected_until_us", BigInteger(), "us UTC"),
    _column("departure_energy_kwh", Double(), "kWh in the vehicle asked at departure"),
    _column("trip_energy_kwh", Double(), "kWh used until the next arrival"),
    PrimaryKeyConstraint("slot", "connected_from_us", "announced_at_us"),
    Index(None, "connected_until_us"),
    sqlite_with_rowid=False,
    comment="stays of EVs; the last announced of (asset, connected_from) counts",
)

price = Table(
    "price",
    metadata,
    _column("start_us", BigInteger(), "us UTC"),
    _column("available_at_us", BigInteger(), "us UTC, from when it was known"),
    _column("end_us", BigInteger(), "us UTC"),
    _column("import_price_per_kwh", Double(), "money per kWh, any sign"),
    _column("export_price_per_kwh", Double(), "money per kWh, any sign"),
    PrimaryKeyConstraint("start_us", "available_at_us"),
    Index(None, "end_us"),
    sqlite_with_rowid=False,
    comment="prices of the exchange with the grid; the last published of a start counts",
)

context_item = Table(
    "context_item",
    metadata,
    Column("item_id", Text(), primary_key=True, comment="identity of the remark"),
    _column("content", Text(), "the remark, data and never an instruction"),
    _column("valid_from_us", BigInteger(), "us UTC"),
    _column("valid_until_us", BigInteger(), "us UTC"),
    _column("available_at_us", BigInteger(), "us UTC, from when it was known"),
    Index(None, "valid_until_us"),
    comment="remarks for the forecaster",
)

# forecasts -------------------------------------------------------------------------------------------

model_call = Table(
    "model_call",
    metadata,
    Column("call_id", Text(), primary_key=True, comment="identity of the exchange"),
    _column("asked_at_us", BigInteger(), "us UTC"),
    _column("model", Text(), "name of the model"),
    _column("endpoint", Text(), "where it was asked"),
    _column("verdict", String(32), "what became of the request"),
    _column("reason", Text(), "why, in words"),
    _column("prompt_tokens", BigInteger(), "tokens"),
    _column("completion_tokens", BigInteger(), "tokens"),
    _column("cached_tokens", BigInteger(), "tokens"),
    _column("cost", Double(), "money in currency"),
    _column("currency", Text(), "ISO 4217"),
    _column("duration_s", Double(), "s"),
    _column("exchange", LargeBinary(), "prompt, replies and reasoning whole, see codec.py"),
    comment="exchanges with the reasoning model; a replay reads these and asks nobody",
)

forecast = Table(
    "forecast",
    metadata,
    _number("forecast_number", "order of writing"),
    _column("forecast_id", Text(), "identity of the forecast"),
    _column("available_at_us", BigInteger(), "us UTC, from when it was known"),
    _column("source", String(32), "baseline or adjusted"),
    _column("verdict", String(32), "what became of the request to the model"),
    _column("reason", Text(), "why the model was not followed, in words"),
    _column("call_id", Text(), "model call behind it", ForeignKey("model_call.call_id"), nullable=True),
    _column("quantiles", LargeBinary(), "feeders, grid and matrices in kW, see codec.py"),
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
    _column("opened_at_us", BigInteger(), "us UTC"),
    _column("share", Double(), "of the mix in the forecast of this day; the rest is the baseline"),
    _column("weights", Text(), "of each forecaster within the mix, JSON"),
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
    _column("learned_at_us", BigInteger(), "us UTC"),
    _column("loss", Double(), "of the forecast, mean share of the scale"),
    _column("baseline_loss", Double(), "of the frozen baseline"),
    _column("expert_losses", Text(), "of each forecaster, JSON"),
    _column("excess", Double(), "sum of loss above the baseline's since the first day"),
    _column("bound", Double(), "what that sum can never exceed"),
    _column("state", Text(), "what has been learned, JSON"),
    comment="what forecast days came to, and what was learned from them",
)

forecaster_pause = Table(
    "forecaster_pause",
    metadata,
    _number("pause_number", "order of writing"),
    _column("forecaster", Text(), "name"),
    _column("paused", Boolean(), "False takes it up again"),
    _column("at_us", BigInteger(), "us UTC"),
    _column("reason", Text(), "in the operator's words"),
    comment="what operators decided about forecasters; the newest row of each counts",
)

forecast_model = Table(
    "forecast_model",
    metadata,
    _number("version", "order of writing"),
    _column("trained_at_us", BigInteger(), "us UTC, end of what it has seen"),
    _column("summary", Text(), "what it was fitted on and how well, JSON"),
    _column("content", LargeBinary(), "coefficients and trees, see codec.py"),
    comment="versions of the fitted forecasters",
)

# runs, plans, orders ---------------------------------------------------------------------------------

run = Table(
    "run",
    metadata,
    _number("run_number", "order of writing"),
    _column("run_id", Text(), "identity of the run"),
    _column("cycle_start_us", BigInteger(), "us UTC, start of the first planned interval"),
    _column("started_at_us", BigInteger(), "us UTC"),
    _column("finished_at_us", BigInteger(), "us UTC"),
    _column("cause", Text(), "what set the run off"),
    _column("rung", String(32), "rung of the ladder the run stood on"),
    _column("reason", Text(), "why it is not a higher rung, in words"),
    _column("forecast_id", Text(), "forecast used", ForeignKey("forecast.forecast_id"), nullable=True),
    _column("input_sha256", Text(), "hash of all inputs"),
    _column("objective", Double(), "money", nullable=True),
    _column("lower_bound", Double(), "money", nullable=True),
    _column("gap", Double(), "ratio", nullable=True),
    _column("setpoint_count", Integer(), "orders issued"),
    _column("solve_duration_s", Double(), "s"),
    _column("killed", Boolean(), "was the solve killed at its deadline"),
    _column("epoch", BigInteger(), "fencing token of the writer"),
    UniqueConstraint("run_id"),
    comment="passes of the loop",
)

plan = Table(
    "plan",
    metadata,
    Column(
        "run_number",
        NUMBER,
        ForeignKey("run.run_number"),
        primary_key=True,
        autoincrement=False,
        comment="run",
    ),
    _column("schedule", LargeBinary(), "grid, assets, matrices in kW and kWh, see codec.py"),
    comment="schedules, one compressed object per run",
)

fleet_snapshot = Table(
    "fleet_snapshot",
    metadata,
    Column(
        "run_number",
        NUMBER,
        ForeignKey("run.run_number"),
        primary_key=True,
        autoincrement=False,
        comment="run",
    ),
    _column("at_us", BigInteger(), "us UTC"),
    _column("state", LargeBinary(), "columns in slot order, see codec.py"),
    comment="the process image each run decided on, one compressed object per run",
)

setpoint = Table(
    "setpoint",
    metadata,
    _column("slot", Integer(), "asset", ForeignKey("asset.slot")),
    _column("run_number", NUMBER, "run that issued it", ForeignKey("run.run_number")),
    _column("epoch", BigInteger(), "fencing token of the writer"),
    _column("sequence", BigInteger(), "counts per asset within an epoch"),
    _column("power_kw", Double(), "kW, positive discharges into the grid"),
    _column("min_kw", Double(), "kW, lower end of the envelope"),
    _column("max_kw", Double(), "kW, upper end of the envelope"),
    _column("valid_from_us", BigInteger(), "us UTC"),
    _column("valid_until_us", BigInteger(), "us UTC, end unless renewed"),
    _column("origin", String(32), "who ordered it"),
    _column("reason", Text(), "why, in words"),
    PrimaryKeyConstraint("slot", "run_number"),
    UniqueConstraint("slot", "epoch", "sequence"),
    Index(None, "run_number", "slot"),
    comment="issued orders, stored before they are sent",
)

acknowledgement = Table(
    "acknowledgement",
    metadata,
    _number("acknowledgement_number", "order of writing"),
    _column("slot", Integer(), "asset", ForeignKey("asset.slot")),
    _column("epoch", BigInteger(), "of the order; no foreign key, a node may speak of orders unknown here"),
    _column("sequence", BigInteger(), "of the order"),
    _column("state", String(32), "the node's word"),
    _column("at_us", BigInteger(), "us UTC"),
    _column("detail", Text(), "in the node's words"),
    UniqueConstraint("slot", "epoch", "sequence", "at_us", "state"),
    comment="what nodes said of their orders",
)

# identity --------------------------------------------------------------------------------------------

identity_event = Table(
    "identity_event",
    metadata,
    _number("event_number", "order of writing; what was admitted after a revocation has a higher one"),
    _column("at_us", BigInteger(), "us UTC, of the wall"),
    _column("kind", String(32), "token_created, enrolled, enrolment_refused, renewed, revoked"),
    _column("node_id", Text(), "whom it is about; empty when nobody can be told"),
    _column("actor", Text(), "who did it"),
    _column("detail", Text(), "in words; never a secret"),
    comment="audit of who was let in and who was shut out",
)

enrolment_token = Table(
    "enrolment_token",
    metadata,
    Column("token_id", String(16), primary_key=True, comment="public half of the token"),
    _column("event_number", NUMBER, "its row in the audit", ForeignKey("identity_event.event_number")),
    _column("secret_sha256", String(64), "hash of the secret half"),
    _column("node_id", IDENTIFIER, "node that it lets in"),
    _column("asset_ids", Text(), "assets that the operator expects of the node, JSON"),
    _column("created_at_us", BigInteger(), "us UTC, of the wall"),
    _column("created_by", Text(), "operator"),
    _column("expires_at_us", BigInteger(), "us UTC, of the wall"),
    Index(None, "expires_at_us"),
    comment="one-time permissions; spent when a certificate names one",
)

certificate = Table(
    "certificate",
    metadata,
    Column("serial", String(40), primary_key=True, comment="hexadecimal"),
    _column("event_number", NUMBER, "its row in the audit", ForeignKey("identity_event.event_number")),
    _column("admitted_by", NUMBER, "event of the token it goes back to, 0 for one made by hand"),
    _column("node_id", IDENTIFIER, "node that it names"),
    _column("public_key_sha256", String(64), "hash of the public key, DER"),
    _column("chain_pem", Text(), "answer to the token, empty for a renewal"),
    _column("issued_at_us", BigInteger(), "us UTC, of the wall"),
    _column("not_after_us", BigInteger(), "us UTC, of the wall"),
    _column("token_id", String(16), "token spent", ForeignKey("enrolment_token.token_id"), nullable=True),
    _column("previous_serial", String(40), "certificate that it renews", nullable=True),
    UniqueConstraint("token_id"),
    Index(None, "node_id", "event_number"),
    Index(None, "previous_serial"),
    comment="certificates that the service issued; a token is spent once",
)

revocation = Table(
    "revocation",
    metadata,
    Column(
        "event_number",
        NUMBER,
        ForeignKey("identity_event.event_number"),
        primary_key=True,
        autoincrement=False,
        comment="its row in the audit: when, by whom, why",
    ),
    _column("node_id", IDENTIFIER, "node with all it had then", nullable=True),
    _column("serial", String(40), "or one certificate, hexadecimal", nullable=True),
    Index(None, "node_id"),
    comment="who is refused",
)
