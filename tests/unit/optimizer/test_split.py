"""Splitting a fleet target over the assets."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer.split import split_target


@given(seed=st.integers(0, 2**31), count=st.integers(1, 60), share=st.floats(0.0, 1.0))
def test_sum_is_met_within_limits_and_by_one_multiplier(seed: int, count: int, share: float) -> None:
    generator = np.random.default_rng(seed)
    low, width = generator.uniform(-10, 0, count), generator.uniform(0.1, 20, count)
    high, base, weight = low + width, generator.normal(0, 5, count), generator.uniform(0.2, 3, count)
    target = float(low.sum() + share * width.sum())
    power = split_target(target, base, low, high, weight)
    assert np.all((power >= low) & (power <= high))
    assert power.sum() == pytest.approx(target, abs=1e-9)
    free = (power > low + 1e-6) & (power < high - 1e-6)
    multiplier = ((power - base) * weight)[free]
    assert np.ptp(multiplier) < 1e-5 if free.any() else True


def test_a_target_out_of_reach_gives_the_nearest_sum() -> None:
    low, high = np.array([-1.0, -2.0]), np.array([3.0, 4.0])
    assert split_target(100.0, np.zeros(2), low, high).tolist() == [3.0, 4.0]
    assert split_target(-100.0, np.zeros(2), low, high).tolist() == [-1.0, -2.0]


def test_crossed_limits_are_refused() -> None:
    with pytest.raises(ValueError, match="low_kw"):
        split_target(0.0, np.zeros(1), np.ones(1), -np.ones(1))
