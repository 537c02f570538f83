"""What a model may look at: for each issue and each interval ahead, only what was known at the issue.

```
    known ........................| issue      targets: K intervals
    ─────────────────────────────►|◄── gap ──►[#######################]
     lags, levels, measured        issued weather, calendar
     weather
```
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vpp.domain.intervals import IntervalGrid
from vpp.forecasting.models.series import Calendar, Series, Weather, calendar_of

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LEVEL_DAYS = 7
SIMILAR_DAYS = 4
SIMILAR_REACH_DAYS = 38
WEATHER_DAYS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Which intervals are forecast at an issue: `horizon` of them, the first `gap` after the issue."""

    gap: int
    horizon: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureTable:
    """Columns of shape (D, K) for D issues, a day apart, and K intervals ahead.

    `target` is the transformed value, NaN where it is not (yet) known: the logarithm of value plus floor,
    or the value itself where there is no floor. `origin[d]` is the number of the first interval that was
    not known at issue d.
    """

    layout: Layout
    per_day: int
    origin: Ints  # (D,)
    columns: dict[str, Floats]
    target: Floats
    floor: float | None
    _stacks: dict[tuple[str, ...], Floats] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.origin)

    def known_before(self, issue: int) -> int:
        """Return how many issues, from the first, have all their targets in the past of issue `issue`."""
        last_end = self.origin + self.layout.gap + self.layout.horizon
        return int(np.searchsorted(last_end, self.origin[issue], side="right"))

    def matrix(self, names: tuple[str, ...]) -> Floats:
        """Return the named columns side by side, (D, K, C)."""
        if names not in self._stacks:
            self._stacks[names] = np.stack([self.columns[name] for name in names], axis=2)
        return self._stacks[names]

    def value(self, transformed: Floats) -> Floats:
        """Return forecasts in the unit of the series; what was a load is never negative."""
        return transformed if self.floor is None else np.maximum(np.exp(transformed) - self.floor, 0.0)


