"""PV by forecasts of irradiance: better where the sun explains it, unchanged where it does not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from vpp.domain.intervals import IntervalGrid
from vpp.forecasting.sun import pv_with_sun

HOUR = timedelta(hours=1)
NOW = datetime(2024, 5, 20, tzinfo=UTC)
PAST = IntervalGrid(start=NOW - 14 * 24 * HOUR, length=HOUR, count=14 * 24)
AHEAD = IntervalGrid(start=NOW, length=HOUR, count=24)


def sun_w_m2(grid: IntervalGrid, clouds: np.ndarray) -> np.ndarray:
    hour = np.array([at.hour for at in grid.starts()])
    return np.maximum(0.0, 800.0 * np.sin(np.pi * (hour - 6) / 12)) * clouds


@pytest.fixture
def cloudy() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(1)
    return (
        sun_w_m2(PAST, np.repeat(random.uniform(0.2, 1.0, 14), 24)),
        sun_w_m2(AHEAD, np.full(24, 0.3)),
    )


def test_a_plant_that_follows_the_sun_is_forecast_by_it(cloudy):
    past, ahead = cloudy
    usual = np.full((1, 24), 3.0)
    found = pv_with_sun(0.01 * past[None], PAST, past, AHEAD, ahead, usual)
    late = slice(10, 17)  # the first hours follow what was fed lately
    assert found[0, late] == pytest.approx(0.01 * ahead[late], rel=0.02)
    assert found[0, 0] == 3.0


def test_a_plant_that_does_not_follow_the_sun_keeps_its_usual_day(cloudy):
    past, ahead = cloudy
    steady = 0.01 * sun_w_m2(PAST, np.ones(PAST.count))[None]
    usual = np.full((1, 24), 3.0)
    assert np.array_equal(pv_with_sun(steady, PAST, past, AHEAD, ahead, usual), usual)


def test_without_history_or_forecast_of_the_sun_nothing_changes(cloudy):
    past, ahead = cloudy
    usual = np.full((1, 24), 3.0)
    unknown = np.full(PAST.count, np.nan)
    for pv, seen, said in (
        (unknown[None], past, ahead),
        (0.01 * past[None], unknown, ahead),
        (0.01 * past[None], past, np.full(24, np.nan)),
    ):
        assert np.array_equal(pv_with_sun(pv, PAST, seen, AHEAD, said, usual), usual)
