"""Tables of runs, plans, orders."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from vpp.adapters.storage.tables.columns import NUMBER, column, metadata, number

run = Table(
    "run",
    metadata,
    number("run_number", "order of writing"),
    column("run_id", Text(), "identity of the run"),
    column("cycle_start_us", BigInteger(), "us UTC, start of the first planned interval"),
    column("started_at_us", BigInteger(), "us UTC"),
    column("finished_at_us", BigInteger(), "us UTC"),
    column("cause", Text(), "what set the run off"),
    column("rung", String(32), "rung of the ladder the run stood on"),
    column("reason", Text(), "why it is not a higher rung, in words"),
    column("forecast_id", Text(), "forecast used", ForeignKey("forecast.forecast_id"), nullable=True),
    column("input_sha256", Text(), "hash of all inputs"),
    column("objective", Double(), "money", nullable=True),
    column("lower_bound", Double(), "money", nullable=True),
    column("gap", Double(), "ratio", nullable=True),
    column("setpoint_count", Integer(), "orders issued"),
    column("solve_duration_s", Double(), "s"),
    column("killed", Boolean(), "was the solve killed at its deadline"),
    column("epoch", BigInteger(), "fencing token of the writer"),
    column("kind", String(16), "dispatch, override, dry_run, what_if", default="dispatch"),
    column("portfolio", String(64), "whose assets it ordered; empty: everybody's", default=""),
    UniqueConstraint("run_id"),
    Index(None, "started_at_us"),
    Index(None, "cause", "run_number"),
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
    column("schedule", LargeBinary(), "grid, assets, matrices in kW and kWh, see codec.py"),
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
    column("at_us", BigInteger(), "us UTC"),
    column("state", LargeBinary(), "columns in slot order, see codec.py"),
    comment="the process image each run decided on, one compressed object per run",
)

fleet_register = Table(
    "fleet_register",
    metadata,
    Column("fleet_sha256", String(64), primary_key=True, comment="hash of the content"),
    column("content", LargeBinary(), "assets and feeders in slot order, see values.py"),
    comment="the fleets that cycles were decided for, each once",
)

cycle_record = Table(
    "cycle_record",
    metadata,
    Column(
        "run_number",
        NUMBER,
        ForeignKey("run.run_number"),
        primary_key=True,
        autoincrement=False,
        comment="run",
    ),
    column("fleet_sha256", String(64), "fleet", ForeignKey("fleet_register.fleet_sha256")),
    column("content", LargeBinary(), "what the cycle knew and what came of its solve, see values.py"),
    comment="what a replay of each run needs beside its plan, forecast and fleet; kept for a time",
)

setpoint = Table(
    "setpoint",
    metadata,
    # No foreign keys: for 100,000 orders they cost the database two thirds of all. Both are checked as they
    # are written, in the transaction that writes the run.
    column("slot", Integer(), "asset"),
    column("run_number", NUMBER, "run that issued it"),
    column("epoch", BigInteger(), "fencing token of the writer"),
    column("sequence", BigInteger(), "counts per asset within an epoch"),
    column("power_kw", Double(), "kW, positive discharges into the grid"),
    column("min_kw", Double(), "kW, lower end of the envelope"),
    column("max_kw", Double(), "kW, upper end of the envelope"),
    column("valid_from_us", BigInteger(), "us UTC"),
    column("valid_until_us", BigInteger(), "us UTC, end unless renewed"),
    column("origin", String(32), "who ordered it"),
    column("reason", Text(), "why, in words"),
    # Rows of a run lie side by side in the first index, those of an asset in the second; a third one, by slot
    # and run, was a third of what the database spends on an order.
    PrimaryKeyConstraint("run_number", "slot"),
    UniqueConstraint("slot", "epoch", "sequence"),
    comment="issued orders, stored before they are sent",
)

folded_orders = Table(
    "folded_orders",
    metadata,
    Column(
        "run_number",
        NUMBER,
        ForeignKey("run.run_number"),
        primary_key=True,
        autoincrement=False,
        comment="run",
    ),
    column("content", LargeBinary(), "columns of its orders, see folded_orders.py"),
    column("content_sha256", String(64), "hash of the content"),
    comment="orders of large runs whose rows in setpoint are still to be written; usually empty",
)

acknowledgement = Table(
    "acknowledgement",
    metadata,
    number("acknowledgement_number", "order of writing"),
    column("slot", Integer(), "asset", ForeignKey("asset.slot")),
    column("epoch", BigInteger(), "of the order; no foreign key, a node may speak of orders unknown here"),
    column("sequence", BigInteger(), "of the order"),
    column("state", String(32), "the node's word"),
    column("at_us", BigInteger(), "us UTC"),
    column("detail", Text(), "in the node's words"),
    UniqueConstraint("slot", "epoch", "sequence", "at_us", "state"),
    comment="what nodes said of their orders",
)
