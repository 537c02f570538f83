"""The decomposed method from problem to plan: start on a sample, sweep, tighten, certify.

    sample of the fleet ──passes──► prices and trajectories, spread over everybody
    whole fleet ──passes with wide smoothing, full multiplier steps──► prices, bound after every pass
                ──passes with narrowing smoothing──► schedule

Everything stops on work (passes), never on time, so the same problem and seed give the same plan.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from optimizer.certificate import certify
from optimizer.decomposed.bound import lower_bound
from optimizer.decomposed.coupling import (
    Coupling,
    compile_coupling,
    move_multipliers,
    reweigh,
    scenario_loads,
    shared_cost,
)
from optimizer.decomposed.extract import prices_of_plan, schedule_of
from optimizer.decomposed.fleet import Fleet, compile_fleet
from optimizer.decomposed.passes import Pass, passes_after, passes_for, sample_size
from optimizer.decomposed.risk import risk_cost, scenario_costs, tail_weights
from optimizer.decomposed.sample import draw_sample, spread
from optimizer.decomposed.scope import refuse_unsupported
from optimizer.decomposed.sweep import State, new_state, sweep
from optimizer.decomposed.warm import Warm, warm_multipliers, warm_powers
from optimizer.decomposed.work import Settings
from optimizer.plan import Plan
from optimizer.problem import Floats, Problem

KEEP_BEST_UP_TO = 200_000
"""Up to this many assets the best schedule is copied; beyond, memory counts and the last one is taken."""


@dataclass(frozen=True, slots=True)
class Scale:
    """What the smoothing widths refer to."""

    spread_per_kwh: float  # between buying and selling
    feeder_spread_per_kwh: float  # of the import price over the day: what scarcity may be worth
    fleet_kw: float
    feeder_kw: Floats


EARLY_TILT_PER_KWH = 1e-7
"""Added per interval to the price of charging: of equal plans the earlier charge wins."""


@dataclass(slots=True)
class Incumbent:
    """The best schedule and the best bound so far, with the multipliers that prove it."""

    cost: float = np.inf
    power_kw: Floats | None = None
    bound: float = -np.inf
    coupling: Coupling | None = None

    def offer_bound(self, bound: float, coupling: Coupling) -> None:
        if bound > self.bound:
            self.bound = bound
            self.coupling = coupling._replace(
                multiplier=coupling.multiplier.copy(), feeder_multiplier=coupling.feeder_multiplier.copy()
            )

    def offer_schedule(self, cost: float, power_kw: Floats, *, copy: bool) -> None:
        if cost < self.cost:
            self.cost = cost
            if copy and self.power_kw is not None:
                self.power_kw[:] = power_kw  # into the memory of the one before
            else:
                self.power_kw = power_kw.copy() if copy else power_kw


@dataclass(slots=True)
class Solver:
    """One problem laid out for the kernels."""

    problem: Problem
    fleet: Fleet
    coupling: Coupling
    offset: float
    scale: Scale
    generator: np.random.Generator
    previous_kw: Floats | None
    scenario_weight: Floats

    def widen(self, step: Pass) -> None:
        """Set a pass's smoothing: the price moves by its whole spread over `width` mean loads."""
        self.coupling.stiffness[0] = self.scale.spread_per_kwh / (step.width * self.scale.fleet_kw)
        self.coupling.feeder_stiffness[:] = self.scale.feeder_spread_per_kwh / (
            step.feeder_width * self.scale.feeder_kw
        )
        margin = step.margin * self.scale.feeder_kw[:, None]
        self.coupling.feeder_margin[:, 0::2] = -margin[:, None]
        self.coupling.feeder_margin[:, 1::2] = margin[:, None]

    def run(
        self, fleet: Fleet, state: State, step: Pass, *, always: bool, previous_kw: Floats | None
    ) -> None:
        """Sweep once over everybody, or over those that moved and a random part of the rest."""
        self.widen(step)
        rows = np.arange(len(fleet))
        if step.part < 1.0:
            rows = np.flatnonzero((state.moved > 0) | (self.generator.random(len(fleet)) < step.part))
        settings = self.settings(step)
        sweep(
            fleet, self.coupling, state, rows, settings,
            generator=self.generator, chunk=step.chunk, previous_kw=previous_kw, always=always,
        )  # fmt: skip

    def settings(self, step: Pass) -> Settings:
        calm = self.problem.stability_cost_per_kw if self.previous_kw is not None else 0.0
        return Settings(
            interval_h=self.fleet.interval_h,
            penalty_per_kwh=self.fleet.penalty_per_kwh,
            linear_below=step.linear_below,
            fine=int(step.fine),
            level=step.level,
            early_tilt_per_kwh=EARLY_TILT_PER_KWH,
            stability_per_kwh=calm,
        )

    def weigh_tail(self, state: State, share: float) -> None:
        """Move the scenarios' weights towards those that the CVaR gives them at the present schedule."""
        problem = self.problem
        if problem.scenarios is None or problem.cvar_weight <= 0.0:
            return
        tail = tail_weights(
            scenario_costs(problem, state.feeder_sum_kw), problem.scenarios.probability, problem.cvar_alpha
        )
        goal = (1.0 - problem.cvar_weight) * problem.scenarios.probability + problem.cvar_weight * tail
        self.scenario_weight = self.scenario_weight + share * (goal - self.scenario_weight)
        self.coupling, self.offset = reweigh(problem, self.coupling, self.scenario_weight)

    def cost(self, state: State) -> float:
        """Exact cost of the present schedule, in money."""
        if self.problem.scenarios is not None and self.problem.cvar_weight > 0.0:
            return float(state.own_cost.sum()) + risk_cost(self.problem, state.feeder_sum_kw)
        shared = shared_cost(self.coupling, state.fleet_sum_kw, state.feeder_sum_kw, self.fleet.interval_h)
        return float(state.own_cost @ self.fleet.assets["weight"]) + shared + self.offset


