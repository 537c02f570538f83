"""What an asset's own multipliers add to the prices it sees, and to the bound: budgets and wear by depth.

A price of a kWh out of the cell pays for the budget. Wear by depth is one store per segment; any worths u
of a kWh in store j before interval t, zero after the horizon, prove that a path wears at least

    sum_t [ kWh out_t * min_j (cost_j + u_jt)  -  kWh in_t * max_j u_jt ]  +  constant,
    constant = - sum_j [ u_j0 * kWh in it at the start  +  sum_t max(size_j * rise_jt, least_j * rise_jt) ]

with rise_jt = u_j,t+1 - u_jt. The deepest store is drawn from last, when it holds all there is, so it never
has less than the asset's lowest energy; the others may be empty.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimizer.plan import Prices
from optimizer.problem import Floats, Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnPrices:
    """Per asset and row of the wear table; all in money per kWh in the cell but `constant` (money)."""

    toll: Floats  # (N): on every kWh out of the cell
    stored: Floats  # (W, T): saved by a kWh stored in an interval
    drawn: Floats  # (W, T): worn by a kWh drawn
    constant: float


def has_budgets(problem: Problem) -> bool:
    """Tell whether any asset has a discharge budget."""
    return bool(np.isfinite(problem.assets.discharge_budget_kwh).any())


def has_wear(problem: Problem) -> bool:
    """Tell whether any asset has wear by depth."""
    return problem.wear is not None and len(problem.wear) > 0


def own_prices(problem: Problem, prices: Prices) -> OwnPrices:
    """Lay out a plan's own multipliers for the recursion, brought into the ranges that prove."""
    assets = problem.assets
    toll, constant = np.zeros(len(assets)), 0.0
    if has_budgets(problem) and prices.budget_per_kwh is not None:
        limited = np.isfinite(assets.discharge_budget_kwh)
        toll[limited] = np.maximum(prices.budget_per_kwh[limited], 0.0)
        constant -= float(toll[limited] @ assets.discharge_budget_kwh[limited])
    nothing = np.zeros((0, problem.intervals))
    if not has_wear(problem) or problem.wear is None or prices.wear_per_kwh is None:
        return OwnPrices(toll=toll, stored=nothing, drawn=nothing, constant=constant)
    worth, cost = prices.wear_per_kwh, problem.wear.cost_per_kwh
    size, held = _stores(problem)
    after = np.concatenate([worth[:, :, 1:], np.zeros((*cost.shape, 1))], axis=2)
    constant -= float((worth[:, :, 0] * held).sum())
    rise = after - worth
    constant -= float((size * np.maximum(rise, 0.0).sum(axis=2)).sum())
    constant += float(_lowest(problem) @ np.maximum(-rise[:, -1], 0.0).sum(axis=1))
    return OwnPrices(
        toll=toll,
        stored=worth.max(axis=1),
        drawn=(cost[:, :, None] + worth).min(axis=1),
        constant=constant,
    )


def _stores(problem: Problem) -> tuple[Floats, Floats]:
    """Return size and first contents (W, J), kWh; the deepest store goes down to empty and fills first."""
    assert problem.wear is not None
    row, depth = problem.wear.asset, problem.wear.cost_per_kwh.shape[1]
    low, high = problem.assets.energy_min_kwh[row], problem.assets.energy_max_kwh[row]
    size = np.repeat(((high - low) / depth)[:, None], depth, axis=1)
    size[:, -1] += low
    below = np.cumsum(size[:, ::-1], axis=1)[:, ::-1] - size  # what the deeper stores hold when full
    held = np.clip(problem.assets.energy_initial_kwh[row][:, None] - below, 0.0, size)
    return size, held


def _lowest(problem: Problem) -> Floats:
    """Return the lowest energy (W) that each asset can come to: with trips nothing."""
    assert problem.wear is not None
    assets, windows = problem.assets, problem.windows
    lowest = np.minimum(assets.energy_min_kwh, assets.energy_initial_kwh)
    inside = windows.to_interval < problem.intervals
    lowest[windows.asset[inside & (windows.trip_energy_kwh > 0.0)]] = 0.0
    return lowest[problem.wear.asset]
