"""Plans recorded cycles again with something changed, in a solver process of its own, and compares.

It reads what live operation wrote, so it never delays a cycle.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

import numpy as np

from optimizer.plan import Schedule
from optimizer.problem import Problem
from vpp.control.cycle import decide, prepare
from vpp.control.cycle_values import SolveOutcome
from vpp.control.shadows import Metered, outcome_of, swapped
from vpp.domain.assets import Fleet
from vpp.domain.intervals import IntervalGrid
from vpp.domain.setpoints import SetpointColumns
from vpp.domain.shadows import Floats, Outcome, ShadowChange
from vpp.ports import FeederHistory
from vpp.ports.operation import RecordedCycle, RecordedOperation

LONGEST_SOLVE_S: Final = 60.0


class Metering(Protocol):
    """Where metered load is read."""

    async def feeder_history(self, *, grid: IntervalGrid, known_at: datetime) -> FeederHistory:
        """Return the metering over `grid`."""


class Solver(Protocol):
    """Solves in a process that can be killed."""

    def solve(
        self, problem: Problem, *, previous: Schedule | None, deadline_s: float, seed: int
    ) -> SolveOutcome:
        """Return what came of it."""


@dataclass(slots=True)
class Sides:
    """Outcomes of both sides over the same intervals; `unmetered` are left out."""

    in_force: list[Outcome] = field(default_factory=list)
    shadow: list[Outcome] = field(default_factory=list)
    unmetered: int = 0
    _before: tuple[Floats | None, Floats | None] = (None, None)

    def add(self, ordered: tuple[Floats | None, Floats | None], metered: Metered, fleet: Fleet) -> None:
        """Take in one interval: what was ordered, and what the shadow would have."""
        for side, power_kw, before_kw in zip(
            (self.in_force, self.shadow), ordered, self._before, strict=True
        ):
            side.append(outcome_of(power_kw, before_kw, metered, fleet))
        self._before = ordered


async def shadowed(
    operation: RecordedOperation,
    metering: Metering,
    solver: Solver,
    change: ShadowChange,
    *,
    start: datetime,
    end: datetime,
    now: datetime,
    progress: Callable[[int], None] = lambda _done: None,
) -> Sides:
    """Return both sides over the intervals whose first plan starts in [start, end).

    Of several runs for one interval the last counts, as it did. Raises InvalidValueError for a change that
    cannot be made.
    """
    sides, waiting, done = Sides(), None, 0
    async for cycle in operation.cycles(start=start, end=end):
        if waiting is not None and cycle.run.cycle_start > waiting.run.cycle_start:
            await _take(sides, waiting, metering, solver, change, now)
        waiting = cycle
        done += 1
        progress(done)
    if waiting is not None:
        await _take(sides, waiting, metering, solver, change, now)
    return sides


async def _take(
    sides: Sides,
    cycle: RecordedCycle,
    metering: Metering,
    solver: Solver,
    change: ShadowChange,
    now: datetime,
) -> None:
    inputs = cycle.record.inputs
    first = IntervalGrid(start=inputs.grid.start, length=inputs.grid.length, count=1)
    history = await metering.feeder_history(grid=first, known_at=now)
    load_kw = (history.consumption_kw - history.pv_kw)[:, 0]
    if inputs.prices is None or not np.isfinite(load_kw).all():
        sides.unmetered += 1
        return
    metered = Metered(
        start=first.start,
        hours=first.hours,
        load_kw=load_kw,
        import_price_per_kwh=float(inputs.prices.import_price_per_kwh[0]),
        export_price_per_kwh=float(inputs.prices.export_price_per_kwh[0]),
        stored_value_per_kwh=float(np.median(inputs.prices.import_price_per_kwh)),
    )
    shadow = await asyncio.to_thread(_planned, cycle, solver, change)
    sides.add((_powers(cycle.setpoints, inputs.fleet), shadow), metered, inputs.fleet)


def _planned(cycle: RecordedCycle, solver: Solver, change: ShadowChange) -> Floats | None:
    """Return what the shadow would have ordered, (N,) kW; None where nothing of it passed the verifier."""
    inputs = swapped(cycle.record.inputs, change)
    prepared = prepare(inputs)
    outcome = None
    if prepared.problem is not None and prepared.controllable.any():
        deadline_s = min(LONGEST_SOLVE_S, inputs.policy.solve_deadline.total_seconds())
        outcome = solver.solve(prepared.problem, previous=prepared.previous, deadline_s=deadline_s, seed=0)
    return _powers(decide(inputs, prepared, outcome).setpoints, inputs.fleet)


def _powers(setpoints: SetpointColumns | None, fleet: Fleet) -> Floats | None:
    if setpoints is None:
        return None
    power_kw = np.zeros(len(fleet))
    power_kw[setpoints.slot] = setpoints.power_kw
    return power_kw
