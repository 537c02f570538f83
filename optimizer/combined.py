"""The product method for small fleets: relax exactly, sweep around the relaxation, polish what was found.

    Pyomo ─► relaxation (HiGHS), one direction at a time as far as rows can say so (`one_way`)
                  │─► bound: each asset exactly against the relaxation's prices
                  │─► few minimum powers broken: dive
                  └─► passes of the decomposed method ─► modes ─► powers solved again, modes held ─► best
                          ▲                                                                   │
                          ├───────────── another order, until close or out of work ◄──────────┤
                          └╌ ended where single modes switched gain more (`switching`) ◄╌╌╌╌╌╌┘

Stops on work alone. Where the passes do not cover a table of the problem, this is the exact method.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from optimizer.certificate import above_relaxation, certify
from optimizer.decomposed.around import Around, around
from optimizer.exact.cells import wrong_cells
from optimizer.exact.one_way import share_directions
from optimizer.exact.polish import polish
from optimizer.exact.product import finish, idle, recover, resumed, search_tiny
from optimizer.exact.relaxation import Relaxation, prices_of, relax, steer
from optimizer.exact.switching import switch_modes
from optimizer.plan import Plan, Schedule
from optimizer.problem import Problem

CLOSE = 1e-4
"""A plan within this gap is not swept for further."""
RUN_CELLS = 11_600
"""Cells (asset, interval) up to which one run of passes is all; a problem of a third the size has nine."""
MOST_RUNS = 12
SWITCH_AFTER = 3
"""Runs after which single modes are switched in the best plan."""
TRY_CELLS = 77_000
"""Cells solved for that, over all tries; four times as many where it gained ..."""
WORTH_SWITCHING = 0.1
"""... this share of the gap. Then there are no further runs."""
DIVE_UP_TO_SHARE = 0.125
"""The dive is tried first where the relaxation breaks minimum powers in at most this many cells per asset."""
DIVE_ABOVE_GAP = 0.01
"""... and last where the passes left more than this."""


@dataclass(slots=True)
class _Best:
    """The plan so far, and who is told of each better one."""

    problem: Problem
    bound: float
    seed: int
    plan: Plan
    progress: Callable[[Plan], None] | None

    def offer(self, schedule: Schedule | None) -> None:
        """Keep a schedule that is cheaper, calm counted, than the present one."""
        if schedule is None:
            return
        certificate = certify(self.problem, schedule, self.bound, method="combined", seed=self.seed)
        present = self.plan.certificate.objective + unrest(self.problem, self.plan.schedule)
        if certificate.objective + unrest(self.problem, schedule) < present - 1e-9 * max(1.0, abs(present)):
            self.plan = replace(self.plan, schedule=schedule, certificate=certificate)
            if self.progress is not None:
                self.progress(self.plan)

    @property
    def close(self) -> bool:
        return self.plan.certificate.gap <= CLOSE


def solve_combined(
    problem: Problem,
    *,
    seed: int = 0,
    previous: Schedule | None = None,
    progress: Callable[[Plan], None] | None = None,
) -> Plan:
    """Return a certified plan of a fleet of up to about a hundred assets; the same input, the same plan."""
    start = time.perf_counter()
    relaxation = relax(problem, seed=seed)
    burns = bool(wrong_cells(relaxation.cells, relaxation.answer.values).both.any())
    relaxation = share_directions(relaxation) if burns else relaxation
    answer = steer(problem, relaxation)
    relaxed = _relaxed_plan(problem, relaxation, answer.values)
    sweeps = around(problem, relaxed)
    if sweeps is None:
        return finish(
            problem, relaxation, answer, previous=previous, progress=progress, seed=seed, start=start
        )
    # The prices prove the second alone; under a weighed tail they are not enough, and nobody recomputes it.
    bound = max(relaxation.bound, sweeps.bound) if problem.cvar_weight > 0.0 else sweeps.bound
    nothing = idle(problem)
    plan = Plan(
        schedule=nothing,
        certificate=certify(problem, nothing, bound, method="combined", seed=seed),
        prices=sweeps.prices,
    )
    best = _Best(problem=problem, bound=bound, seed=seed, plan=plan, progress=progress)
    if previous is not None:
        best.offer(resumed(problem, previous))
    wrong = wrong_cells(relaxation.cells, answer.values)
    dives = wrong.weak <= DIVE_UP_TO_SHARE * len(problem.assets) + 2
    if dives:
        best.offer(recover(problem, relaxation, answer))
    _sweep(problem, relaxation, sweeps, best, switching=burns and dives)
    if best.plan.certificate.gap > DIVE_ABOVE_GAP:
        best.offer(recover(problem, relaxation, answer))
    best.plan = search_tiny(problem, relaxation, best.plan, seed)
    seconds = {"build": relaxation.build_s, "solve": time.perf_counter() - start - relaxation.build_s}
    claim = above_relaxation(best.plan.certificate, relaxation.bound)
    return replace(best.plan, certificate=replace(claim, seconds=seconds))


def _sweep(problem: Problem, relaxation: Relaxation, sweeps: Around, best: _Best, *, switching: bool) -> None:
    """Run passes and polish, in ever another order, until the plan is close or the work is done.

    switching: after a few runs single modes are switched in the best plan, after one where that did not come
    near the dive's; where it did not or where switching gains much, there are no further runs.
    """
    count = len(problem.assets) * problem.intervals
    runs = max(1, min(MOST_RUNS, int((RUN_CELLS / count) ** 2)))
    dived = best.plan.schedule
    for run in range(runs):
        if best.close:
            return
        found = sweeps.run(best.seed + run)
        polished = polish(problem, relaxation, found)
        best.offer(found if polished is None else polished)
        ahead = best.plan.schedule is dived
        turn = switching and (ahead or run == min(SWITCH_AFTER, runs) - 1)
        if turn and (_switch(problem, relaxation, best, TRY_CELLS // count) or ahead):
            return


def _switch(problem: Problem, relaxation: Relaxation, best: _Best, tries: int) -> bool:
    """Switch modes in the best plan, and tell whether that gained much."""
    before = best.plan.certificate.gap_absolute
    worth = WORTH_SWITCHING * before
    if not best.close:
        best.offer(switch_modes(problem, relaxation, best.plan.schedule, tries=tries, worth=worth))
    return best.plan.certificate.gap_absolute <= before - worth


def _relaxed_plan(problem: Problem, relaxation: Relaxation, values: np.ndarray) -> Plan:
    """Return the relaxation's powers and prices in the shape of a plan; its powers may break rules."""
    cells = relaxation.cells
    power = np.zeros(problem.shape)
    power[cells.asset, cells.interval] = values[cells.charge_at] - values[cells.discharge_at]
    schedule = Schedule(
        charge_kw=np.maximum(power, 0.0), discharge_kw=np.maximum(-power, 0.0), energy_end_kwh=power
    )
    certificate = certify(problem, idle(problem), relaxation.bound, method="relaxed")
    return Plan(schedule=schedule, certificate=certificate, prices=prices_of(problem, relaxation))


def unrest(problem: Problem, schedule: Schedule) -> float:
    """Return the stability cost of a schedule against the plan in force; zero without one."""
    if problem.previous_power_kw is None or problem.stability_cost_per_kw <= 0.0:
        return 0.0
    change = np.abs(schedule.power_kw - problem.previous_power_kw)
    return float(problem.stability_cost_per_kw * change.sum())
