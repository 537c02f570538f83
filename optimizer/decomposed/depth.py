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
SPREAD_PER_KWH = 1e-3
"""Intervals next to each other whose prices differ by less are one block there, money per kWh."""
LONGEST = 24
"""Most intervals of a block."""
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
def _settle(assets, stays, p, price, held_price, interval_h, penalty, chunk):
    """Find potentials and a path for every asset with segments at the prices (F, T) of its feeder."""
    for c in prange((assets.size + chunk - 1) // chunk):
        first, last = c * chunk, min(assets.size, (c + 1) * chunk)
        _settle_rows(assets, stays, p, price, held_price, interval_h, penalty, first, last)


@njit(**ALLOCATING)
def _settle_rows(assets, stays, p, price, held_price, interval_h, penalty, first, last):
    """Those of the records first to last: a function of its own, as inside the parallel loop numba lost
    what the steps write.
    """
    d, size = new_inside(p.segment_cost.shape[1], price.shape[1]), np.zeros(p.segment_cost.shape[1])
    for i in range(first, last):
        if p.depth_row[i] >= 0:
            mine = price[assets[i].feeder]
            settle_asset(assets[i], stays, p, i, mine, held_price, interval_h, penalty, d, size)


@njit(**EXACT)
def settle_asset(asset, stays, p, i, price, held_price, interval_h, penalty, d, size):
    """Find the potentials, the budget's price and a path of one asset at prices (T)."""
    row, budget = p.depth_row[i], p.budget_kwh[i]
    need = _needed(asset, stays, p, row, size, d)
    up = asset.max_charge_kw * asset.charge_kwh_per_kw
    down = asset.max_discharge_kw * asset.discharge_kwh_per_kw
    if up <= 0.0 or down <= 0.0 or size[0] <= 0.0 or budget <= 0.0:
        return
    if not _open_inside(asset, stays, p, i, price, held_price, interval_h, d):
        return
    ask = (up, down, asset.final_value_per_kwh, penalty, need, budget)
    start_inside(d, p.segment_cost[row], size, ask, START_PER_KWH)
    for _ in range(STEPS):
        if step_inside(d, p.segment_cost[row], ask, CLOSE) < CLOSE:
            break
    value = asset.final_value_per_kwh + d.tail[ASKED]
    for t in range(price.size):
        for j in range(size.size):
            p.potential[row, j, t] = d.worth[j, d.block[t]] - value
    _write_aim(asset, stays, up, d, p.aim[row])
    if budget < np.inf:
        p.budget_price[i, 0] = p.budget_price[i, 1] = d.tail[TOLL]
    p.aimed[row] = AIMED


@njit(**EXACT)
def _open_inside(asset, stays, p, i, price, held_price, interval_h, d):
    """Join intervals of like prices to blocks; write what a kWh in the cell costs and earns in each.

    Intervals away from the charger belong to the block before. Return whether there is any block.
    """
    block, length, low_in, high_in, low_out, high_out = -1, 0, 0.0, 0.0, 0.0, 0.0
    for q in range(asset.first_stay, asset.last_stay):
        for t in range(stays[q].from_interval, stays[q].to_interval):
            into = out = price[t]
            if p.asked.shape[1] > 0:
                into += held_price[1, t] * (1.0 - p.weight[i, t, 2] - p.weight[i, t, 3]) - held_price[0, t]
                out += held_price[1, t] - held_price[0, t] * (1.0 - p.weight[i, t, 0] - p.weight[i, t, 1])
            low_in, high_in = min(low_in, into), max(high_in, into)
            low_out, high_out = min(low_out, out), max(high_out, out)
            far = high_in - low_in > SPREAD_PER_KWH or high_out - low_out > SPREAD_PER_KWH
            if block < 0 or far or length == LONGEST:
                block, length = block + 1, 0
                low_in = high_in = into
                low_out = high_out = out
                d.into[block] = d.earn[block] = 0.0
            length += 1
            d.into[block] += (into - d.into[block]) / length
            d.earn[block] += (out - d.earn[block]) / length
            d.per_up[block], d.block[t] = float(length), block
    d.blocks[0] = block + 1
    for b in range(block + 1):
        up = d.per_up[b] * asset.max_charge_kw * asset.charge_kwh_per_kw
        d.per_down[b] = 1.0 / (d.per_up[b] * asset.max_discharge_kw * asset.discharge_kwh_per_kw)
        d.per_up[b] = 1.0 / up
        d.into[b] *= interval_h / asset.charge_kwh_per_kw
        d.earn[b] *= interval_h / asset.discharge_kwh_per_kw
    _fill_between(asset, stays, d)
    return block >= 0


@njit(**EXACT)
def _fill_between(asset, stays, d):
    """Give the intervals away from the charger the block before, or the first."""
    t, block = 0, 0
    for q in range(asset.first_stay, asset.last_stay):
        while t < stays[q].from_interval:
            d.block[t] = block
            t += 1
        t = stays[q].to_interval
        if t > stays[q].from_interval:
            block = d.block[t - 1]
    while t < d.block.size:
        d.block[t] = block
        t += 1


@njit(**EXACT)
def _write_aim(asset, stays, up, d, aim):
    """Write the path, what a block stores or draws spread evenly over it: all at its best price would meet
    what all others do there.
    """
    aim[:] = 0.0
    for q in range(asset.first_stay, asset.last_stay):
        for t in range(stays[q].from_interval, stays[q].to_interval):
            b = d.block[t]
            for j in range(d.x.shape[0]):
                aim[t] += (d.x[j, b] - d.z[j, b]) * up * d.per_up[b]


@njit(**EXACT)
def _needed(asset, stays, p, row, size, d):
    """Write the stores above the minimum and what they hold; return the energy needed at the end."""
    depth, total = size.size, 0.0
    rest = max(asset.energy_initial_kwh - asset.energy_min_kwh, 0.0)
    for j in range(depth - 1, -1, -1):
        size[j] = p.segment_kwh[row, j] - (asset.energy_min_kwh if j == depth - 1 else 0.0)
        d.e[j, 0] = min(rest, size[j])
        rest -= d.e[j, 0]
        total += size[j]
    last = stays[asset.last_stay - 1]
    need = max(asset.final_min_kwh, last.target_kwh - last.trip_kwh) - asset.energy_min_kwh
    return min(max(need, 0.0), 0.999 * total)


def settle_potentials(fleet: Fleet, private: Private, price_per_kwh: Floats, held_price: Floats) -> None:
    """Find potentials, budgets' prices, and paths to aim at, by an interior point; in place.

    Any of them are valid in a bound. Trips and targets between the stays
    are left out here: the recursion that makes the bound of the potentials has them.
    """
    if not len(private.segment_cost):
        return
    chunk = max(16, min(256, len(fleet) // 16))
    _settle(
        fleet.assets, fleet.stays, private, np.ascontiguousarray(price_per_kwh), held_price,
        fleet.interval_h, fleet.penalty_per_kwh, chunk,
    )  # fmt: skip
