"""The baseline of an event: the mean of ten like days, moved by what the event's own day was like before it.

```
    like day ───────┬── window ──┬─ 1 h ─┬── event ──┬───►   the same local clock times on each day
    event's day ────┴── 2 h ─────┴───────┴───────────┴───►   window here less window there: the adjustment
```

As in CAISO's ten-in-ten (tariff 4.13.4.1), with an additive adjustment: a battery's power crosses zero,
where a ratio means nothing. It is at most `CAP_SHARE` of the largest magnitude of the days' mean in window
and event. Days are of 23 to 25 hours; clock times that a day lacks or has twice are read as PEP 495 says.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from vpp.control.settlement.metering import MeanPower
from vpp.domain.readings import from_microseconds, to_microseconds
from vpp.domain.settlement import Spans

LIKE_DAYS: Final = 10
LEAST_DAYS: Final = 5
LOOK_BACK: Final = timedelta(days=60)
WINDOW: Final = timedelta(hours=2)
WINDOW_GAP: Final = timedelta(hours=1)  # before the event: what the announcement itself changed stays out
CAP_SHARE: Final = 0.2
LEAST_COVERAGE: Final = 0.75  # of each interval of a like day
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """Which days are alike: workdays, and all others."""

    timezone: str
    holidays: frozenset[date] = frozenset()

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    def is_workday(self, day: date) -> bool:
        return day.weekday() < 5 and day not in self.holidays

    def day_of(self, at: datetime) -> date:
        return at.astimezone(self.zone).date()


def like_days(day: date, calendar: Calendar, event_days: Collection[date]) -> Iterator[date]:
    """Yield the days like `day` before it within `LOOK_BACK` that had no event, newest first."""
    for back in range(1, LOOK_BACK.days + 1):
        before = day - timedelta(days=back)
        if calendar.is_workday(before) is calendar.is_workday(day) and before not in event_days:
            yield before


def window_before(event: Spans) -> Spans:
    """Return the stretches before an event that its day's level is taken from."""
    length_us = int(event.end_us[0] - event.start_us[0])
    end = from_microseconds(int(event.start_us[0])) - WINDOW_GAP
    return Spans.of(end - WINDOW, end, timedelta(microseconds=length_us))


def joined(window: Spans, event: Spans) -> Spans:
    """Return the stretches of both, window first."""
    return Spans(
        start_us=np.concatenate([window.start_us, event.start_us]),
        end_us=np.concatenate([window.end_us, event.end_us]),
    )


def on_day(spans: Spans, from_day: date, to_day: date, calendar: Calendar) -> Spans:
    """Return stretches of the same local clock times on another day, as long as the original ones."""
    zone, shift = calendar.zone, to_day - from_day
    starts = []
    for start in spans.starts():
        local = start.astimezone(zone).replace(tzinfo=None) + shift
        starts.append(to_microseconds(local.replace(tzinfo=zone)))
    start_us = np.array(starts, dtype=np.int64)
    return Spans(start_us=start_us, end_us=start_us + (spans.end_us - spans.start_us))


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """Power without the event (N, E), kW, NaN for assets with fewer than `LEAST_DAYS` days.

    `adjustment_kw` (N,) is in it; `days` (N,) counts the days that it rests on.
    """

    power_kw: Floats
    adjustment_kw: Floats
    days: NDArray[np.int64]


class TenOfTen:
    """Adds like days, newest first, each as means over window and event; takes ten good ones per asset."""

    def __init__(self, assets: int, window: int, event: int) -> None:
        self._window = window
        self._days = np.zeros(assets, dtype=np.int64)
        self._known = np.zeros((assets, window + event), dtype=np.int64)
        self._sum_kw = np.zeros((assets, window + event))

    @property
    def assets(self) -> int:
        """Return how many assets there are."""
        return len(self._days)

    @property
    def complete(self) -> bool:
        """Return whether every asset has its days."""
        return bool((self._days >= LIKE_DAYS).all())

    def add(self, day: MeanPower) -> None:
        """Add the next older day; it counts for assets that were measured throughout the event's hours."""
        known = day.coverage >= LEAST_COVERAGE
        counts = known[:, self._window :].all(axis=1) & (self._days < LIKE_DAYS)
        known &= counts[:, None]
        self._days += counts
        self._known += known
        self._sum_kw += np.where(known, day.power_kw, 0.0)

    def baseline(self, before: MeanPower) -> Baseline:
        """Return the baseline; `before` is the window of the event's own day."""
        usual_kw = np.full(self._sum_kw.shape, np.nan)
        np.divide(self._sum_kw, self._known, out=usual_kw, where=self._known > 0)
        usual_kw[self._days < LEAST_DAYS] = np.nan
        there, here = usual_kw[:, : self._window], before.power_kw
        both = np.isfinite(there) & (before.coverage >= LEAST_COVERAGE)
        total = np.where(both, here - there, 0.0).sum(axis=1)
        adjustment = np.divide(total, both.sum(axis=1), out=np.zeros(len(total)), where=both.any(axis=1))
        cap = CAP_SHARE * np.abs(np.nan_to_num(usual_kw)).max(axis=1)
        adjustment = np.clip(adjustment, -cap, cap)
        return Baseline(
            power_kw=usual_kw[:, self._window :] + adjustment[:, None],
            adjustment_kw=adjustment,
            days=self._days.copy(),
        )
