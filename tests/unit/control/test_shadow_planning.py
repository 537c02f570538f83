"""What is kept of both sides' plans, and how forecasts are scored, by hand."""

from dataclasses import replace

import numpy as np
import pytest

from tests.unit.control.fleets import NOON, QUARTER, fleet, forecast, grid
from vpp.control.shadow_planning import foreseen_overload_kwh, mean_change_kw, scores_of, total_scores
from vpp.domain.forecasts import ForecastParts
from vpp.domain.runs import DispatchPlan, PlanLimits


def plan(power_kw, *, start=NOON, load_kw=20.0):
    power_kw = np.array(power_kw, dtype=float)
    count = power_kw.shape[1]
    return DispatchPlan(
        run_id="run-1",
        grid=grid(start, count),
        asset_ids=("battery", "car", "grid-battery"),
        power_kw=power_kw,
        energy_end_kwh=np.zeros(power_kw.shape),
        net_load_kw=np.full((2, count), load_kw),
    )


def test_a_plan_is_held_against_the_one_before_where_both_say_something():
    before = plan([[1, 2, 3], [0, 0, 0], [5, 5, 5]])
    later = plan([[2, 1, 9], [0, 0, 9], [5, 8, 9]], start=NOON + QUARTER)
    assert mean_change_kw(before, later) == pytest.approx(((0 + 0 + 0) + (2 + 0 + 3)) / 2)
    assert mean_change_kw(before, plan([[9], [9], [9]], start=NOON + 3 * QUARTER)) is None
    assert mean_change_kw(before, replace(later, asset_ids=("x", "y", "z"))) is None


def test_overload_counts_on_both_sides_of_each_limit_and_signals_tighten_it():
    nothing = [[0, 0], [0, 0], [0, 0]]
    assert foreseen_overload_kwh(plan(nothing), fleet()) == 0.0
    assert foreseen_overload_kwh(plan(nothing, load_kw=42.0), fleet()) == pytest.approx(2 * 2 * 2.0 * 0.25)
    assert foreseen_overload_kwh(plan([[0, 0], [0, 0], [65, 0]]), fleet()) == pytest.approx(5.0 * 0.25)
    limits = PlanLimits(
        import_limit_kw=np.full((2, 2), 15.0),
        export_limit_kw=np.full((2, 2), 40.0),
        limited=np.zeros(0, dtype=np.int64),
        signal_ids=("e",),
    )
    assert foreseen_overload_kwh(replace(plan(nothing), limits=limits), fleet()) == pytest.approx(5.0)


def test_forecasts_are_scored_where_something_was_metered_and_sums_add_up():
    parts = ForecastParts(
        names=("baseline",), p50_kw=np.full((1, 2, 16), 26.0), typical_peak_kw=np.full(2, 30.0)
    )
    was, own = replace(forecast(20.0), parts=parts), forecast(25.0)
    actual_kw = np.full((2, 2), 24.0)
    actual_kw[1, 1] = np.nan
    found = scores_of(was, own, grid(NOON + 2 * QUARTER, 2), actual_kw)
    assert {name: score.error_kw for name, score in found.items()} == pytest.approx(
        {"in force": 12.0, "shadow": 3.0, "baseline": 6.0}
    )
    assert (found["shadow"].values, found["shadow"].actual_kw) == (3, 72.0)
    # By hand, quantiles 22.5, 25, 27.5 against 24: (0.1 * 1.5 + 0.5 * 1 + 0.1 * 3.5) / 3 for each value.
    assert found["shadow"].pinball_kw == pytest.approx(3 * (0.15 + 0.5 + 0.35) / 3)
    assert found["baseline"].pinball_kw is None
    twice = total_scores([found, found])
    assert (twice["shadow"].values, twice["shadow"].error_kw) == (6, 6.0)
    assert twice["baseline"].pinball_kw is None
