"""Record a day of operation for `tests/golden/recorded-day`: what a replay has to decide again, for ever.

    python scripts/make_recorded_day.py tests/golden/recorded-day

The loop, the store and the forecasts are those of live operation, over the day of the storm of the scenario
`storm-week` with every second of its devices; a small real language model answers, one solve is killed
without a plan and one with what it had. To be run again when a change of what a cycle records is wanted.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
import sys
import tempfile
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import structlog

from optimizer.plan import Schedule
from optimizer.problem import Problem
from vpp.adapters.storage import migrate, open_store
from vpp.adapters.storage.exporting import Exporter
from vpp.adapters.storage.forecast_memory import open_forecast_memory
from vpp.adapters.storage.operation import DatabaseOperation
from vpp.control.cycle_values import SolveOutcome
from vpp.domain.intervals import IntervalGrid
from vpp.domain.readings import FeederReading
from vpp.forecasting.forecaster import Forecaster
from vpp.forecasting.learning import MODEL
from vpp.ports import ForecastMemory, ReasoningModel, Store
from vpp.replay.asked_model import asked_model
from vpp.replay.clock import ReplayClock
from vpp.replay.known_limits import with_known_limits
from vpp.replay.period import between
from vpp.replay.recorded import Comparison, decide_again
from vpp.replay.run import InlineSolver, simulated
from vpp.replay.scenario import Scenario
from vpp.replay.scenario_files import read_scenario
from vpp.service.forecast_job import ForecastJob
from vpp.service.forecast_learning import ForecastLearning
from vpp.service.ids import IdFactory
from vpp.service.local_model import LOCAL_MODEL
from vpp.service.loop import DispatchLoop
from vpp.service.peak import PeakMeter
from vpp.service.reasoning import forecaster_settings

SCENARIO = Path(__file__).parents[1] / "config/scenarios/storm-week"
FIRST_DAY, HOURS = timedelta(days=2), 24
KILLED, STOPPED = 9, 17  # cycles whose solve is killed: without a plan, and with what it had
ZONE = "Europe/Berlin"


@dataclass(slots=True)
class SometimesKilled:
    """A solver that is killed twice."""

    inner: InlineSolver = field(default_factory=lambda: InlineSolver(seed=0))
    cycle: int = -1

    def solve(
        self, problem: Problem, *, previous: Schedule | None, deadline_s: float, seed: int
    ) -> SolveOutcome:
        self.cycle += 1
        if self.cycle == KILLED:
            return SolveOutcome(plan=None, killed=True)
        outcome = self.inner.solve(problem, previous=previous, deadline_s=deadline_s, seed=seed)
        return replace(outcome, killed=self.cycle == STOPPED)


def half(scenario: Scenario) -> Scenario:
    """Return the scenario with every second device."""
    fleet = replace(scenario.fleet, assets=scenario.fleet.assets[::2])
    stays = tuple(stay for stay in scenario.sessions if stay.asset_id in fleet.slots())
    energy_kwh = scenario.initial_energy_kwh[::2]
    return replace(scenario, fleet=fleet, initial_energy_kwh=energy_kwh, sessions=stays)


async def fill(store: Store, scenario: Scenario) -> None:
    """Store everything that the scenario announces and meters; a query sees only what was known."""
    await store.save_fleet(scenario.fleet)
    delay = timedelta(minutes=scenario.header.meter_delay_minutes)
    grid, day = scenario.load.grid, timedelta(days=1)
    first = grid.index_of(scenario.header.start - timedelta(days=scenario.header.history_days))
    last = grid.index_of(scenario.header.grid().end + day)
    rows = [
        FeederReading(
            feeder_id=feeder.feeder_id,
            start=grid.start_of(k),
            consumption_kw=float(scenario.load.consumption_kw[number, k]),
            pv_kw=float(scenario.load.pv_kw[number, k]),
            available_at=grid.start_of(k + 1) + delay,
        )
        for number, feeder in enumerate(scenario.fleet.feeders)
        for k in range(max(0, first), last)
    ]
    await store.append_feeder_readings(rows)
    begin, end = scenario.header.start, scenario.header.grid().end
    near = [p for p in scenario.prices if begin - 8 * day <= p.start < end + 2 * day]
    await store.save_prices(near)
    stays = [s for s in scenario.sessions if s.connected_until > begin - day and s.connected_from < end + day]
    await store.save_sessions(stays)
    await store.save_context(scenario.context)


def job_of(
    scenario: Scenario,
    store: Store,
    clock: ReplayClock,
    model: ReasoningModel | None,
    memory: ForecastMemory,
) -> ForecastJob:
    """Return the job of live operation that issues forecasts."""
    header = scenario.header
    horizon = 2 * header.horizon_intervals
    forecaster = Forecaster(
        model,
        clock=clock,
        new_forecast_id=IdFactory(kind="forecast", epoch=1),
        new_call_id=IdFactory(kind="call", epoch=1),
        settings=forecaster_settings(
            LOCAL_MODEL.model_copy(update={"deadline_s": 600.0}), timezone=ZONE, holidays=frozenset()
        ),
    )
    return ForecastJob(
        forecaster=forecaster,
        store=store,
        clock=clock,
        interval=header.interval,
        history=timedelta(days=header.history_days),
        horizon_intervals=horizon,
        issue_period=timedelta(hours=3),
        learning=ForecastLearning(
            memory=memory,
            store=store,
            interval=header.interval,
            horizon=header.interval * horizon,
            forecasters=(MODEL,),
        ),
    )


async def operate(scenario: Scenario, url: str, stack: AsyncExitStack) -> None:
    """Run the cycles of the day against a database."""
    grid: IntervalGrid = scenario.header.grid()
    clock = ReplayClock(grid.start)
    store = open_store(url, clock_now=clock.now)
    stack.push_async_callback(store.close)
    await fill(store, scenario)
    epoch = await store.next_epoch()
    memory = open_forecast_memory(url)
    stack.push_async_callback(memory.close)
    model = await stack.enter_async_context(asked_model("local", "aggregated"))
    fleet, policy = simulated(scenario, grid, controlled=True, seed=7), scenario.header.policy()
    loop = DispatchLoop(
        fleet=scenario.fleet,
        policy=policy,
        clock=clock,
        store=store,
        link=fleet,
        solver=SometimesKilled(),
        epoch=epoch,
        new_id=IdFactory(kind="run", epoch=epoch),
        book=fleet.book,
        peak=PeakMeter(interval=policy.interval),
    )
    job = job_of(scenario, store, clock, model, memory)
    for interval in range(grid.count):
        at = grid.start_of(interval)
        fleet.advance(at)
        await clock.sleep_until(at)
        loop.fleet = with_known_limits(scenario.limits, loop.fleet, at)
        await job.check()
        run = await loop.run_cycle("schedule")
        print(f"{run.run_id} {run.rung} {run.reason}")


async def record(out: Path) -> None:
    """Record the day, export it, and note the digest of its decision log."""
    whole = read_scenario(SCENARIO)
    begin = whole.header.start + FIRST_DAY
    scenario = half(between(whole, begin, begin + timedelta(hours=HOURS)))
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/day.sqlite"
        await migrate.upgrade(url)
        async with AsyncExitStack() as stack:
            await operate(scenario, url, stack)
        shutil.rmtree(out, ignore_errors=True)
        end, operation, exporter = begin + timedelta(days=1), DatabaseOperation(url), Exporter(url, out)
        try:
            await exporter.write(start=begin, end=end, progress=lambda *_: None)
            again = await decide_again(operation, start=begin, end=end, on_run=lambda *_: None)
        finally:
            await exporter.close()
            await operation.close()
    await asyncio.to_thread(note_expected, out, again)


def note_expected(out: Path, again: Comparison) -> None:
    """Write the digests that every later replay is held against."""
    digest = hashlib.sha256((out / "model_calls.jsonl").read_bytes()).hexdigest()
    expected = {
        "cycles": again.cycles,
        "decision_log_sha256": again.live_sha256,
        "model_calls_sha256": digest,
    }
    (out / "expected.json").write_text(json.dumps(expected, indent=2) + "\n")
    print(again.figures(), sum(path.stat().st_size for path in out.rglob("*") if path.is_file()))


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    asyncio.run(record(Path(sys.argv[1])))
