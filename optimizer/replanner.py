"""Planning again and again for one fleet: each plan starts from the one before.

12:00  plan │0 1 2 3 … T-1│                    kept: powers, prices, ids, start
12:15         │1 2 3 … T-1│·│   new problem:   moved on by the intervals between both starts,
                                               rows found again by the ids of assets and feeders
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from optimizer.plan import Floats, Plan, Schedule, Warm
from optimizer.problem import Ints, Names, Problem
from optimizer.solve import REPLAN_GAP, Method, Progress, solve

REMEMBERED_UP_TO = 300_000
"""Plans of larger fleets are not kept: three matrices of a gigabyte together."""


@dataclass(frozen=True, slots=True)
class _Memory:
    """The last plan and what it is about."""

    start: datetime
    interval_h: float
    intervals: int
    asset_id: Names
    feeder_id: Names
    plan: Plan


class Replanner:
    """Solves one problem after the other, as `solve` does, and remembers the last plan with its prices.

    The same problems in the same order give the same plans. Assets and feeders may come and go from one
    problem to the next: rows are found by their ids. A problem with another length of interval, or that
    starts before the last one or after its end, is solved from scratch.
    """

    def __init__(self, *, accepted_gap: float = REPLAN_GAP) -> None:
        """Re-plans above `accepted_gap` are solved again from scratch."""
        self.accepted_gap = accepted_gap
        self._memory: _Memory | None = None

    def forget(self) -> None:
        """Solve the next problem from scratch."""
        self._memory = None

    def solve(
        self,
        problem: Problem,
        *,
        method: Method = "auto",
        seed: int = 0,
        previous: Schedule | None = None,
        progress: Progress | None = None,
    ) -> Plan:
        """Return a certified plan, from the last one where there is one that reaches this problem."""
        warm = None if self._memory is None else _moved(self._memory, problem)
        plan = solve(
            problem, method=method, seed=seed, previous=previous, warm=warm,
            accepted_gap=self.accepted_gap, progress=progress,
        )  # fmt: skip
        self._memory = None
        if plan.prices is not None and len(problem.assets) <= REMEMBERED_UP_TO:
            self._memory = _Memory(
                problem.start, problem.interval_h, problem.intervals, problem.assets.asset_id,
                problem.feeders.feeder_id, plan,
            )  # fmt: skip
        return plan


def _moved(memory: _Memory, problem: Problem) -> Warm | None:
    """Return the remembered plan in the rows of this problem; None where it says nothing of it."""
    if memory.interval_h != problem.interval_h or memory.intervals != problem.intervals:
        return None
    hours = (problem.start - memory.start).total_seconds() / 3600.0
    elapsed = round(hours / problem.interval_h)
    if not 0 <= elapsed < problem.intervals or abs(elapsed * problem.interval_h - hours) > 1e-6:
        return None
    plan, prices = memory.plan, memory.plan.prices
    if prices is None:
        return None
    scenarios = 1 if problem.scenarios is None else len(problem.scenarios)
    if prices.scenario_weight is not None and len(prices.scenario_weight) != scenarios:
        prices = replace(prices, scenario_weight=None, scenario_peak_per_kw=None)
    if not np.array_equal(memory.feeder_id, problem.feeders.feeder_id):
        rows = _rows(memory.feeder_id, problem.feeders.feeder_id)
        prices = replace(prices, feeder_per_kwh=_picked(prices.feeder_per_kwh, rows))
    schedule = plan.schedule
    if not np.array_equal(memory.asset_id, problem.assets.asset_id):
        rows = _rows(memory.asset_id, problem.assets.asset_id)
        schedule = Schedule(
            charge_kw=_picked(schedule.charge_kw, rows),
            discharge_kw=_picked(schedule.discharge_kw, rows),
            energy_end_kwh=_picked(schedule.energy_end_kwh, rows),
        )
    return Warm(plan=replace(plan, schedule=schedule, prices=prices), elapsed_intervals=elapsed)


def _rows(old: Names, new: Names) -> Ints:
    """Return for every new id its row among the old ones, -1 for none."""
    place = {name: row for row, name in enumerate(old)}
    return np.array([place.get(name, -1) for name in new], dtype=np.int64)


def _picked(matrix: Floats, rows: Ints) -> Floats:
    """Return the rows of a matrix, zeros for -1."""
    picked: Floats = np.where((rows >= 0)[:, None], matrix[np.maximum(rows, 0)], 0.0)
    return picked
