"""Where things lie on a drawing: round numbers up the side, round times below, honest reductions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ticks = list[tuple[float, str]]  # place along the bottom in intervals, and what is written there
DAY = timedelta(days=1)
MAXIMUM_TICKS = 9
NOTHING = 1e-12  # a span that is drawn as none


@dataclass(frozen=True, slots=True)
class Scale:
    """Values from `low` to `high`, both round, with a round step."""

    low: float
    high: float
    step: float

    @classmethod
    def over(cls, values: Floats, *, zero: bool = False, steps: int = 5) -> Scale:
        """Return a scale that holds every finite value, and zero where asked."""
        known = values[np.isfinite(values)]
        low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
        if zero:
            low, high = min(low, 0.0), max(high, 0.0)
        if high - low < 1e-9 * max(1.0, abs(high)):
            low, high = min(low, 0.0), max(high, 0.0)
        if high - low < NOTHING:
            high = low + 1.0
        rough = (high - low) / steps
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * 0.999)
        return cls(math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step, step)

    def share(self, value: float | Floats) -> Floats:
        """Return where values lie between bottom (0) and top (1)."""
        return np.asarray((np.asarray(value, dtype=np.float64) - self.low) / (self.high - self.low))

    def labels(self) -> list[tuple[float, str]]:
        """Return the round values with what is written beside them."""
        count = round((self.high - self.low) / self.step)
        digits = max(0, -math.floor(math.log10(self.step) + 1e-9))
        digits += round(self.step * 10**digits) != self.step * 10**digits  # a step of 2.5 or 0.25
        values = [self.low + k * self.step for k in range(count + 1)]
        return [(value, f"{value if abs(value) > 1e-12 else 0.0:,.{digits}f}") for value in values]


def time_ticks(start: datetime, length: timedelta, count: int, timezone: str) -> Ticks:
    """Return round local times over `count` intervals, at most nine; midnights carry the date."""
    zone, whole = ZoneInfo(timezone), count * length
    if whole <= timedelta(days=3):
        return _hours(start, length, whole, zone)
    if whole <= timedelta(days=100):
        every = max(1, math.ceil(whole / DAY / MAXIMUM_TICKS))
        return _midnights(start, length, whole, zone, every)
    return _months(start, length, whole, zone)


def _place(at: datetime, start: datetime, length: timedelta) -> float:
    return (at - start) / length


def _hours(start: datetime, length: timedelta, whole: timedelta, zone: ZoneInfo) -> Ticks:
    hours = whole / timedelta(hours=1)
    every = next((step for step in (1, 2, 3, 4, 6, 12) if hours / step <= MAXIMUM_TICKS), 24)
    ticks: Ticks = []
    at = start.replace(minute=0, second=0, microsecond=0)
    while at <= start + whole:
        local = at.astimezone(zone)
        if at >= start and local.minute == 0 and local.hour % every == 0:
            text = f"{local:%a} {local.day} {local:%b}" if local.hour == 0 else f"{local:%H:%M}"
            ticks.append((_place(at, start, length), text))
        at += timedelta(hours=1)
    return ticks


def _midnights(start: datetime, length: timedelta, whole: timedelta, zone: ZoneInfo, every: int) -> Ticks:
    ticks: Ticks = []
    local = start.astimezone(zone)
    day = datetime(local.year, local.month, local.day, tzinfo=zone)
    while day <= start + whole:
        if day >= start:
            ticks.append((_place(day, start, length), f"{day:%a} {day.day} {day:%b}"))
        day += every * DAY  # wall time: stays on midnight when the clocks change
    return ticks


def _months(start: datetime, length: timedelta, whole: timedelta, zone: ZoneInfo) -> Ticks:
    every = math.ceil(whole / DAY / 30.4 / 13)
    local = start.astimezone(zone)
    year, month = local.year, local.month
    ticks: Ticks = []
    while (first := datetime(year, month, 1, tzinfo=zone)) <= start + whole:
        if first >= start:
            ticks.append(
                (_place(first, start, length), f"{first:%b %Y}" if month == 1 or not ticks else f"{first:%b}")
            )
        year, month = year + (month - 1 + every) // 12, (month - 1 + every) % 12 + 1
    return ticks


def bins(count: int, most: int) -> int:
    """Return how many intervals go into one point, so that there are at most `most` points."""
    return max(1, math.ceil(count / most))


def reduced(values: Floats, size: int) -> tuple[Floats, Floats, Floats]:
    """Return the least, mean and greatest of every `size` values in a row; the last group may be shorter.

    What is not a number is left out; a group without any number is not a number.
    """
    if size == 1:
        return values, values, values
    pad = -len(values) % size
    groups = np.pad(values.astype(np.float64), (0, pad), constant_values=np.nan).reshape(-1, size)
    known = np.isfinite(groups)
    count = known.sum(axis=1)
    none = count == 0
    least = np.where(known, groups, np.inf).min(axis=1)
    greatest = np.where(known, groups, -np.inf).max(axis=1)
    mean = np.where(known, groups, 0.0).sum(axis=1) / np.maximum(count, 1)
    return tuple(np.where(none, np.nan, column) for column in (least, mean, greatest))  # type: ignore[return-value]
