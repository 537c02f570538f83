"""Forecasts that were in force in recorded operation, as a table of a scenario folder.

forecasts.parquet   forecast_id  available_at  source  verdict  reason  feeder_id  start
                    consumption_p10_kw  consumption_p50_kw  consumption_p90_kw  pv_kw
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from optimizer.files.tables import Table, find_table, read_table
from vpp.domain.forecasts import ForecastSource, LoadForecast, ReplyVerdict
from vpp.domain.intervals import IntervalGrid
from vpp.domain.readings import from_microseconds
from vpp.replay.columns import times_us

QUANTILES: Final = ("consumption_p10_kw", "consumption_p50_kw", "consumption_p90_kw", "pv_kw")
WORDS: Final = ("source", "verdict", "reason")
COLUMNS: Final = ("forecast_id", "available_at", *WORDS, "feeder_id", "start", *QUANTILES)


def forecast_frame(forecasts: Sequence[LoadForecast]) -> pd.DataFrame:
    """Return the table of forecasts: a row per forecast, feeder and interval."""
    frames = []
    for one in forecasts:
        feeders, count = len(one.feeder_ids), one.grid.count
        starts = pd.date_range(one.grid.start, periods=count, freq=one.grid.length).as_unit("us")
        columns = {
            "forecast_id": one.forecast_id,
            "available_at": pd.Timestamp(one.available_at).as_unit("us"),
            "source": str(one.source),
            "verdict": str(one.verdict),
            "reason": one.reason,
            "feeder_id": np.repeat(np.array(one.feeder_ids, dtype=object), count),
            "start": np.tile(starts, feeders),
        }
        columns |= {name: getattr(one, name).ravel() for name in QUANTILES}
        frames.append(pd.DataFrame(columns))
    return pd.concat(frames, ignore_index=True)


def read_recorded_forecasts(
    folder: Path, feeder_ids: tuple[str, ...], interval: timedelta
) -> tuple[LoadForecast, ...]:
    """Return the forecasts of a folder by the time they became known, none where there is no table.

    Raises ProblemError for a forecast that has not one value for each feeder and interval.
    """
    path = find_table(folder, "forecasts", needed=False)
    if path is None:
        return ()
    table = read_table(path, COLUMNS)
    code, _ = pd.factorize(table.ids("forecast_id"))
    starts, known = times_us(table, "start"), times_us(table, "available_at")
    feeder = pd.Index(feeder_ids).get_indexer(pd.Index(table.ids("feeder_id")))
    table.require("feeder_id", feeder >= 0, "a feeder of the feeders table")
    rows = np.lexsort((starts, feeder, code))
    ends = np.searchsorted(code[rows], np.arange(code.max() + 1), side="right")
    found = [
        _forecast(table, part, starts, int(known[part[0]]), feeder_ids, interval)
        for part in np.split(rows, ends[:-1])
    ]
    return tuple(sorted(found, key=lambda one: (one.available_at, one.forecast_id)))


def _forecast(
    table: Table,
    rows: np.ndarray[tuple[int], np.dtype[np.int64]],
    starts: np.ndarray[tuple[int], np.dtype[np.int64]],
    known_us: int,
    feeder_ids: tuple[str, ...],
    interval: timedelta,
) -> LoadForecast:
    """Return one forecast of its rows, by feeder, then by start."""
    length_us, count = interval // timedelta(microseconds=1), len(rows) // len(feeder_ids)
    first = int(starts[rows[0]])
    expected = np.tile(first + np.arange(count) * length_us, len(feeder_ids))
    whole = np.ones(len(starts), dtype=np.bool_)
    whole[rows] = len(expected) == len(rows) and np.array_equal(starts[rows], expected)
    table.require("start", whole, f"one value for each feeder and interval of {interval}")
    shape = (len(feeder_ids), count)
    matrices: dict[str, Any] = {
        name: table.numbers(name, low=0.0, high=1e9)[rows].reshape(shape) for name in QUANTILES
    }
    words = {name: str(table.text(name)[rows[0]]) for name in WORDS}
    return LoadForecast(
        forecast_id=str(table.ids("forecast_id")[rows[0]]),
        feeder_ids=feeder_ids,
        grid=IntervalGrid(start=from_microseconds(first), length=interval, count=count),
        available_at=from_microseconds(known_us),
        source=ForecastSource(words["source"]),
        verdict=ReplyVerdict(words["verdict"]),
        reason=words["reason"],
        **matrices,
    )
