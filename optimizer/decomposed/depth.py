"""Wear by depth (Xu et al. 2018) as parallel stores, one per segment, and a price for the energy in each.

A potential u[j, t] is what a kWh in segment j from interval t on saves in wear later. For any potentials,
with u = 0 after the horizon, the wear of a path is at least

    sum_t draw_t out_t - store_t in_t  +  constant
    store_t = max_j u[j, t],   draw_t = min_j (cost_j + u[j, t])
    constant = - sum_j u[j, 0] initial_j - sum_jt size_j max(0, u[j, t + 1] - u[j, t])

(Lagrange multipliers of the stores' balances), so the asset's recursion needs one energy only.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit, prange

from optimizer.decomposed.coupling import ALLOCATING, EXACT
from optimizer.decomposed.fleet import Fleet
from optimizer.decomposed.private import Private
from optimizer.problem import Floats


@njit(**EXACT)
def potential_price(p, row, t):
    """Return (what a kWh stored in interval t saves, what a kWh drawn wears), money per kWh in the cell."""
    store, draw = -np.inf, np.inf
    for j in range(p.segment_cost.shape[1]):
        u = p.potential[row, j, t]
        store, draw = max(store, u), min(draw, p.segment_cost[row, j] + u)
    return store, draw


@njit(**EXACT)
def potential_constant(p, i, asset):
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
    return total


class Ledger(NamedTuple):
    """Scratch arrays of one lane; J segments, T intervals."""

    charge: Floats  # (T): cost of a kWh stored
    draw: Floats  # (T): what a kWh drawn earns
    open: Floats  # (T): 1 while connected
    value: Floats  # (J, T + 1): worth of a kWh in a segment; the last column is the end's
    slope: Floats  # (J, T + 1): of the smoothed dual
    link: Floats  # (J, T): curvature between neighbours in time
    block: Floats  # (T, J, J): Cholesky factors
    part: Floats  # (2, J)


@njit(**ALLOCATING)
def new_ledger(depth, intervals):
    """Allocate the scratch arrays of one lane."""
    return Ledger(
        np.zeros(intervals),
        np.zeros(intervals),
        np.zeros(intervals),
        np.zeros((depth, intervals + 1)),
        np.zeros((depth, intervals + 1)),
        np.zeros((depth, intervals)),
        np.zeros((intervals, depth, depth)),
        np.zeros((2, depth)),
    )


@njit(**EXACT)
def _choice(worth, cost, count, eps, out):
    """Write the smoothed shares of `count` alternatives and of doing nothing in a choice of the best."""
    best = 0.0
    for j in range(count):
        best = max(best, (worth[j] - cost) / eps)
    total = np.exp(-best)
    for j in range(count):
        out[j] = np.exp((worth[j] - cost) / eps - best)
        total += out[j]
    for j in range(count):
        out[j] /= total


@njit(**EXACT)
def _sigmoid(x):
    return 0.5 * (1.0 + np.tanh(0.5 * x))


@njit(**EXACT)
def _interval(d, t, cost, up, down, eps, worth, block):
    """Slope and curvature of interval t: who charges, who discharges, smoothed."""
    depth = cost.size
    for way in range(2):
        for j in range(depth):
            worth[0, j] = d.value[j, t] if way == 0 else -cost[j] - d.value[j, t]
        limit = (up if way == 0 else down) * d.open[t]
        _choice(worth[0], d.charge[t] if way == 0 else -d.draw[t], depth, eps, worth[1])
        for j in range(depth):
            q = worth[1, j]
            d.slope[j, t] += -limit * q if way == 0 else limit * q
            for k in range(depth):
                block[j, k] -= limit * q * worth[1, k] / eps
            block[j, j] += limit * q / eps


@njit(**EXACT)
def _factor(block, depth):
    """Cholesky factor in place (lower)."""
    for j in range(depth):
        for k in range(j + 1):
            total = block[j, k]
            for m in range(k):
                total -= block[j, m] * block[k, m]
            block[j, k] = np.sqrt(max(total, 1e-14)) if j == k else total / block[k, k]


@njit(**EXACT)
def _solve(block, depth, x):
    for j in range(depth):
        for k in range(j):
            x[j] -= block[j, k] * x[k]
        x[j] /= block[j, j]
    for j in range(depth - 1, -1, -1):
        for k in range(j + 1, depth):
            x[j] -= block[k, j] * x[k]
        x[j] /= block[j, j]


@njit(**EXACT)
def newton_step(d, cost, size, initial, need, fleet, eps):
    """One Newton step of the smoothed dual; d.value moves by at most six times eps.

    fleet: (kWh up, kWh down, value of the final energy, penalty of missing it).
    """
    depth, last = d.link.shape
    up, down, worth, penalty = fleet
    end, total = 0.0, 0.0
    for j in range(depth):
        for t in range(last + 1):
            d.slope[j, t] = 0.0
        d.slope[j, 0] -= initial[j]
        total += size[j]
        for t in range(last):
            share = _sigmoid((d.value[j, t + 1] - d.value[j, t]) / eps)
            d.slope[j, t] += size[j] * share
            d.slope[j, t + 1] -= size[j] * share
            d.link[j, t] = size[j] * share * (1.0 - share) / eps
        end += d.slope[j, last]
    level = d.value[0, last]
    short, spare = _sigmoid((level - worth - penalty) / eps), _sigmoid((worth - level) / eps)
    end += need * (1.0 - short) + (total - need) * spare
    bend = (need * short * (1.0 - short) + (total - need) * spare * (1.0 - spare) + 1e-4) / eps
    for t in range(last):
        block = d.block[t]
        for j in range(depth):
            for k in range(depth):
                block[j, k] = 0.0
            block[j, j] = 1e-4 / eps + d.link[j, t] + (d.link[j, t - 1] if t > 0 else 0.0)
        _interval(d, t, cost, up, down, eps, d.part, block)
        if t > 0:
            for j in range(depth):  # block -= link * inverse(previous) * link; slope += link * solution
                for k in range(depth):
                    d.part[0, k] = 0.0
                d.part[0, j] = d.link[j, t - 1]
                _solve(d.block[t - 1], depth, d.part[0])
                for k in range(depth):
                    block[k, j] -= d.link[k, t - 1] * d.part[0, k]
            for k in range(depth):
                d.part[0, k] = d.slope[k, t - 1]
            _solve(d.block[t - 1], depth, d.part[0])
            for k in range(depth):
                d.slope[k, t] += d.link[k, t - 1] * d.part[0, k]
        _factor(block, depth)
    for k in range(depth):
        d.part[0, k] = d.slope[k, last - 1]
        d.part[1, k] = d.link[k, last - 1]
        bend += d.link[k, last - 1]
    _solve(d.block[last - 1], depth, d.part[0])
    _solve(d.block[last - 1], depth, d.part[1])
    for k in range(depth):
        end += d.link[k, last - 1] * d.part[0, k]
        bend -= d.link[k, last - 1] * d.part[1, k]
    move, reach = end / max(bend, 1e-12), 6.0 * eps
    for j in range(depth):
        d.part[1, j] = move
        d.value[j, last] += min(max(move, -reach), reach)
    for t in range(last - 1, -1, -1):
        for j in range(depth):
            d.part[0, j] = d.slope[j, t] + d.link[j, t] * d.part[1, j]
        _solve(d.block[t], depth, d.part[0])
        for j in range(depth):
            d.part[1, j] = d.part[0, j]
            d.value[j, t] += min(max(d.part[0, j], -reach), reach)


@njit(parallel=True, cache=True, nogil=True, **ALLOCATING)
def _settle(assets, stays, p, price, held_price, interval_h, penalty, steps, eps_first, eps_last, chunk):
    """Improve the potentials of every asset with segments at the prices (F, T) of its feeder."""
    intervals, depth = price.shape[1], p.segment_cost.shape[1]
    for c in prange((assets.size + chunk - 1) // chunk):
        d = new_ledger(depth, intervals)
        size, initial = np.zeros(depth), np.zeros(depth)
        for i in range(c * chunk, min(assets.size, (c + 1) * chunk)):
            asset, row = assets[i], p.depth_row[i]
            if row < 0:
                continue
            _open_ledger(asset, stays, p, i, price[asset.feeder], held_price, interval_h, d)
            need = _start_ledger(asset, stays, p, row, d, size, initial)
            fleet = (
                asset.max_charge_kw * asset.charge_kwh_per_kw,
                asset.max_discharge_kw * asset.discharge_kwh_per_kw,
                asset.final_value_per_kwh,
                penalty,
            )
            for k in range(steps):
                along = k / max(1, steps - 1)
                eps = eps_first * (eps_last / eps_first) ** along
                newton_step(d, p.segment_cost[row], size, initial, need, fleet, eps)
            p.end_value[row] = d.value[0, intervals]
            for j in range(depth):
                for t in range(intervals):
                    p.potential[row, j, t] = d.value[j, t] - d.value[j, intervals]


@njit(**EXACT)
def _open_ledger(asset, stays, p, i, price, held_price, interval_h, d):
    """Write what a kWh in the cell costs and earns per interval, reserve and the budget's price included."""
    beta = p.budget_price[i, 0]
    for t in range(price.size):
        d.open[t] = 0.0
        into, out = price[t], price[t]
        if p.asked.shape[1] > 0:
            into += held_price[1, t] * (1.0 - p.weight[i, t, 2] - p.weight[i, t, 3]) - held_price[0, t]
            out += held_price[1, t] - held_price[0, t] * (1.0 - p.weight[i, t, 0] - p.weight[i, t, 1])
        d.charge[t] = into * interval_h / asset.charge_kwh_per_kw
        d.draw[t] = out * interval_h / asset.discharge_kwh_per_kw - beta
    for q in range(asset.first_stay, asset.last_stay):
        for t in range(stays[q].from_interval, stays[q].to_interval):
            d.open[t] = 1.0


