"""The objective of the statement: the bill, and beside it the two costs that only steer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyomo.environ as pyo

from optimizer.exact.assets import Model
from optimizer.exact.grid import effective_import_price, scenario_loads
from optimizer.problem import Floats, Ints, Problem

EARLY_COST_PER_KWH = 2e-5
"""What charging at the end of the horizon costs more than at its start: of equal plans the earlier one."""


def add_objective(model: Model, problem: Problem) -> None:
    """Minimise the bill."""
    terms = [_grid_cost(model, problem), *_asset_costs(model, problem), *_product_costs(model, problem)]
    model.cost = pyo.Objective(expr=pyo.quicksum(terms))


def scenario_cost(model: Model, problem: Problem, s: int) -> Any:
    """Return energy, carbon, peak and overload of one scenario.

    dt sum_t (import * import_price - export * export_price) + peak_price (peak - peak_so_far)
    + dt * feeder_penalty * (overload of feeders and portfolio).
    """
    hours, penalty = problem.interval_h, problem.interval_h * problem.feeder_penalty_per_kwh
    buy = (hours * effective_import_price(problem)).tolist()
    sell = (hours * problem.portfolio.export_price_per_kwh).tolist()
    terms = [buy[t] * model.imported[s, t] - sell[t] * model.exported[s, t] for t in range(problem.intervals)]
    if problem.peak_price_per_kw > 0.0:
        terms.append(problem.peak_price_per_kw * (model.peak[s] - max(0.0, problem.peak_so_far_kw)))
    for name in (
        "feeder_over_import",
        "feeder_over_export",
        "portfolio_over_import",
        "portfolio_over_export",
    ):
        over = model.component(name)
        terms.extend([] if over is None else [penalty * over[key] for key in over if key[0] == s])
    return pyo.quicksum(terms)


def _grid_cost(model: Model, problem: Problem) -> Any:
    """Return (1 - weight) * expected cost + weight * CVaR over the scenarios.

    CVaR_alpha = min_q q + E[max(0, cost - q)] / (1 - alpha), Rockafellar and Uryasev 2000.
    """
    probability, _ = scenario_loads(problem)
    costs = [scenario_cost(model, problem, s) for s in range(len(probability))]
    weight = problem.cvar_weight
    expected = pyo.quicksum(float(p) * cost for p, cost in zip(probability, costs, strict=True))
    if weight <= 0.0 or len(costs) == 1:
        return expected
    model.quantile = pyo.Var()
    model.excess = pyo.Var(model.scenarios, within=pyo.NonNegativeReals)
    model.excess_cost = pyo.Constraint(
        model.scenarios, rule=lambda m, s: m.excess[s] >= costs[s] - m.quantile
    )
    tail = pyo.quicksum(float(p) * model.excess[s] for s, p in enumerate(probability))
    return (1.0 - weight) * expected + weight * (model.quantile + tail / (1.0 - problem.cvar_alpha))


def _asset_costs(model: Model, problem: Problem) -> list[Any]:
    """Return wear of throughput or of depth, energy missing, and minus the value of the final energy."""
    assets, penalty = problem.assets, problem.unmet_energy_penalty_per_kwh
    wear = problem.interval_h * assets.wear_cost_per_kwh
    terms: list[Any] = []
    if problem.wear is not None and len(problem.wear):
        wear = np.where(np.isin(np.arange(len(assets)), problem.wear.asset), 0.0, wear)
        row = {
            int(i): costs.tolist()
            for i, costs in zip(problem.wear.asset, problem.wear.cost_per_kwh, strict=True)
        }
        terms.extend(row[i][j] * drawn for (i, t, j), drawn in model.drawn.items())
        asset = model.stay_asset
        terms.extend(row[asset[w]][j] * drawn for (w, j), drawn in model.trip_drawn.items())
    cost = wear.tolist()
    terms.extend(cost[i] * power for (i, t), power in model.charge.items() if cost[i])
    terms.extend(cost[i] * power for (i, t), power in model.discharge.items() if cost[i])
    for missing in (model.departure_missing, model.final_missing, model.trip_missing):
        terms.extend(penalty * missing[w] for w in missing)
    value = assets.energy_final_value_per_kwh.tolist()
    last = {model.stay_asset[w]: w for w in model.stays}
    terms.extend(-value[i] * model.energy_left[w] for i, w in last.items() if value[i])
    return terms


def _product_costs(model: Model, problem: Problem) -> list[Any]:
    """Return the penalties of missed events and minus the revenue of the reserve sold."""
    terms: list[Any] = []
    if problem.events is not None and len(problem.events):
        penalty = (problem.interval_h * problem.events.penalty_per_kwh).tolist()
        terms.extend(penalty[e] * missed for (e, t), missed in model.missed.items())
    if problem.reserve is not None and len(problem.reserve):
        price = (problem.interval_h * problem.reserve.price_per_kw_h).tolist()
        for sold in (model.sold_up, model.sold_down):
            terms.extend(-price[r] * power for (r, t), power in sold.items())
    return terms


def is_calmed(problem: Problem) -> bool:
    """Return whether a stability cost keeps the plan close to the previous one."""
    return problem.stability_cost_per_kw > 0.0 and problem.previous_power_kw is not None


def steering_costs(
    problem: Problem, interval: Ints, kept: int, *, calm: float
) -> tuple[Floats, Floats, Floats]:
    """Return what steers a solution beside its bill, per kW of charge, of discharge and of `kept`.

    calm * |power - previous| = calm * (charge + discharge - 2 kept) + constant, and a tiny cost on charging
    that grows with the interval. `interval` (K,) of the cells; `kept` columns.
    """
    step = problem.interval_h * EARLY_COST_PER_KWH / problem.intervals
    charge: Floats = np.asarray(calm + step * interval, dtype=np.float64)
    return charge, np.full(len(interval), calm), np.full(kept, -2.0 * calm)
