from datetime import timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from tests.fakes_reasoning import NOW
from vpp.domain.errors import InvalidValueError
from vpp.domain.intervals import IntervalGrid
from vpp.domain.prices import PricePoint
from vpp.forecasting.prices import extend_prices

HOUR = timedelta(hours=1)


def point(hour: int, price: float, *, available_at=NOW - HOUR) -> PricePoint:
    return PricePoint(
        start=NOW + hour * HOUR,
        end=NOW + (hour + 1) * HOUR,
        import_price_per_kwh=price,
        export_price_per_kwh=price - 0.1,
        available_at=available_at,
    )


def grid(hours: int) -> IntervalGrid:
    return IntervalGrid(start=NOW, length=HOUR, count=hours)


def test_published_prices_are_used_as_they_are():
    curve = extend_prices([point(0, 0.2), point(1, -0.1)], grid(2), NOW)

    np.testing.assert_array_equal(curve.import_price_per_kwh, [0.2, -0.1])
    np.testing.assert_allclose(curve.export_price_per_kwh, [0.1, -0.2])
    assert curve.published.all()


def test_the_same_time_of_the_last_known_day_stands_in_and_is_flagged():
    points = [point(hour, 0.01 * hour) for hour in range(-30, 10)]

    curve = extend_prices(points, grid(48), NOW)

    assert curve.published.sum() == 10
    assert curve.import_price_per_kwh[10] == pytest.approx(0.01 * (10 - 24))
    assert curve.import_price_per_kwh[24 + 5] == pytest.approx(0.05)
    assert curve.import_price_per_kwh[24 + 12] == pytest.approx(0.01 * (12 - 24))


def test_a_price_published_later_than_now_is_not_seen_and_the_newest_publication_counts():
    points = [
        point(0, 0.2, available_at=NOW - 2 * HOUR),
        point(0, 0.3),
        point(0, 0.9, available_at=NOW + HOUR),
        point(1, 0.9, available_at=NOW + HOUR),
    ]

    curve = extend_prices(points, grid(2), NOW)

    np.testing.assert_array_equal(curve.import_price_per_kwh, [0.3, 0.3])
    np.testing.assert_array_equal(curve.published, [True, False])


def test_an_hourly_price_covers_its_quarters():
    quarters = IntervalGrid(start=NOW, length=timedelta(minutes=15), count=4)

    assert extend_prices([point(0, 0.2)], quarters, NOW).published.all()


@pytest.mark.parametrize("points", [[], [point(0, 0.2, available_at=NOW + HOUR)], [point(0, float("nan"))]])
def test_no_price_at_all_is_said_clearly(points: list[PricePoint]):
    with pytest.raises(InvalidValueError, match="at least one finite price"):
        extend_prices(points, grid(2), NOW)


def test_beyond_what_is_published_days_of_the_same_type_speak_moved_by_the_last_days_level():
    # NOW lies in a week of which every workday costs 0.2 and every weekend day 0.1, but yesterday 0.3.
    zone = ZoneInfo("Europe/Berlin")
    points = []
    for hour in range(-24 * 21, 0):
        weekend = (NOW + hour * HOUR).astimezone(zone).weekday() >= 5
        price = (0.1 if weekend else 0.2) + (0.1 if hour >= -24 else 0.0)
        points.append(point(hour, price))

    curve = extend_prices(points, grid(24 * 7), NOW)

    assert not curve.published.any()
    weekend = np.array([start.astimezone(zone).weekday() >= 5 for start in grid(24 * 7).starts()])
    assert curve.import_price_per_kwh[~weekend].min() > 0.24
    assert curve.import_price_per_kwh[weekend].max() < 0.16
    np.testing.assert_allclose(curve.import_price_per_kwh - curve.export_price_per_kwh, 0.1)
