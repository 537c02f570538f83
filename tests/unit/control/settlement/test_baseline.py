"""Ten like days, the same-day adjustment, and days of 23 and 25 hours."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from vpp.control.settlement.baseline import (
    LIKE_DAYS,
    Calendar,
    TenOfTen,
    joined,
    like_days,
    on_day,
    window_before,
)
from vpp.control.settlement.metering import MeanPower
from vpp.domain.settlement import Spans

HOUR, QUARTER = timedelta(hours=1), timedelta(minutes=15)
BERLIN = Calendar(timezone="Europe/Berlin", holidays=frozenset({date(2026, 5, 1)}))
WINDOW, EVENT = 2, 2


def day_of(power_kw, coverage=1.0):
    shape = (len(power_kw), WINDOW + EVENT)
    power = np.repeat(np.array(power_kw, dtype=np.float64)[:, None], WINDOW + EVENT, axis=1)
    known = np.broadcast_to(np.asarray(coverage, dtype=np.float64), shape)
    return MeanPower(power_kw=power, absolute_kw=np.abs(power), coverage=known)


def window_of(power_kw):
    whole = day_of(power_kw)
    return MeanPower(
        power_kw=whole.power_kw[:, :WINDOW],
        absolute_kw=whole.absolute_kw[:, :WINDOW],
        coverage=whole.coverage[:, :WINDOW],
    )


def test_like_days_are_workdays_without_events():
    friday = date(2026, 5, 8)
    days = list(like_days(friday, BERLIN, {date(2026, 5, 6)}))[:4]
    assert days == [date(2026, 5, 7), date(2026, 5, 5), date(2026, 5, 4), date(2026, 4, 30)]
    assert list(like_days(date(2026, 5, 9), BERLIN, ()))[:3] == [
        date(2026, 5, 3),
        date(2026, 5, 2),
        date(2026, 5, 1),
    ]


def test_the_newest_ten_good_days_count():
    method = TenOfTen(2, WINDOW, EVENT)
    for number in range(LIKE_DAYS + 3):
        poor = np.array([[1.0], [0.5 if number == 0 else 1.0]])
        method.add(day_of([float(number), float(number)], poor))
    assert method.complete
    baseline = method.baseline(window_of([4.5, 5.5]))
    assert baseline.days.tolist() == [10, 10]
    assert baseline.power_kw[:, 0].tolist() == [4.5, 5.5]  # means of 0..9 and of 1..10
    assert baseline.adjustment_kw.tolist() == [0.0, 0.0]


@pytest.mark.parametrize(("days", "known"), [(4, False), (5, True)])
def test_fewer_than_five_days_are_no_baseline(days, known):
    method = TenOfTen(1, WINDOW, EVENT)
    for _ in range(days):
        method.add(day_of([2.0]))
    baseline = method.baseline(window_of([2.0]))
    assert np.isfinite(baseline.power_kw).all() == known
    assert baseline.days.tolist() == [days]


@pytest.mark.parametrize(("before_kw", "adjustment_kw"), [(2.2, 0.2), (9.0, 0.4), (-9.0, -0.4)])
def test_the_days_own_level_is_added_within_a_cap(before_kw, adjustment_kw):
    method = TenOfTen(1, WINDOW, EVENT)
    for _ in range(5):
        method.add(day_of([2.0]))
    baseline = method.baseline(window_of([before_kw]))
    assert baseline.adjustment_kw[0] == pytest.approx(adjustment_kw)
    assert baseline.power_kw[0] == pytest.approx([2.0 + adjustment_kw] * EVENT)


def test_a_window_without_readings_adjusts_nothing():
    method = TenOfTen(1, WINDOW, EVENT)
    for _ in range(5):
        method.add(day_of([2.0]))
    nothing = MeanPower(
        power_kw=np.full((1, WINDOW), np.nan),
        absolute_kw=np.zeros((1, WINDOW)),
        coverage=np.zeros((1, WINDOW)),
    )
    assert method.baseline(nothing).adjustment_kw.tolist() == [0.0]


def test_the_window_ends_an_hour_before():
    start = datetime(2026, 5, 8, 17, tzinfo=UTC)
    window = window_before(Spans.of(start, start + HOUR, QUARTER))
    assert window.starts()[0] == start - 3 * HOUR
    assert len(window) == 8
    assert int(window.end_us[-1]) == int(window.start_us[0]) + 2 * 3_600_000_000


@pytest.mark.parametrize(
    ("event_day", "other_day", "hour_utc"),
    [
        pytest.param(date(2026, 3, 30), date(2026, 3, 27), 17, id="summer time began in between"),
        pytest.param(date(2026, 10, 26), date(2026, 10, 23), 16, id="summer time ended in between"),
    ],
)
def test_like_days_have_the_same_clock_times(event_day, other_day, hour_utc):
    zone = BERLIN.zone
    start = datetime(event_day.year, event_day.month, event_day.day, 18, tzinfo=zone)
    event = Spans.of(start, start + HOUR, QUARTER)
    moved = on_day(joined(window_before(event), event), event_day, other_day, BERLIN)
    local = [at.astimezone(zone) for at in moved.starts()]
    assert (local[0].hour, local[8].hour, local[0].date()) == (15, 18, other_day)
    assert moved.starts()[8].hour == hour_utc


def test_clock_times_that_a_day_lacks_or_has_twice():
    zone = BERLIN.zone
    night = datetime(2026, 3, 28, 1, tzinfo=zone)
    usual = Spans.of(night, night + 3 * HOUR, HOUR)
    short = on_day(usual, date(2026, 3, 28), date(2026, 3, 29), BERLIN)
    assert [at.astimezone(zone).hour for at in short.starts()] == [1, 3, 3]
    long_night = datetime(2026, 10, 25, 1, tzinfo=zone).astimezone(UTC)
    event = Spans.of(long_night, long_night + 4 * HOUR, HOUR)
    plain = on_day(event, date(2026, 10, 25), date(2026, 10, 24), BERLIN)
    assert [at.astimezone(zone).hour for at in plain.starts()] == [1, 2, 2, 3]
