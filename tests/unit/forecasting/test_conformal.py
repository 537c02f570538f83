"""Intervals that keep their promise when errors change."""

from __future__ import annotations

import numpy as np
import pytest

from vpp.forecasting.conformal import LEVELS, Calibration, error_quantiles, part_of_day
from vpp.forecasting.scores import score

HORIZON = 24


def covered(errors):
    """Return the share of values within the 90 % interval, day by day, with outcomes two days late."""
    part, calibration = part_of_day(HORIZON, HORIZON), Calibration.fresh()
    median = np.full(HORIZON, 100.0)
    inside, given = [], []
    for day, error in enumerate(errors):
        if day >= 2:
            calibration = calibration.learned(given[day - 2], median + errors[day - 2] * 100.0, part)
        spread = error_quantiles(errors[: max(0, day - 1)]) * 100.0
        given.append(calibration.quantiles(median, spread, part))
        actual = median + error * 100.0
        inside.append(np.mean((actual >= given[-1][0]) & (actual <= given[-1][-1])))
    return np.array(inside)


@pytest.mark.parametrize(
    "growth",
    [
        pytest.param(np.ones(300), id="steady"),
        pytest.param(np.linspace(1, 4, 300), id="growing"),
        pytest.param(np.where(np.arange(300) < 150, 1.0, 3.0), id="a jump"),
        pytest.param(1.0 + 0.8 * np.sin(np.arange(300) / 20), id="seasons"),
    ],
)
def test_nine_in_ten_values_lie_within_the_interval(growth):
    errors = np.random.default_rng(1).normal(0.0, 0.03, (300, HORIZON)) * growth[:, None]

    share = covered(errors)[60:].mean()

    assert 0.88 <= share <= 0.92


def test_quantiles_are_in_order_and_the_median_stays():
    errors = np.random.default_rng(2).normal(0.0, 0.05, (40, HORIZON))
    calibration = Calibration.fresh()
    part = part_of_day(HORIZON, HORIZON)
    for actual in (np.full(HORIZON, 500.0), np.zeros(HORIZON), np.full(HORIZON, np.nan)):
        given = calibration.quantiles(np.full(HORIZON, 100.0), error_quantiles(errors) * 100.0, part)
        assert (np.diff(given, axis=0) >= 0).all()
        calibration = calibration.learned(given, actual, part)
        assert np.isfinite(calibration.log_stretch).all()


def test_without_errors_to_learn_from_the_interval_is_wide():
    spread = error_quantiles(np.zeros((0, HORIZON)))
    assert spread.shape == (len(LEVELS), HORIZON)
    assert (spread[0] < -0.4).all()
    assert (spread[-1] > 0.4).all()


def test_scores_of_a_known_case():
    actual = np.array([[1.0, 2.0, np.nan]])
    median = np.array([[1.1, 1.0, 5.0]])
    quantiles = np.repeat(median[None], len(LEVELS), axis=0)

    scores = score(median, quantiles, LEVELS, actual)

    assert scores.mape_percent == pytest.approx(100 * (0.1 + 0.5) / 2)
    assert scores.nmae_percent == pytest.approx(100 * 0.55 / 1.5)
    assert scores.crps_percent == pytest.approx(scores.nmae_percent)  # a point forecast's CRPS is its error
    assert scores.coverage_90 == 0.0
