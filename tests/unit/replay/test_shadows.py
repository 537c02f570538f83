"""A shadow sees the same inputs, sends nothing, and is judged by what was metered."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from optimizer.solve import solve
from tests.unit.control.fleets import NOON, QUARTER, fleet, forecast, inputs
from vpp.control.cycle import decide, prepare
from vpp.control.cycle_values import SolveOutcome
from vpp.control.record import CycleRecord, summary_of
from vpp.control.shadow_report import FEWEST_DAYS, compare
from vpp.control.shadows import Metered, mixed, outcome_of, swapped
from vpp.domain.errors import InvalidValueError
from vpp.domain.forecasts import ForecastParts
from vpp.domain.shadows import Outcome, ShadowChange
from vpp.ports import FeederHistory
from vpp.ports.operation import RecordedCycle
from vpp.replay.shadowing import shadowed

CALM = ShadowChange(policy={"unmet_energy_penalty_per_kwh": 0.0})


class Solver:
    """The real solver, in this process; counts what it was asked."""

    asked = 0

    def solve(self, problem, *, previous, deadline_s, seed):
        self.asked += 1
        return SolveOutcome(plan=solve(problem, method="exact"))


def recorded(given):
    prepared = prepare(given)
    outcome = SolveOutcome(plan=solve(prepared.problem, method="exact"))
    decision = decide(given, prepared, outcome)
    record = CycleRecord(inputs=given, outcome=outcome)
    run = summary_of(record, prepared, decision, finished_at=given.now, trigger="schedule")
    return RecordedCycle(run=run, record=record, plan=decision.plan, setpoints=decision.setpoints)


class Operation:
    def __init__(self, cycles):
        self._cycles = cycles

    async def cycles(self, *, start, end):
        for cycle in self._cycles:
            yield cycle


class Metering:
    """20 kW on each feeder; nothing is known from `known_until` on."""

    known_until = NOON + timedelta(days=1)

    async def feeder_history(self, *, grid, known_at):
        load = np.full((2, grid.count), 20.0 if grid.start < self.known_until else np.nan)
        return FeederHistory(feeder_ids=("a", "b"), grid=grid, consumption_kw=load, pv_kw=load * 0.0)


async def both(cycles, change, metering=None):
    solver = Solver()
    sides = await shadowed(
        Operation(cycles), metering or Metering(), solver, change, start=NOON, end=NOON + QUARTER, now=NOON
    )
    return sides, solver


@pytest.fixture(scope="module")
def cycle():
    return recorded(inputs())


async def test_the_same_policy_comes_to_the_same(cycle):
    same = ShadowChange(policy={"stability_cost_per_kw": inputs().policy.stability_cost_per_kw})
    sides, solver = await both([cycle], same)
    assert solver.asked == 1
    assert sides.shadow == sides.in_force
    assert sides.in_force[0].import_kw > 0.0


async def test_another_policy_orders_something_else_and_the_last_run_of_an_interval_counts(cycle):
    sides, solver = await both([cycle, cycle], CALM)
    assert (len(sides.shadow), solver.asked) == (1, 1)
    assert sides.shadow[0].import_kw < sides.in_force[0].import_kw, "the car need not be charged"


async def test_what_is_not_metered_yet_is_left_out(cycle):
    metering = Metering()
    metering.known_until = NOON
    sides, solver = await both([cycle], CALM, metering)
    assert (sides.shadow, sides.unmetered, solver.asked) == ([], 1, 0)


async def test_a_cycle_that_planned_nothing_counts_as_failed_on_its_side():
    lost = replace(recorded(inputs()), setpoints=None)
    sides, _ = await both([lost], CALM)
    assert (sides.in_force[0].failed, sides.shadow[0].failed) == (True, False)


def metered(**changes):
    values = {
        "start": NOON,
        "hours": 0.25,
        "load_kw": np.array([10.0, -4.0]),
        "import_price_per_kwh": 0.4,
        "export_price_per_kwh": 0.1,
        "stored_value_per_kwh": 0.2,
    }
    return Metered(**(values | changes))


def test_an_interval_is_billed_with_wear_and_what_stays_in_the_batteries():
    found = outcome_of(np.array([0.0, 0.0, 8.0]), np.array([0.0, 0.0, -2.0]), metered(), fleet())
    energy = (10.0 - 12.0) * 0.1 * 0.25
    wear = 0.01 * 8.0 * 0.25
    taken = 8.0 / 0.95 * 0.95 * 0.25 * 0.2
    assert found.cost == pytest.approx(energy + wear + taken)
    assert (found.import_kw, found.moved_kw, found.commands, found.failed) == (0.0, 10.0, 1, False)
    over = outcome_of(np.array([0.0, -11.0, 0.0]), None, metered(load_kw=np.array([35.0, 0.0])), fleet())
    assert over.overload_kwh == pytest.approx(6.0 * 0.25)


def with_parts():
    before = forecast()
    rival = before.consumption_p50_kw + 6.0
    parts = ForecastParts(
        names=("baseline", "ridge"),
        p50_kw=np.stack([before.consumption_p50_kw, rival]),
        typical_peak_kw=np.full(2, 30.0),
    )
    return replace(before, parts=parts)


def test_weights_move_the_whole_forecast():
    found = mixed(with_parts(), {"baseline": 1.0, "ridge": 2.0})
    assert np.allclose(found.consumption_p50_kw, 24.0)
    assert np.allclose(found.consumption_p90_kw - found.consumption_p50_kw, 2.0)
    given = inputs(forecast=with_parts())
    assert swapped(given, ShadowChange(weights={"ridge": 1.0})).forecast.consumption_p50_kw[0, 0] == 26.0
    assert swapped(given, ShadowChange(policy={"accepted_gap": 0.2})).policy.accepted_gap == 0.2


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"policy": {"import_limit_kw": 9.0}}, "expected one of accepted_gap"),
        ({}, "no change"),
        ({"weights": {"ridge": -1.0}}, "zero or more"),
        ({"weights": {"ridge": 0.0}}, "above zero"),
    ],
)
def test_limits_are_no_shadows_matter_and_nonsense_is_refused(change, words):
    with pytest.raises(InvalidValueError, match=words):
        ShadowChange(**change)


def test_weights_need_forecasters_that_are_there():
    with pytest.raises(InvalidValueError, match="one of baseline, ridge"):
        mixed(with_parts(), {"oracle": 1.0})
    with pytest.raises(InvalidValueError, match="parts"):
        mixed(forecast(), {"baseline": 1.0})


def days(count, cost, **values):
    base = {"overload_kwh": 0.0, "import_kw": 5.0, "moved_kw": 1.0, "commands": 1, "failed": False}
    return [
        Outcome(start=NOON + day * timedelta(days=1), cost=cost + 0.1 * (day % 3), **(base | values))
        for day in range(count)
    ]


def test_a_shadow_that_saves_on_enough_days_has_nothing_against_it_and_the_seed_repeats_it():
    report = compare(days(20, 3.0), days(20, 2.0), seed=4)
    assert report.saved_per_day == pytest.approx(1.0)
    assert report.saved_low_per_day == pytest.approx(1.0)
    assert report.against == ()
    assert report == compare(days(20, 3.0), days(20, 2.0), seed=4)
    assert "nothing that was measured" in report.markdown("Shadow")


def test_what_speaks_against_promotion_is_said_in_words():
    worse = days(FEWEST_DAYS - 1, 3.1, overload_kwh=0.2, import_kw=6.0, moved_kw=2.0, commands=2, failed=True)
    words = compare(days(FEWEST_DAYS - 1, 3.0), worse).markdown("Shadow")
    for part in (
        "only 13 days",
        "not shown to save",
        "limits would",
        "restless",
        "highest import",
        "without",
    ):
        assert part in words
