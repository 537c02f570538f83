"""Keeps the days of readings: made ahead, indexed when over, archived when closed, dropped when old.

```
  ahead ──► today ──► over: index by asset ──► closed: archive file ──► older than kept: checked, dropped
                        │◄─ late readings: 8 days ─►│
```

A day is closed when no reading can be late enough to belong to it. Nothing is dropped before its file
and manifest are on disk and their checksum was read back.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from sqlalchemy import delete, func, select, update

from vpp.adapters.storage import tables
from vpp.adapters.storage.archive import ROWS_PER_GROUP, ArchivedDay, ReadingArchive
from vpp.adapters.storage.bulk import driver_of
from vpp.adapters.storage.database import SQLITE, Database
from vpp.adapters.storage.reading_days import (
    DAY,
    DAY_US,
    SCHEMA,
    create_partitions,
    date_of,
    day_of,
    partition_of,
    partitions,
)
from vpp.adapters.storage.reading_scan import stream
from vpp.adapters.storage.recording import record_archived
from vpp.domain.readings import LATE_LIMIT, to_microseconds
from vpp.ports import ReadingDays, ReadingUpkeep, StoreError

DAYS_AHEAD: Final = 3
CLOSED_AFTER: Final = LATE_LIMIT + DAY  # after the end of a day; the second day is for what still waits
LEAST_KEEP_DAYS: Final = CLOSED_AFTER // DAY + 1
_INDEX_AFTER: Final = timedelta(hours=1)  # after the end of a day
_INDEX_TIMEOUT_S: Final = 3_600.0
_DROP_STEPS: Final = (
    96  # SQLite: transactions per day, so that the writer waits for a quarter of an hour's rows
)
_SQLITE_STEP_US: Final = DAY_US // _DROP_STEPS

_logger = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Done:
    created: int = 0
    indexed: int = 0
    archived: list[ArchivedDay] = field(default_factory=list)
    dropped: list[int] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


class Upkeep:
    """One pass after the other; each does what is due and can be cut off anywhere."""

    def __init__(self, database: Database, archive: ReadingArchive | None, *, keep_days: int) -> None:
        if keep_days < LEAST_KEEP_DAYS:
            raise StoreError(f"Readings are kept for {keep_days} days; expected at least {LEAST_KEEP_DAYS}.")
        self._database, self._archive, self._keep_days = database, archive, keep_days

    async def run(self, now: datetime) -> ReadingUpkeep:
        """Do what is due at `now`, and say what was done."""
        began, done = time.perf_counter(), _Done()
        today = day_of(now)
        if self._database.backend != SQLITE:
            await self._make_ahead(today, done)
            await self._index(now, done)
        days = await self._stored_days()
        if self._archive is not None:
            for day in days:
                if (
                    now
                    >= datetime.combine(date_of(day), datetime.min.time(), now.tzinfo) + DAY + CLOSED_AFTER
                ):
                    await self._archive_day(self._archive, day, now, done)
        for day in days:
            if day < today - self._keep_days:
                await self._drop(day, done)
        await self._forget_misdated(now)
        for problem in done.problems:
            _logger.error("upkeep of readings", problem=problem)
        return ReadingUpkeep(
            created=done.created,
            indexed=done.indexed,
            archived=tuple(date_of(entry.day) for entry in done.archived),
            archived_rows=sum(entry.rows for entry in done.archived),
            dropped=tuple(date_of(day) for day in done.dropped),
            problems=tuple(done.problems),
            seconds=time.perf_counter() - began,
        )

    async def days(self, now: datetime) -> ReadingDays:
        """Return which days the database holds."""
        today, days = day_of(now), await self._stored_days()
        partitioned = self._database.backend != SQLITE
        return ReadingDays(
            oldest=date_of(days[0]) if days else None,
            # The pass of this hour may not have come yet, so a day more is no sign of trouble.
            overdue=tuple(date_of(day) for day in days if day < today - self._keep_days - 1),
            ahead=sum(today < day <= today + DAYS_AHEAD for day in days) if partitioned else None,
        )

    async def _make_ahead(self, today: int, done: _Done) -> None:
        wanted = range(today - LATE_LIMIT // DAY, today + DAYS_AHEAD + 1)
        async with self._database.writing() as connection:
            driver = await driver_of(connection)
            there = set(await partitions(driver))
            missing = [day for day in wanted if day not in there]
            await create_partitions(driver, missing)
        done.created = len(missing)

    async def _index(self, now: datetime, done: _Done) -> None:
        """Index days that are over by asset; being unique it also proves that nothing is there twice."""
        over = day_of(now - _INDEX_AFTER)
        async with self._database.alone() as driver:
            for day in await partitions(driver):
                name = partition_of(day)
                if day >= over or await _has_index(driver, f"{name}_by_asset"):
                    continue
                try:
                    await driver.execute(f"DROP INDEX IF EXISTS {SCHEMA}.{name}_by_asset")
                    await driver.execute(
                        f"CREATE UNIQUE INDEX CONCURRENTLY {name}_by_asset "
                        f"ON {SCHEMA}.{name} (slot, measured_at_us)",
                        timeout=_INDEX_TIMEOUT_S,
                    )
                except Exception as error:
                    done.problems.append(f"{name} cannot be indexed: {error}")
                else:
                    done.indexed += 1

    async def _stored_days(self) -> list[int]:
        """Return the days that the database holds readings of, or an empty place for, oldest first."""
        async with self._database.reading() as connection:
            if self._database.backend != SQLITE:
                return await partitions(await driver_of(connection))
            table = tables.reading
            query = select(func.min(table.c.measured_at_us), func.max(table.c.measured_at_us))
            first, last = (await connection.execute(query)).one()
        return [] if first is None else list(range(first // DAY_US, last // DAY_US + 1))

    async def _archive_day(self, archive: ReadingArchive, day: int, now: datetime, done: _Done) -> None:
        """Write a closed day's file, once; an empty day needs none."""
        async with self._database.reading() as connection:
            known = await connection.scalar(
                select(tables.archived_day.c.day).where(tables.archived_day.c.day == day)
            )
        if known is not None:
            return
        file = await asyncio.to_thread(archive.write, day)
        try:
            rows = await stream(
                self._database,
                start_us=day * DAY_US,
                end_us=(day + 1) * DAY_US,
                rows_per_group=ROWS_PER_GROUP,
                take=lambda group: asyncio.to_thread(file.add, group),
            )
        except BaseException:
            file.abandon()
            raise
        if not rows:
            file.abandon()
            return
        entry = await asyncio.to_thread(file.finish)
        async with self._database.writing() as connection:
            values = {
                "day": day,
                "rows": entry.rows,
                "sha256": entry.sha256,
                "archived_at_us": to_microseconds(now),
                "dropped": False,
            }
            await connection.execute(tables.archived_day.insert().values(values))
            await record_archived(connection, entry, now)
        done.archived.append(entry)

    async def _drop(self, day: int, done: _Done) -> None:
        """Drop an old day: archived and whole in its file, or without an archive, by the settings."""
        entry = None
        if self._archive is not None:
            entry = await asyncio.to_thread(self._archive.entry, day)
            problem = "" if entry is None else await asyncio.to_thread(self._archive.problem, entry)
            held = await self._rows_of(day)
            if problem or (entry is None and held) or (entry is not None and held not in {0, entry.rows}):
                words = (
                    problem or f"the database holds {held} readings of it, the archive {entry and entry.rows}"
                )
                done.problems.append(f"{date_of(day)} is kept: {words}")
                return
        if self._database.backend == SQLITE:
            await self._drop_rows(day)
        else:
            await self._drop_partition(day)
        done.dropped.append(day)

    async def _rows_of(self, day: int) -> int:
        async with self._database.reading() as connection:
            table = tables.reading
            query = select(func.count()).where(
                table.c.measured_at_us >= day * DAY_US, table.c.measured_at_us < (day + 1) * DAY_US
            )
            return int(await connection.scalar(query) or 0)

    async def _drop_partition(self, day: int) -> None:
        async with self._database.writing() as connection:
            driver = await driver_of(connection)
            # Readers of a long query hold it; the writer must not wait behind us for longer.
            await driver.execute("SET LOCAL lock_timeout = '2s'")
            await driver.execute(f"DROP TABLE IF EXISTS {SCHEMA}.{partition_of(day)}")
            await connection.execute(_mark_dropped(day))

    async def _drop_rows(self, day: int) -> None:
        async with self._database.writing() as connection:
            await connection.execute(_mark_dropped(day))
        table = tables.reading
        for step in range(_DROP_STEPS):
            first_us = day * DAY_US + step * _SQLITE_STEP_US
            async with self._database.writing() as connection:
                await connection.execute(
                    delete(table).where(
                        table.c.measured_at_us >= first_us,
                        table.c.measured_at_us < first_us + _SQLITE_STEP_US,
                    )
                )

    async def _forget_misdated(self, now: datetime) -> None:
        table, oldest = tables.misdated_reading, now - self._keep_days * DAY
        async with self._database.writing() as connection:
            await connection.execute(delete(table).where(table.c.received_at_us < to_microseconds(oldest)))


def _mark_dropped(day: int) -> Any:
    table = tables.archived_day
    return update(table).where(table.c.day == day).values(dropped=True)


async def _has_index(driver: Any, name: str) -> bool:
    """Return whether an index is there and whole: one that was cut off is there and is not."""
    query = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass($1)"
    return bool(await driver.fetchval(query, f"{SCHEMA}.{name}"))
