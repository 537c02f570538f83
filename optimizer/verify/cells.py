"""The least cost of an asset with minimum powers against prices, recomputed on cells of energy.

A plan may name worths w_t of a stored kWh and a cell's width h for an asset that can do both and has a least
power. Any of them prove a bound. Cell k holds the energies from initial + k h to initial + (k + 1) h, cut to
what the asset may hold; B_t(k) stays below V_t(s) + w_t s for every s in it:

    B_t(k) = least over m of [ least cost of a power that moves m - 1 to m + 1 widths ] + B_t+1(k + m)
             + least of (w_t - w_t+1) s in cell k

and V of the initial energy is at least B(0) - w initial. Windows of moves are looked up in a table of minima
over 1, 2, 4, ... cells.
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange

from optimizer.plan import EnergyWorths
from optimizer.problem import Ints, Problem
from optimizer.verify.corners import KERNEL
from optimizer.verify.records import Records

MOST_CELLS = 50_000
"""An asset with more cells in its range is not looked at: its plain bound counts."""
NEVER = 1e30
FUZZ = 1e-9


@njit(**KERNEL)
def fill_minima(base, minima, size, span):
    """minima[q, j] = least of base[j : j + 2**q] for all j < size; return the last level that span needs."""
    for j in range(size):
        minima[0, j] = base[j]
    level, width = 0, 1
    while 2 * width <= span:
        here, there, next_one = minima[level, :size], minima[level, width:], minima[level + 1, :size]
        for j in range(size - width):
            next_one[j] = min(here[j], there[j])
        for j in range(size - width, size):
            next_one[j] = here[j]
        level, width = level + 1, 2 * width
    return level


@njit(**KERNEL)
def offer(best, later, shift, cost):
    """Offer a move by `shift` places to every cell: later has the cells of best from place `shift` on."""
    source = later[shift : shift + best.size]
    for j in range(best.size):
        best[j] = min(best[j], source[j] + cost)


@njit(**KERNEL)
def offer_moves(best, later, tilted, minima, margin, up, rate, least, most, width):
    """Offer all powers of a direction, least to most kWh at `rate` per kWh, to every cell.

    later has `margin` places beyond the cells of best at both ends, all of them out of reach.
    """
    first, last = int(np.floor(least / width + FUZZ)), int(np.ceil(most / width - FUZZ))
    sign = 1 if up else -1
    for m in (first, first + 1, last - 1, last):
        if first <= m <= last:
            low, high = max(least, (m - 1) * width), min(most, (m + 1) * width)
            offer(best, later, margin + sign * m, min(rate * low, rate * high))
    inner_first, inner_last = first + 2, last - 2
    span = inner_last - inner_first + 1
    if span < 1:
        return
    for j in range(later.size):  # a kWh of way to the right costs `rate` on the way up, and earns it down
        tilted[j] = later[j] + sign * rate * width * j
    level = fill_minima(tilted, minima, later.size, span)
    begin = margin + (inner_first if up else -inner_last)
    one, other = minima[level, begin:], minima[level, begin + span - 2**level :]
    slack = -abs(rate) * width
    for k in range(best.size):
        found = min(one[k], other[k]) - sign * rate * width * (k + margin)
        best[k] = min(best[k], found + slack)


@njit(**KERNEL)
def leaving(asset, target, trip, penalty, worth, energy):
    """Return the cost of what is missing after the last interval of connection, and w s."""
    rest = max(0.0, energy - trip)
    missing = max(0.0, target - energy) + max(0.0, trip - energy)
    missing += max(0.0, asset.energy_final_min_kwh - rest)
    return penalty * missing - asset.energy_final_value_per_kwh * rest + worth * energy


@njit(**KERNEL)
def cells_value(asset, first, end, target, trip, price, interval_h, penalty, width, worth):
    """Return the bound of one asset connected in [first, end); minus NEVER where it is not looked at."""
    start, ceiling = asset.energy_initial_kwh, asset.energy_max_kwh
    floor = min(start, asset.energy_min_kwh)
    into = interval_h * asset.charge_efficiency  # kWh stored by a kW
    out = interval_h / asset.discharge_efficiency
    full, empty = asset.max_charge_kw * into, asset.max_discharge_kw * out
    if not width > 0.0 or start > ceiling or (ceiling - floor + full + empty) / width > MOST_CELLS:
        return -NEVER
    left, right = (
        int(np.ceil((start - floor) / width - FUZZ)),
        int(np.floor((ceiling - start) / width + FUZZ)),
    )
    count, margin = left + right + 1, int(np.ceil(max(full, empty) / width)) + 1
    later, best = np.full(count + 2 * margin, NEVER), np.empty(count)
    levels = int(np.log2(margin)) + 2
    tilted, minima = np.empty(later.size), np.empty((levels, later.size))
    for k in range(count):
        low, high = max(floor, start + (k - left) * width), min(ceiling, start + (k - left + 1) * width)
        value = np.inf
        for corner in (low, high, target, trip, trip + asset.energy_final_min_kwh):
            if low <= corner <= high:
                value = min(value, leaving(asset, target, trip, penalty, worth[end], corner))
        later[margin + k] = value
    for t in range(end - 1, first - 1, -1):
        cost = interval_h * (price[t] + asset.wear_cost_per_kwh) / into - worth[t + 1]
        gain = interval_h * (price[t] - asset.wear_cost_per_kwh) / out - worth[t + 1]
        best[:] = later[margin : margin + count]
        offer_moves(best, later, tilted, minima, margin, True, cost, asset.min_charge_kw * into, full, width)
        offer_moves(
            best, later, tilted, minima, margin, False, -gain, asset.min_discharge_kw * out, empty, width
        )
        change = worth[t] - worth[t + 1]
        for k in range(count):
            low, high = start + (k - left) * width, start + (k - left + 1) * width
            later[margin + k] = best[k] + min(change * max(floor, low), change * min(ceiling, high))
    return later[margin + left] - worth[first] * start


@njit(parallel=True, **KERNEL)
def cells_values(assets, windows, price, interval_h, penalty, width, worth, value):
    """Write the bounds of the named assets; each has one window, or none."""
    for i in prange(assets.size):
        asset = assets[i]
        first, end, target, trip = 0, price.shape[1], 0.0, 0.0
        if asset.last_window > asset.first_window:
            window = windows[asset.first_window]
            first, end, target = window.from_interval, window.to_interval, window.departure_energy_kwh
            trip = window.trip_energy_kwh if end < price.shape[1] else 0.0
        value[i] = cells_value(
            asset, first, end, target, trip, price[asset.feeder], interval_h, penalty, width[i], worth[i]
        )


def looked_at(problem: Problem, assets: Records) -> Ints:
    """Return which of the named assets the bound on cells is for: their records are `assets`."""
    fits = (assets["last_window"] - assets["first_window"] <= 1) & (assets["wear_row"] < 0)
    fits &= (assets["max_charge_kw"] > 0.0) & (assets["max_discharge_kw"] > 0.0)
    fits &= ~np.isfinite(assets["discharge_budget_kwh"])
    return np.flatnonzero(fits & (problem.reserve is None or not len(problem.reserve)))


def worths_fit(problem: Problem, energy: EnergyWorths) -> bool:
    """Tell whether the worths name assets of the problem, each once, and are finite numbers."""
    count = len(energy.asset)
    shapes = energy.cell_kwh.shape == (count,)
    shapes &= energy.worth_per_kwh.shape == (count, problem.intervals + 1)
    if not shapes or not np.isfinite(energy.worth_per_kwh).all() or not np.isfinite(energy.cell_kwh).all():
        return False
    known = bool(((energy.asset >= 0) & (energy.asset < len(problem.assets))).all())
    return known and len(np.unique(energy.asset)) == count
