"""The decomposed method from problem to plan: start on a sample, sweep, tighten, certify.

    sample of the fleet ──passes──► prices and trajectories, spread over everybody
    whole fleet ──passes with wide smoothing, full multiplier steps──► prices, bound after every pass
                ──passes with narrowing smoothing──► schedule

Everything stops on work (passes), never on time, so the same problem and seed give the same plan.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from optimizer.decomposed.coupling import compile_coupling, scenario_loads
from optimizer.decomposed.courses import SMALL, enough_for, sample_size
from optimizer.decomposed.fleet import Fleet, compile_fleet
from optimizer.decomposed.kept import own_costs
from optimizer.decomposed.pace import Pace
from optimizer.decomposed.passes import Pass, passes_after, passes_for
from optimizer.decomposed.paths import SETTLED_GAP
from optimizer.decomposed.private import Private, compile_private, select_private
from optimizer.decomposed.proven import KEEP_BEST_UP_TO, plan_of
from optimizer.decomposed.regret import keenest, regrets
from optimizer.decomposed.reserve import compile_held
from optimizer.decomposed.sample import draw_sample, spread
from optimizer.decomposed.solver import Averaged, Incumbent, Solver, scale_of
from optimizer.decomposed.sweep import State, new_state
from optimizer.decomposed.warm import warm_multipliers, warm_powers
from optimizer.plan import Plan, Warm
from optimizer.problem import Floats, Problem

RELIEF_PASSES = 2
RELIEF_MARGIN = 2.5
"""By how much further inside the limit each such pass stays."""
RELIEF_WORTH = 5e-5
"""Share of the cost that relieved feeders may take."""
OnPass = Callable[[int, int, float], None]


def solve_decomposed(
    problem: Problem,
    *,
    seed: int = 0,
    progress: Callable[[Plan], None] | None = None,
    warm: Warm | None = None,
    on_pass: OnPass | None = None,
    enough_gap: float | None = None,
) -> Plan:
    """Solve by prices and block coordinate descent; the same problem and seed give the same plan.

    progress: called with a plan each time the narrowing passes found a better schedule.
    warm: a previous plan to start from; a few passes then do.
    on_pass: called after each pass over the fleet with passes done, passes in all and the gap so far.
    enough_gap: at this gap no further passes are made; by size if not given (`courses.enough_for`).
    """
    fleet = compile_fleet(problem)
    coupling, offset = compile_coupling(problem)
    private = compile_private(problem, fleet)
    solver = Solver(
        problem=problem,
        fleet=fleet,
        coupling=coupling,
        offset=offset,
        scale=scale_of(problem, fleet),
        generator=np.random.default_rng(seed),
        previous_kw=_previous(problem, fleet),
        scenario_weight=scenario_loads(problem)[0],
        private=private,
        held=None if private is None else compile_held(problem),
        pace=Pace(events=0 if problem.events is None else len(problem.events)),
    )
    best = Incumbent(enough=enough_for(len(fleet), warm=warm is not None, worn=problem.wear is not None))
    if enough_gap is not None:
        best.enough = enough_gap
    if warm is None:
        state = start(solver, best)
        costly = private is not None or problem.scenarios is not None
        passes = passes_for(len(fleet), worn=problem.wear is not None, costly=costly)
    else:
        state = start_warm(solver, warm)
        if settling := passes_after(len(fleet), sample=True):
            relaxed = draw_sample(fleet, len(fleet))[1]
            small = new_state(relaxed, state.power_kw.copy())
            small.recount(relaxed)
            settle_prices(solver, best, relaxed, small, solver.private, settling)
        passes = passes_after(len(fleet), kept=private is None)
    report = None if progress is None else (lambda: progress(plan_of(solver, best, seed)))
    descend(solver, state, passes, best, report, on_pass)
    return plan_of(solver, best, seed, last=True)


def start(solver: Solver, best: Incumbent) -> State:
    """Sweep a sample of the fleet until its prices settle, and spread its trajectories over everybody.

    For a small fleet the sample is everybody, relaxed, and the settling prices are worth a bound each.
    """
    fleet = solver.fleet
    rows, sampled = draw_sample(fleet, sample_size(len(fleet)))
    small = new_state(sampled)
    private = solver.private if len(rows) == len(fleet) else select_private(solver.private, rows)
    worn = solver.problem.wear is not None
    passes = passes_for(len(fleet), sample=True, worn=worn)
    solver.settle_before(sampled, private, passes[0])
    settle_prices(solver, best, sampled, small, private, passes)
    state = new_state(fleet, spread(fleet, rows, sampled, small.power_kw))
    state.recount(fleet)
    solver.settle_before(fleet, solver.private, passes_for(len(fleet), worn=worn)[0])
    return state


def settle_prices(
    solver: Solver,
    best: Incumbent,
    sampled: Fleet,
    small: State,
    private: Private | None,
    passes: tuple[Pass, ...],
) -> None:
    """Sweep a relaxed sample; where a pass asks for it, offer the bound of the whole fleet at its prices."""
    mean = Averaged()
    for k, step in enumerate(passes):
        solver.run(sampled, small, step, private, always=k == 0, previous_kw=None)
        solver.move(sampled, small, private, step)
        solver.weigh_tail(small, 1.0 / (k + 2))
        if step.bound:
            solver.offer_bound(best, solver.coupling, solver.held, anew=step.anew)
            middle, held = mean.add(solver.coupling, solver.held)
            if solver.problem.cvar_weight <= 0.0:
                solver.offer_bound(best, middle, held)


def descend(
    solver: Solver,
    state: State,
    passes: tuple[Pass, ...],
    best: Incumbent,
    report: Callable[[], None] | None = None,
    on_pass: OnPass | None = None,
) -> None:
    """Run the passes; after each, offer the schedule, move the multipliers, offer their bound.

    Ends before the last one where the gap is small enough; leaves out wide ones where prices have settled.
    """
    keep, mean, resume = len(solver.fleet) <= KEEP_BEST_UP_TO, Averaged(), 0
    for k, step in enumerate(passes):
        if k < resume:
            continue
        if step.keen > 0.0:
            step = step_keen(solver, state, step, best)  # noqa: PLW2901 - what is left of it
        solver.run(solver.fleet, state, step, solver.private, always=k == 0, previous_kw=solver.previous_kw)
        cost = solver.cost(state)
        solver.move(solver.fleet, state, solver.private, step)
        solver.weigh_tail(state, 1.0 / (k + 2))
        _prove(solver, step, best, mean)
        ends = k == len(passes) - 1 or best.would_be_close(cost)
        if ends or (keep and np.isfinite(best.bound)):  # a copy is worth its while with a gap
            best.offer_schedule(cost, state, copy=keep)
        resume = k + 1 + (step.leap if best.gap <= SETTLED_GAP else 0)
        last = len(passes) if best.close else resume
        if report is not None and step.level > 1 and best.power_kw is not None:
            report()
        if on_pass is not None:
            on_pass(last, len(passes), best.gap)
        if last == len(passes):
            break
    relieve(solver, state, passes[-1], best, keep=keep)


def _prove(solver: Solver, step: Pass, best: Incumbent, mean: Averaged) -> None:
    """Offer the bounds that a pass asks for: at its multipliers, and at the mean of those before."""
    if step.bound:
        solver.offer_bound(best, solver.coupling, solver.held, anew=step.anew)
    if step.averaged and solver.problem.cvar_weight <= 0.0:
        middle, held = mean.add(solver.coupling, solver.held)
        if step.mean_bound:
            solver.offer_bound(best, middle, held, anew=step.anew)


def step_keen(solver: Solver, state: State, step: Pass, best: Incumbent) -> Pass:
    """Step the assets with the most regret, most of all for their modes; return the pass that is left.

    What is an asset's own (reserve, budgets) blurs its regret: then the whole pass searches modes.
    """
    if solver.private is not None or best.values is None or best.coupling is None:
        return replace(step, level=2)
    regret = regrets(solver.fleet, best.coupling, best.values, state.power_kw, state.own_cost)
    moved = state.moved.copy()
    solver.run(
        solver.fleet, state, replace(step, level=2, least_promise=0.0), None, always=False,
        previous_kw=solver.previous_kw, only=keenest(regret, step.keen, step.keen_most),
    )  # fmt: skip
    state.moved |= moved
    return step


def relieve(solver: Solver, state: State, last: Pass, best: Incumbent, *, keep: bool) -> None:
    """Step the assets of feeders that are still overloaded, further inside the limits, a few times."""
    for k in range(RELIEF_PASSES):
        rows = solver.overloaded(state, few=k == 0 and solver.private is not None)
        if not len(rows):
            return
        step = replace(
            last, margin=last.margin * RELIEF_MARGIN ** (k + 1), feeder_width=0.5 * last.feeder_width
        )
        solver.run(
            solver.fleet, state, step, solver.private, always=False, previous_kw=solver.previous_kw, only=rows
        )
        cost = solver.cost(state)
        if cost <= best.cost + RELIEF_WORTH * abs(best.cost):  # for the feeders' sake, if it costs little
            best.cost = np.inf
            best.offer_schedule(cost, state, copy=keep)


def start_warm(solver: Solver, warm: Warm) -> State:
    """Take multipliers and powers from the previous plan; the first pass makes every schedule possible.

    In a large fleet only those who cannot follow theirs any more count as moved.
    """
    warm_multipliers(solver.coupling, warm, solver.fleet.interval_h)
    if solver.private is not None:
        solver.settle(solver.fleet, solver.private)
    state = new_state(solver.fleet, warm_powers(solver.fleet, warm))
    state.recount(solver.fleet)
    if solver.private is None and len(solver.fleet) > SMALL:
        state.own_cost = own_costs(solver.fleet, state.power_kw)
        state.moved[:] = np.isinf(state.own_cost)
    return state


def _previous(problem: Problem, fleet: Fleet) -> Floats | None:
    """The plan in force in kernel order and sign (positive charges), if it is to be kept close to."""
    if problem.previous_power_kw is None or problem.stability_cost_per_kw <= 0.0:
        return None
    return np.ascontiguousarray(-problem.previous_power_kw[fleet.order])


def warm_up() -> None:
    """Compile every kernel (or load it from the cache), so that no cycle pays for it."""
    from optimizer.instances import small_mixed_problem  # noqa: PLC0415 - only needed here
    from optimizer.split import split_target  # noqa: PLC0415

    problem = small_mixed_problem()
    fleet = compile_fleet(problem)
    own_costs(fleet, warm_powers(fleet, Warm(plan=solve_decomposed(problem))))
    split_target(1.0, np.zeros(2), -np.ones(2), np.ones(2))
