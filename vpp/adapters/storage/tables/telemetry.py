"""Tables of telemetry."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
)

from vpp.adapters.storage.tables.columns import column, metadata


def _reading_columns() -> list[Column[Any]]:
    """Return the columns of a reading, widest first: PostgreSQL aligns them."""
    return [
        column("measured_at_us", BigInteger(), "us UTC, by the node's clock"),
        column("received_at_us", BigInteger(), "us UTC, by the service"),
        column("soc", Double(), "ratio 0..1; NULL where the device sent no finite number", nullable=True),
        column("power_kw", Double(), "kW, positive discharges into the grid; NULL as soc", nullable=True),
        column("slot", Integer(), "asset; no foreign key, it would cost more than the row"),
        column("quality", SmallInteger(), "flags, 0 is good; see vpp.domain.readings.Quality"),
        column("clock_ahead_ms", SmallInteger(), "ms, how far the node's clock was ahead"),
        column("connected", Boolean(), "is the device able to exchange power"),
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
    column("rows", BigInteger(), "readings in the file"),
    column("sha256", Text(), "of the file"),
    column("archived_at_us", BigInteger(), "us UTC"),
    column("dropped", Boolean(), "are its readings gone from this database"),
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
    column("measured_at_us", BigInteger(), "us UTC, by the device"),
    column("received_at_us", BigInteger(), "us UTC, by the service"),
    column("soc", Double(), "ratio 0..1"),
    column("power_kw", Double(), "kW, positive discharges into the grid"),
    column("connected", Boolean(), "is the device able to exchange power"),
    column("clock_ahead_ms", SmallInteger(), "ms, how far the node's clock was ahead"),
    comment="newest good reading of each asset, a copy of its row in reading",
)

feeder_reading = Table(
    "feeder_reading",
    metadata,
    column("start_us", BigInteger(), "us UTC, start of the metered interval"),
    column("feeder_slot", Integer(), "feeder", ForeignKey("feeder.feeder_slot")),
    column("available_at_us", BigInteger(), "us UTC, from when it was known"),
    column("consumption_kw", Double(), "kW, mean, positive; NULL where not finite", nullable=True),
    column("pv_kw", Double(), "kW, mean, positive; NULL where not finite", nullable=True),
    PrimaryKeyConstraint("start_us", "feeder_slot", "available_at_us"),
    sqlite_with_rowid=False,
    comment="metered load of feeders without the fleet's assets",
)
