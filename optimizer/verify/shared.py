"""The grid's part of the bound: what exchange, peak, limits and events cost at least, against the prices.

The fleet's net charging x_ft of each feeder and X_t of the portfolio are free of each other here: the
prices pay for every kW by which they differ. Each is one number between full discharge and full charge
of the fleet, its cost piecewise linear, so that the least cost lies in a corner or at an end. This holds
for any prices, and where an export pays more than an import costs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimizer.plan import Prices
from optimizer.problem import Floats, Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """Scenario weights (S) and peak prices (S, T) in money per kW, brought into the ranges that prove."""

    scenario: Floats
    peak_per_kw: Floats


def weights_of(problem: Problem, prices: Prices) -> Weights:
    """Clip the multipliers of scenarios and peak to what they may be.

    Scenario weights: (1 - w) probability + w tail with 0 <= tail <= probability / (1 - alpha), summing to
    one; other weights count as the probabilities. Peak prices are not negative and sum to at most the
    peak price of their scenario.
    """
    chance = np.ones(1) if problem.scenarios is None else problem.scenarios.probability
    weight, share = chance, problem.cvar_weight
    if problem.scenarios is not None and prices.scenario_weight is not None and share > 0.0:
        tail = (prices.scenario_weight - (1.0 - share) * chance) / share
        tail = np.clip(tail, 0.0, chance / (1.0 - problem.cvar_alpha))
        if abs(float(tail.sum()) - 1.0) <= 1e-9:
            weight = (1.0 - share) * chance + share * tail
    peak = prices.peak_per_kw[None] * weight[:, None]
    if prices.scenario_peak_per_kw is not None:
        peak = prices.scenario_peak_per_kw
    peak = np.maximum(peak, 0.0)
    total = np.maximum(peak.sum(axis=1), 1e-300)
    peak = peak * np.minimum(1.0, weight * problem.peak_price_per_kw / total)[:, None]
    return Weights(scenario=weight, peak_per_kw=peak)


def loads_of(problem: Problem) -> Floats:
    """Return the uncontrolled loads, (S, F, T)."""
    return problem.feeders.load_kw[None] if problem.scenarios is None else problem.scenarios.load_kw


def fleet_range(problem: Problem) -> tuple[Floats, Floats]:
    """Return full discharge (as a negative number) and full charge of each feeder's assets, (F) kW."""
    assets, count = problem.assets, len(problem.feeders)
    sides = [
        np.bincount(assets.feeder, weights=power, minlength=count).astype(np.float64)
        for power in (assets.max_discharge_kw, assets.max_charge_kw)
    ]
    return -sides[0], sides[1]


def feeder_part(problem: Problem, prices: Prices, weights: Weights) -> float:
    """Return the least of dt (penalty * overload - feeder price * x), summed over feeders and intervals."""
    loads, feeders = loads_of(problem), problem.feeders
    down, up = (np.broadcast_to(side[:, None], feeders.load_kw.shape) for side in fleet_range(problem))
    corners = [down, up]
    for load in loads:
        corners += [feeders.import_limit_kw - load, -feeders.export_limit_kw - load]
    best = np.full(feeders.load_kw.shape, np.inf)
    for corner in corners:
        x = np.clip(corner, down, up)
        cost = -prices.feeder_per_kwh * x
        for weight, load in zip(weights.scenario, loads, strict=True):
            over = np.maximum(load + x - feeders.import_limit_kw, -feeders.export_limit_kw - load - x)
            cost = cost + weight * problem.feeder_penalty_per_kwh * np.maximum(over, 0.0)
        best = np.minimum(best, cost)
    return problem.interval_h * float(best.sum())


def portfolio_part(problem: Problem, prices: Prices, weights: Weights) -> float:
    """Return the least of exchange, peak, limits and events less the balance price, over every interval."""
    totals = loads_of(problem).sum(axis=1)
    down, up = (np.full(problem.intervals, float(side.sum())) for side in fleet_range(problem))
    corners = [down, up]
    for total in totals:
        corners += [-total, problem.import_limit_kw - total, -problem.export_limit_kw - total]
    if problem.events is not None:
        corners += [np.full(problem.intervals, -target) for target in problem.events.target_kw]
    best = np.full(problem.intervals, np.inf)
    for corner in corners:
        x = np.clip(corner, down, up)
        best = np.minimum(best, _portfolio_cost(problem, weights, totals, x) - prices.balance_per_kwh * x)
    floor = max(problem.peak_so_far_kw, 0.0)
    return problem.interval_h * float(best.sum()) - floor * float(weights.peak_per_kw.sum())


def _portfolio_cost(problem: Problem, weights: Weights, totals: Floats, x: Floats) -> Floats:
    """Return cost per hour of the portfolio (T) when the fleet charges x (T) kW net, peak prices included."""
    portfolio, penalty = problem.portfolio, problem.feeder_penalty_per_kwh
    buy = portfolio.import_price_per_kwh + problem.carbon_price_per_kg * portfolio.carbon_kg_per_kwh
    cost = np.zeros(problem.intervals)
    for weight, total, peak in zip(weights.scenario, totals, weights.peak_per_kw, strict=True):
        drawn, fed = np.maximum(total + x, 0.0), np.maximum(-total - x, 0.0)
        over = np.maximum(drawn - problem.import_limit_kw, fed - problem.export_limit_kw)
        cost += weight * (drawn * buy - fed * portfolio.export_price_per_kwh)
        cost += weight * penalty * np.maximum(over, 0.0) + peak / problem.interval_h * drawn
    events = problem.events
    for e in range(0 if events is None else len(events)):
        assert events is not None
        span = slice(int(events.from_interval[e]), int(events.to_interval[e]))
        lack = events.target_kw[e] + x[span]
        cost[span] += events.penalty_per_kwh[e] * np.maximum(lack if events.up[e] else -lack, 0.0)
    return cost
