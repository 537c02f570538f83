"""A replay: the loop of live operation, driven interval by interval over a scenario.

time of a cycle ─► forecast job ─► DispatchLoop.run_cycle ─► orders ─► simulated fleet ─► next interval
                   (scenario's own past only)                 └► run sink: decision log, tables
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import numpy as np

from optimizer import Replanner
from optimizer.plan import Schedule
from optimizer.problem import Problem
from vpp.adapters.sim import SimulatedFleet
from vpp.control.compliance import ComplianceWatch
from vpp.control.cycle_values import SolveOutcome
from vpp.domain.forecasts import LoadForecast
from vpp.domain.intervals import IntervalGrid
from vpp.physics.stays import Stays
from vpp.ports import ReasoningModel
from vpp.replay.clock import ReplayClock
from vpp.replay.course import Counterpart, Course, fan_feeders
from vpp.replay.forecasts import EPOCH, ForecasterName, ReplayForecasts
from vpp.replay.foresight import as_they_were, foreseen
from vpp.replay.known_limits import Announcements, with_known_limits
from vpp.replay.reserve import ReserveMeter
from vpp.replay.scenario import FeederLimits, Scenario
from vpp.replay.world import ReplayStore, RunSink, over_grid
from vpp.service.ids import IdFactory
from vpp.service.loop import DispatchLoop
from vpp.service.peak import PeakMeter

Progress = Callable[[int, int], None]
LOOKS_PER_LEASE: Final = 3  # at a fleet that may not follow: two readings during an order make a flag


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayOptions:
    """What may be changed from one replay to the next. `seed` draws faults, noise and ties."""

    forecaster: ForecasterName = "baseline"
    seed: int = 0
    model: ReasoningModel | None = None


@dataclass(slots=True)
class InlineSolver:
    """Solves in this process and stops on work alone: the same replay gives the same plans on any machine."""

    seed: int
    seconds: list[float] = field(default_factory=list)
    replanner: Replanner = field(default_factory=Replanner)  # each plan starts from the one before

    def solve(
        self, problem: Problem, *, previous: Schedule | None, deadline_s: float, seed: int
    ) -> SolveOutcome:
        """Return the plan; the deadline of the port is not looked at."""
        began = time.perf_counter()
        plan = self.replanner.solve(problem, seed=self.seed, previous=previous)
        self.seconds.append(time.perf_counter() - began)
        return SolveOutcome(plan=plan)


@dataclass(slots=True, kw_only=True)
class Replay:
    """One replay of one scenario, from its first interval to its last."""

    scenario: Scenario
    options: ReplayOptions
    on_run: RunSink
    grid: IntervalGrid = field(init=False)
    clock: ReplayClock = field(init=False)
    store: ReplayStore = field(init=False)
    fleet: SimulatedFleet = field(init=False)
    course: Course = field(init=False)
    solver: InlineSolver = field(init=False)
    loop: DispatchLoop = field(init=False)
    forecasts: ReplayForecasts = field(init=False)
    limits: tuple[FeederLimits, ...] = field(init=False)  # as far as this replay may know them
    next_interval: int = 0  # the first that is not replayed yet

    def __post_init__(self) -> None:
        header = self.scenario.header
        self.grid = header.grid()
        self.clock = ReplayClock(self.grid.start)
        self.course = course_of(self.scenario)
        known = foreseen(self.scenario) if self.options.forecaster == "perfect" else self.scenario
        self.limits = known.limits
        self.store = ReplayStore(known, self.on_run, self.course.forecast)
        self.fleet = simulated(self.scenario, self.grid, controlled=True, seed=self.options.seed)
        self.solver = InlineSolver(self.options.seed)
        policy = header.policy()
        self.loop = DispatchLoop(
            fleet=self.scenario.fleet,
            policy=policy,
            clock=self.clock,
            store=self.store,
            link=self.fleet,
            solver=self.solver,
            epoch=EPOCH,
            new_id=IdFactory(kind="run", epoch=EPOCH),
            book=self.fleet.book,
            signals=Announcements((*known.events, *known.reserve), known.limits, self.scenario.fleet.feeders),
            timezone=header.timezone,
            holidays=frozenset(header.holidays),
            peak=PeakMeter(interval=policy.interval),
            watch=ComplianceWatch(self.scenario.fleet) if header.unlike_their_ratings() else None,
        )
        self.forecasts = ReplayForecasts(
            scenario=self.scenario,
            store=self.store,
            clock=self.clock,
            forecaster=self.options.forecaster,
            model=self.options.model,
        )
        self.store.on_forecast = self._issued

    @property
    def way(self) -> Counterpart:
        """Return the fleet with the course it took."""
        return Counterpart(fleet=self.fleet, course=self.course)

    def _issued(self, forecast: LoadForecast) -> None:
        """Note a forecast for the account and for the report."""
        self.forecasts.account.note(forecast)
        self.course.forecast(forecast)

    async def run(self, progress: Progress | None = None) -> None:
        """Replay every interval that is left; calls `progress(done, all)` after each.

        What `progress` raises ends the replay between two intervals; `run` goes on from there.
        """
        for interval in range(self.next_interval, self.grid.count):
            self.course.began()
            at = self.grid.start_of(interval)
            self.fleet.advance(at)
            self.course.note(interval, self.fleet)
            await self.clock.sleep_until(at)
            self.loop.fleet = with_known_limits(self.limits, self.loop.fleet, at)
            await self.forecasts.check(at)
            await self.loop.run_cycle("replay")
            self.course.ordered(self.store.plan, self.fleet)
            await self._look(at)
            self.course.ended(interval)
            self.next_interval = interval + 1
            if progress is not None:
                progress(interval + 1, self.grid.count)
        self.fleet.advance(self.grid.end)
        self.course.note(self.grid.count, self.fleet)

    async def _look(self, at: datetime) -> None:
        """Look within an interval whether devices follow their orders, where they may not."""
        if self.loop.watch is None:
            return
        looks = round(LOOKS_PER_LEASE * (self.grid.length / self.loop.policy.setpoint_lifetime))
        for look in range(1, looks):
            moment = at + self.grid.length * (look / looks)
            self.fleet.advance(moment)
            await self.clock.sleep_until(moment)
            await self.loop.look_at_compliance()


def simulated(scenario: Scenario, grid: IntervalGrid, *, controlled: bool, seed: int) -> SimulatedFleet:
    """Return the scenario's fleet at its start."""
    slots = scenario.fleet.slots()
    return SimulatedFleet(
        scenario.fleet,
        grid=grid,
        energy_kwh=scenario.initial_energy_kwh,
        stays=Stays.of((slots[stay.asset_id], stay) for stay in as_they_were(scenario.sessions)),
        controlled=controlled,
        standby_kw=scenario.header.standby_kw,
        derates=scenario.header.temperature_limits,
        fades=scenario.header.capacity_fades,
        faults=scenario.header.faults(),
        ambient_c=None if scenario.weather is None else scenario.weather.temperature_over(grid),
        lease=scenario.header.policy().setpoint_lifetime,
        seed=seed,
    )


def course_of(scenario: Scenario) -> Course:
    """Return the empty course of a replay of the scenario."""
    grid = scenario.header.grid()
    consumption, pv = over_grid(scenario.load, grid)
    limits = np.array([feeder.import_limit_kw for feeder in scenario.fleet.feeders])
    return Course(
        fleet=scenario.fleet,
        grid=grid,
        reserve=ReserveMeter(products=scenario.reserve, grid=grid),
        fan_feeders=fan_feeders(consumption - pv, limits),
    )


def without_control(scenario: Scenario, seed: int) -> Counterpart:
    """Return the fleet at the end, batteries at rest and vehicles charged on arrival."""
    grid, course = scenario.header.grid(), course_of(scenario)
    fleet = simulated(scenario, grid, controlled=False, seed=seed)
    for boundary in range(grid.count + 1):
        if boundary:
            fleet.advance(grid.start_of(boundary))
        course.note(boundary, fleet)
    return Counterpart(fleet=fleet, course=course)
