"""One metered series with all that may be known beside it: calendar and weather, each with its time."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from vpp.domain.errors import InvalidValueError
from vpp.domain.intervals import IntervalGrid
from vpp.forecasting.local_days import DAY

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MAXIMUM_WEATHER_STEP = timedelta(hours=6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """Temperature in degrees Celsius on the intervals of a series, counted from its first.

    `observed_c`, shape (N,), is known from the end of its interval on. An issued forecast is a row of
    `issued_*`, shape (R,), sorted by (start, known): it speaks of interval `issued_start` and may be used
    by whatever is issued at or after the start of interval `issued_known`.
    """

    observed_c: Floats
    issued_start: Ints
    issued_known: Ints
    issued_c: Floats

    def known_at(self, origin: int, first: int, end: int) -> Floats:
        """Return the temperatures of intervals [first, end) as they were known at interval `origin`.

        Measured ones where they are past, else the forecast issued last; NaN where there is neither.
        """
        result = np.full(end - first, np.nan)
        low, high = np.searchsorted(self.issued_start, (first, end))
        usable = self.issued_known[low:high] <= origin
        # Of equal starts the row issued last comes last, and the last assignment counts.
        result[self.issued_start[low:high][usable] - first] = self.issued_c[low:high][usable]
        past_first = max(first, 0)
        past_end = max(min(end, origin, len(self.observed_c)), past_first)
        seen = self.observed_c[past_first:past_end]
        place = result[past_first - first : past_end - first]
        place[np.isfinite(seen)] = seen[np.isfinite(seen)]
        return result

    def error(self) -> Floats:
        """Return the last forecast issued before each interval minus what was measured, (N,), in degrees."""
        before = (self.issued_known <= self.issued_start) & (self.issued_start >= 0)
        before &= self.issued_start < len(self.observed_c)
        said = np.full(len(self.observed_c), np.nan)
        said[self.issued_start[before]] = self.issued_c[before]
        return said - self.observed_c


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Values of one feeder or portfolio over `grid`, shape (N,); NaN where nothing is known.

    `floor` is added before logarithms are taken: a small share of the typical peak, in the unit of the
    values. A series that may be negative, such as a price, has none.
    """

    grid: IntervalGrid
    values: Floats
    timezone: str
    holidays: frozenset[date] = frozenset()
    weather: Weather | None = None
    floor: float | None = field(default=None)

    def __post_init__(self) -> None:
        if self.values.shape != (self.grid.count,):
            raise InvalidValueError("values", self.values.shape, f"{self.grid.count} values, one an interval")
        if DAY % self.grid.length:
            raise InvalidValueError("grid.length", self.grid.length, "a length that divides a day")

    @property
    def per_day(self) -> int:
        return DAY // self.grid.length


def typical_peak(values: Floats) -> float:
    """Return what a series exceeds on 2 % of its known values; 0 where nothing is known."""
    known = values[np.isfinite(values)]
    return float(np.quantile(known, 0.98)) if len(known) else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """Local times of N intervals: hour with fractions, ordinal of the date, and what kind of day it is.

    `weekday` is 0 to 6 from Monday and 6 on a public holiday, which is lived like a Sunday.
    """

    hour: Floats
    ordinal: Ints
    weekday: Ints
    summer_time: NDArray[np.bool_]  # the clock is moved, so that people are at the same interval earlier
    holiday: NDArray[np.bool_]
    holiday_before: NDArray[np.bool_]
    holiday_after: NDArray[np.bool_]
    bridge: NDArray[np.bool_]  # a workday between a holiday and a weekend
    day_of_year: Ints

    @property
    def day_class(self) -> Ints:
        """Return 0 for a workday, 1 for a Saturday, 2 for a Sunday or holiday."""
        return np.clip(self.weekday - 4, 0, 2)


def calendar_of(grid: IntervalGrid, timezone: str, holidays: frozenset[date]) -> Calendar:
    """Return the local calendar of every interval of `grid`."""
    zone = ZoneInfo(timezone)
    local = [start.astimezone(zone) for start in grid.starts()]
    ordinal = np.array([at.toordinal() for at in local], dtype=np.int64)
    free = np.array(sorted(day.toordinal() for day in holidays), dtype=np.int64)
    plain = (ordinal + 6) % 7
    holiday, before, after = (np.isin(ordinal + shift, free) for shift in (0, -1, 1))
    working = (plain < 5) & ~holiday
    bridge = working & ((before & (plain == 4)) | (after & (plain == 0)) | (before & after))
    january = np.array([datetime(at.year, 1, 1, tzinfo=UTC).toordinal() for at in local], dtype=np.int64)
    return Calendar(
        hour=np.array([at.hour + at.minute / 60.0 for at in local]),
        ordinal=ordinal,
        weekday=np.where(holiday, 6, plain),
        summer_time=np.array([bool(at.dst()) for at in local]),
        holiday=holiday,
        holiday_before=before,
        holiday_after=after,
        bridge=bridge,
        day_of_year=ordinal - january + 1,
    )
