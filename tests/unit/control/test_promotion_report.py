"""What people read before they promote a shadow, from cycles made by hand."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.unit.control.fleets import NOON
from vpp.control.promotion_report import report_of
from vpp.control.shadow_report import FEWEST_DAYS
from vpp.domain.runs import Rung
from vpp.domain.shadows import (
    ComparedCycle,
    ForecastScore,
    Outcome,
    PlannedSide,
    Shadow,
    ShadowChange,
    ShadowCycle,
)

DAY = timedelta(days=1)
CALM = Shadow(shadow_id="calm", change=ShadowChange(policy={"stability_cost_per_kw": 0.002}))
SIDE = PlannedSide(
    rung=Rung.OPTIMAL,
    cost=10.0,
    horizon_intervals=96,
    refused=0,
    overload_kwh=0.0,
    change_kw=4.0,
    seconds=1.0,
    forecast_id="f",
    powers_kw=None,
)


def score(error_kw, pinball_kw):
    return ForecastScore(values=10, actual_kw=200.0, error_kw=error_kw, pinball_kw=pinball_kw)


def cycle(day, *, saved=1.0, shadow=SIDE, pinball_kw=3.0):
    start = NOON + day * DAY
    was, would = (
        Outcome(
            start=start, cost=cost, overload_kwh=0.0, import_kw=5.0, moved_kw=1.0, commands=1, failed=False
        )
        for cost in (5.0 + 0.1 * (day % 3), 5.0 - saved)
    )
    made = ShadowCycle(
        shadow_id="calm",
        change_sha256=CALM.change.sha256,
        run_id=f"run-{day}",
        cycle_start=start,
        planned_at=start,
        hours=0.25,
        in_force=SIDE,
        shadow=shadow,
        prices=None,
    )
    scores = {"in force": score(20.0, 3.0), "shadow": score(18.0, pinball_kw), "baseline": score(22.0, None)}
    return ComparedCycle(cycle=made, outcomes=(was, would), scores=scores)


def report(cycles, seed=0):
    return report_of(CALM, cycles, start=NOON, end=NOON + 30 * DAY, seed=seed)


def test_a_shadow_that_saves_on_enough_days_has_nothing_against_it():
    found = report([cycle(day) for day in range(FEWEST_DAYS)], seed=3)
    assert found == report([cycle(day) for day in range(FEWEST_DAYS)], seed=3)
    assert (found.cycles, found.money.days, found.against) == (FEWEST_DAYS, FEWEST_DAYS, ())
    assert found.money.saved_low_per_day <= found.money.saved_per_day <= found.money.saved_high_per_day
    assert 1.0 < found.money.saved_per_day < 1.2
    by_source = {one.source: one for one in found.forecasts}
    assert by_source["shadow"].mae_kw == pytest.approx(1.8)
    assert (by_source["in force"].wape, by_source["baseline"].pinball_kw) == (pytest.approx(0.1), None)
    assert found.sentences[0].startswith("calm (stability_cost_per_kw=0.002) planned beside 14 cycles; 14 of")
    assert found.sentences[-1] == "Nothing that was measured speaks against promotion."
    assert "Change against the plan before: 4.000 kW, in force 4.000 kW." in found.sentences


def test_what_speaks_against_it_is_said():
    worse = replace(SIDE, refused=1, change_kw=6.0, rung=Rung.GREEDY)
    found = report(
        [cycle(0, saved=-1.0, shadow=worse, pinball_kw=4.0), cycle(1, shadow=worse, pinball_kw=4.0)]
    )
    words = " ".join(found.against)
    for part in (
        "only 2 days",
        "not shown to save",
        "verifier refused 2",
        "change by 6.0 kW",
        "forecasts are worse",
    ):
        assert part in words
    assert found.plain()["sentences"][-1].startswith("Against promotion")


def test_costs_over_different_horizons_are_not_held_against_each_other():
    short = replace(SIDE, horizon_intervals=48, cost=5.0, change_kw=None)
    found = {one.name: one for one in report([cycle(0, shadow=short)]).figures}
    planned = found["Planned cost, as its own model counts"]
    assert (planned.in_force, planned.shadow) == (0.0, 0.0)
    assert report([cycle(0), cycle(1, shadow=short)]).figures[6].in_force == 10.0


def test_without_cycles_it_says_that_nothing_is_known():
    found = report([])
    assert (found.cycles, found.money.days, found.forecasts) == (0, 0, ())
    assert "Nothing is metered yet, so that money says nothing." in found.sentences
    assert "only 0 days" in found.against[0]
