"""What a synthetic instance may have on top: reserve, events, budgets, wear by depth, load scenarios.

Sizes follow the fleet, so that an extra matters at any number of assets without ruling everything else.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np

from optimizer.problem import Events, Floats, Ints, Problem, Reserve, Scenarios, Wear

Extra = Literal["reserve", "events", "budgets", "wear", "scenarios", "risk"]
EXTRAS: tuple[Extra, ...] = ("reserve", "events", "budgets", "wear", "scenarios", "risk")

WEAR_SEGMENTS = 4
LOAD_SCENARIOS = 20


def with_extras(problem: Problem, extras: tuple[Extra, ...], *, seed: int = 0) -> Problem:
    """Return the problem with the named extras; the same seed gives the same numbers.

    reserve: two products, up in the evening for an hour, down at night for half an hour.
    events: a requested reduction in the evening, a requested increase before noon.
    budgets: every other battery may draw 0.4 to 1.2 of its capacity out of the cell.
    wear: four segments by depth for every asset that can discharge.
    scenarios: twenty loads of equal probability, valued by expectation.
    risk: with scenarios, three tenths of the objective are the CVaR at 0.8.
    """
    for extra in EXTRAS:  # in a fixed order, each with its own numbers
        if extra in extras:
            generator = np.random.default_rng((seed, len(problem.assets), EXTRAS.index(extra)))
            problem = _ADD[extra](problem, generator)
    return problem


def _interval(problem: Problem, hour: float) -> int:
    return min(round(hour / problem.interval_h), problem.intervals)


def _span(problem: Problem, *hours: tuple[float, float]) -> tuple[Ints, Ints]:
    """Return first and end intervals of spans in hours from the start."""
    first = np.array([_interval(problem, a) for a, _ in hours], dtype=np.int64)
    return first, np.array([_interval(problem, b) for _, b in hours], dtype=np.int64)


def _standing_kw(problem: Problem) -> tuple[float, float]:
    """Charge and discharge power of everything that can discharge, kW."""
    able = problem.assets.max_discharge_kw > 0.0
    charge, discharge = problem.assets.max_charge_kw[able], problem.assets.max_discharge_kw[able]
    return float(charge.sum()), float(discharge.sum())


def _with_reserve(problem: Problem, generator: np.random.Generator) -> Problem:
    charge_kw, discharge_kw = _standing_kw(problem)
    first, end = _span(problem, (4.0, 12.0), (10.0, 20.0))
    reserve = Reserve(
        product_id=np.array(["up", "down"], dtype=object),
        up=np.array([True, False]),
        from_interval=first,
        to_interval=end,
        price_per_kw_h=np.array([0.02, 0.012]) * generator.uniform(0.8, 1.2, 2),
        max_kw=np.array([0.35 * discharge_kw, 0.35 * charge_kw]),
        sustain_h=np.array([1.0, 0.5]),
    )
    return replace(problem, reserve=reserve)


def _with_events(problem: Problem, generator: np.random.Generator) -> Problem:
    charge_kw, discharge_kw = _standing_kw(problem)
    first, end = _span(problem, (6.5, 8.0), (22.0, 23.5))
    events = Events(
        event_id=np.array(["evening", "noon"], dtype=object),
        from_interval=first,
        to_interval=end,
        target_kw=np.array([0.3 * discharge_kw, -0.2 * charge_kw]) * generator.uniform(0.8, 1.2, 2),
        up=np.array([True, False]),
        penalty_per_kwh=np.array([0.6, 0.4]),
    )
    return replace(problem, events=events)


def _with_budgets(problem: Problem, generator: np.random.Generator) -> Problem:
    assets, count = problem.assets, len(problem.assets)
    limited = (assets.max_discharge_kw > 0.0) & (generator.random(count) < 0.5)
    budget = assets.capacity_kwh * generator.uniform(0.4, 1.2, count)
    return replace(problem, assets=replace(assets, discharge_budget_kwh=np.where(limited, budget, np.inf)))


def _with_wear(problem: Problem, generator: np.random.Generator) -> Problem:
    able = np.flatnonzero(problem.assets.max_discharge_kw > 0.0)
    depth = np.linspace(0.4, 1.6, WEAR_SEGMENTS) * generator.uniform(0.9, 1.1, (len(able), 1))
    cost: Floats = 2.0 * problem.assets.wear_cost_per_kwh[able, None] * depth
    return replace(problem, wear=Wear(asset=able, cost_per_kwh=cost))


def _with_scenarios(problem: Problem, generator: np.random.Generator) -> Problem:
    load = problem.feeders.load_kw
    level = 1.0 + 0.06 * generator.standard_normal((LOAD_SCENARIOS, 1, 1))
    wander = 0.04 * generator.standard_normal((LOAD_SCENARIOS, *load.shape)).cumsum(axis=2)
    wander /= np.sqrt(np.arange(1.0, load.shape[1] + 1.0))
    scale = np.abs(load).mean(axis=1)[None, :, None]
    return replace(
        problem,
        scenarios=Scenarios(
            probability=np.full(LOAD_SCENARIOS, 1.0 / LOAD_SCENARIOS), load_kw=load * level + scale * wander
        ),
    )


def _with_risk(problem: Problem, generator: np.random.Generator) -> Problem:
    del generator
    return replace(problem, cvar_weight=0.3, cvar_alpha=0.8)


_ADD = {
    "reserve": _with_reserve,
    "events": _with_events,
    "budgets": _with_budgets,
    "wear": _with_wear,
    "scenarios": _with_scenarios,
    "risk": _with_risk,
}