def build_table(series: Series, origin: Ints, layout: Layout) -> FeatureTable:
    """Return the features of the issues at `origin`, each from nothing but what was known then.

    An issue at origin o knows the values of intervals before o, weather forecasts issued by its start,
    and the calendar.
    """
    per_day = series.per_day
    transformed = series.values if series.floor is None else _logarithm(series.values, series.floor)
    end = int(max(origin.max() + layout.gap + layout.horizon, series.grid.count))
    grid = IntervalGrid(start=series.grid.start, length=series.grid.length, count=end)
    target = origin[:, None] + layout.gap + np.arange(layout.horizon)
    look = _Past(transformed, origin, target, per_day)
    calendar = calendar_of(grid, series.timezone, series.holidays)
    columns = _calendar_columns(calendar, look) | _load_columns(calendar, look)
    columns["week_change"] = np.broadcast_to(
        look.mean_before(per_day // 2) - look.mean_before(per_day // 2, skip=LEVEL_DAYS * per_day),
        target.shape,
    )
    if series.weather is not None:
        columns |= _weather_columns(series.weather, look, layout)
    return FeatureTable(
        layout=layout,
        per_day=per_day,
        origin=origin,
        columns=columns,
        target=_at(transformed, target),
        floor=series.floor,
    )


def _logarithm(values: Floats, floor: float) -> Floats:
    known = np.where(np.isfinite(values), np.maximum(values, 0.0) + floor, np.nan)
    logarithm: Floats = np.log(np.where(known > 0.0, known, np.nan))
    return logarithm


def _at(values: Floats, index: Ints) -> Floats:
    inside = (index >= 0) & (index < len(values))
    return np.where(inside, values[np.clip(index, 0, max(len(values) - 1, 0))], np.nan)


class _Past:
    """Looks at a series from many issues at once, and never beyond any of them."""

    def __init__(self, values: Floats, origin: Ints, target: Ints, per_day: int) -> None:
        self.values, self.origin, self.target, self.per_day = values, origin, target, per_day
        # Whole days back to the newest known value at the same time of day, (K,).
        self.days_back = -(-(target[0] - origin[0] + 1) // per_day)
        finite = np.isfinite(values)
        self._sum = np.concatenate([[0.0], np.cumsum(np.where(finite, values, 0.0))])
        self._count = np.concatenate([[0], np.cumsum(finite)])

    def days_ago(self, days: Ints | int) -> Floats:
        """Return the values `days` whole days before the targets, (D, K)."""
        index = self.target - days * self.per_day
        assert bool((index < self.origin[:, None]).all()), "a feature looks beyond its issue"
        return _at(self.values, index)

    def mean_before(self, count: int, skip: int = 0) -> Floats:
        """Return the mean of the `count` values before each issue, `skip` intervals earlier, (D, 1)."""
        end = np.clip(self.origin - skip, 0, len(self.values))
        first = np.clip(self.origin - skip - count, 0, len(self.values))
        number = self._count[end] - self._count[first]
        total = self._sum[end] - self._sum[first]
        mean = np.full(len(end), np.nan)
        np.divide(total, number, out=mean, where=number > 0)
        return mean[:, None]

    def similar_days(self, day_class: Ints) -> Floats:
        """Return the mean of the newest days of the same class at the same time of day, (D, K)."""
        wanted = day_class[self.target]
        total, count = np.zeros(self.target.shape), np.zeros(self.target.shape)
        for back in range(int(self.days_back.min()), SIMILAR_REACH_DAYS):
            index = self.target - back * self.per_day
            value = np.where(index < self.origin[:, None], _at(self.values, index), np.nan)
            same = day_class[np.maximum(index, 0)] == wanted
            taken = same & np.isfinite(value) & (count < SIMILAR_DAYS)
            total[taken] += value[taken]
            count[taken] += 1
        mean = np.full(self.target.shape, np.nan)
        np.divide(total, count, out=mean, where=count > 0)
        return mean


def _load_columns(calendar: Calendar, look: _Past) -> dict[str, Floats]:
    """Return levels of the load at and before the issue; one of them may be missing, which is NaN."""
    per_day, shape = look.per_day, look.target.shape

    def spread(column: Floats) -> Floats:
        return np.broadcast_to(column, shape)

    return {
        "newest_day": look.days_ago(look.days_back),
        "day_before": look.days_ago(look.days_back + 1),
        "week_ago": look.days_ago(np.maximum(LEVEL_DAYS, look.days_back)),
        "two_weeks_ago": look.days_ago(2 * LEVEL_DAYS),
        "similar_days": look.similar_days(calendar.day_class),
        "level": spread(look.mean_before(LEVEL_DAYS * per_day)),
        "last_hour": spread(look.mean_before(max(1, per_day // 24))),
        "last_3_hours": spread(look.mean_before(max(1, per_day // 8))),
        "last_half_day": spread(look.mean_before(per_day // 2)),
        "last_day": spread(look.mean_before(per_day)),
        "day_before_last": spread(look.mean_before(per_day, skip=per_day)),
    }


def _calendar_columns(calendar: Calendar, look: _Past) -> dict[str, Floats]:
    target = look.target
    newest = target - look.days_back * look.per_day
    columns = {
        "position": np.broadcast_to(np.arange(target.shape[1], dtype=np.float64), target.shape),
        "hour": calendar.hour[target],
        "weekday": calendar.weekday[target].astype(np.float64),
        "day_of_year": calendar.day_of_year[target].astype(np.float64),
        "newest_is_saturday": calendar.weekday[np.maximum(newest, 0)] == 5,
        "newest_is_sunday": calendar.weekday[np.maximum(newest, 0)] == 6,
        "week_ago_holiday": calendar.holiday[np.maximum(target - LEVEL_DAYS * look.per_day, 0)],
        "two_days_ago_holiday": calendar.holiday[np.maximum(target - 2 * look.per_day, 0)],
    }
    for name in ("summer_time", "holiday", "holiday_before", "holiday_after", "bridge"):
        columns[name] = getattr(calendar, name)[target]
    for day in range(1, 7):
        columns[f"weekday_{day}"] = calendar.weekday[target] == day
    angle = 2.0 * np.pi * calendar.day_of_year[target] / 365.25
    for wave in (1, 2, 3):
        columns[f"year_sine_{wave}"] = np.sin(wave * angle)
        columns[f"year_cosine_{wave}"] = np.cos(wave * angle)
    return {name: np.asarray(column, dtype=np.float64) for name, column in columns.items()}


def _weather_columns(weather: Weather, look: _Past, layout: Layout) -> dict[str, Floats]:
    """Return temperatures, their means and degree hours; forecasts corrected by their latest error."""
    per_day = look.per_day
    back = (WEATHER_DAYS + 1) * per_day
    known_c = np.stack(
        [
            weather.known_at(int(at), int(at) - back, int(at) + layout.gap + layout.horizon)
            for at in look.origin
        ]
    )
    known_c[:, back:] -= _expected_error(weather, look, layout)
    first = back + layout.gap
    ahead = np.arange(first, first + layout.horizon)
    total = np.concatenate([np.zeros((len(known_c), 1)), np.cumsum(known_c, axis=1)], axis=1)

    def mean_c(hours: int) -> Floats:
        count = max(1, hours * per_day // 24)
        mean: Floats = (total[:, ahead + 1] - total[:, ahead + 1 - count]) / count
        return mean

    now_c = known_c[:, ahead]
    newest_c = np.take_along_axis(
        known_c, np.broadcast_to(ahead - look.days_back * per_day, now_c.shape), axis=1
    )
    week_ago_c = _observed_before(weather, look, LEVEL_DAYS * per_day)
    means = {hours: mean_c(hours) for hours in (3, 6, 24, 48, 72)}
    columns = {
        "temperature": now_c,
        "temperature_1_day_ago": known_c[:, ahead - per_day],
        "temperature_2_days_ago": known_c[:, ahead - 2 * per_day],
        "temperature_week_ago": week_ago_c,
        "highest": np.broadcast_to(now_c.max(axis=1, keepdims=True), now_c.shape),
        "lowest": np.broadcast_to(now_c.min(axis=1, keepdims=True), now_c.shape),
        "cooling_32": np.maximum(now_c - 32.0, 0.0),
        "cooling_25": np.maximum(now_c - 25.0, 0.0),
        "cooling_6_hours": np.maximum(means[6] - 22.0, 0.0),
        "cooling_day": np.maximum(means[24] - 20.0, 0.0),
        "heating_day": np.maximum(15.0 - means[24], 0.0),
    }
    columns |= {f"mean_{hours}_hours": value for hours, value in means.items()}
    for name, at_c in (("", now_c), ("_week_ago", week_ago_c), ("_newest", newest_c)):
        columns[f"cooling{name}"] = np.maximum(at_c - 18.0, 0.0)
        columns[f"heating{name}"] = np.maximum(16.0 - at_c, 0.0)
    return columns


def _observed_before(weather: Weather, look: _Past, intervals: int) -> Floats:
    index = look.target - intervals
    return np.where(index < look.origin[:, None], _at(weather.observed_c, index), np.nan)


def _expected_error(weather: Weather, look: _Past, layout: Layout) -> Floats:
    """Return how far off the issued temperatures are expected to be after each issue, (D, gap + K).

    Errors of weather forecasts last for hours: e(h) = e(0) * a ** (h / half a day), with the last error
    known e(0) and the autocorrelation a over half a day of all errors up to then.
    """
    error = np.nan_to_num(weather.error())
    half_day = max(1, look.per_day // 2)
    product = np.zeros(len(error) + 1)
    product[half_day + 1 :] = np.cumsum(error[half_day:] * error[:-half_day])
    power = np.concatenate([[0.0], np.cumsum(error**2)])
    at = np.clip(look.origin, 0, len(error))
    share = np.divide(product[at], power[at], out=np.zeros(len(at)), where=power[at] > 0.0)
    steps = np.arange(1, layout.gap + layout.horizon + 1) / half_day
    last = np.where(at > 0, error[np.maximum(at - 1, 0)], 0.0)
    expected: Floats = last[:, None] * np.clip(share, 0.0, 0.95)[:, None] ** steps
    return expected
