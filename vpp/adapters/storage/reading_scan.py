"""Readings out of the database: pages for people and charts, streams of columns for the archive."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from vpp.adapters.storage import tables
from vpp.adapters.storage.bulk import driver_of
from vpp.adapters.storage.database import SQLITE, Database
from vpp.adapters.storage.reading_columns import TYPES, reading_columns
from vpp.domain.readings import NO_READINGS, ReadingColumns

ROWS_PER_STEP: Final = 50_000
SCAN_TIMEOUT_S: Final = 3_600.0
_FIRST_SPAN_US: Final = 60_000_000  # a page looks at a minute first, then at twice as much
_WIRE: Final = {
    "soc": ">f8",
    "power_kw": ">f8",
    "slot": ">i4",
    "quality": ">i2",
    "clock_ahead_ms": ">i2",
    "connected": "?",
}
_HEADER_BYTES: Final = 19
_NAMES: Final = list(TYPES)


async def page(
    connection: AsyncConnection,
    *,
    start_us: int,
    end_us: int,
    slots: NDArray[np.int64] | None,
    after: tuple[int, int],
    limit: int,
) -> ReadingColumns:
    """Return at most `limit` readings of [start_us, end_us) by time and slot, from behind `after` on.

    Without an index over time and slot a page must not sort a whole day: it looks at stretches that
    double in length until it is full.
    """
    table = tables.reading
    columns = [table.c[name] for name in _NAMES]
    rows: list[Any] = []
    first_us, span_us = max(start_us, after[0]), _FIRST_SPAN_US
    while first_us < end_us and len(rows) < limit:
        last_us = min(end_us, first_us + span_us)
        query = select(*columns).where(table.c.measured_at_us >= first_us, table.c.measured_at_us < last_us)
        if after[0] >= first_us:
            query = query.where(tuple_(table.c.measured_at_us, table.c.slot) > tuple_(*after))
        if slots is not None:
            query = query.where(table.c.slot.in_(slots.tolist()))
        query = query.order_by(table.c.measured_at_us, table.c.slot).limit(limit - len(rows))
        rows += (await connection.execute(query)).all()
        first_us, span_us = last_us, 2 * span_us
    return reading_columns(_NAMES, zip(*rows, strict=True)) if rows else NO_READINGS


async def stream(
    database: Database,
    *,
    start_us: int,
    end_us: int,
    rows_per_group: int,
    take: Callable[[ReadingColumns], Awaitable[None]],
) -> int:
    """Give `take` all readings of [start_us, end_us) by slot and time, in groups; return their count."""
    groups = _Groups(rows_per_group, take)
    query = (
        "SELECT {} FROM reading WHERE measured_at_us >= {} AND measured_at_us < {} "
        "ORDER BY slot, measured_at_us"
    )
    async with database.reading() as connection:
        driver = await driver_of(connection)
        if database.backend == SQLITE:
            async with driver.execute(query.format(", ".join(_NAMES), start_us, end_us)) as cursor:
                while rows := await cursor.fetchmany(ROWS_PER_STEP):
                    await groups.add(reading_columns(_NAMES, zip(*rows, strict=True)))
        else:
            chosen = ", ".join(
                f"coalesce({name}, 'NaN')" if name in {"soc", "power_kw"} else name for name in _NAMES
            )
            parser = _CopyParser(groups.add)
            await driver.copy_from_query(
                query.format(chosen, start_us, end_us),
                output=parser.feed,
                format="binary",
                timeout=SCAN_TIMEOUT_S,
            )
            await parser.finish()
    await groups.finish()
    return groups.rows


class _Groups:
    """Collects readings into groups of at least so many rows."""

    def __init__(self, rows_per_group: int, take: Callable[[ReadingColumns], Awaitable[None]]) -> None:
        self._least, self._take = rows_per_group, take
        self._parts: list[ReadingColumns] = []
        self._waiting = self.rows = 0

    async def add(self, part: ReadingColumns) -> None:
        self._parts.append(part)
        self._waiting += len(part)
        self.rows += len(part)
        if self._waiting >= self._least:
            await self.finish()

    async def finish(self) -> None:
        if self._parts:
            await self._take(ReadingColumns.concatenate(self._parts))
        self._parts, self._waiting = [], 0


class _CopyParser:
    """Reads PostgreSQL's binary COPY of rows without NULL: records of one length, straight into columns."""

    def __init__(self, take: Callable[[ReadingColumns], Awaitable[None]]) -> None:
        self._take = take
        self._waiting = bytearray()
        self._header = _HEADER_BYTES
        layout: list[tuple[str, str]] = [("fields", ">i2")]
        for name in _NAMES:
            layout += [(f"length of {name}", ">i4"), (name, _WIRE.get(name, ">i8"))]
        self._record = np.dtype(layout)

    async def feed(self, content: bytes) -> None:
        self._waiting += content
        if self._header and len(self._waiting) >= self._header:
            del self._waiting[: self._header]
            self._header = 0
        if len(self._waiting) >= ROWS_PER_STEP * self._record.itemsize:
            await self.finish()

    async def finish(self) -> None:
        """Give away all whole records; what stays is less than one, at the end the two bytes that end it."""
        count = len(self._waiting) // self._record.itemsize
        if count == 0 or self._header:
            return
        content = bytes(self._waiting[: count * self._record.itemsize])
        del self._waiting[: count * self._record.itemsize]
        records = np.frombuffer(content, dtype=self._record)
        assert (records["fields"] == len(_NAMES)).all(), "the records have another length"
        await self._take(ReadingColumns(**{name: records[name].astype(TYPES[name]) for name in _NAMES}))
