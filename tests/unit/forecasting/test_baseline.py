from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes_reasoning import GRID, NOW, QUARTER, history
from vpp.domain.intervals import IntervalGrid
from vpp.forecasting.baseline import BaselineForecast, forecast_baseline
from vpp.forecasting.local_days import DayType, day_type
from vpp.ports import FeederHistory


def with_values(
    like: FeederHistory, consumption_kw: np.ndarray, pv_kw: np.ndarray | None = None
) -> FeederHistory:
    return FeederHistory(
        feeder_ids=like.feeder_ids,
        grid=like.grid,
        consumption_kw=consumption_kw,
        pv_kw=like.pv_kw if pv_kw is None else pv_kw,
    )


def assert_sound(forecast: BaselineForecast) -> None:
    shape = (len(forecast.feeder_ids), forecast.grid.count)
    for matrix in (
        forecast.consumption_p10_kw,
        forecast.consumption_p50_kw,
        forecast.consumption_p90_kw,
        forecast.pv_kw,
    ):
        assert matrix.shape == shape
        assert np.isfinite(matrix).all()
        assert (matrix >= 0).all()
    assert (forecast.consumption_p10_kw <= forecast.consumption_p50_kw).all()
    assert (forecast.consumption_p50_kw <= forecast.consumption_p90_kw).all()


def test_follows_a_daily_pattern_and_knows_its_own_spread():
    past = history()
    ahead = history(now=GRID.end, days=1, seed=1)

    forecast = forecast_baseline(past, GRID)

    assert_sound(forecast)
    error = np.abs(forecast.consumption_p50_kw - ahead.consumption_kw)
    assert error.mean() < 3.0
    inside = (ahead.consumption_kw >= forecast.consumption_p10_kw) & (
        ahead.consumption_kw <= forecast.consumption_p90_kw
    )
    assert 0.65 < inside.mean() < 0.95
    assert np.abs(forecast.pv_kw - ahead.pv_kw).max() < 2.0


def test_a_holiday_is_forecast_from_sundays():
    past = history(days=28)
    sunday = np.array([start.astimezone(UTC).weekday() == 6 for start in past.grid.starts()])
    past = with_values(past, np.where(sunday, 20.0, 60.0) * np.ones((2, 1)))

    workday = forecast_baseline(past, GRID, timezone="UTC")
    holiday = forecast_baseline(
        past, GRID, timezone="UTC", holidays=frozenset({date(2020, 5, 20), date(2020, 5, 21)})
    )

    assert workday.consumption_p50_kw[0, -1] == pytest.approx(60.0, rel=0.05)
    assert holiday.consumption_p50_kw[0, -1] < 35.0


def test_what_was_not_known_at_the_issue_time_changes_nothing():
    issued_at = NOW - timedelta(hours=5)
    past = history()
    late = np.array([start + QUARTER > issued_at for start in past.grid.starts()])
    poisoned = with_values(past, np.where(late, 9e9, past.consumption_kw), np.where(late, 9e9, past.pv_kw))

    clean = forecast_baseline(past, GRID, issued_at=issued_at)
    dirty = forecast_baseline(poisoned, GRID, issued_at=issued_at)

    for name in (
        "consumption_p10_kw",
        "consumption_p50_kw",
        "consumption_p90_kw",
        "pv_kw",
        "typical_peak_kw",
    ):
        np.testing.assert_array_equal(getattr(clean, name), getattr(dirty, name))
    np.testing.assert_array_equal(clean.recent_error, dirty.recent_error)


def test_the_last_hours_pull_the_next_ones():
    past = history()
    consumption_kw = past.consumption_kw.copy()
    consumption_kw[0, -8:] += 20.0

    plain = forecast_baseline(past, GRID)
    pulled = forecast_baseline(with_values(past, consumption_kw), GRID)
    gained_kw = pulled.consumption_p50_kw[0] - plain.consumption_p50_kw[0]

    assert gained_kw[0] > 12.0
    assert gained_kw[60] < 6.0
    np.testing.assert_allclose(pulled.consumption_p50_kw[1], plain.consumption_p50_kw[1])


@pytest.mark.parametrize("days", [0, 1, 2])
def test_little_history_is_enough(days: int):
    assert_sound(forecast_baseline(history(days=days), GRID))


def test_without_any_history_it_says_zero_and_knows_nothing():
    forecast = forecast_baseline(history(days=0), GRID)

    assert (forecast.consumption_p50_kw == 0).all()
    assert (forecast.consumption_p90_kw > 0).all()
    assert (forecast.pv_kw == 0).all()


def test_a_single_known_value_is_repeated_with_wide_quantiles():
    past = history(days=3)
    consumption_kw = np.full_like(past.consumption_kw, np.nan)
    consumption_kw[0, 100] = 40.0

    forecast = forecast_baseline(with_values(past, consumption_kw), GRID)

    assert np.median(forecast.consumption_p50_kw[0]) == pytest.approx(40.0)
    assert (forecast.consumption_p10_kw[0] == 0).all()
    assert np.median(forecast.consumption_p90_kw[0]) == pytest.approx(80.0)


@pytest.mark.parametrize("day", [date(2020, 3, 29), date(2020, 10, 25)], ids=["23 hours", "25 hours"])
def test_a_clock_change_is_survived(day: date):
    start = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=4)

    forecast = forecast_baseline(history(now=start), IntervalGrid(start=start, length=QUARTER, count=120))

    assert_sound(forecast)


@pytest.mark.parametrize("minutes", [5, 30, 60])
def test_the_forecast_may_be_finer_or_coarser_than_the_history(minutes: int):
    grid = IntervalGrid(start=NOW, length=timedelta(minutes=minutes), count=24)

    forecast = forecast_baseline(history(), grid)

    assert_sound(forecast)
    assert 20 < forecast.consumption_p50_kw.mean() < 80


@settings(max_examples=25, deadline=None)
@given(
    days=st.integers(0, 9),
    gaps=st.floats(0, 1),
    wild=st.sampled_from([np.nan, np.inf, -np.inf, -5.0, 0.0, 1e12]),
    seed=st.integers(0, 1000),
)
def test_never_fails_whatever_the_history_holds(days: int, gaps: float, wild: float, seed: int):
    past = history(days=days)
    rng = np.random.default_rng(seed)
    hit = rng.random(past.consumption_kw.shape) < gaps
    past = with_values(past, np.where(hit, wild, past.consumption_kw), np.where(hit, wild, past.pv_kw))

    assert_sound(forecast_baseline(past, GRID))


def test_day_types():
    holidays = frozenset({date(2020, 5, 21)})

    types = [day_type(date(2020, 5, day), holidays) for day in (20, 21, 23, 24)]

    assert types == [DayType.WORKDAY, DayType.SUNDAY, DayType.SATURDAY, DayType.SUNDAY]