def scale_of(problem: Problem, fleet: Fleet) -> Scale:
    """Mean price spread and mean loads, or a tenth of the assets' power where the load is near zero."""
    portfolio, load = problem.portfolio, problem.feeders.load_kw
    spread_per_kwh = float(np.abs(portfolio.import_price_per_kwh - portfolio.export_price_per_kwh).mean())
    spread_per_kwh = max(spread_per_kwh, 0.2 * float(np.abs(portfolio.import_price_per_kwh).mean()), 1e-3)
    power = np.bincount(fleet.assets["feeder"], fleet.assets["max_charge_kw"], fleet.feeders)
    limit = np.minimum(problem.feeders.import_limit_kw, np.abs(load) + power[:, None]).mean(axis=1)
    return Scale(
        spread_per_kwh=spread_per_kwh,
        feeder_spread_per_kwh=max(float(np.ptp(portfolio.import_price_per_kwh)), spread_per_kwh),
        fleet_kw=max(float(np.abs(load.sum(axis=0)).mean()), 0.1 * float(power.sum()), 1.0),
        feeder_kw=np.maximum(limit, 1.0),
    )


def solve_decomposed(
    problem: Problem,
    *,
    seed: int = 0,
    progress: Callable[[Plan], None] | None = None,
    warm: Warm | None = None,
) -> Plan:
    """Solve by prices and block coordinate descent; the same problem and seed give the same plan.

    progress: called with a plan each time the narrowing passes found a better schedule.
    warm: a previous plan to start from; a few passes then do.

    Raises ProblemError for a table that this method does not cover (see `scope`).
    """
    refuse_unsupported(problem)
    fleet = compile_fleet(problem)
    coupling, offset = compile_coupling(problem)
    solver = Solver(
        problem=problem,
        fleet=fleet,
        coupling=coupling,
        offset=offset,
        scale=scale_of(problem, fleet),
        generator=np.random.default_rng(seed),
        previous_kw=_previous(problem, fleet),
        scenario_weight=scenario_loads(problem)[0],
    )
    best = Incumbent()
    if warm is None:
        state = start(solver, best)
        passes = passes_for(len(fleet))
    else:
        state = start_warm(solver, warm)
        passes = passes_after(len(fleet))
    report = None if progress is None else (lambda: progress(_plan(problem, fleet, best, seed)))
    descend(solver, state, passes, best, report)
    return _plan(problem, fleet, best, seed, last=True)


