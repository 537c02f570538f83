"""Readings in PostgreSQL: binary COPY into the partition of the day, each once, without a unique index.

A row of `reading_days.mark` counts the batches and holds the newest time of all. Every batch locks it
first, so batches of any process come one after the other:

```
  lock the mark ─► counted by us alone since? ─ no ─► forget: every slot's mark is the newest time of all
                                     │ yes
     measured after its slot's mark ─┴─► new for certain: COPY     else ─► COPY aside, insert the missing
                                                                                │
  newest time, count + 1, commit ─► move the slots' marks ◄─────────────────────┘   any error: forget
```

So a batch whose commit was cut off is safe to send again: whoever writes next compares what could be a
repeat with what is stored, over the time it spans. Nodes that were away send what is new to all, and
that costs nothing. Decision 0035 has the figures.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vpp.adapters.storage import tables
from vpp.adapters.storage.bulk import driver_of
from vpp.adapters.storage.copy_rows import copy_new_rows, copy_rows
from vpp.adapters.storage.database import Database
from vpp.adapters.storage.latest_columns import LatestColumns
from vpp.adapters.storage.reading_columns import (
    columns_of,
    first_of_each,
    reading_columns,
)
from vpp.adapters.storage.reading_days import (
    DAY_US,
    SCHEMA,
    create_partitions,
    is_misdated,
    partition_of,
)
from vpp.domain.readings import DISQUALIFYING, NO_READINGS, ReadingColumns
from vpp.ports import StoreError

LATEST_PERIOD_S: Final = 5.0  # of the wall; how often at most the latest readings are brought up to date,
LATEST_SHARE: Final = 0.05  # and of all time, how much that may take; after a crash the rest is searched for
LONGEST_LATEST_PERIOD_S: Final = 60.0
MAX_SLOTS: Final = 10_000_000
MAX_SPANS: Final = 64  # stretches of time that are searched for repeats
_GAP_US: Final = 60_000_000  # readings closer than this are searched for together

_NAMES = [item.name for item in fields(ReadingColumns)]
_COLUMNS = ", ".join(_NAMES)
_LATEST_NAMES = [name for name in _NAMES if name != "quality"]
_LATEST_COLUMNS = ", ".join(_LATEST_NAMES)
_AT = "measured_at_us - 1000 * clock_ahead_ms"
# Constants of this file make up all statements below.
_STEERS = f"quality & {int(DISQUALIFYING)} = 0"
_UPSERT = (
    " ON CONFLICT (slot) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in _LATEST_NAMES if name != "slot")
    + " WHERE excluded.measured_at_us - 1000 * excluded.clock_ahead_ms"
    + " > latest_reading.measured_at_us - 1000 * latest_reading.clock_ahead_ms"
)
_INCOMING_LATEST = (
    "CREATE TEMPORARY TABLE IF NOT EXISTS incoming_latest (LIKE latest_reading) ON COMMIT DELETE ROWS"
)
_SAVE_LATEST = (
    f"INSERT INTO latest_reading ({_LATEST_COLUMNS}) "  # noqa: S608
    f"SELECT {_LATEST_COLUMNS} FROM incoming_latest{_UPSERT}"
)
_RECOVER_LATEST = (
    f"INSERT INTO latest_reading ({_LATEST_COLUMNS}) SELECT DISTINCT ON (slot) {_LATEST_COLUMNS} "  # noqa: S608
    f"FROM reading WHERE received_at_us >= $1 AND {_STEERS} ORDER BY slot, {_AT} DESC{_UPSERT}"
)
_READ_LATEST = (
    f"SELECT DISTINCT ON (slot) {_LATEST_COLUMNS} FROM ("  # noqa: S608
    f"SELECT {_LATEST_COLUMNS} FROM latest_reading UNION ALL "
    f"SELECT {_LATEST_COLUMNS} FROM reading WHERE received_at_us >= $1 AND {_STEERS}"
    f") AS both_of_them ORDER BY slot, {_AT} DESC"
)
_LOCK_MARK = f"SELECT batch, newest_us, unsaved_from_us FROM {SCHEMA}.mark FOR UPDATE"  # noqa: S608
_FIRST_MARK = f"INSERT INTO {SCHEMA}.mark VALUES (true, 0, 0, NULL) ON CONFLICT DO NOTHING"  # noqa: S608
_MOVE_MARK = f"UPDATE {SCHEMA}.mark SET batch = $1, newest_us = $2, unsaved_from_us = $3"  # noqa: S608
_INSERT_MISSING = (
    f"INSERT INTO reading ({_COLUMNS}) SELECT {_COLUMNS} FROM incoming_reading AS sent "  # noqa: S608
    "WHERE measured_at_us BETWEEN $1 AND $2 AND NOT EXISTS (SELECT FROM reading AS stored "
    "WHERE stored.measured_at_us BETWEEN $1 AND $2 AND stored.measured_at_us = sent.measured_at_us "
    "AND stored.slot = sent.slot) RETURNING measured_at_us, slot"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mark:
    """The row that every batch locks."""

    batch: int
    newest_us: int
    unsaved_from_us: int | None  # received from then on: not all in latest_reading yet


class PostgresqlReadings:
    """Appends readings, and knows the latest of each asset. One for each Store."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._turn = asyncio.Lock()
        self._days: set[int] = set()  # known to have a partition
        self._known_slots = 0
        self._forget()

    def _forget(self) -> None:
        """Trust nothing in memory: the next batch is compared with what is stored."""
        self._batch: int | None = None
        self._marks_us = np.zeros(0, dtype=np.int64)
        self._base_us = 0
        self._unsaved = LatestColumns()
        self._save_at_s = time.monotonic() + LATEST_PERIOD_S

    async def append(self, readings: ReadingColumns) -> None:
        """Store readings, each once; durable when this returns."""
        ordered = first_of_each(readings)
        async with self._turn:
            try:
                await self._append(ordered)
            except BaseException:
                self._forget()
                raise

    async def _append(self, ordered: ReadingColumns) -> None:
        await self._require_known(ordered)
        wrong = is_misdated(ordered)
        placed = ordered.take(~wrong) if wrong.any() else ordered
        days = np.unique(placed.measured_at_us // DAY_US).tolist()
        await self._have_partitions(days)
        async with self._database.writing() as connection:
            driver = await driver_of(connection)
            mark = await self._lock_mark(driver)
            marks_us = self._marks_us[placed.slot]
            fresh = placed.measured_at_us > marks_us
            new = placed if fresh.all() else placed.take(fresh)
            for day in days:
                await self._copy_day(driver, new, day, alone=len(days) == 1)
            if new is not placed:
                added = await self._insert_missing(driver, placed.take(~fresh))
                self._unsaved.note(added)
            if wrong.any():
                await copy_new_rows(driver, tables.misdated_reading, columns_of(ordered.take(wrong)))
            self._unsaved.note(new)
            newest_us = max(mark.newest_us, int(placed.measured_at_us.max(initial=0)))
            unsaved = await self._save_latest_if_due(driver, mark, placed)
            await driver.execute(_MOVE_MARK, mark.batch + 1, newest_us, unsaved)
        self._batch = mark.batch + 1
        self._marks_us[new.slot] = new.measured_at_us  # in the order of time: the newest stays

    async def _require_known(self, readings: ReadingColumns) -> None:
        highest = int(readings.slot.max())
        if highest >= self._known_slots:
            async with self._database.reading() as connection:
                known = await (await driver_of(connection)).fetchval("SELECT max(slot) FROM asset")
            self._known_slots = 0 if known is None else int(known) + 1
        if highest >= self._known_slots or int(readings.slot.min()) < 0:
            raise StoreError(f"The database refused a row: slot {highest} is no asset of the register.")

    async def _have_partitions(self, days: list[int]) -> None:
        """Create partitions that the job did not make ahead: no reading waits for it."""
        missing = [day for day in days if day not in self._days]
        if not missing:
            return
        async with self._database.writing() as connection:
            await create_partitions(await driver_of(connection), missing)
        self._days.update(missing)

    def days_changed(self) -> None:
        """Look again which days have a partition, after some were dropped."""
        self._days.clear()

    async def _lock_mark(self, driver: Any) -> _Mark:
        row = await driver.fetchrow(_LOCK_MARK)
        if row is None:
            await driver.execute(_FIRST_MARK)
            row = await driver.fetchrow(_LOCK_MARK)
        mark = _Mark(batch=row[0], newest_us=row[1], unsaved_from_us=row[2])
        if mark.batch != self._batch:
            self._forget()
            self._base_us = mark.newest_us
            if mark.unsaved_from_us is not None:
                await driver.execute(_RECOVER_LATEST, mark.unsaved_from_us)
                mark = _Mark(batch=mark.batch, newest_us=mark.newest_us, unsaved_from_us=None)
        if len(self._marks_us) < self._known_slots:
            more = min(self._known_slots, MAX_SLOTS) - len(self._marks_us)
            self._marks_us = np.concatenate([self._marks_us, np.full(more, self._base_us, dtype=np.int64)])
        return mark

    async def _copy_day(self, driver: Any, new: ReadingColumns, day: int, *, alone: bool) -> None:
        """Copy the new readings of a day into its partition, past the parent that would look it up."""
        rows = new if alone else new.take(new.measured_at_us // DAY_US == day)
        if len(rows):
            await copy_rows(driver, tables.reading, columns_of(rows), into=partition_of(day), schema=SCHEMA)

    async def _insert_missing(self, driver: Any, doubtful: ReadingColumns) -> ReadingColumns:
        """Insert those that are not there yet, and return them."""
        await driver.execute(
            "CREATE TEMPORARY TABLE IF NOT EXISTS incoming_reading (LIKE reading) ON COMMIT DELETE ROWS"
        )
        await copy_rows(driver, tables.reading, columns_of(doubtful), into="incoming_reading")
        inserted: list[tuple[int, int]] = []
        for first_us, last_us in spans_of(doubtful.measured_at_us):
            inserted += [(row[0], row[1]) for row in await driver.fetch(_INSERT_MISSING, first_us, last_us)]
        there = set(inserted)
        keys = zip(doubtful.measured_at_us.tolist(), doubtful.slot.tolist(), strict=True)
        return doubtful.take(np.array([key in there for key in keys], dtype=np.bool_))

    # latest readings ------------------------------------------------------------------------------

    async def _save_latest_if_due(self, driver: Any, mark: _Mark, placed: ReadingColumns) -> int | None:
        """Bring latest_reading up to date now and then; return since when it is not.

        Row by row it would cost more than the readings themselves.
        """
        began_s = time.monotonic()
        if began_s < self._save_at_s:
            from_us = int(placed.received_at_us.min(initial=np.iinfo(np.int64).max))
            known = mark.unsaved_from_us
            return from_us if known is None else min(known, from_us)
        newest = self._unsaved.changed()
        if len(newest):
            columns = {name: getattr(newest, name) for name in _LATEST_NAMES}
            await driver.execute(_INCOMING_LATEST)
            await copy_rows(driver, tables.latest_reading, columns, into="incoming_latest")
            await driver.execute(_SAVE_LATEST)
        self._unsaved.clear()
        now_s = time.monotonic()
        pause_s = min((now_s - began_s) / LATEST_SHARE, LONGEST_LATEST_PERIOD_S)
        self._save_at_s = now_s + max(LATEST_PERIOD_S, pause_s)
        return None

    async def latest(self) -> ReadingColumns:
        """Return the newest reading that may steer of every asset that has one, in slot order."""
        async with self._database.reading() as connection:
            driver = await driver_of(connection)
            unsaved = await driver.fetchval(f"SELECT unsaved_from_us FROM {SCHEMA}.mark")  # noqa: S608
            rows = await driver.fetch(_READ_LATEST, np.iinfo(np.int64).max if unsaved is None else unsaved)
        if not rows:
            return NO_READINGS
        return reading_columns(_LATEST_NAMES, zip(*rows, strict=True))


def spans_of(times_us: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Return few stretches (first, last) that hold all of the sorted `times_us`, apart where far apart."""
    if not len(times_us):
        return []
    gaps = np.diff(times_us)
    widest = np.sort(gaps)[::-1][: MAX_SPANS - 1]
    least = max(_GAP_US, int(widest[-1]) if len(widest) == MAX_SPANS - 1 else 0)
    cuts = np.flatnonzero(gaps > least)
    first = times_us[np.concatenate(([0], cuts + 1))].tolist()
    last = times_us[np.concatenate((cuts, [len(times_us) - 1]))].tolist()
    return list(zip(first, last, strict=True))
