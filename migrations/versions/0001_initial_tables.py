"""All tables of the first version.

Revision ID: 0001
Revises: nothing
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# SQLite counts up by itself only in a column of the very type INTEGER.
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _create_feeder()
    _create_asset()
    _create_writer_epoch()
    _create_reading()
    _create_latest_reading()
    _create_feeder_reading()
    _create_charging_session()
    _create_price()
    _create_context_item()
    _create_model_call()
    _create_forecast()
    _create_run()
    _create_plan()
    _create_fleet_snapshot()
    _create_setpoint()
    _create_acknowledgement()


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


def _column(
    name: str, kind: Any, comment: str, *, nullable: bool = False, counts_up: bool = False
) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=nullable, autoincrement=counts_up, comment=comment)


def _create_feeder() -> None:
    op.create_table(
        "feeder",
        _column("feeder_slot", sa.Integer(), "position, kept for good"),
        _column("feeder_id", sa.String(64), "name of the network segment"),
        _column("import_limit_kw", sa.Double(), "kW, magnitude"),
        _column("export_limit_kw", sa.Double(), "kW, magnitude"),
        sa.PrimaryKeyConstraint("feeder_slot", name="pk_feeder"),
        sa.UniqueConstraint("feeder_id", name="uq_feeder_feeder_id"),
        comment="network segments with their operating envelope",
    )


def _create_asset() -> None:
    op.create_table(
        "asset",
        _column("slot", sa.Integer(), "position, kept for good"),
        _column("asset_id", sa.String(64), "name of the device"),
        _column("node_id", sa.String(64), "name of the node that speaks for it"),
        _column("feeder_slot", sa.Integer(), "feeder it hangs on"),
        _column("kind", sa.String(32), "home_battery, ev_charger, grid_battery"),
        _column("capacity_kwh", sa.Double(), "kWh"),
        _column("energy_min_kwh", sa.Double(), "kWh"),
        _column("energy_max_kwh", sa.Double(), "kWh"),
        _column("max_charge_kw", sa.Double(), "kW at the AC terminals, magnitude"),
        _column("max_discharge_kw", sa.Double(), "kW at the AC terminals, magnitude"),
        _column("min_charge_kw", sa.Double(), "kW, charging is zero or at least this"),
        _column("min_discharge_kw", sa.Double(), "kW, discharging is zero or at least this"),
        _column("charge_efficiency", sa.Double(), "ratio in (0, 1]"),
        _column("discharge_efficiency", sa.Double(), "ratio in (0, 1]"),
        _column("wear_cost_per_kwh", sa.Double(), "money per kWh of AC throughput"),
        _column("default_control", sa.String(32), "what the node does without a valid setpoint"),
        sa.PrimaryKeyConstraint("slot", name="pk_asset"),
        sa.ForeignKeyConstraint(["feeder_slot"], ["feeder.feeder_slot"], name="fk_asset_feeder_slot_feeder"),
        sa.UniqueConstraint("asset_id", name="uq_asset_asset_id"),
        comment="controllable devices",
    )


def _create_writer_epoch() -> None:
    op.create_table(
        "writer_epoch",
        _column("epoch", NUMBER, "fencing token in every setpoint"),
        _column("taken_at_us", sa.BigInteger(), "us UTC, when the writer took over"),
        _column("holder", sa.Text(), "host and process of the writer"),
        sa.PrimaryKeyConstraint("epoch", name="pk_writer_epoch"),
        comment="who was the single writer, newest epoch last",
    )


def _create_reading() -> None:
    op.create_table(
        "reading",
        _column("measured_at_us", sa.BigInteger(), "us UTC, by the device"),
        _column("slot", sa.Integer(), "asset; no foreign key, it would cost more than the row"),
        _column("received_at_us", sa.BigInteger(), "us UTC, by the service"),
        _column("soc", sa.Double(), "ratio 0..1; NULL where the device sent no finite number", nullable=True),
        _column("power_kw", sa.Double(), "kW, positive discharges into the grid; NULL as soc", nullable=True),
        _column("connected", sa.Boolean(), "is the device able to exchange power"),
        _column("quality", sa.SmallInteger(), "flags, 0 is good"),
        sa.PrimaryKeyConstraint("measured_at_us", "slot", name="pk_reading"),
        comment="telemetry as it came, the bad included",
        sqlite_with_rowid=False,
    )


def _create_latest_reading() -> None:
    op.create_table(
        "latest_reading",
        _column("slot", sa.Integer(), "asset"),
        _column("measured_at_us", sa.BigInteger(), "us UTC, by the device"),
        _column("received_at_us", sa.BigInteger(), "us UTC, by the service"),
        _column("soc", sa.Double(), "ratio 0..1"),
        _column("power_kw", sa.Double(), "kW, positive discharges into the grid"),
        _column("connected", sa.Boolean(), "is the device able to exchange power"),
        sa.PrimaryKeyConstraint("slot", name="pk_latest_reading"),
        sa.ForeignKeyConstraint(["slot"], ["asset.slot"], name="fk_latest_reading_slot_asset"),
        comment="newest good reading of each asset, a copy of its row in reading",
    )


def _create_feeder_reading() -> None:
    op.create_table(
        "feeder_reading",
        _column("start_us", sa.BigInteger(), "us UTC, start of the metered interval"),
        _column("feeder_slot", sa.Integer(), "feeder"),
        _column("available_at_us", sa.BigInteger(), "us UTC, from when it was known"),
        _column("consumption_kw", sa.Double(), "kW, mean, positive; NULL where not finite", nullable=True),
        _column("pv_kw", sa.Double(), "kW, mean, positive; NULL where not finite", nullable=True),
        sa.PrimaryKeyConstraint("start_us", "feeder_slot", "available_at_us", name="pk_feeder_reading"),
        sa.ForeignKeyConstraint(
            ["feeder_slot"], ["feeder.feeder_slot"], name="fk_feeder_reading_feeder_slot_feeder"
        ),
        comment="metered load of feeders without the fleet's assets",
        sqlite_with_rowid=False,
    )


def _create_charging_session() -> None:
    op.create_table(
        "charging_session",
        _column("slot", sa.Integer(), "asset"),
        _column("connected_from_us", sa.BigInteger(), "us UTC"),
        _column("announced_at_us", sa.BigInteger(), "us UTC, from when it was known"),
        _column("connected_until_us", sa.BigInteger(), "us UTC"),
        _column("departure_energy_kwh", sa.Double(), "kWh in the vehicle asked at departure"),
        _column("trip_energy_kwh", sa.Double(), "kWh used until the next arrival"),
        sa.PrimaryKeyConstraint("slot", "connected_from_us", "announced_at_us", name="pk_charging_session"),
        sa.ForeignKeyConstraint(["slot"], ["asset.slot"], name="fk_charging_session_slot_asset"),
        comment="stays of EVs; the last announced of (asset, connected_from) counts",
        sqlite_with_rowid=False,
    )
    op.create_index("ix_charging_session_connected_until_us", "charging_session", ["connected_until_us"])


def _create_price() -> None:
    op.create_table(
        "price",
        _column("start_us", sa.BigInteger(), "us UTC"),
        _column("available_at_us", sa.BigInteger(), "us UTC, from when it was known"),
        _column("end_us", sa.BigInteger(), "us UTC"),
        _column("import_price_per_kwh", sa.Double(), "money per kWh, any sign"),
        _column("export_price_per_kwh", sa.Double(), "money per kWh, any sign"),
        sa.PrimaryKeyConstraint("start_us", "available_at_us", name="pk_price"),
        comment="prices of the exchange with the grid; the last published of a start counts",
        sqlite_with_rowid=False,
    )
    op.create_index("ix_price_end_us", "price", ["end_us"])


def _create_context_item() -> None:
    op.create_table(
        "context_item",
        _column("item_id", sa.Text(), "identity of the remark"),
        _column("content", sa.Text(), "the remark, data and never an instruction"),
        _column("valid_from_us", sa.BigInteger(), "us UTC"),
        _column("valid_until_us", sa.BigInteger(), "us UTC"),
        _column("available_at_us", sa.BigInteger(), "us UTC, from when it was known"),
        sa.PrimaryKeyConstraint("item_id", name="pk_context_item"),
        comment="remarks for the forecaster",
    )
    op.create_index("ix_context_item_valid_until_us", "context_item", ["valid_until_us"])


def _create_model_call() -> None:
    op.create_table(
        "model_call",
        _column("call_id", sa.Text(), "identity of the exchange"),
        _column("asked_at_us", sa.BigInteger(), "us UTC"),
        _column("model", sa.Text(), "name of the model"),
        _column("endpoint", sa.Text(), "where it was asked"),
        _column("verdict", sa.String(32), "what became of the request"),
        _column("reason", sa.Text(), "why, in words"),
        _column("prompt_tokens", sa.BigInteger(), "tokens"),
        _column("completion_tokens", sa.BigInteger(), "tokens"),
        _column("cached_tokens", sa.BigInteger(), "tokens"),
        _column("cost", sa.Double(), "money in currency"),
        _column("currency", sa.Text(), "ISO 4217"),
        _column("duration_s", sa.Double(), "s"),
        _column("exchange", sa.LargeBinary(), "prompt, replies and reasoning whole, see codec.py"),
        sa.PrimaryKeyConstraint("call_id", name="pk_model_call"),
        comment="exchanges with the reasoning model; a replay reads these and asks nobody",
    )


def _create_forecast() -> None:
    op.create_table(
        "forecast",
        _column("forecast_number", NUMBER, "order of writing", counts_up=True),
        _column("forecast_id", sa.Text(), "identity of the forecast"),
        _column("available_at_us", sa.BigInteger(), "us UTC, from when it was known"),
        _column("source", sa.String(32), "baseline or adjusted"),
        _column("verdict", sa.String(32), "what became of the request to the model"),
        _column("reason", sa.Text(), "why the model was not followed, in words"),
        _column("call_id", sa.Text(), "model call behind it", nullable=True),
        _column("quantiles", sa.LargeBinary(), "feeders, grid and matrices in kW, see codec.py"),
        sa.PrimaryKeyConstraint("forecast_number", name="pk_forecast"),
        sa.ForeignKeyConstraint(["call_id"], ["model_call.call_id"], name="fk_forecast_call_id_model_call"),
        sa.UniqueConstraint("forecast_id", name="uq_forecast_forecast_id"),
        comment="load and PV forecasts",
    )
    op.create_index("ix_forecast_available_at_us", "forecast", ["available_at_us"])


def _create_run() -> None:
    op.create_table(
        "run",
        _column("run_number", NUMBER, "order of writing", counts_up=True),
        _column("run_id", sa.Text(), "identity of the run"),
        _column("cycle_start_us", sa.BigInteger(), "us UTC, start of the first planned interval"),
        _column("started_at_us", sa.BigInteger(), "us UTC"),
        _column("finished_at_us", sa.BigInteger(), "us UTC"),
        _column("cause", sa.Text(), "what set the run off"),
        _column("rung", sa.String(32), "rung of the ladder the run stood on"),
        _column("reason", sa.Text(), "why it is not a higher rung, in words"),
        _column("forecast_id", sa.Text(), "forecast used", nullable=True),
        _column("input_sha256", sa.Text(), "hash of all inputs"),
        _column("objective", sa.Double(), "money", nullable=True),
        _column("lower_bound", sa.Double(), "money", nullable=True),
        _column("gap", sa.Double(), "ratio", nullable=True),
        _column("setpoint_count", sa.Integer(), "orders issued"),
        _column("solve_duration_s", sa.Double(), "s"),
        _column("killed", sa.Boolean(), "was the solve killed at its deadline"),
        _column("epoch", sa.BigInteger(), "fencing token of the writer"),
        sa.PrimaryKeyConstraint("run_number", name="pk_run"),
        sa.ForeignKeyConstraint(
            ["forecast_id"], ["forecast.forecast_id"], name="fk_run_forecast_id_forecast"
        ),
        sa.UniqueConstraint("run_id", name="uq_run_run_id"),
        comment="passes of the loop",
    )


def _create_plan() -> None:
    op.create_table(
        "plan",
        _column("run_number", NUMBER, "run"),
        _column("schedule", sa.LargeBinary(), "grid, assets, matrices in kW and kWh, see codec.py"),
        sa.PrimaryKeyConstraint("run_number", name="pk_plan"),
        sa.ForeignKeyConstraint(["run_number"], ["run.run_number"], name="fk_plan_run_number_run"),
        comment="schedules, one compressed object per run",
    )


def _create_fleet_snapshot() -> None:
    op.create_table(
        "fleet_snapshot",
        _column("run_number", NUMBER, "run"),
        _column("at_us", sa.BigInteger(), "us UTC"),
        _column("state", sa.LargeBinary(), "columns in slot order, see codec.py"),
        sa.PrimaryKeyConstraint("run_number", name="pk_fleet_snapshot"),
        sa.ForeignKeyConstraint(["run_number"], ["run.run_number"], name="fk_fleet_snapshot_run_number_run"),
        comment="the process image each run decided on, one compressed object per run",
    )


def _create_setpoint() -> None:
    op.create_table(
        "setpoint",
        _column("slot", sa.Integer(), "asset"),
        _column("run_number", NUMBER, "run that issued it"),
        _column("epoch", sa.BigInteger(), "fencing token of the writer"),
        _column("sequence", sa.BigInteger(), "counts per asset within an epoch"),
        _column("power_kw", sa.Double(), "kW, positive discharges into the grid"),
        _column("min_kw", sa.Double(), "kW, lower end of the envelope"),
        _column("max_kw", sa.Double(), "kW, upper end of the envelope"),
        _column("valid_from_us", sa.BigInteger(), "us UTC"),
        _column("valid_until_us", sa.BigInteger(), "us UTC, end unless renewed"),
        _column("origin", sa.String(32), "who ordered it"),
        _column("reason", sa.Text(), "why, in words"),
        sa.PrimaryKeyConstraint("slot", "run_number", name="pk_setpoint"),
        sa.ForeignKeyConstraint(["run_number"], ["run.run_number"], name="fk_setpoint_run_number_run"),
        sa.ForeignKeyConstraint(["slot"], ["asset.slot"], name="fk_setpoint_slot_asset"),
        sa.UniqueConstraint("slot", "epoch", "sequence", name="uq_setpoint_slot_epoch_sequence"),
        comment="issued orders, stored before they are sent",
    )
    op.create_index("ix_setpoint_run_number_slot", "setpoint", ["run_number", "slot"])


def _create_acknowledgement() -> None:
    op.create_table(
        "acknowledgement",
        _column("acknowledgement_number", NUMBER, "order of writing", counts_up=True),
        _column("slot", sa.Integer(), "asset"),
        _column(
            "epoch", sa.BigInteger(), "of the order; no foreign key, a node may speak of orders unknown here"
        ),
        _column("sequence", sa.BigInteger(), "of the order"),
        _column("state", sa.String(32), "the node's word"),
        _column("at_us", sa.BigInteger(), "us UTC"),
        _column("detail", sa.Text(), "in the node's words"),
        sa.PrimaryKeyConstraint("acknowledgement_number", name="pk_acknowledgement"),
        sa.ForeignKeyConstraint(["slot"], ["asset.slot"], name="fk_acknowledgement_slot_asset"),
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
