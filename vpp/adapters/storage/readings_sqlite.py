"""Readings in SQLite: one table in the order of time, whose key keeps a reading from being stored twice."""

from __future__ import annotations

from dataclasses import fields

from sqlalchemy import Table, select
from sqlalchemy.ext.asyncio import AsyncConnection

from vpp.adapters.storage import tables
from vpp.adapters.storage.bulk import driver_of, finite_or_null, insert_columns
from vpp.adapters.storage.database import Database
from vpp.adapters.storage.reading_columns import (
    columns_of,
    first_of_each,
    newest_of_each_slot,
    reading_columns,
)
from vpp.adapters.storage.reading_days import is_misdated
from vpp.domain.readings import DISQUALIFYING, NO_READINGS, ReadingColumns, steers

_NAMES = [item.name for item in fields(ReadingColumns) if item.name != "quality"]
_COLUMNS = ", ".join(_NAMES)
# Taken from the stored row and not from the one in hand, so that a repeated reading with other
# values, or another judgement, changes nothing here either.
_MOVE_LATEST = (
    f"INSERT INTO latest_reading ({_COLUMNS}) SELECT {_COLUMNS} FROM reading "  # noqa: S608 constants
    f"WHERE measured_at_us = ? AND slot = ? AND quality & {int(DISQUALIFYING)} = 0 "
    "ON CONFLICT (slot) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in _NAMES if name != "slot")
    + " WHERE excluded.measured_at_us - 1000 * excluded.clock_ahead_ms"
    " > latest_reading.measured_at_us - 1000 * latest_reading.clock_ahead_ms"
)


class SqliteReadings:
    """Appends readings, and knows the latest of each asset."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def append(self, readings: ReadingColumns) -> None:
        """Store readings in the order of time, each once, and move the latest ones forward."""
        ordered = first_of_each(readings)
        wrong = is_misdated(ordered)
        placed = ordered.take(~wrong) if wrong.any() else ordered
        async with self._database.writing() as connection:
            new_count = await _insert(connection, tables.reading, placed)
            if wrong.any():
                await _insert(connection, tables.misdated_reading, ordered.take(wrong))
            good = placed.take(steers(placed.quality))
            if not len(good):
                return
            # The newest row of an asset is the one to show, unless it repeats a stored one that was bad.
            corrected = bool(good.clock_ahead_ms.any())
            simple = new_count == len(placed) and not corrected
            candidates = good.take(newest_of_each_slot(good)) if simple else good
            keys = zip(candidates.measured_at_us.tolist(), candidates.slot.tolist(), strict=True)
            cursor = await (await driver_of(connection)).executemany(_MOVE_LATEST, list(keys))
            await cursor.close()

    def days_changed(self) -> None:
        """Do nothing: there are no partitions."""

    async def latest(self) -> ReadingColumns:
        """Return the newest reading that may steer of every asset that has one, in slot order."""
        table = tables.latest_reading
        query = select(*(table.c[name] for name in _NAMES)).order_by(table.c.slot)
        async with self._database.reading() as connection:
            rows = (await connection.execute(query)).all()
        return reading_columns(_NAMES, zip(*rows, strict=True)) if rows else NO_READINGS


async def _insert(connection: AsyncConnection, table: Table, readings: ReadingColumns) -> int:
    """Insert what is not there yet; return how many readings were new."""
    lists = {
        name: finite_or_null(column) if table.c[name].nullable else column.tolist()
        for name, column in columns_of(readings).items()
    }
    return await insert_columns(connection, table, lists, skip_repeated=True)
