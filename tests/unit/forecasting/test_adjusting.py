from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tests.fakes_reasoning import GRID, NOW, history
from vpp.forecasting.adjusting import CLIP_SHARE, SCALE_FLOOR_SHARE, Advice, apply, combine, multipliers_over
from vpp.forecasting.baseline import BaselineForecast, forecast_baseline
from vpp.forecasting.contract import Adjustment

BASELINE = forecast_baseline(history(), GRID)


def adjustment(low: float, median: float, high: float, start: int = 0, end: int = 1) -> Adjustment:
    return Adjustment(
        start_block=start,
        end_block=end,
        multiplier_p10=low,
        multiplier_p50=median,
        multiplier_p90=high,
        cause="heat",
        evidence_id="e1",
        reason="",
    )


def assert_within_band(
    baseline: BaselineForecast, adjusted: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> None:
    floor_kw = SCALE_FLOOR_SHARE * baseline.typical_peak_kw[:, None]
    band_kw = CLIP_SHARE * np.maximum(baseline.consumption_p50_kw, floor_kw)
    before = (baseline.consumption_p10_kw, baseline.consumption_p50_kw, baseline.consumption_p90_kw)
    for quantile_kw, after_kw in zip(before, adjusted, strict=True):
        assert (np.abs(after_kw - quantile_kw) <= band_kw + 1e-9).all()
        assert (after_kw >= 0).all()
    assert (adjusted[0] <= adjusted[1]).all()
    assert (adjusted[1] <= adjusted[2]).all()


@settings(max_examples=40, deadline=None)
@given(hnp.arrays(np.float64, (3, GRID.count), elements=st.floats(allow_nan=True, allow_infinity=True)))
def test_no_multiplier_leaves_the_band(multipliers: np.ndarray):
    assert_within_band(BASELINE, apply(BASELINE, multipliers))


@pytest.mark.parametrize("multiplier", [0.7, 1.4])
def test_the_extremes_stand_at_the_edge_of_the_band(multiplier: float):
    adjusted = apply(BASELINE, np.full((3, GRID.count), multiplier))

    assert_within_band(BASELINE, adjusted)
    moved = np.abs(adjusted[1] / BASELINE.consumption_p50_kw - 1)
    np.testing.assert_allclose(moved, CLIP_SHARE)


def test_no_adjustment_changes_nothing():
    adjusted = apply(BASELINE, np.ones((3, GRID.count)))

    np.testing.assert_array_equal(adjusted[1], BASELINE.consumption_p50_kw)


def test_the_median_of_the_samples_counts():
    samples = [[adjustment(1.0, 1.1, 1.2)], [adjustment(0.9, 1.0, 1.1)], [adjustment(1.1, 1.2, 1.3, end=0)]]

    combined = combine(samples, asked=3, block_count=12)

    assert combined is not None
    np.testing.assert_allclose(combined[:, 0], [1.0, 1.1, 1.2])
    np.testing.assert_allclose(combined[:, 1], [1.0, 1.0, 1.1])
    np.testing.assert_allclose(combined[:, 2:], 1.0)


@pytest.mark.parametrize(
    ("valid", "asked", "usable"), [(0, 1, False), (1, 1, True), (1, 3, False), (2, 3, True), (2, 5, True)]
)
def test_two_valid_samples_are_needed_unless_one_was_asked_for(valid: int, asked: int, usable: bool):
    combined = combine([[adjustment(1, 1, 1)]] * valid, asked=asked, block_count=12)

    assert (combined is not None) == usable


def test_advice_stays_at_its_time_when_the_horizon_moves():
    multipliers = np.ones((3, 12))
    multipliers[:, 3] = 1.1  # six to eight hours after NOW
    advice = Advice(call_id="c", start=NOW, multipliers=multipliers, evidence=frozenset())
    later = type(GRID)(start=NOW + timedelta(hours=5), length=GRID.length, count=192)

    over = multipliers_over([advice], later)

    assert np.flatnonzero(over[1] != 1.0).tolist() == list(range(4, 12))


def test_later_advice_counts_where_both_speak():
    early, late = np.full((3, 12), 0.9), np.ones((3, 12))
    late[:, 0] = 1.1
    advice = [
        Advice(call_id="a", start=NOW, multipliers=early, evidence=frozenset()),
        Advice(call_id="b", start=NOW, multipliers=late, evidence=frozenset()),
    ]

    over = multipliers_over(advice, GRID)

    assert over[1, :8].tolist() == [1.1] * 8
    assert over[1, 8:].tolist() == [0.9] * 88
