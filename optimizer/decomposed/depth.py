"""Wear by depth (Xu et al. 2018) as parallel stores, one per segment, and a price for the energy in each.

A potential u[j, t] is what a kWh in segment j from interval t on saves in wear later. For any potentials,
with u = 0 after the horizon, the wear of a path is at least

    sum_t draw_t out_t - store_t in_t  +  constant
    store_t = max_j u[j, t],   draw_t = min_j (cost_j + u[j, t])
    constant = - sum_j u[j, 0] initial_j - sum_jt max(size_j rise_jt, least_j rise_jt)
    rise_jt = u[j, t + 1] - u[j, t]

(Lagrange multipliers of the stores' balances; the deepest store holds at least the asset's lowest energy,
the others nothing), so the asset's recursion needs one energy only.
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange

from optimizer.decomposed.coupling import ALLOCATING, EXACT
from optimizer.decomposed.fleet import Fleet
from optimizer.decomposed.inside import ASKED, TOLL, new_inside, start_inside
from optimizer.decomposed.interior import step_inside
from optimizer.decomposed.private import Private
from optimizer.problem import Floats

START_PER_KWH = 0.03
"""Size of the first multipliers of the interior point, money per kWh."""
CLOSE = 2e-4
"""It stops at this distance between path and bound, money per asset."""
STEPS = 18
"""... or after so many steps; it takes 9 to 15."""
AIMED, FRESH = 1, 2
"""States of `Private.aimed`: the path has not been tried; the next step of the asset finds a new one."""


@njit(**EXACT)
def potential_price(p, row, t):
    """Return (what a kWh stored in interval t saves, what a kWh drawn wears), money per kWh in the cell."""
    store, draw = -np.inf, np.inf
    for j in range(p.segment_cost.shape[1]):
        u = p.potential[row, j, t]
        store, draw = max(store, u), min(draw, p.segment_cost[row, j] + u)
    return store, draw


@njit(**EXACT)
def potential_constant(p, i, asset, stays):
    """The stores' part of the bound, in money."""
    row = p.depth_row[i]
    rest, total = asset.energy_initial_kwh, 0.0
    last = p.potential.shape[2] - 1
    for j in range(p.segment_cost.shape[1] - 1, -1, -1):
        size = p.segment_kwh[row, j]
        held = min(rest, size)
        rest -= held
        total -= p.potential[row, j, 0] * held
        for t in range(last):
            total -= size * max(0.0, p.potential[row, j, t + 1] - p.potential[row, j, t])
        total -= size * max(0.0, -p.potential[row, j, last])
    deepest = p.segment_cost.shape[1] - 1
    for t in range(last + 1):
        after = p.potential[row, deepest, t + 1] if t < last else 0.0
        total += _never_drawn(asset, stays) * max(0.0, p.potential[row, deepest, t] - after)
    return total


@njit(**EXACT)
def _never_drawn(asset, stays):
    """Energy that the deepest store always holds: it is drawn from last, and the asset never has less."""
    for q in range(asset.first_stay, asset.last_stay):
        if stays[q].trip_kwh > 0.0:
            return 0.0
    return min(asset.energy_min_kwh, asset.energy_initial_kwh)


