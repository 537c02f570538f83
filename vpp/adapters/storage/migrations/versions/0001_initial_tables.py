"""All tables of the first version.

Revision ID: 0001
Revises: nothing
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# SQLite counts up by itself only in a column of the very type INTEGER.
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _create_fleet()
    _create_telemetry()
    _create_announcements()
    _create_forecasts()
    _create_runs()
    _create_orders()


def downgrade() -> None:
    """Drop every table, the referring ones first."""
    for name in (
        "acknowledgement",
        "setpoint",
        "fleet_snapshot",
        "plan",
        "run",
        "forecast",
        "model_call",
        "context_item",
        "price",
        "charging_session",
        "feeder_reading",
        "latest_reading",
        "reading",
        "writer_epoch",
        "asset",
        "feeder",
    ):
        op.drop_table(name)


def _create_fleet() -> None:
    op.create_table(
        "feeder",
        sa.Column(
            "feeder_slot",
            sa.Integer(),
            autoincrement=False,
            nullable=False,
            comment="position, kept for good",
        ),
        sa.Column("feeder_id", sa.String(length=64), nullable=False, comment="name of the network segment"),
        sa.Column("import_limit_kw", sa.Double(), nullable=False, comment="kW, magnitude"),
        sa.Column("export_limit_kw", sa.Double(), nullable=False, comment="kW, magnitude"),
        sa.PrimaryKeyConstraint("feeder_slot", name="pk_feeder"),
        sa.UniqueConstraint("feeder_id", name="uq_feeder_feeder_id"),
        comment="network segments with their operating envelope",
    )
    op.create_table(
        "asset",
        sa.Column(
            "slot", sa.Integer(), autoincrement=False, nullable=False, comment="position, kept for good"
        ),
        sa.Column("asset_id", sa.String(length=64), nullable=False, comment="name of the device"),
        sa.Column(
            "node_id", sa.String(length=64), nullable=False, comment="name of the node that speaks for it"
        ),
        sa.Column("feeder_slot", sa.Integer(), nullable=False, comment="feeder it hangs on"),
        sa.Column(
            "kind", sa.String(length=32), nullable=False, comment="home_battery, ev_charger, grid_battery"
        ),
        sa.Column("capacity_kwh", sa.Double(), nullable=False, comment="kWh"),
        sa.Column("energy_min_kwh", sa.Double(), nullable=False, comment="kWh"),
        sa.Column("energy_max_kwh", sa.Double(), nullable=False, comment="kWh"),
        sa.Column("max_charge_kw", sa.Double(), nullable=False, comment="kW at the AC terminals, magnitude"),
        sa.Column(
            "max_discharge_kw", sa.Double(), nullable=False, comment="kW at the AC terminals, magnitude"
        ),
        sa.Column(
            "min_charge_kw", sa.Double(), nullable=False, comment="kW, charging is zero or at least this"
        ),
        sa.Column(
            "min_discharge_kw",
            sa.Double(),
            nullable=False,
            comment="kW, discharging is zero or at least this",
        ),
        sa.Column("charge_efficiency", sa.Double(), nullable=False, comment="ratio in (0, 1]"),
        sa.Column("discharge_efficiency", sa.Double(), nullable=False, comment="ratio in (0, 1]"),
        sa.Column("wear_cost_per_kwh", sa.Double(), nullable=False, comment="money per kWh of AC throughput"),
        sa.Column(
            "default_control",
            sa.String(length=32),
            nullable=False,
            comment="what the node does without a valid setpoint",
        ),
        sa.ForeignKeyConstraint(["feeder_slot"], ["feeder.feeder_slot"], name="fk_asset_feeder_slot_feeder"),
        sa.PrimaryKeyConstraint("slot", name="pk_asset"),
        sa.UniqueConstraint("asset_id", name="uq_asset_asset_id"),
        comment="controllable devices",
    )
    op.create_table(
        "writer_epoch",
        sa.Column(
            "epoch", NUMBER, autoincrement=False, nullable=False, comment="fencing token in every setpoint"
        ),
        sa.Column(
            "taken_at_us", sa.BigInteger(), nullable=False, comment="us UTC, when the writer took over"
        ),
        sa.Column("holder", sa.String(length=255), nullable=False, comment="host and process of the writer"),
        sa.PrimaryKeyConstraint("epoch", name="pk_writer_epoch"),
        comment="who was the single writer, newest epoch last",
    )


def _create_telemetry() -> None:
    op.create_table(
        "reading",
        sa.Column("measured_at_us", sa.BigInteger(), nullable=False, comment="us UTC, by the device"),
        sa.Column(
            "slot",
            sa.Integer(),
            nullable=False,
            comment="asset; no foreign key, it would cost more than the row",
        ),
        sa.Column("received_at_us", sa.BigInteger(), nullable=False, comment="us UTC, by the service"),
        sa.Column(
            "soc",
            sa.Double(),
            nullable=True,
            comment="ratio 0..1; NULL where the device sent no finite number",
        ),
        sa.Column(
            "power_kw",
            sa.Double(),
            nullable=True,
            comment="kW, positive discharges into the grid; NULL as soc",
        ),
        sa.Column("connected", sa.Boolean(), nullable=False, comment="is the device able to exchange power"),
        sa.Column("quality", sa.SmallInteger(), nullable=False, comment="flags, 0 is good"),
        sa.PrimaryKeyConstraint("measured_at_us", "slot", name="pk_reading"),
        comment="telemetry as it came, the bad included",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "latest_reading",
        sa.Column("slot", sa.Integer(), autoincrement=False, nullable=False, comment="asset"),
        sa.Column("measured_at_us", sa.BigInteger(), nullable=False, comment="us UTC, by the device"),
        sa.Column("received_at_us", sa.BigInteger(), nullable=False, comment="us UTC, by the service"),
        sa.Column("soc", sa.Double(), nullable=False, comment="ratio 0..1"),
        sa.Column("power_kw", sa.Double(), nullable=False, comment="kW, positive discharges into the grid"),
        sa.Column("connected", sa.Boolean(), nullable=False, comment="is the device able to exchange power"),
        sa.ForeignKeyConstraint(["slot"], ["asset.slot"], name="fk_latest_reading_slot_asset"),
        sa.PrimaryKeyConstraint("slot", name="pk_latest_reading"),
        comment="newest good reading of each asset, a copy of its row in reading",
    )
    op.create_table(
        "feeder_reading",
        sa.Column(
            "start_us", sa.BigInteger(), nullable=False, comment="us UTC, start of the metered interval"
        ),
        sa.Column("feeder_slot", sa.Integer(), nullable=False, comment="feeder"),
        sa.Column(
            "available_at_us", sa.BigInteger(), nullable=False, comment="us UTC, from when it was known"
        ),
        sa.Column(
            "consumption_kw", sa.Double(), nullable=True, comment="kW, mean, positive; NULL where not finite"
        ),
        sa.Column("pv_kw", sa.Double(), nullable=True, comment="kW, mean, positive; NULL where not finite"),
        sa.ForeignKeyConstraint(
            ["feeder_slot"], ["feeder.feeder_slot"], name="fk_feeder_reading_feeder_slot_feeder"
        ),
        sa.PrimaryKeyConstraint("start_us", "feeder_slot", "available_at_us", name="pk_feeder_reading"),
        comment="metered load of feeders without the fleet's assets",
        sqlite_with_rowid=False,
    )


def _create_announcements() -> None:
    op.create_table(
        "charging_session",
        sa.Column("slot", sa.Integer(), nullable=False, comment="asset"),
        sa.Column("connected_from_us", sa.BigInteger(), nullable=False, comment="us UTC"),
        sa.Column(
            "announced_at_us", sa.BigInteger(), nullable=False, comment="us UTC, from when it was known"
        ),
        sa.Column("connected_until_us", sa.BigInteger(), nullable=False, comment="us UTC"),
        sa.Column(
            "departure_energy_kwh",
            sa.Double(),
            nullable=False,
            comment="kWh in the vehicle asked at departure",
        ),
        sa.Column("trip_energy_kwh", sa.Double(), nullable=False, comment="kWh used until the next arrival"),
        sa.ForeignKeyConstraint(["slot"], ["asset.slot"], name="fk_charging_session_slot_asset"),
        sa.PrimaryKeyConstraint("slot", "connected_from_us", "announced_at_us", name="pk_charging_session"),
        comment="stays of EVs; the last announced of (asset, connected_from) counts",
        sqlite_with_rowid=False,
    )
    op.create_index("ix_charging_session_connected_until_us", "charging_session", ["connected_until_us"])
    op.create_table(
        "price",
        sa.Column("start_us", sa.BigInteger(), nullable=False, comment="us UTC"),
        sa.Column(
            "available_at_us", sa.BigInteger(), nullable=False, comment="us UTC, from when it was known"
        ),
        sa.Column("end_us", sa.BigInteger(), nullable=False, comment="us UTC"),
        sa.Column("import_price_per_kwh", sa.Double(), nullable=False, comment="money per kWh, any sign"),
        sa.Column("export_price_per_kwh", sa.Double(), nullable=False, comment="money per kWh, any sign"),
        sa.PrimaryKeyConstraint("start_us", "available_at_us", name="pk_price"),
        comment="prices of the exchange with the grid; the last published of a start counts",
        sqlite_with_rowid=False,
    )
    op.create_index("ix_price_end_us", "price", ["end_us"])
    op.create_table(
        "context_item",
        sa.Column("item_id", sa.String(length=255), nullable=False, comment="identity of the remark"),
        sa.Column("content", sa.Text(), nullable=False, comment="the remark, data and never an instruction"),
        sa.Column("valid_from_us", sa.BigInteger(), nullable=False, comment="us UTC"),
        sa.Column("valid_until_us", sa.BigInteger(), nullable=False, comment="us UTC"),
        sa.Column(
            "available_at_us", sa.BigInteger(), nullable=False, comment="us UTC, from when it was known"
        ),
        sa.PrimaryKeyConstraint("item_id", name="pk_context_item"),
        comment="remarks for the forecaster",
    )
    op.create_index("ix_context_item_valid_until_us", "context_item", ["valid_until_us"])


def _create_forecasts() -> None:
    op.create_table(
        "model_call",
        sa.Column("call_id", sa.String(length=255), nullable=False, comment="identity of the exchange"),
        sa.Column("asked_at_us", sa.BigInteger(), nullable=False, comment="us UTC"),
        sa.Column("model", sa.String(length=255), nullable=False, comment="name of the model"),
        sa.Column("endpoint", sa.Text(), nullable=False, comment="where it was asked"),
        sa.Column("verdict", sa.String(length=32), nullable=False, comment="what became of the request"),
        sa.Column("reason", sa.Text(), nullable=False, comment="why, in words"),
        sa.Column("prompt_tokens", sa.BigInteger(), nullable=False, comment="tokens"),
        sa.Column("completion_tokens", sa.BigInteger(), nullable=False, comment="tokens"),
        sa.Column("cached_tokens", sa.BigInteger(), nullable=False, comment="tokens"),
        sa.Column("cost", sa.Double(), nullable=False, comment="money in currency"),
        sa.Column("currency", sa.String(length=8), nullable=False, comment="ISO 4217"),
        sa.Column("duration_s", sa.Double(), nullable=False, comment="s"),
        sa.Column(
            "exchange",
            sa.LargeBinary(),
            nullable=False,
            comment="prompt, replies and reasoning whole, see codec.py",
        ),
        sa.PrimaryKeyConstraint("call_id", name="pk_model_call"),
        comment="exchanges with the reasoning model; a replay reads these and asks nobody",
    )
    op.create_table(
        "forecast",
        sa.Column("forecast_number", NUMBER, autoincrement=True, nullable=False, comment="order of writing"),
        sa.Column("forecast_id", sa.String(length=255), nullable=False, comment="identity of the forecast"),
        sa.Column(
            "available_at_us", sa.BigInteger(), nullable=False, comment="us UTC, from when it was known"
        ),
        sa.Column("source", sa.String(length=32), nullable=False, comment="baseline or adjusted"),
        sa.Column(
            "verdict", sa.String(length=32), nullable=False, comment="what became of the request to the model"
        ),
        sa.Column("reason", sa.Text(), nullable=False, comment="why the model was not followed, in words"),
        sa.Column("call_id", sa.String(length=255), nullable=True, comment="model call behind it"),
        sa.Column(
            "quantiles",
            sa.LargeBinary(),
            nullable=False,
            comment="feeders, grid and matrices in kW, see codec.py",
        ),
        sa.ForeignKeyConstraint(["call_id"], ["model_call.call_id"], name="fk_forecast_call_id_model_call"),
        sa.PrimaryKeyConstraint("forecast_number", name="pk_forecast"),
        sa.UniqueConstraint("forecast_id", name="uq_forecast_forecast_id"),
        comment="load and PV forecasts",
    )
    op.create_index("ix_forecast_available_at_us", "forecast", ["available_at_us"])


def _create_runs() -> None:
    op.create_table(
        "run",
        sa.Column("run_number", NUMBER, autoincrement=True, nullable=False, comment="order of writing"),
        sa.Column("run_id", sa.String(length=255), nullable=False, comment="identity of the run"),
        sa.Column(
            "cycle_start_us",
            sa.BigInteger(),
            nullable=False,
            comment="us UTC, start of the first planned interval",
        ),
        sa.Column("started_at_us", sa.BigInteger(), nullable=False, comment="us UTC"),
        sa.Column("finished_at_us", sa.BigInteger(), nullable=False, comment="us UTC"),
        sa.Column("cause", sa.String(length=255), nullable=False, comment="what set the run off"),
        sa.Column(
            "rung", sa.String(length=32), nullable=False, comment="rung of the ladder the run stood on"
        ),
        sa.Column("reason", sa.Text(), nullable=False, comment="why it is not a higher rung, in words"),
        sa.Column("forecast_id", sa.String(length=255), nullable=True, comment="forecast used"),
        sa.Column("input_sha256", sa.String(length=64), nullable=False, comment="hash of all inputs"),
        sa.Column("objective", sa.Double(), nullable=True, comment="money"),
        sa.Column("lower_bound", sa.Double(), nullable=True, comment="money"),
        sa.Column("gap", sa.Double(), nullable=True, comment="ratio"),
        sa.Column("setpoint_count", sa.Integer(), nullable=False, comment="orders issued"),
        sa.Column("solve_duration_s", sa.Double(), nullable=False, comment="s"),
        sa.Column("killed", sa.Boolean(), nullable=False, comment="was the solve killed at its deadline"),
        sa.Column("epoch", sa.BigInteger(), nullable=False, comment="fencing token of the writer"),
        sa.ForeignKeyConstraint(
            ["forecast_id"], ["forecast.forecast_id"], name="fk_run_forecast_id_forecast"
        ),
        sa.PrimaryKeyConstraint("run_number", name="pk_run"),
        sa.UniqueConstraint("run_id", name="uq_run_run_id"),
        comment="passes of the loop",
    )
    op.create_table(
        "plan",
        sa.Column("run_number", NUMBER, autoincrement=False, nullable=False, comment="run"),
        sa.Column(
            "schedule",
            sa.LargeBinary(),
            nullable=False,
            comment="grid, assets, matrices in kW and kWh, see codec.py",
        ),
        sa.ForeignKeyConstraint(["run_number"], ["run.run_number"], name="fk_plan_run_number_run"),
        sa.PrimaryKeyConstraint("run_number", name="pk_plan"),
        comment="schedules, one compressed object per run",
    )
    op.create_table(
        "fleet_snapshot",
        sa.Column("run_number", NUMBER, autoincrement=False, nullable=False, comment="run"),
        sa.Column("at_us", sa.BigInteger(), nullable=False, comment="us UTC"),
        sa.Column("state", sa.LargeBinary(), nullable=False, comment="columns in slot order, see codec.py"),
        sa.ForeignKeyConstraint(["run_number"], ["run.run_number"], name="fk_fleet_snapshot_run_number_run"),
        sa.PrimaryKeyConstraint("run_number", name="pk_fleet_snapshot"),
        comment="the process image each run decided on, one compressed object per run",
    )


def _create_orders() -> None:
    op.create_table(
        "setpoint",
        sa.Column("slot", sa.Integer(), nullable=False, comment="asset"),
        sa.Column("run_number", NUMBER, nullable=False, comment="run that issued it"),
        sa.Column("epoch", sa.BigInteger(), nullable=False, comment="fencing token of the writer"),
        sa.Column("sequence", sa.BigInteger(), nullable=False, comment="counts per asset within an epoch"),
        sa.Column("power_kw", sa.Double(), nullable=False, comment="kW, positive discharges into the grid"),
        sa.Column("min_kw", sa.Double(), nullable=False, comment="kW, lower end of the envelope"),
        sa.Column("max_kw", sa.Double(), nullable=False, comment="kW, upper end of the envelope"),
        sa.Column("valid_from_us", sa.BigInteger(), nullable=False, comment="us UTC"),
        sa.Column("valid_until_us", sa.BigInteger(), nullable=False, comment="us UTC, end unless renewed"),
        sa.Column("origin", sa.String(length=32), nullable=False, comment="who ordered it"),
        sa.Column("reason", sa.Text(), nullable=False, comment="why, in words"),
        sa.ForeignKeyConstraint(["run_number"], ["run.run_number"], name="fk_setpoint_run_number_run"),
        sa.ForeignKeyConstraint(["slot"], ["asset.slot"], name="fk_setpoint_slot_asset"),
        sa.PrimaryKeyConstraint("slot", "run_number", name="pk_setpoint"),
        sa.UniqueConstraint("slot", "epoch", "sequence", name="uq_setpoint_slot_epoch_sequence"),
        comment="issued orders, stored before they are sent",
    )
    op.create_index("ix_setpoint_run_number_slot", "setpoint", ["run_number", "slot"])
    op.create_table(
        "acknowledgement",
        sa.Column(
            "acknowledgement_number", NUMBER, autoincrement=True, nullable=False, comment="order of writing"
        ),
        sa.Column("slot", sa.Integer(), nullable=False, comment="asset"),
        sa.Column(
            "epoch",
            sa.BigInteger(),
            nullable=False,
            comment="of the order; no foreign key, a node may speak of orders unknown here",
        ),
        sa.Column("sequence", sa.BigInteger(), nullable=False, comment="of the order"),
        sa.Column("state", sa.String(length=32), nullable=False, comment="the node's word"),
        sa.Column("at_us", sa.BigInteger(), nullable=False, comment="us UTC"),
        sa.Column("detail", sa.Text(), nullable=False, comment="in the node's words"),
        sa.ForeignKeyConstraint(["slot"], ["asset.slot"], name="fk_acknowledgement_slot_asset"),
        sa.PrimaryKeyConstraint("acknowledgement_number", name="pk_acknowledgement"),
        sa.UniqueConstraint(
            "slot",
            "epoch",
            "sequence",
            "at_us",
            "state",
            name="uq_acknowledgement_slot_epoch_sequence_at_us_state",
        ),
        comment="what nodes said of their orders",
    )