@njit(**EXACT)
def _start_ledger(asset, stays, p, row, d, size, initial):
    """Write the stores above the minimum and the present values; return the energy needed at the end."""
    depth, intervals = d.link.shape
    rest, total = max(asset.energy_initial_kwh - asset.energy_min_kwh, 0.0), 0.0
    for j in range(depth - 1, -1, -1):
        size[j] = p.segment_kwh[row, j] - (asset.energy_min_kwh if j == depth - 1 else 0.0)
        initial[j] = min(rest, size[j])
        rest -= initial[j]
        total += size[j]
    if p.end_value[row] == 0.0:
        for t in range(intervals):
            p.end_value[row] += d.charge[t] / intervals
    for j in range(depth):
        d.value[j, intervals] = p.end_value[row]
        for t in range(intervals):
            d.value[j, t] = p.end_value[row] + p.potential[row, j, t]
    last = stays[asset.last_stay - 1]
    need = max(asset.final_min_kwh, last.target_kwh - last.trip_kwh) - asset.energy_min_kwh
    return min(max(need, 0.0), total)


def settle_potentials(
    fleet: Fleet,
    private: Private,
    price_per_kwh: Floats,
    held_price: Floats,
    *,
    steps: int,
    smoothing: tuple[float, float],
) -> None:
    """Improve the potentials by Newton steps at falling smoothing, in place.

    The stores' dual is piecewise linear; every choice in it (which store charges, which one discharges,
    whether a store is full) is smoothed by `smoothing` (money per kWh, from, to), so that its Hessian is
    block tridiagonal in time. Any result is valid; a finer one is tighter.
    """
    if not len(private.segment_cost):
        return
    chunk = max(16, min(256, len(fleet) // 16))
    _settle(
        fleet.assets, fleet.stays, private, np.ascontiguousarray(price_per_kwh), held_price,
        fleet.interval_h, fleet.penalty_per_kwh, steps, smoothing[0], smoothing[1], chunk,
    )  # fmt: skip
