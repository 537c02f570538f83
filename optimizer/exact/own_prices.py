"""The multipliers of single assets out of the relaxation's row prices: budgets, wear by depth, reserve."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from optimizer.exact.relaxation import Relaxation
from optimizer.plan import Prices
from optimizer.problem import Floats, Ints, Problem


def with_own_prices(problem: Problem, relaxation: Relaxation, prices: Prices) -> Prices:
    """Return the prices with those that budgets, wear by depth and reserve need for their bound."""
    if "discharge_budget" in relaxation.compiled.row_names:
        asset, price = _row_prices(relaxation, "discharge_budget")
        budget = np.zeros(len(problem.assets))
        budget[asset[:, 0]] = np.abs(price) * problem.assets.discharge_efficiency[asset[:, 0]]
        prices = replace(prices, budget_per_kwh=budget)
    if problem.wear is not None and len(problem.wear):
        prices = replace(prices, wear_per_kwh=_worths(problem, relaxation))
    if problem.reserve is not None and len(problem.reserve):
        earned = _earned(problem, relaxation)
        weight = _weights(problem, relaxation, earned)
        prices = replace(prices, reserve_per_kw_h=earned, reserve_weight=weight)
    return prices


def _row_prices(relaxation: Relaxation, name: str) -> tuple[Ints, Floats]:
    """Return the indices and prices of the rows of a name; none where the statement has none."""
    rows = relaxation.compiled.row_names.get(name)
    if rows is None:
        return np.zeros((0, 3), dtype=np.int64), np.zeros(0)
    return rows.keys, relaxation.answer.row_prices[rows.at]


def _worths(problem: Problem, relaxation: Relaxation) -> Floats:
    """Return what a kWh in each segment saves from an interval on, (W, J, T): the price of its path.

    While an asset is away it is worth what it is at the return, and nothing after the last stay.
    """
    assert problem.wear is not None
    row = np.full(len(problem.assets), -1)
    row[problem.wear.asset] = np.arange(len(problem.wear))
    key, price = _row_prices(relaxation, "segment_path")
    worth = np.full((*problem.wear.cost_per_kwh.shape, problem.intervals), np.nan)
    worth[row[key[:, 0]], key[:, 2], key[:, 1]] = -price
    later = np.zeros(worth.shape[:2])
    for t in range(problem.intervals - 1, -1, -1):
        later = np.where(np.isnan(worth[:, :, t]), later, worth[:, :, t])
        worth[:, :, t] = later
    return worth


def _earned(problem: Problem, relaxation: Relaxation) -> Floats:
    """Return what a kW held up and down earns per hour, (2, T)."""
    earned = np.zeros((2, problem.intervals))
    for way, name in enumerate(("held_up", "held_down")):
        key, price = _row_prices(relaxation, name)
        earned[way, key[:, 0]] = np.abs(price) / problem.interval_h
    return earned


def _weights(problem: Problem, relaxation: Relaxation, earned: Floats) -> NDArray[np.float32]:
    """Return by how much each share is limited by energy, (N, T, 4): the rows' prices by what a kW earns."""
    assets, weight = problem.assets, np.zeros((*problem.shape, 4), np.float32)
    cell_kwh = {"up": 1.0 / assets.discharge_efficiency, "down": assets.charge_efficiency}
    for way, name in enumerate(("up", "down")):
        sustain_h = dict(relaxation.model.component(f"sustain_{name}").items())
        for place, end in enumerate(("after", "before")):
            key, price = _row_prices(relaxation, f"energy_headroom_{name}_{end}")
            hours = np.array([sustain_h[int(t)] for t in key[:, 1]], dtype=np.float64)
            paid = problem.interval_h * earned[way, key[:, 1]]
            share = np.abs(price) * hours * cell_kwh[name][key[:, 0]] / np.maximum(paid, 1e-12)
            weight[key[:, 0], key[:, 1], 2 * way + place] = np.minimum(share, 1.0)
    return weight
