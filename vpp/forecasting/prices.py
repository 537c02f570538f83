"""Prices over the planning horizon, when only part of it is published."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from vpp.domain.errors import InvalidValueError
from vpp.domain.intervals import IntervalGrid
from vpp.domain.prices import PriceCurve, PricePoint
from vpp.forecasting.local_days import DAY, DayType, day_type

SIMILAR_DAYS = 6
SIMILAR_DAY_DECAY = 0.9
REACH_DAYS = 28
FEWEST_DAYS = 3
LEVEL_SHARE = 0.5
MAXIMUM_STEPS = 3000  # of one published price
HIGHEST_PRICE_PER_KWH = 1e4  # of either sign, in any currency; beyond it is a slip of units


def extend_prices(
    points: Sequence[PricePoint], grid: IntervalGrid, now: datetime, *, timezone: str = "Europe/Berlin"
) -> PriceCurve:
    """Return a price for every interval of `grid` from the points that were published by `now`.

        published   ####################
        grid              [#############+++++++++++++]     + forecast

    The forecast is the mean of the newest days of the same type at that time, moved by half of what the last
    day was off by the same rule. With fewer than three such days the same time of the last day that is known
    stands in, and where no older day has a price at that time the point nearest in time. Of two points for
    the same interval the one published last counts.

    Raises:
        InvalidValueError: no usable price is known at `now`.
    """
    known = sorted(
        (point for point in points if point.available_at <= now and _usable(point)),
        key=lambda point: (point.start, point.available_at),
    )
    if not known:
        raise InvalidValueError(
            "prices",
            len(points),
            f"at least one finite price published by {now.isoformat()}",
            "publish prices",
        )
    published = _Published(known)
    covering = [published.at(start) for start in grid.starts()]
    similar = _SimilarDays(known, grid.length, timezone) if None in covering else None
    prices = np.empty((grid.count, 2))
    for number, (start, point) in enumerate(zip(grid.starts(), covering, strict=True)):
        said = similar.forecast(start) if point is None and similar is not None else None
        prices[number] = said if said is not None else _both(point or published.stand_in(start))
    return PriceCurve(
        grid=grid,
        import_price_per_kwh=prices[:, 0].copy(),
        export_price_per_kwh=prices[:, 1].copy(),
        published=np.array([point is not None for point in covering], dtype=np.bool_),
    )


class _SimilarDays:
    """The mean of days of the same type, from prices at every interval of the past."""

    def __init__(self, known: Sequence[PricePoint], length: timedelta, timezone: str) -> None:
        self._zone = ZoneInfo(timezone)
        self._at: dict[datetime, NDArray[np.float64]] = {}
        for point in known:  # sorted by start and publication: the newest publication is written last
            for step in range(min(-(-(point.end - point.start) // length), MAXIMUM_STEPS)):
                self._at[point.start + step * length] = _both(point)
        self._types: dict[date, DayType] = {}
        self._shift = np.zeros(2)
        end = max(self._at) + length
        last_day = [start for start in self._at if start >= end - DAY]
        off = [self._at[start] - said for start in last_day if (said := self._mean(start)) is not None]
        if off:
            self._shift = LEVEL_SHARE * np.mean(off, axis=0)

    def forecast(self, start: datetime) -> NDArray[np.float64] | None:
        """Return the import and export price, None where too few days are alike."""
        mean = self._mean(start)
        return None if mean is None else mean + self._shift

    def _mean(self, start: datetime) -> NDArray[np.float64] | None:
        kind = self._type(start)
        earlier = (start - back * DAY for back in range(1, REACH_DAYS + 1))
        alike = [at for at in earlier if at in self._at and self._type(at) is kind][:SIMILAR_DAYS]
        if len(alike) < FEWEST_DAYS:
            return None
        weight = SIMILAR_DAY_DECAY ** np.arange(len(alike))
        mean: NDArray[np.float64] = weight @ np.stack([self._at[at] for at in alike]) / weight.sum()
        return mean

    def _type(self, at: datetime) -> DayType:
        day = at.astimezone(self._zone).date()
        if day not in self._types:
            self._types[day] = day_type(day, frozenset())
        return self._types[day]


def _both(point: PricePoint) -> NDArray[np.float64]:
    return np.array([point.import_price_per_kwh, point.export_price_per_kwh])


def _usable(point: PricePoint) -> bool:
    prices = (point.import_price_per_kwh, point.export_price_per_kwh)
    return all(abs(price) <= HIGHEST_PRICE_PER_KWH for price in prices) and point.start < point.end


class _Published:
    """Points in order of their start, found by time without looking at all of them: a year has 35,000."""

    def __init__(self, known: Sequence[PricePoint]) -> None:
        self._known = known
        self._starts = [point.start for point in known]
        self._longest = max(point.end - point.start for point in known)

    def at(self, at: datetime) -> PricePoint | None:
        """Return the point that holds at a time, the one published last where several do."""
        first = bisect_left(self._starts, at - self._longest)
        near = self._known[first : bisect_right(self._starts, at)]
        covering = [point for point in near if point.end > at]
        return max(covering, key=lambda point: (point.available_at, point.start), default=None)

    def stand_in(self, at: datetime) -> PricePoint:
        """Return the point of the same time on the last day that has one, else the nearest."""
        earlier = at - DAY
        while earlier >= self._starts[0]:
            point = self.at(earlier)
            if point is not None:
                return point
            earlier -= DAY
        return max(self._known, key=lambda point: (-abs(point.start - at), point.available_at))
