"""Tables of fleet."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Double, ForeignKey, Integer, String, Table, Text, UniqueConstraint

from vpp.adapters.storage.tables.columns import IDENTIFIER, NUMBER, column, metadata

feeder = Table(
    "feeder",
    metadata,
    Column("feeder_slot", Integer, primary_key=True, autoincrement=False, comment="position, kept for good"),
    column("feeder_id", IDENTIFIER, "name of the network segment"),
    column("import_limit_kw", Double(), "kW, magnitude"),
    column("export_limit_kw", Double(), "kW, magnitude"),
    UniqueConstraint("feeder_id"),
    comment="network segments with their operating envelope",
)

asset = Table(
    "asset",
    metadata,
    Column("slot", Integer, primary_key=True, autoincrement=False, comment="position, kept for good"),
    column("asset_id", IDENTIFIER, "name of the device"),
    column("node_id", IDENTIFIER, "name of the node that speaks for it"),
    column("feeder_slot", Integer(), "feeder it hangs on", ForeignKey("feeder.feeder_slot")),
    column("kind", String(32), "home_battery, ev_charger, grid_battery"),
    column("capacity_kwh", Double(), "kWh"),
    column("energy_min_kwh", Double(), "kWh"),
    column("energy_max_kwh", Double(), "kWh"),
    column("max_charge_kw", Double(), "kW at the AC terminals, magnitude"),
    column("max_discharge_kw", Double(), "kW at the AC terminals, magnitude"),
    column("min_charge_kw", Double(), "kW, charging is zero or at least this"),
    column("min_discharge_kw", Double(), "kW, discharging is zero or at least this"),
    column("charge_efficiency", Double(), "ratio in (0, 1]"),
    column("discharge_efficiency", Double(), "ratio in (0, 1]"),
    column("wear_cost_per_kwh", Double(), "money per kWh of AC throughput"),
    column("default_control", String(32), "what the node does without a valid setpoint"),
    UniqueConstraint("asset_id"),
    comment="controllable devices",
)

writer_epoch = Table(
    "writer_epoch",
    metadata,
    Column("epoch", NUMBER, primary_key=True, autoincrement=False, comment="fencing token in every setpoint"),
    column("taken_at_us", BigInteger(), "us UTC, when the writer took over"),
    column("holder", Text(), "host and process of the writer"),
    comment="who was the single writer, newest epoch last",
)
