"""Tables of what is announced from outside."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
)

from vpp.adapters.storage.tables.columns import column, metadata

charging_session = Table(
    "charging_session",
    metadata,
    column("slot", Integer(), "asset", ForeignKey("asset.slot")),
    column("connected_from_us", BigInteger(), "us UTC"),
    column("announced_at_us", BigInteger(), "us UTC, from when it was known"),
    column("connected_until_us", BigInteger(), "us UTC"),
    column("departure_energy_kwh", Double(), "kWh in the vehicle asked at departure"),
    column("trip_energy_kwh", Double(), "kWh used until the next arrival"),
    PrimaryKeyConstraint("slot", "connected_from_us", "announced_at_us"),
    Index(None, "connected_until_us"),
    sqlite_with_rowid=False,
    comment="stays of EVs; the last announced of (asset, connected_from) counts",
)

price = Table(
    "price",
    metadata,
    column("start_us", BigInteger(), "us UTC"),
    column("available_at_us", BigInteger(), "us UTC, from when it was known"),
    column("end_us", BigInteger(), "us UTC"),
    column("import_price_per_kwh", Double(), "money per kWh, any sign"),
    column("export_price_per_kwh", Double(), "money per kWh, any sign"),
    PrimaryKeyConstraint("start_us", "available_at_us"),
    Index(None, "end_us"),
    sqlite_with_rowid=False,
    comment="prices of the exchange with the grid; the last published of a start counts",
)

context_item = Table(
    "context_item",
    metadata,
    Column("item_id", Text(), primary_key=True, comment="identity of the remark"),
    column("content", Text(), "the remark, data and never an instruction"),
    column("valid_from_us", BigInteger(), "us UTC"),
    column("valid_until_us", BigInteger(), "us UTC"),
    column("available_at_us", BigInteger(), "us UTC, from when it was known"),
    Index(None, "valid_until_us"),
    comment="remarks for the forecaster",
)
