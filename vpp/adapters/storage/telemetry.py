"""Readings of assets and meters of feeders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Table, exists, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql import ColumnElement

from vpp.adapters.storage import tables
from vpp.adapters.storage.bulk import driver_of, finite_or_null, insert_columns, nan_for_null
from vpp.adapters.storage.copy_rows import copy_new_rows
from vpp.adapters.storage.database import SQLITE
from vpp.adapters.storage.registry import Directory, slots_of
from vpp.domain.intervals import IntervalGrid
from vpp.domain.readings import (
    MICROSECOND,
    FeederReading,
    Quality,
    ReadingColumns,
    to_microseconds,
)
from vpp.ports import FeederHistory

# Taken from the stored row and not from the one in hand, so that a repeated reading with other
# values, or another judgement, changes nothing here either.
_LATEST_COLUMNS = "slot, measured_at_us, received_at_us, soc, power_kw, connected"
_LATEST_UPSERT = """ON CONFLICT (slot) DO UPDATE SET
    measured_at_us = excluded.measured_at_us, received_at_us = excluded.received_at_us,
    soc = excluded.soc, power_kw = excluded.power_kw, connected = excluded.connected
    WHERE excluded.measured_at_us > latest_reading.measured_at_us"""
_LATEST_SQLITE = f"""INSERT INTO latest_reading ({_LATEST_COLUMNS})
    SELECT {_LATEST_COLUMNS} FROM reading WHERE measured_at_us = ? AND slot = ? AND quality = 0
    {_LATEST_UPSERT}"""  # noqa: S608 constants of this file
_LATEST_POSTGRESQL = f"""INSERT INTO latest_reading ({_LATEST_COLUMNS})
    SELECT DISTINCT ON (slot) {_LATEST_COLUMNS}
    FROM reading JOIN unnest($1::bigint[], $2::integer[]) AS candidate (measured_at_us, slot)
        USING (measured_at_us, slot)
    WHERE quality = 0 ORDER BY slot, measured_at_us DESC
    {_LATEST_UPSERT}"""  # noqa: S608 constants of this file


async def append_readings(connection: AsyncConnection, readings: ReadingColumns) -> None:
    """Store readings in the order of time, and move the latest good ones forward."""
    ordered = _first_of_each(readings)
    new_count = await _insert_readings(connection, ordered)
    good = ordered.take(ordered.quality == int(Quality.GOOD))
    # The newest row of an asset is the one to show, unless it repeats a stored one that was bad.
    candidates = good.take(_newest_of_each_slot(good)) if new_count == len(ordered) else good
    await _move_latest(connection, candidates)


async def _insert_readings(connection: AsyncConnection, readings: ReadingColumns) -> int:
    """Insert what is not there yet; return how many readings were new."""
    columns = {item.name: getattr(readings, item.name) for item in fields(readings)}
    if connection.dialect.name != SQLITE:
        return await copy_new_rows(await driver_of(connection), tables.reading, columns)
    lists = {
        name: finite_or_null(column) if tables.reading.c[name].nullable else column.tolist()
        for name, column in columns.items()
    }
    return await insert_columns(connection, tables.reading, lists, skip_repeated=True)


def _first_of_each(readings: ReadingColumns) -> ReadingColumns:
    """Return readings by (measured_at, slot), the first to come of each: later ones change nothing."""
    order = np.lexsort((readings.slot, readings.measured_at_us))
    slot, at_us = readings.slot[order], readings.measured_at_us[order]
    repeated = (slot[1:] == slot[:-1]) & (at_us[1:] == at_us[:-1])
    return readings.take(order[np.concatenate(([True], ~repeated))[: len(order)]])


def _newest_of_each_slot(ordered: ReadingColumns) -> NDArray[np.int64]:
    """Return the row of the newest reading of every slot, of readings in the order of time."""
    _, from_the_end = np.unique(ordered.slot[::-1], return_index=True)
    return len(ordered) - 1 - from_the_end


async def _move_latest(connection: AsyncConnection, candidates: ReadingColumns) -> None:
    if not len(candidates):
        return
    driver = await driver_of(connection)
    at_us, slot = candidates.measured_at_us.tolist(), candidates.slot.tolist()
    if connection.dialect.name == SQLITE:
        cursor = await driver.executemany(_LATEST_SQLITE, list(zip(at_us, slot, strict=True)))
        await cursor.close()
    else:
        await driver.execute(_LATEST_POSTGRESQL, at_us, slot)


async def latest_readings(connection: AsyncConnection) -> ReadingColumns:
    """Return the newest good reading of every asset that has one, in slot order."""
    names = [item.name for item in fields(ReadingColumns) if item.name != "quality"]
    query = select(*(tables.latest_reading.c[name] for name in names)).order_by(tables.latest_reading.c.slot)
    rows = (await connection.execute(query)).all()
    columns = dict(zip(names, zip(*rows, strict=True), strict=True)) if rows else dict.fromkeys(names, ())
    return ReadingColumns(
        slot=np.array(columns["slot"], dtype=np.int64),
        measured_at_us=np.array(columns["measured_at_us"], dtype=np.int64),
        received_at_us=np.array(columns["received_at_us"], dtype=np.int64),
        soc=nan_for_null(columns["soc"]),
        power_kw=nan_for_null(columns["power_kw"]),
        connected=np.array(columns["connected"], dtype=np.bool_),
        quality=np.full(len(rows), int(Quality.GOOD), dtype=np.int64),
    )


def newest_known(
    table: Table, *, key: Sequence[str], known_by: str, known_at_us: int
) -> list[ColumnElement[bool]]:
    """Return the conditions that leave of each key the row that was the newest at `known_at_us`."""
    newer = table.alias("newer")
    same = [newer.c[name] == table.c[name] for name in key]
    superseded = exists().where(
        *same, newer.c[known_by] <= known_at_us, newer.c[known_by] > table.c[known_by]
    )
    return [table.c[known_by] <= known_at_us, ~superseded]


async def append_feeder_readings(
    connection: AsyncConnection, readings: Sequence[FeederReading], directory: Directory
) -> None:
    columns: dict[str, Sequence[Any]] = {
        "start_us": [to_microseconds(row.start) for row in readings],
        "feeder_slot": slots_of("feeder_id", (row.feeder_id for row in readings), directory.feeder_slots),
        "available_at_us": [to_microseconds(row.available_at) for row in readings],
        "consumption_kw": finite_or_null(np.array([row.consumption_kw for row in readings])),
        "pv_kw": finite_or_null(np.array([row.pv_kw for row in readings])),
    }
    await insert_columns(connection, tables.feeder_reading, columns, skip_repeated=True)


async def feeder_history(
    connection: AsyncConnection, *, grid: IntervalGrid, known_at_us: int
) -> FeederHistory:
    """Return the mean of the meter readings that start within each interval, NaN where there is none."""
    table = tables.feeder_reading
    feeder_ids = tuple(
        await connection.scalars(select(tables.feeder.c.feeder_id).order_by(tables.feeder.c.feeder_slot))
    )
    start_us, length_us = to_microseconds(grid.start), grid.length // MICROSECOND
    query = select(table.c.feeder_slot, table.c.start_us, table.c.consumption_kw, table.c.pv_kw).where(
        table.c.start_us >= start_us,
        table.c.start_us < to_microseconds(grid.end),
        *newest_known(
            table, key=("feeder_slot", "start_us"), known_by="available_at_us", known_at_us=known_at_us
        ),
    )
    rows = (await connection.execute(query)).all()
    slot, at_us, consumption, pv = zip(*rows, strict=True) if rows else ((), (), (), ())
    cell = (
        np.array(slot, dtype=np.int64),
        (np.array(at_us, dtype=np.int64) - start_us) // length_us,
    )
    shape = (len(feeder_ids), grid.count)
    return FeederHistory(
        feeder_ids=feeder_ids,
        grid=grid,
        consumption_kw=_mean_of_cells(shape, cell, nan_for_null(consumption)),
        pv_kw=_mean_of_cells(shape, cell, nan_for_null(pv)),
    )


def _mean_of_cells(
    shape: tuple[int, int],
    cell: tuple[NDArray[np.int64], NDArray[np.int64]],
    values: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the mean of the finite values of each cell, NaN where there is none."""
    total, count = np.zeros(shape), np.zeros(shape)
    finite = np.isfinite(values)
    place = (cell[0][finite], cell[1][finite])
    np.add.at(total, place, values[finite])
    np.add.at(count, place, 1.0)
    mean = np.full(shape, np.nan)
    np.divide(total, count, out=mean, where=count > 0)
    return mean
