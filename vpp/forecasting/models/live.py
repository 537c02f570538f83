"""One fit of the learning models for live operation: from the history of all feeders to medians ahead.

Runs in a process of its own; takes seconds to minutes. What it returns is a version: medians over a grid.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from vpp.domain.intervals import IntervalGrid
from vpp.forecasting.local_days import DAY
from vpp.forecasting.models.boosting import Boosting, FittedBoosting
from vpp.forecasting.models.features import Layout, build_table
from vpp.forecasting.models.ridge import FIRST_PREDICTION_DAYS
from vpp.forecasting.models.series import Series, typical_peak
from vpp.forecasting.reconciliation import reconciled
from vpp.ports import FeederHistory

Floats = NDArray[np.float64]

FLOOR_SHARE = 0.01  # of the typical peak, below which logarithms are not trusted
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LEARNERS = ("ridge", "lightgbm")
FEWEST_DAYS = FIRST_PREDICTION_DAYS + 15
MAXIMUM_FEEDERS = 100
MAXIMUM_GROWTH = 2.0  # of the typical peak; beyond it a fit has gone astray


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedVersion:
    """Medians of consumption by ridge and LightGBM, shape (2, F, T), kW, over `grid`; feeders add up."""

    feeder_ids: tuple[str, ...]
    grid: IntervalGrid
    p50_kw: Floats
    error_share: tuple[float, ...]  # root mean square error of each learner on past days, of the typical peak

    def to_bytes(self) -> bytes:
        """Return the version as an npz file without pickles."""
        file = io.BytesIO()
        start_us = (self.grid.start - EPOCH) // timedelta(microseconds=1)
        np.savez_compressed(
            file,
            feeder_ids=np.array(self.feeder_ids, dtype=np.str_),
            grid=np.array([start_us, self.grid.length // timedelta(microseconds=1), self.grid.count]),
            p50_kw=self.p50_kw,
            error_share=np.array(self.error_share),
        )
        return file.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> FittedVersion:
        """Return what `to_bytes` was given; raise ValueError for anything else."""
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as file:
                start_us, length_us, count = (int(value) for value in file["grid"])
                return cls(
                    feeder_ids=tuple(str(name) for name in file["feeder_ids"]),
                    grid=IntervalGrid(
                        start=EPOCH + timedelta(microseconds=start_us),
                        length=timedelta(microseconds=length_us),
                        count=count,
                    ),
                    p50_kw=file["p50_kw"],
                    error_share=tuple(float(value) for value in file["error_share"]),
                )
        except (KeyError, OSError, EOFError, BadZipFile) as error:
            raise ValueError(f"not a fitted version: {error}") from error


def known_days(history: FeederHistory) -> int:
    """Return over how many days the least known feeder was metered, counting whole days of values."""
    if not history.feeder_ids:
        return 0
    per_day = DAY // history.grid.length
    return int(np.isfinite(history.consumption_kw).sum(axis=1).min() // per_day)


def fit_version(
    history: FeederHistory, horizon: int, *, timezone: str, holidays: frozenset[date]
) -> FittedVersion:
    """Return medians of the `horizon` intervals after the history, fitted to all of it.

    Each feeder and the portfolio are fitted apart, then reconciled.
    """
    load_kw = history.consumption_kw
    whole_kw = np.where(np.isfinite(load_kw).all(axis=0), load_kw.sum(axis=0), np.nan)
    fits = [_fit(series_kw, history.grid, horizon, timezone, holidays) for series_kw in (*load_kw, whole_kw)]
    medians = np.stack([median for median, _ in fits], axis=1)  # (2, F + 1, T)
    spread = np.stack([error for _, error in fits], axis=1)  # (2, F + 1) root mean square errors, kW
    peak = max(typical_peak(whole_kw), 1e-9)
    p50_kw = np.stack(
        [
            reconciled(median[:-1], median[-1], error[:-1] ** 2, float(error[-1] ** 2))
            for median, error in zip(medians, spread, strict=True)
        ]
    )
    return FittedVersion(
        feeder_ids=history.feeder_ids,
        grid=IntervalGrid(start=history.grid.end, length=history.grid.length, count=horizon),
        p50_kw=p50_kw,
        error_share=tuple(float(error) / peak for error in spread[:, -1]),
    )


def _fit(
    values_kw: Floats, grid: IntervalGrid, horizon: int, timezone: str, holidays: frozenset[date]
) -> tuple[Floats, Floats]:
    """Return medians (2, T) of ridge and LightGBM and the size of their past errors (2,), kW."""
    peak = typical_peak(values_kw)
    series = Series(
        grid=grid,
        values=values_kw,
        timezone=timezone,
        holidays=holidays,
        floor=max(FLOOR_SHARE * peak, 1e-6),
    )
    per_day = series.per_day
    origin = np.arange(grid.count % per_day, grid.count + 1, per_day, dtype=np.int64)
    table = build_table(series, origin, Layout(gap=0, horizon=horizon))
    last = len(table) - 1
    fitted = Boosting().fit(table, table.known_before(last), None)
    assert isinstance(fitted, FittedBoosting)
    said = np.stack([fitted.ridge.predict(table, last), fitted.predict(table, last)])
    walk = fitted.ridge.walk
    error = table.value(walk) - table.value(table.target[: len(walk)])
    known = error[np.isfinite(error)]
    size = float(np.sqrt(np.mean(known**2))) if len(known) else peak
    medians = np.clip(table.value(said), 0.0, MAXIMUM_GROWTH * peak)
    return medians, np.array([size, size])
