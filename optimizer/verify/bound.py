"""Recomputes a lower bound from the prices of a plan, with code that no solver uses.

For any prices, the cost of every schedule is at least

    sum over assets of V_i(balance + feeder price)  +  feeders' part  +  portfolio's part,

the least cost of each asset alone against the prices (`valuing`), and of the grid alone (`shared`). A
claim above this is not proven by the plan's prices and is refused.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optimizer.plan import Prices
from optimizer.problem import Floats, Problem
from optimizer.verify.own import has_budgets, has_wear, own_prices
from optimizer.verify.records import (
    Records,
    asset_records,
    read_only,
    require_indices,
    window_order,
    window_records,
)
from optimizer.verify.reserve import has_reserve, held_terms
from optimizer.verify.shared import feeder_part, portfolio_part, weights_of

BLOCK = 65_536
"""Assets laid out as records at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenBound:
    """What the prices of a plan prove; no value, and the reason, where it was not recomputed."""

    value: float | None = None
    reason: str = ""


def recompute_bound(problem: Problem, prices: Prices | None) -> ProvenBound:
    """Return the lower bound that the prices prove, in money.

    An allowance of 1e-12 of the sum of magnitudes is taken off for rounding.
    """
    reason = "the plan has no prices" if prices is None else _not_covered(problem, prices)
    if reason or prices is None:
        return ProvenBound(reason=reason)
    from optimizer.verify import cells, valuing  # noqa: PLC0415 - loads numba

    require_indices(problem)
    order, first_window = window_order(problem)
    windows, value = window_records(problem, order), np.empty(len(problem.assets))
    price = read_only(prices.balance_per_kwh[None, :] + prices.feeder_per_kwh)
    own, hours, penalty = (
        own_prices(problem, prices),
        problem.interval_h,
        problem.unmet_energy_penalty_per_kwh,
    )
    toll, stored, drawn = read_only(own.toll), read_only(own.stored), read_only(own.drawn)
    held, sale = held_terms(problem, prices)
    for base in range(0, len(value), BLOCK):
        assets = possible_powers(asset_records(problem, slice(base, base + BLOCK), first_window))
        part = value[base : base + BLOCK]
        some = toll[base : base + BLOCK]
        mine = held._replace(weight=held.weight[base : base + BLOCK])
        valuing.values(assets, windows, price, hours, penalty, some, stored, drawn, mine, part)
    if prices.energy is not None and len(prices.energy.asset):
        if not cells.worths_fit(problem, prices.energy):
            return ProvenBound(reason="the worths of energy do not fit the problem")
        named = possible_powers(asset_records(problem, prices.energy.asset, first_window))
        chosen = cells.looked_at(problem, named)
        found = np.empty(len(chosen))
        width = read_only(prices.energy.cell_kwh[chosen])
        worth = read_only(prices.energy.worth_per_kwh[chosen])
        cells.cells_values(named[chosen], windows, price, hours, penalty, width, worth, found)
        rows = prices.energy.asset[chosen]
        value[rows] = np.maximum(value[rows], found)
    weights = weights_of(problem, prices)
    shared = feeder_part(problem, prices, weights) + portfolio_part(problem, prices, weights)
    shared += own.constant + sale
    allowance = 1e-12 * (float(np.abs(value).sum()) + abs(shared))
    return ProvenBound(value=float(value.sum()) + shared - allowance)


def possible_powers(assets: Records) -> Records:
    """Set to zero the powers of a direction whose minimum is above its maximum: it can only stay off."""
    for way in ("charge", "discharge"):
        never = assets[f"min_{way}_kw"] > assets[f"max_{way}_kw"]
        assets[f"max_{way}_kw"][never] = 0.0
        assets[f"min_{way}_kw"][assets[f"max_{way}_kw"] <= 0.0] = 0.0
    return assets


def _not_covered(problem: Problem, prices: Prices) -> str:
    """Return why the bound of this problem is not recomputed; empty where it is."""
    feeders, intervals = len(problem.feeders), problem.intervals
    wanted = {
        "balance_per_kwh": (intervals,),
        "feeder_per_kwh": (feeders, intervals),
        "peak_per_kw": (intervals,),
    }
    for name, shape in wanted.items():
        values = getattr(prices, name)
        if values.shape != shape or not np.isfinite(values).all():
            return f"{name} is not {shape} finite numbers"
    if has_reserve(problem) and not _fits(prices.reserve_per_kw_h, (2, intervals)):
        return "the plan has no prices of its reserve"
    if prices.reserve_weight is not None and not _fits(prices.reserve_weight, (*problem.shape, 4)):
        return "reserve_weight does not fit the problem"
    if has_budgets(problem) and not _fits(prices.budget_per_kwh, (len(problem.assets),)):
        return "the plan has no prices of its discharge budgets"
    if has_wear(problem) and problem.wear is not None:
        shape = (*problem.wear.cost_per_kwh.shape, intervals)
        if not _fits(prices.wear_per_kwh, shape):
            return "the plan has no prices of its wear by depth"
    return ""


def _fits(values: Floats | NDArray[np.float32] | None, shape: tuple[int, ...]) -> bool:
    return values is not None and values.shape == shape and bool(np.isfinite(values).all())
