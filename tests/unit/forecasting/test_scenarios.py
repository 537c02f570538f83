"""Scenarios keep the quantiles, move together as errors did, and depend on the seed alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vpp.domain.errors import InvalidValueError
from vpp.forecasting.scenarios import MAXIMUM_SCENARIOS, scenarios

FEEDERS, INTERVALS, DAYS = 3, 24, 35


def quantiles(spread=5.0):
    median = np.full((FEEDERS, INTERVALS), 50.0)
    return median - spread, median, median + 2.0 * spread


def errors(seed=1):
    """Errors that last all day, shared by the first two feeders and opposite at the third."""
    day = np.random.default_rng(seed).normal(0.0, 4.0, (DAYS, 1, INTERVALS))
    day += np.random.default_rng(seed + 1).normal(0.0, 12.0, (DAYS, 1, 1))
    return day * np.array([1.0, 2.0, -1.0])[None, :, None]


def test_each_interval_keeps_its_quantiles():
    drawn = scenarios(quantiles(), errors(), count=30, seed=0)

    share = (drawn < quantiles()[2]).mean(axis=0)
    np.testing.assert_allclose(share, 0.9, atol=0.04)
    np.testing.assert_allclose((drawn < quantiles()[0]).mean(axis=0), 0.1, atol=0.04)
    np.testing.assert_allclose(np.median(drawn, axis=0), 50.0, atol=0.5)


def test_feeders_and_hours_move_together_as_their_errors_did():
    drawn = scenarios(quantiles(), errors(), count=30, seed=0) - 50.0

    def alike(one, other):
        return np.corrcoef(one.ravel(), other.ravel())[0, 1]

    assert alike(drawn[:, 0], drawn[:, 1]) > 0.9
    assert alike(drawn[:, 0], drawn[:, 2]) < -0.8
    assert alike(drawn[:, 0, 0], drawn[:, 0, -1]) > 0.5


def test_the_seed_alone_decides():
    first, again, other = (scenarios(quantiles(), errors(), count=5, seed=seed) for seed in (3, 3, 4))
    assert first.tobytes() == again.tobytes()
    assert first.tobytes() != other.tobytes()


@settings(max_examples=30, deadline=None)
@given(count=st.integers(1, MAXIMUM_SCENARIOS), days=st.integers(0, 5), spread=st.floats(0.0, 200.0))
def test_any_history_gives_finite_scenarios_that_are_not_negative(count, days, spread):
    past = errors()[:days].copy()
    past[: days // 2, 0] = np.nan
    drawn = scenarios(quantiles(spread), past, count=count, seed=0)
    assert drawn.shape == (count, FEEDERS, INTERVALS)
    assert (drawn >= 0.0).all()
    assert np.isfinite(drawn).all()


def test_a_count_out_of_bounds_is_refused():
    with pytest.raises(InvalidValueError, match="scenarios"):
        scenarios(quantiles(), errors(), count=MAXIMUM_SCENARIOS + 1, seed=0)
