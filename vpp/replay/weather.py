"""Weather of a scenario: what it was, and when it was known."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from optimizer.files.tables import find_table, read_table
from vpp.domain.intervals import IntervalGrid
from vpp.domain.readings import to_microseconds
from vpp.replay.columns import times_us

Floats = NDArray[np.float64]
VALID_US = 3_600_000_000
WEATHER_COLUMNS = ("start", "issued_at", "temperature_c", "irradiance_w_m2")


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """Rows by start, then by when they were issued; the last of a start is what the weather was. (W,)."""

    start_us: NDArray[np.int64]
    issued_us: NDArray[np.int64]
    temperature_c: Floats
    irradiance_w_m2: Floats

    def temperature_over(self, grid: IntervalGrid) -> Floats:
        """Return what the temperature was in each interval, (T,): of the newest row that has begun."""
        starts_us = to_microseconds(grid.start) + np.arange(grid.count) * (
            grid.length // timedelta(microseconds=1)
        )
        row = np.searchsorted(self.start_us, starts_us, side="right") - 1
        return self.temperature_c[np.maximum(row, 0)]

    def irradiance_over(self, grid: IntervalGrid, known_at: datetime) -> Floats:
        """Return the irradiance of each interval as last issued by `known_at`, (T,), W/m², NaN for none.

        A row stands for its own hour at most, until the next.
        """
        known = self.issued_us <= to_microseconds(known_at)
        start_us, values = self.start_us[known], self.irradiance_w_m2[known]
        if not len(start_us):
            return np.full(grid.count, np.nan)
        length_us = grid.length // timedelta(microseconds=1)
        starts_us = to_microseconds(grid.start) + np.arange(grid.count) * length_us
        row = np.searchsorted(start_us, starts_us, side="right") - 1
        fresh = (row >= 0) & (starts_us - start_us[np.maximum(row, 0)] < VALID_US)
        return np.where(fresh, values[np.maximum(row, 0)], np.nan)


def read_weather(folder: Path) -> Weather | None:
    """Return the weather table of a folder, None where there is none; raise ProblemError."""
    path = find_table(folder, "weather", needed=False)
    if path is None:
        return None
    table = read_table(path, WEATHER_COLUMNS)
    start_us, issued_us = times_us(table, "start"), times_us(table, "issued_at")
    temperature = table.numbers("temperature_c", low=-60.0, high=60.0)
    irradiance = table.numbers("irradiance_w_m2", low=0.0, high=1500.0)
    order = np.lexsort((issued_us, start_us))
    return Weather(
        start_us=start_us[order],
        issued_us=issued_us[order],
        temperature_c=temperature[order],
        irradiance_w_m2=irradiance[order],
    )
