"""Prices over the planning horizon, when only part of it is published."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np

from vpp.domain.errors import InvalidValueError
from vpp.domain.intervals import IntervalGrid
from vpp.domain.prices import PriceCurve, PricePoint

DAY = timedelta(days=1)
HIGHEST_PRICE_PER_KWH = 1e4  # of either sign, in any currency; beyond it is a slip of units


def extend_prices(points: Sequence[PricePoint], grid: IntervalGrid, now: datetime) -> PriceCurve:
    """Return a price for every interval of `grid` from the points that were published by `now`.

        published   ####################
        grid              [#############+++++++++++++]     + the same time of the last day that is known

    Where not even an older day has a price at that time, the point nearest in time stands in. Of two
    points for the same interval the one published last counts.

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
    chosen: list[PricePoint] = []
    published: list[bool] = []
    for start in grid.starts():
        point = _covering(known, start)
        published.append(point is not None)
        chosen.append(point or _stand_in(known, start))
    return PriceCurve(
        grid=grid,
        import_price_per_kwh=np.array([point.import_price_per_kwh for point in chosen]),
        export_price_per_kwh=np.array([point.export_price_per_kwh for point in chosen]),
        published=np.array(published, dtype=np.bool_),
    )


def _usable(point: PricePoint) -> bool:
    prices = (point.import_price_per_kwh, point.export_price_per_kwh)
    return all(abs(price) <= HIGHEST_PRICE_PER_KWH for price in prices) and point.start < point.end


def _covering(known: Sequence[PricePoint], at: datetime) -> PricePoint | None:
    covering = [point for point in known if point.start <= at < point.end]
    return max(covering, key=lambda point: (point.available_at, point.start), default=None)


def _stand_in(known: Sequence[PricePoint], at: datetime) -> PricePoint:
    earlier = at - DAY
    while earlier >= known[0].start:
        point = _covering(known, earlier)
        if point is not None:
            return point
        earlier -= DAY
    return max(known, key=lambda point: (-abs(point.start - at), point.available_at))
