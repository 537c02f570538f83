"""Meters of feeders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Table, exists, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql import ColumnElement

from vpp.adapters.storage import tables
from vpp.adapters.storage.bulk import finite_or_null, insert_columns, nan_for_null
from vpp.adapters.storage.registry import Directory, slots_of
from vpp.domain.intervals import IntervalGrid
from vpp.domain.readings import (
    MICROSECOND,
    FeederReading,
    to_microseconds,
)
from vpp.ports import FeederHistory


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