@njit(parallel=True, cache=True, nogil=True, **ALLOCATING)
def _settle(assets, stays, p, unit, price, held_price, interval_h, penalty, chunk):
    """Find potentials and a path for every asset with segments at the prices (F, T) of its feeder."""
    for c in prange((assets.size + chunk - 1) // chunk):
        first, last = c * chunk, min(assets.size, (c + 1) * chunk)
        _settle_rows(assets, stays, p, unit, price, held_price, interval_h, penalty, first, last)


@njit(**ALLOCATING)
def _settle_rows(assets, stays, p, unit, price, held_price, interval_h, penalty, first, last):
    """Those of the records first to last: a function of its own, as inside the parallel loop numba lost
    what the steps write.
    """
    d, size = new_inside(p.segment_cost.shape[1], price.shape[1]), np.zeros(p.segment_cost.shape[1])
    for i in range(first, last):
        if p.depth_row[i] >= 0:
            mine = price[assets[i].feeder]
            settle_asset(assets[i], stays, p, i, unit, mine, held_price, interval_h, penalty, d, size)


@njit(**EXACT)
def settle_asset(asset, stays, p, i, unit, price, held_price, interval_h, penalty, d, size):
    """Find the potentials, the budget's price and a path of one asset at prices (T)."""
    row, budget = p.depth_row[i], p.budget_kwh[i]
    _open_inside(asset, stays, p, i, price, held_price, interval_h, d)
    need = _needed(asset, stays, p, row, size, d.begin)
    up = asset.max_charge_kw * asset.charge_kwh_per_kw
    down = asset.max_discharge_kw * asset.discharge_kwh_per_kw
    if up <= 0.0 or down <= 0.0 or size[0] <= 0.0 or budget <= 0.0:
        return
    ask = (up, down, asset.final_value_per_kwh, penalty, need, budget)
    start_inside(d, unit, p.segment_cost[row], size, ask, START_PER_KWH)
    for _ in range(STEPS):
        if step_inside(d, unit, p.segment_cost[row], size, ask, CLOSE) < CLOSE:
            break
    value = asset.final_value_per_kwh + d.tail[ASKED]
    for t in range(price.size):
        p.aim[row, t] = 0.0
        for j in range(size.size):
            p.potential[row, j, t] = d.worth[t, j] - value
            p.aim[row, t] += d.open[t] * (d.x[t, j] - d.z[t, j])
    if budget < np.inf:
        p.budget_price[i, 0] = p.budget_price[i, 1] = d.tail[TOLL]
    p.aimed[row] = AIMED


@njit(**EXACT)
def _open_inside(asset, stays, p, i, price, held_price, interval_h, d):
    """Write what a kWh in the cell costs and earns per interval, reserve included."""
    for t in range(price.size):
        d.open[t] = 0.0
        into, out = price[t], price[t]
        if p.asked.shape[1] > 0:
            into += held_price[1, t] * (1.0 - p.weight[i, t, 2] - p.weight[i, t, 3]) - held_price[0, t]
            out += held_price[1, t] - held_price[0, t] * (1.0 - p.weight[i, t, 0] - p.weight[i, t, 1])
        d.into[t] = into * interval_h / asset.charge_kwh_per_kw
        d.earn[t] = out * interval_h / asset.discharge_kwh_per_kw
    for q in range(asset.first_stay, asset.last_stay):
        for t in range(stays[q].from_interval, stays[q].to_interval):
            d.open[t] = 1.0


@njit(**EXACT)
def _needed(asset, stays, p, row, size, initial):
    """Write the stores above the minimum and what they hold; return the energy needed at the end."""
    depth, total = size.size, 0.0
    rest = max(asset.energy_initial_kwh - asset.energy_min_kwh, 0.0)
    for j in range(depth - 1, -1, -1):
        size[j] = p.segment_kwh[row, j] - (asset.energy_min_kwh if j == depth - 1 else 0.0)
        initial[j] = min(rest, size[j])
        rest -= initial[j]
        total += size[j]
    last = stays[asset.last_stay - 1]
    need = max(asset.final_min_kwh, last.target_kwh - last.trip_kwh) - asset.energy_min_kwh
    return min(max(need, 0.0), 0.999 * total)


def settle_potentials(fleet: Fleet, private: Private, price_per_kwh: Floats, held_price: Floats) -> None:
    """Find potentials, budgets' prices, and paths to aim at, by an interior point; in place.

    Any of them are valid in a bound. Trips and targets between the stays
    are left out here: the recursion that makes the bound of the potentials has them.
    """
    depth = private.segment_cost.shape[1]
    if not len(private.segment_cost):
        return
    chunk = max(16, min(256, len(fleet) // 16))
    _settle(
        fleet.assets, fleet.stays, private, (0,) * depth, np.ascontiguousarray(price_per_kwh), held_price,
        fleet.interval_h, fleet.penalty_per_kwh, chunk,
    )  # fmt: skip
