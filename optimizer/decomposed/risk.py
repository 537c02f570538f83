"""Cost per load scenario, and the weights that the conditional value at risk gives them.

    (1 - w) E[cost] + w CVaR_alpha[cost]  =  max over q of sum_s q_s cost_s,
    q_s = (1 - w) probability_s + w tail_s,   0 <= tail_s <= probability_s / (1 - alpha),   sum tail = 1

(Rockafellar and Uryasev 2000, dual form). Any such q gives a valid bound.
"""

from __future__ import annotations

import numpy as np

from optimizer.decomposed.coupling import compile_coupling, scenario_loads, shared_cost
from optimizer.problem import Floats, Problem


def scenario_costs(problem: Problem, feeder_sum_kw: Floats) -> Floats:
    """Exact shared cost (S) of each scenario alone, in money, for net charging (F, T)."""
    count = len(scenario_loads(problem)[0])
    fleet_kw, costs = feeder_sum_kw.sum(axis=0), np.zeros(count)
    for s in range(count):
        alone, offset = compile_coupling(problem, np.eye(count)[s])
        costs[s] = shared_cost(alone, fleet_kw, feeder_sum_kw, problem.interval_h) + offset
    return costs


def tail_weights(cost: Floats, probability: Floats, alpha: float) -> Floats:
    """Weights (S) of the worst 1 - alpha of the scenarios, summing to one."""
    order = np.argsort(-cost, kind="stable")
    tail = max(1.0 - alpha, 1e-9)
    before = np.concatenate([[0.0], np.cumsum(probability[order])[:-1]])
    weight = np.zeros_like(probability)
    weight[order] = np.clip(tail - before, 0.0, probability[order])
    return np.asarray(weight / weight.sum(), dtype=np.float64)


def risk_cost(problem: Problem, feeder_sum_kw: Floats) -> float:
    """Shared cost under the problem's mix of expectation and conditional value at risk, in money."""
    probability, _ = scenario_loads(problem)
    cost = scenario_costs(problem, feeder_sum_kw)
    tail = tail_weights(cost, probability, problem.cvar_alpha)
    return float(((1.0 - problem.cvar_weight) * probability + problem.cvar_weight * tail) @ cost)
