"""The standing job: every due cycle once, from its record, kept with what came of it; on a real database."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from tests.fakes import ManualClock
from tests.unit.control.fleets import NOON, QUARTER, fleet, forecast, grid, inputs, readings
from tests.unit.replay.test_shadows import Solver, recorded
from vpp.adapters.storage import open_store
from vpp.adapters.storage.shadows import open_shadows
from vpp.control.cycle import decide, prepare
from vpp.control.rehearsal import Rehearsed
from vpp.domain.forecasts import ForecastParts
from vpp.domain.runs import Rung
from vpp.domain.shadows import Shadow, ShadowChange
from vpp.ports import FeederHistory
from vpp.service.shadow_job import MAX_BEHIND, PATIENCE, ShadowJob

DAY = timedelta(days=1)
EAGER = Shadow(shadow_id="eager", change=ShadowChange(policy={"unmet_energy_penalty_per_kwh": 0.0}))


class Operation:
    """Recorded cycles, as a database would give them."""

    def __init__(self, *cycles):
        self.found = list(cycles)

    def within(self, start, end):
        return [cycle for cycle in self.found if start <= cycle.run.cycle_start < end]

    async def count(self, *, start, end):
        return len(self.within(start, end))

    async def cycles(self, *, start, end):
        for cycle in self.within(start, end):
            yield cycle


class Stored:
    """25 kW on each feeder, metered up to `known_until`; the forecasts of live operation."""

    def __init__(self, *forecasts):
        self.known_until = NOON + 7 * DAY
        self.forecasts = {one.forecast_id: one for one in forecasts}

    async def feeder_history(self, *, grid, known_at):
        starts = np.array([start < self.known_until for start in grid.starts()])
        load = np.where(starts, np.full((2, grid.count), 25.0), np.nan)
        return FeederHistory(feeder_ids=("a", "b"), grid=grid, consumption_kw=load, pv_kw=load * 0.0)

    async def get_forecast(self, forecast_id):
        return self.forecasts.get(forecast_id)


def known():
    """A forecast over a day, with its parts."""
    found = forecast(count=96)
    parts = ForecastParts(
        names=("baseline", "ridge"),
        p50_kw=np.stack([found.consumption_p50_kw, found.consumption_p50_kw + 5.0]),
        typical_peak_kw=np.full(2, 30.0),
    )
    return replace(found, parts=parts)


def cycle_at(number, run_id=""):
    """The cycle of the quarter of an hour `number` after noon."""
    start = NOON + number * QUARTER
    values = {"grid": grid(start), "now": start - QUARTER / 5, "readings": readings(start - QUARTER / 4)}
    given = inputs(run_id=run_id or f"run-{number}", forecast=known(), **values)
    prices = replace(given.prices, grid=given.grid)
    return recorded(replace(given, prices=prices))


@pytest.fixture(scope="module")
def cycles():
    return [cycle_at(number) for number in range(3)]


SOLVED = {}  # each problem is solved once for all tests


def planned(given):
    prepared = prepare(given)
    outcome = Solver().solve(prepared.problem, previous=None, deadline_s=1.0, seed=0)
    decision = decide(given, prepared, outcome)
    return Rehearsed(inputs=given, prepared=prepared, outcome=outcome, decision=decision)


@pytest.fixture
def solver():
    return Solver()


@pytest.fixture
async def job(database_url, cycles, solver):
    register = open_shadows(database_url)

    async def plan_aside(given):
        solver.asked += 1
        key = (
            given.run_id,
            given.forecast.forecast_id,
            given.forecast.consumption_p50_kw.sum(),
            given.policy,
        )
        if key not in SOLVED:
            SOLVED[key] = planned(given)
        return SOLVED[key]

    yield ShadowJob(
        shadows=[EAGER],
        register=register,
        operation=Operation(*cycles),
        store=Stored(known()),
        plan_aside=plan_aside,
        clock=ManualClock(NOON + 2 * QUARTER),
        fleet=fleet(),
        interval=QUARTER,
    )
    await register.close()


async def compared(job, shadow=EAGER):
    return await job.register.compared(shadow, start=NOON - DAY, end=NOON + 2 * DAY)


def later(job, time):
    job.clock.advance(time.total_seconds())


async def test_each_cycle_is_planned_once_and_settled_when_its_interval_is_metered(job, solver, cycles):
    job.store.known_until = NOON
    await job.step()
    await job.step()
    found = await compared(job)
    assert [one.cycle.run_id for one in found] == ["run-0", "run-1", "run-2"]
    assert solver.asked == 3
    first = found[0].cycle
    assert first.in_force.cost == cycles[0].plan.certificate["objective"]
    assert (first.in_force.rung, first.shadow.rung, first.shadow.refused) == (Rung.OPTIMAL, Rung.OPTIMAL, 0)
    assert first.shadow.cost < first.in_force.cost, "the car need not be charged"
    assert (first.shadow.change_kw, found[1].cycle.shadow.change_kw is None) == (None, False)
    assert [one.outcomes for one in found] == [None] * 3, "nothing is metered yet"

    job.store.known_until = NOON + 7 * DAY
    later(job, 2 * QUARTER)
    await job.step()
    found = await compared(job)
    was, would = found[1].outcomes
    assert was.start == would.start == NOON + QUARTER
    assert would.import_kw < was.import_kw
    assert all(one.outcomes is not None for one in found)
    progress = await job.register.progress(EAGER)
    assert (progress.cycles, progress.settled) == (3, 3)
    assert (progress.first, progress.newest) == (NOON, NOON + 2 * QUARTER)
    page = await job.register.page(EAGER, page_size=2, page_token="")
    rest = await job.register.page(EAGER, page_size=2, page_token=page.next_token)
    assert [one.cycle.run_id for one in (*page.items, *rest.items)] == ["run-2", "run-1", "run-0"]


async def test_forecasts_are_scored_by_source_when_their_hours_are_metered(job):
    job.shadows = [Shadow(shadow_id="ridge", change=ShadowChange(weights={"ridge": 1.0}))]
    await job.step()
    (first, *_) = await compared(job, job.shadows[0])
    assert first.scores == {}
    later(job, timedelta(hours=7))
    await job.step()
    (first, *_) = await compared(job, job.shadows[0])
    errors = {name: score.error_kw / score.values for name, score in first.scores.items()}
    assert errors == pytest.approx({"in force": 5.0, "shadow": 0.0, "baseline": 5.0, "ridge": 0.0})
    assert first.scores["shadow"].values == 2 * 24


async def test_what_is_never_metered_stays_without_and_is_not_asked_for_again(job):
    job.store.known_until = NOON
    await job.step()
    later(job, PATIENCE + DAY)
    await job.step()
    assert {(one.outcomes, len(one.scores)) for one in await compared(job)} == {(None, 0)}
    assert await job.register.unsettled(EAGER, start_before=NOON + 9 * DAY, most=9) == []
    assert await job.register.unscored(EAGER, start_before=NOON + 9 * DAY, most=9) == []


async def test_each_so_many_cycles_for_so_many_days_and_the_last_of_an_interval_counts(job, solver):
    rare = replace(EAGER, every_cycles=2)
    job.shadows = [rare]
    await job.step()
    assert [one.cycle.run_id for one in await compared(job)] == ["run-0", "run-2"]
    job.operation.found.append(cycle_at(2, "run-2b"))
    await job.step()
    assert [one.cycle.run_id for one in await compared(job)] == ["run-0", "run-2b"]
    assert solver.asked == 3

    job.shadows = [replace(EAGER, days=1)]
    job.operation.found = [cycle_at(97)]
    later(job, DAY)
    await job.step()
    assert solver.asked == 3, "its days are over"


async def test_what_is_too_old_is_left_out_and_another_change_begins_anew(job, solver):
    later(job, (MAX_BEHIND - 1) * QUARTER)
    await job.step()
    assert [one.cycle.run_id for one in await compared(job)] == ["run-1", "run-2"]
    changed = Shadow(shadow_id="eager", change=ShadowChange(policy={"stability_cost_per_kw": 0.1}))
    assert await compared(job, changed) == []


async def test_a_change_that_cannot_be_made_is_said_and_stops_nobody_else(job, solver):
    lost = Shadow(shadow_id="lost", change=ShadowChange(weights={"oracle": 1.0}))
    model = Shadow(shadow_id="model", change=ShadowChange(model={"name": "m"}))
    job.shadows = [lost, model, EAGER]
    await job.step()
    assert [len(await compared(job, one)) for one in job.shadows] == [0, 0, 3]


async def test_a_model_of_its_own_plans_with_what_was_available_and_live_cycles_never_see_it(
    job, database_url, cycles
):
    own = Shadow(shadow_id="model", change=ShadowChange(model={"name": "m"}))
    job.shadows = [own]
    early = replace(forecast(25.0, count=96), forecast_id="own-1", available_at=NOON)
    late = replace(forecast(99.0, count=96), forecast_id="own-2", available_at=NOON + 9 * QUARTER)
    for one in (early, late):
        await job.register.save_forecast("model", one, None)
    await job.step()
    found = await compared(job, own)
    assert [one.cycle.shadow.forecast_id for one in found] == ["own-1", "own-1"], "run-0 was before it"
    assert {one.cycle.in_force.forecast_id for one in found} == {"forecast-1"}
    assert found[0].cycle.shadow.cost > found[0].cycle.in_force.cost, "it foresees more load"
    store = open_store(database_url, clock_now=lambda: NOON)
    assert await store.newest_forecast(available_at=NOON + DAY) is None
    assert await store.get_forecast("own-1") is None
    await store.close()
