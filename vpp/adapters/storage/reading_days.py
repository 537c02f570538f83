"""UTC days of readings, and their partitions in PostgreSQL.

```
  reading ─┬─ reading_days.reading_20201121   day is over: unique index by asset, then archive, then gone
           ├─ reading_days.reading_20201122   today
           └─ reading_days.reading_20201123   made ahead; there is no default partition
```
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vpp.domain.readings import FUTURE_TOLERANCE, LATE_LIMIT, MICROSECOND, ReadingColumns

SCHEMA: Final = "reading_days"
DAY: Final = timedelta(days=1)
DAY_US: Final = DAY // MICROSECOND
FIRST_DAY: Final = date(1970, 1, 1)
# Key of PostgreSQL's advisory lock; its neighbours are in writer_lock.py and audit.py.
_PARTITIONS_LOCK: Final = 0x76707004


def day_of(at: datetime) -> int:
    """Return the UTC day of `at`, counted from 1970-01-01."""
    return (at.astimezone(UTC).date() - FIRST_DAY).days


def date_of(day: int) -> date:
    """Return the date of a day counted from 1970-01-01."""
    return FIRST_DAY + day * DAY


def partition_of(day: int) -> str:
    """Return the name of a day's partition, without its schema."""
    return f"reading_{date_of(day):%Y%m%d}"


def is_misdated(readings: ReadingColumns) -> NDArray[np.bool_]:
    """Return which readings carry a time that cannot be right, by the time they were received.

    All others lie within few days, so that a day that is over for long receives nothing any more.
    """
    age_us = readings.received_at_us - readings.at_us()
    return np.logical_or(age_us > LATE_LIMIT // MICROSECOND, age_us < -(FUTURE_TOLERANCE // MICROSECOND))


async def create_partitions(driver: Any, days: list[int]) -> None:
    """Create the partitions of `days` that are missing, with an index over time that costs little.

    One session at a time does so, in its transaction: IF NOT EXISTS alone fails when two find none.
    """
    await driver.execute(f"SELECT pg_advisory_xact_lock({_PARTITIONS_LOCK})")
    there = set(await partitions(driver))
    for day in (day for day in days if day not in there):
        name = partition_of(day)
        await driver.execute(
            f"CREATE TABLE {SCHEMA}.{name} PARTITION OF reading "
            f"FOR VALUES FROM ({day * DAY_US}) TO ({(day + 1) * DAY_US})"
        )
        await driver.execute(
            f"CREATE INDEX {name}_by_time ON {SCHEMA}.{name} "
            "USING brin (measured_at_us, received_at_us) WITH (pages_per_range = 32, autosummarize = on)"
        )


async def partitions(driver: Any) -> list[int]:
    """Return the days that have a partition, oldest first."""
    rows = await driver.fetch(
        "SELECT child.relname FROM pg_inherits JOIN pg_class child ON child.oid = inhrelid "
        "WHERE inhparent = 'reading'::regclass ORDER BY 1"
    )
    dates = [datetime.strptime(row[0], "reading_%Y%m%d").replace(tzinfo=UTC) for row in rows]
    return [day_of(at) for at in dates]
