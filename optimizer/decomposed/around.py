"""Passes around a relaxed solution: for small fleets, whose linear program HiGHS solves to its end.

The relaxation's row prices are the best multipliers there are, so no pass moves the bound; what the
passes add is a schedule that keeps minimum powers and directions. Every run draws another order.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from optimizer.decomposed.bound import lower_bound
from optimizer.decomposed.coupling import compile_coupling, scenario_loads
from optimizer.decomposed.exchange import is_crossed
from optimizer.decomposed.extract import prices_of_plan, schedule_of
from optimizer.decomposed.fleet import compile_fleet
from optimizer.decomposed.passes import passes_for
from optimizer.decomposed.private import has_private
from optimizer.decomposed.solve import _previous, descend, start_warm
from optimizer.decomposed.solver import Incumbent, Solver, scale_of
from optimizer.decomposed.tighten import candidates, tighten
from optimizer.decomposed.warm import warm_multipliers
from optimizer.plan import Plan, Prices, Schedule, Warm
from optimizer.problem import Problem


class Around:
    """One problem with its relaxed powers and prices, laid out once for several runs of passes."""

    def __init__(self, problem: Problem, relaxed: Plan) -> None:
        """Take the relaxed powers (they may break rules) and prices of a problem without private parts."""
        self.problem, self.warm = problem, Warm(plan=relaxed)
        self.fleet = compile_fleet(problem)
        coupling, offset = compile_coupling(problem)
        warm_multipliers(coupling, self.warm, problem.interval_h)
        self.bound, values = lower_bound(self.fleet, coupling, offset)
        rows, everything = candidates(self.fleet, coupling, None), np.full(len(self.fleet), np.inf)
        raised, energy = tighten(self.fleet, coupling, values, everything, self.bound, rows)
        self.bound += float((raised - values).sum())
        self.prices: Prices = replace(prices_of_plan(coupling, problem.interval_h), energy=energy)

    def run(self, seed: int) -> Schedule:
        """Run all passes once; the same seed gives the same schedule."""
        coupling, offset = compile_coupling(self.problem)
        solver = Solver(
            problem=self.problem,
            fleet=self.fleet,
            coupling=coupling,
            offset=offset,
            scale=scale_of(self.problem, self.fleet),
            generator=np.random.default_rng(seed),
            previous_kw=_previous(self.problem, self.fleet),
            scenario_weight=scenario_loads(self.problem)[0],
        )
        best = Incumbent()
        passes = tuple(replace(step, bound=False, averaged=False) for step in passes_for(len(self.fleet)))
        descend(solver, start_warm(solver, self.warm), passes, best)
        assert best.power_kw is not None
        return schedule_of(self.fleet, best.power_kw)


def around(problem: Problem, relaxed: Plan) -> Around | None:
    """Lay a problem out for passes around its relaxed solution; None where they do not cover it."""
    return None if has_private(problem) or is_crossed(problem) else Around(problem, relaxed)
