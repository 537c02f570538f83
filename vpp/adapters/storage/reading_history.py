"""Readings of a period through one door, whether they lie in the database or in the archive."""

from __future__ import annotations

import asyncio
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from vpp.adapters.storage import tables
from vpp.adapters.storage.archive import ReadingArchive
from vpp.adapters.storage.database import Database
from vpp.adapters.storage.reading_days import DAY_US, date_of
from vpp.adapters.storage.reading_scan import page
from vpp.domain.errors import InvalidValueError
from vpp.domain.readings import NO_READINGS, ReadingColumns
from vpp.ports import ReadingPage, StoreError

MAX_PAGE_READINGS: Final = 100_000


async def readings_between(
    database: Database,
    archive: ReadingArchive | None,
    *,
    start_us: int,
    end_us: int,
    slots: NDArray[np.int64] | None,
    page_size: int,
    page_token: str,
) -> ReadingPage:
    """Return one page of readings measured in [start_us, end_us), by time and slot."""
    if not 1 <= page_size <= MAX_PAGE_READINGS:
        raise InvalidValueError("page_size", page_size, f"1 to {MAX_PAGE_READINGS}")
    after = _after(page_token, start_us)
    parts: list[ReadingColumns] = []
    missing = page_size + 1  # one more tells whether there is another page
    async with database.reading() as connection:
        gone = await _dropped_days(connection, max(start_us, after[0]) // DAY_US, (end_us - 1) // DAY_US)
        for first_us, last_us, day in _sources(max(start_us, after[0]), end_us, gone):
            if day is None:
                part = await page(
                    connection, start_us=first_us, end_us=last_us, slots=slots, after=after, limit=missing
                )
            else:
                part = await asyncio.to_thread(
                    _archived_page, archive, day, first_us, last_us, slots, after, missing
                )
            parts.append(part)
            missing -= len(part)
            if missing <= 0:
                break
    found = ReadingColumns.concatenate(parts) if parts else NO_READINGS
    if len(found) <= page_size:
        return ReadingPage(readings=found, next_token="")
    shown = found.take(np.arange(page_size))
    return ReadingPage(readings=shown, next_token=f"{int(shown.measured_at_us[-1])}.{int(shown.slot[-1])}")


def _after(token: str, start_us: int) -> tuple[int, int]:
    if not token:
        return start_us - 1, -1
    time_us, _, slot = token.partition(".")
    try:
        return int(time_us), int(slot)
    except ValueError:
        raise InvalidValueError("page_token", token, "a next_token, or nothing for the first page") from None


async def _dropped_days(connection: AsyncConnection, first: int, last: int) -> list[int]:
    table = tables.archived_day
    query = select(table.c.day).where(table.c.dropped, table.c.day >= first, table.c.day <= last)
    return list(await connection.scalars(query.order_by(table.c.day)))


def _sources(start_us: int, end_us: int, gone: list[int]) -> list[tuple[int, int, int | None]]:
    """Return stretches (from, to, archived day or None for the database) in the order of time."""
    stretches: list[tuple[int, int, int | None]] = []
    at_us = start_us
    for day in gone:
        first_us, last_us = max(day * DAY_US, start_us), min((day + 1) * DAY_US, end_us)
        if at_us < first_us:
            stretches.append((at_us, first_us, None))
        stretches.append((first_us, last_us, day))
        at_us = last_us
    if at_us < end_us:
        stretches.append((at_us, end_us, None))
    return stretches


def _archived_page(
    archive: ReadingArchive | None,
    day: int,
    first_us: int,
    last_us: int,
    slots: NDArray[np.int64] | None,
    after: tuple[int, int],
    limit: int,
) -> ReadingColumns:
    if archive is None:
        raise StoreError(f"The readings of {date_of(day)} are in the archive; set telemetry.archive.")
    found = archive.load(day, start_us=first_us, end_us=last_us, slots=slots)
    behind = (found.measured_at_us > after[0]) | (
        (found.measured_at_us == after[0]) & (found.slot > after[1])
    )
    found = found.take(behind)
    return found.take(np.lexsort((found.slot, found.measured_at_us))[:limit])
