"""The exact method for fleets up to about a hundred assets: relax, decide what is open, prove, improve."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from optimizer import evaluate
from optimizer.certificate import above_relaxation, certify
from optimizer.exact.cells import schedule_of, settle_powers
from optimizer.exact.dive import decide_modes
from optimizer.exact.own_prices import with_own_prices
from optimizer.exact.polish import polish
from optimizer.exact.relaxation import Relaxation, prices_of, relax, steer
from optimizer.exact.search import search
from optimizer.exact.session import Answer, SearchLimits
from optimizer.exact.stays import stays_of
from optimizer.plan import Plan, Schedule
from optimizer.problem import Problem

Progress = Callable[[Plan], None]

SEARCH_WHOLE_CELLS = 150
"""Up to so many connected cells the whole problem is searched where the recovered plan has a gap."""
SEARCH_WHOLE_ABOVE_GAP = 1e-4
SEARCH_NODES = 50

MILP_SECONDS = 600.0
MILP_NODES = 10_000_000
MILP_GAP = 1e-6
"""The reference search ends at this relative gap, or is killed after ten minutes."""


def solve_exact(
    problem: Problem, *, seed: int = 0, previous: Schedule | None = None, progress: Progress | None = None
) -> Plan:
    """Return a feasible schedule with a valid bound; stops on work alone, never on a clock."""
    start = time.perf_counter()
    relaxation = relax(problem, seed=seed)
    answer = steer(problem, relaxation)
    return finish(problem, relaxation, answer, previous=previous, progress=progress, seed=seed, start=start)


def finish(
    problem: Problem,
    relaxation: Relaxation,
    answer: Answer,
    *,
    previous: Schedule | None,
    progress: Progress | None,
    seed: int,
    start: float,
) -> Plan:
    """Recover a plan from the steered relaxation; search a tiny problem whole where a gap stays."""
    plan = _first_plan(problem, relaxation, answer, previous, seed)
    if progress is not None:
        progress(plan)
    plan = search_tiny(problem, relaxation, plan, seed)
    seconds = {"build": relaxation.build_s, "solve": time.perf_counter() - start - relaxation.build_s}
    claim = above_relaxation(plan.certificate, relaxation.bound)
    return replace(plan, certificate=replace(claim, seconds=seconds))


def solve_milp(
    problem: Problem, *, seed: int = 0, progress: Progress | None = None, time_limit_s: float | None = None
) -> Plan:
    """Search the full problem with all its binaries: the offline reference, ten minutes at most."""
    start = time.perf_counter()
    relaxation = relax(problem, seed=seed)
    plan = _first_plan(problem, relaxation, steer(problem, relaxation), None, seed)
    if progress is not None:
        progress(plan)
    kill_s = min(time_limit_s or MILP_SECONDS, MILP_SECONDS)
    limits = SearchLimits(nodes=MILP_NODES, gap=MILP_GAP, kill_s=kill_s)
    found = search(problem, relaxation, plan.schedule, limits, seed=seed)
    if found is not None:
        plan = _better(problem, plan, [found.schedule], found.bound, method="milp", seed=seed)
    seconds = {"build": relaxation.build_s, "solve": time.perf_counter() - start - relaxation.build_s}
    # No prices prove the bound of a search, so none go with it.
    return replace(plan, certificate=replace(plan.certificate, method="milp", seconds=seconds), prices=None)


def _first_plan(
    problem: Problem, relaxation: Relaxation, answer: Answer, previous: Schedule | None, seed: int
) -> Plan:
    """Recover a schedule from the relaxation, or keep the previous one where that is better."""
    schedule = recover(problem, relaxation, answer)
    certificate = certify(problem, schedule, relaxation.bound, method="exact", seed=seed)
    prices = with_own_prices(problem, relaxation, prices_of(problem, relaxation))
    plan = Plan(schedule=schedule, certificate=certificate, prices=prices)
    if previous is None:
        return plan
    return _better(problem, plan, [resumed(problem, previous)], relaxation.bound, method="exact", seed=seed)


def recover(problem: Problem, relaxation: Relaxation, answer: Answer) -> Schedule:
    """Decide the modes that the steered relaxation left open."""
    decided = decide_modes(relaxation.session, relaxation.cells, answer) if answer.usable else None
    if decided is None:
        return idle(problem)
    return schedule_of(problem, relaxation.compiled, relaxation.cells, decided.values)


def search_tiny(problem: Problem, relaxation: Relaxation, plan: Plan, seed: int) -> Plan:
    """Search a tiny problem whole where its plan has a gap.

    `lower_bound` stays what the plan's prices prove; what the search proved beyond is `search_bound`.
    """
    tiny = len(relaxation.cells.asset) <= SEARCH_WHOLE_CELLS
    if not tiny or plan.certificate.gap <= SEARCH_WHOLE_ABOVE_GAP:
        return plan
    limits = SearchLimits(nodes=SEARCH_NODES, gap=0.5 * SEARCH_WHOLE_ABOVE_GAP)
    found = search(problem, relaxation, plan.schedule, limits, seed=seed)
    if found is None:
        return plan
    steered = polish(problem, relaxation, found.schedule, found.switches)
    candidates = [found.schedule] if steered is None else [steered, found.schedule]
    bound, method = plan.certificate.lower_bound, plan.certificate.method
    plan = _better(problem, plan, candidates, bound, method=method, seed=seed)
    known = min(found.bound, plan.certificate.objective)
    return replace(plan, certificate=replace(plan.certificate, search_bound=known))


def _better(
    problem: Problem, plan: Plan, candidates: list[Schedule], bound: float, *, method: str, seed: int
) -> Plan:
    """Return the plan with the cheapest of its own and the other schedules, and with the better bound."""
    bound = max(bound, plan.certificate.lower_bound)
    best = replace(plan, certificate=certify(problem, plan.schedule, bound, method=method, seed=seed))
    for schedule in candidates:
        certificate = certify(problem, schedule, bound, method=method, seed=seed)
        if certificate.objective < best.certificate.objective - 1e-6 * max(
            1.0, abs(best.certificate.objective)
        ):
            best = replace(best, schedule=schedule, certificate=certificate)
    return best


def resumed(problem: Problem, previous: Schedule) -> Schedule:
    """Trim a schedule of an earlier run to the limits of this problem; reserve is not carried over."""
    discharge = np.where(previous.charge_kw > 0.0, 0.0, previous.discharge_kw)
    charge, discharge, energy = settle_powers(problem, stays_of(problem), previous.charge_kw, discharge)
    return Schedule(charge_kw=charge, discharge_kw=discharge, energy_end_kwh=energy)


def idle(problem: Problem) -> Schedule:
    """Return the schedule that does nothing: always allowed, whatever it costs."""
    nothing = np.zeros(problem.shape)
    bare = Schedule(charge_kw=nothing, discharge_kw=nothing, energy_end_kwh=nothing)
    return replace(bare, energy_end_kwh=evaluate.energy_path(problem, bare))