def start(solver: Solver, best: Incumbent) -> State:
    """Sweep a sample of the fleet until its prices settle, and spread its trajectories over everybody.

    For a small fleet the sample is everybody, relaxed, and the settling prices are worth a bound each.
    """
    fleet = solver.fleet
    rows, sampled = draw_sample(fleet, sample_size(len(fleet)))
    small, mean = new_state(sampled), Averaged()
    for k, step in enumerate(passes_for(len(fleet), sample=True)):
        solver.run(sampled, small, step, always=k == 0, previous_kw=None)
        move_multipliers(solver.coupling, small.fleet_sum_kw, small.feeder_sum_kw, step.share)
        solver.weigh_tail(small, 1.0 / (k + 2))
        if step.bound:
            best.offer_bound(lower_bound(fleet, solver.coupling, solver.offset), solver.coupling)
            middle = mean.add(solver.coupling)
            if solver.problem.cvar_weight <= 0.0:
                best.offer_bound(lower_bound(fleet, middle, solver.offset), middle)
    state = new_state(fleet, spread(fleet, rows, sampled, small.power_kw))
    state.recount(fleet)
    return state


def descend(
    solver: Solver,
    state: State,
    passes: tuple[Pass, ...],
    best: Incumbent,
    report: Callable[[], None] | None = None,
) -> None:
    """Run the passes; after each, offer the schedule, move the multipliers, offer their bound."""
    keep, mean = len(solver.fleet) <= KEEP_BEST_UP_TO, Averaged()
    for k, step in enumerate(passes):
        solver.run(solver.fleet, state, step, always=k == 0, previous_kw=solver.previous_kw)
        if keep or k == len(passes) - 1:
            best.offer_schedule(solver.cost(state), state.power_kw, copy=keep)
        move_multipliers(solver.coupling, state.fleet_sum_kw, state.feeder_sum_kw, step.share)
        solver.weigh_tail(state, 1.0 / (k + 2))
        if step.bound:
            best.offer_bound(lower_bound(solver.fleet, solver.coupling, solver.offset), solver.coupling)
        if step.averaged and solver.problem.cvar_weight <= 0.0:
            middle = mean.add(solver.coupling)
            best.offer_bound(lower_bound(solver.fleet, middle, solver.offset), middle)
        if report is not None and step.level > 1 and best.power_kw is not None:
            report()


def start_warm(solver: Solver, warm: Warm) -> State:
    """Take multipliers and powers from the previous plan; the first pass makes every schedule possible."""
    warm_multipliers(solver.coupling, warm, solver.fleet.interval_h)
    state = new_state(solver.fleet, warm_powers(solver.fleet, warm))
    state.recount(solver.fleet)
    return state


@dataclass(slots=True)
class Averaged:
    """Running mean of multipliers: feasible, as the feasible set is convex, and calmer than the last."""

    count: int = 0
    multiplier: Floats | None = None
    feeder_multiplier: Floats | None = None

    def add(self, coupling: Coupling) -> Coupling:
        """Add the present multipliers with weight 2 / (n + 1); return the coupling at the mean."""
        self.count += 1
        if self.multiplier is None or self.feeder_multiplier is None:
            self.multiplier, self.feeder_multiplier = (
                coupling.multiplier.copy(),
                coupling.feeder_multiplier.copy(),
            )
        share = 2.0 / (self.count + 1.0)
        self.multiplier += share * (coupling.multiplier - self.multiplier)
        self.feeder_multiplier += share * (coupling.feeder_multiplier - self.feeder_multiplier)
        return coupling._replace(multiplier=self.multiplier, feeder_multiplier=self.feeder_multiplier)


def _previous(problem: Problem, fleet: Fleet) -> Floats | None:
    """The plan in force in kernel order and sign (positive charges), if it is to be kept close to."""
    if problem.previous_power_kw is None or problem.stability_cost_per_kw <= 0.0:
        return None
    return np.ascontiguousarray(-problem.previous_power_kw[fleet.order])


def _plan(problem: Problem, fleet: Fleet, best: Incumbent, seed: int, *, last: bool = False) -> Plan:
    assert best.power_kw is not None
    assert best.coupling is not None
    schedule = schedule_of(fleet, best.power_kw, consume=last)
    certificate = certify(problem, schedule, best.bound, method="decomposed", seed=seed)
    return Plan(
        schedule=schedule, certificate=certificate, prices=prices_of_plan(best.coupling, fleet.interval_h)
    )


def warm_up() -> None:
    """Compile every kernel (or load it from the cache), so that no cycle pays for it."""
    from optimizer.instances import small_mixed_problem  # noqa: PLC0415 - only needed here
    from optimizer.split import split_target  # noqa: PLC0415

    solve_decomposed(small_mixed_problem())
    split_target(1.0, np.zeros(2), -np.ones(2), np.ones(2))
