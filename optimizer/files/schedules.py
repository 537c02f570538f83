"""A schedule as a table, written and read in pieces: a million assets never stand in memory as rows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from optimizer.files.tables import Table, checked_table, find_table, read_table
from optimizer.plan import Floats, Schedule
from optimizer.problem import Ints, Problem, ProblemError

COLUMNS = ("asset_id", "interval", "charge_kw", "discharge_kw", "energy_end_kwh")
RESERVE = ("reserve_up_kw", "reserve_down_kw")

ASSETS_AT_ONCE = 10_000
"""Assets written as one row group."""
ROWS_AT_ONCE = 1_000_000
"""Rows read at a time."""


def write_schedule(path: Path, problem: Problem, schedule: Schedule) -> None:
    """Write the rows with power or reserve as Parquet, by asset and interval; same plan, same bytes."""
    shares = tuple(name for name in RESERVE if getattr(schedule, name) is not None)
    names = pa.array(problem.assets.asset_id, pa.string())
    kinds = [("asset_id", pa.string()), ("interval", pa.int64())]
    kinds += [(name, pa.float64()) for name in (*COLUMNS[2:], *shares)]
    with pq.ParquetWriter(path, pa.schema(kinds), compression="zstd") as writer:
        for first in range(0, len(problem.assets), ASSETS_AT_ONCE):
            block = slice(first, first + ASSETS_AT_ONCE)
            parts = {name: getattr(schedule, name)[block] for name in (*COLUMNS[2:], *shares)}
            used = np.any([parts[name] != 0.0 for name in parts if name != "energy_end_kwh"], axis=0)
            asset, interval = np.nonzero(used)
            columns = {"asset_id": names.take(pa.array(asset + first)), "interval": pa.array(interval)}
            columns |= {name: pa.array(part[used]) for name, part in parts.items()}
            writer.write_table(pa.table(columns))


def read_schedule(folder: Path | str, problem: Problem) -> Schedule:
    """Read schedule.parquet or .csv; rows left out have no power, and the energy that follows from it.

    Raises:
        ProblemError: for an unknown asset or column, a repeated row, or text where a number should be.
    """
    path = find_table(Path(folder), "schedule", needed=True)
    assert path is not None
    index, listed = pd.Index(problem.assets.asset_id), np.zeros(problem.shape, dtype=bool)
    matrices: dict[str, Floats] = {name: np.zeros(problem.shape) for name in COLUMNS[2:]}
    for table in _tables(path):
        place = _places(table, index, problem, listed)
        for name in table.columns:
            if name not in COLUMNS[:2]:
                matrix = matrices.setdefault(name, np.zeros(problem.shape))
                matrix.reshape(-1)[place] = table.numbers(name)
    _carry_energy(problem, matrices["energy_end_kwh"], listed)
    return Schedule(**matrices)


def _tables(path: Path) -> Iterator[Table]:
    """Yield the table in pieces, each with its first row's number; a CSV in one."""
    if path.suffix == ".csv":
        yield read_table(path, COLUMNS, RESERVE)
        return
    try:
        file = pq.ParquetFile(path, read_dictionary=["asset_id"])
        row = 0
        yield checked_table(path.name, file.schema_arrow.empty_table(), COLUMNS, RESERVE)
        for batch in file.iter_batches(ROWS_AT_ONCE):
            data = pa.Table.from_batches([batch])
            yield checked_table(path.name, data, COLUMNS, RESERVE, first_row=row)
            row += data.num_rows
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise ProblemError(path.name, "(file)", None, reason, "a readable table") from error


def _places(table: Table, index: Any, problem: Problem, listed: np.ndarray[Any, Any]) -> Ints:
    """Return each row's place in a flat (N, T) matrix, and mark it as listed; a repeated one is refused."""
    column = table.columns["asset_id"]
    if not pa.types.is_dictionary(column.type):
        column = pc.dictionary_encode(pa.array(table.text("asset_id"), pa.string()))
    coded = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(coded, pa.ChunkedArray):  # no rows at all
        coded = pa.array([], pa.string()).dictionary_encode()
    known = np.append(index.get_indexer(pd.Index(coded.dictionary.to_pylist(), dtype=object)), -1)
    asset = known[coded.indices.to_numpy(zero_copy_only=False).astype(np.int64)]
    table.require("asset_id", asset >= 0, "an id that assets have")
    place: Ints = asset * problem.intervals + table.whole("interval", low=0, high=problem.intervals - 1)
    marks = listed.reshape(-1)
    fresh = ~marks[place]
    if np.any(np.diff(place) <= 0):  # not in order, as it is when we wrote it
        fresh &= ~pd.Series(place).duplicated().to_numpy()
    table.require("interval", fresh, "each asset and interval once")
    marks[place] = True
    return place


def _carry_energy(problem: Problem, path: Floats, listed: np.ndarray[Any, Any]) -> None:
    """Fill the energy of rows that were left out, in place: it stays, but for the trips."""
    windows, energy = problem.windows, problem.assets.energy_initial_kwh.copy()
    for t in range(problem.intervals):
        away = np.flatnonzero(windows.to_interval == t)
        asset = windows.asset[away]
        energy[asset] = np.maximum(energy[asset] - windows.trip_energy_kwh[away], 0.0)
        energy = np.where(listed[:, t], path[:, t], energy)
        path[:, t] = energy
