"""Walks every asset through the horizon, compiled: its energy, every rule of its own, what it adds up to.

One asset is a handful of rows of T numbers that stay in the processor's cache; nothing of size N x T is
made. The fleet is cut into a fixed number of lanes that are summed in order, so that the result does
not depend on the number of threads.

    charge, discharge (T) ──► start, end (T) ──► excess (rule, T) ──► broken?
                          └─► feeder sums, final energy, missing energy, wear
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit, prange

from optimizer.problem import Floats, Ints

(
    NEGATIVE_POWER,
    CHARGE_LIMIT,
    DISCHARGE_LIMIT,
    MIN_CHARGE,
    MIN_DISCHARGE,
    BOTH_AT_ONCE,
    DISCONNECTED,
    ENERGY_LOW,
    BELOW_MINIMUM,
    ENERGY_HIGH,
    ENERGY_PATH,
    BUDGET,
    UP_MISPLACED,
    UP_POWER,
    UP_ENERGY,
    DOWN_MISPLACED,
    DOWN_POWER,
    DOWN_ENERGY,
) = range(18)
RULES = 18
RULES_WITHOUT_RESERVE = UP_MISPLACED

CHARGE, DISCHARGE, CLAIMED, UP, DOWN, START, END, AWAY, WORN = range(9)
ROWS = 9
"""Rows of a lane's scratch (ROWS, T): one asset's schedule, its energies, 1 where it is away; worn sums."""

KERNEL: dict[str, Any] = {"error_model": "numpy", "cache": True, "nogil": True}


class Asked(NamedTuple):
    """What the kernels know of the problem beside its assets."""

    interval_h: float
    tolerance: Floats  # (RULES): kW or kWh
    up: Floats  # (T): 1 where a product asks for upward reserve
    up_sustain_h: Floats
    down: Floats
    down_sustain_h: Floats


class Matrices(NamedTuple):
    """A schedule, (N, T) each; reserve matrices have no rows where there is none."""

    charge_kw: Floats
    discharge_kw: Floats
    energy_end_kwh: Floats
    reserve_up_kw: Floats
    reserve_down_kw: Floats


class Sums(NamedTuple):
    """What a walk adds up, per lane and per asset or window."""

    feeder_kw: Floats  # (lanes, F, T)
    reserve_kw: Floats  # (lanes, 2, T)
    wear: Floats  # (lanes)
    not_finite: Ints  # (lanes)
    final_kwh: Floats  # (N)
    broken: Ints  # (N): number of cells that break a rule
    departure_missing_kwh: Floats  # (W), in the problem's order
    trip_missing_kwh: Floats  # (W)


@njit(**KERNEL)
def load_rows(matrices, i, rows):
    """Copy one asset's schedule; return how many of its numbers are not finite."""
    odd = 0
    for t in range(rows.shape[1]):
        rows[CHARGE, t] = matrices.charge_kw[i, t]
        rows[DISCHARGE, t] = matrices.discharge_kw[i, t]
        rows[CLAIMED, t] = matrices.energy_end_kwh[i, t]
    if matrices.reserve_up_kw.shape[0] > 0:
        for t in range(rows.shape[1]):
            rows[UP, t] = matrices.reserve_up_kw[i, t]
    if matrices.reserve_down_kw.shape[0] > 0:
        for t in range(rows.shape[1]):
            rows[DOWN, t] = matrices.reserve_down_kw[i, t]
    for k in range(DOWN + 1):
        for t in range(rows.shape[1]):
            odd += 0 if abs(rows[k, t]) < np.inf else 1
    return odd


@njit(**KERNEL)
def follow(asset, windows, interval_h, rows, departure_missing, trip_missing):
    """Recompute the stored energy of an asset from its powers, and what departures and trips lack.

    At the start of interval `to_interval` a trip takes what it needs or what there is; a trip at the
    end of the horizon lies beyond it.
    """
    intervals = rows.shape[1]
    into, out = interval_h * asset.charge_efficiency, interval_h / asset.discharge_efficiency
    bare = asset.first_window == asset.last_window
    for t in range(intervals):
        rows[END, t] = into * rows[CHARGE, t] - out * rows[DISCHARGE, t]
        rows[AWAY, t] = 0.0 if bare else 1.0
    level, t = asset.energy_initial_kwh, 0
    for w in range(asset.first_window, asset.last_window + 1):
        until = windows[w].to_interval if w < asset.last_window else intervals
        while t < until:
            rows[START, t] = level
            level += rows[END, t]
            rows[END, t] = level
            t += 1
        if w == asset.last_window:
            break
        window = windows[w]
        rows[AWAY, window.from_interval : until] = 0.0
        departure_missing[window.row] = max(window.departure_energy_kwh - rows[END, until - 1], 0.0)
        if until < intervals:
            taken = min(max(level, 0.0), window.trip_energy_kwh)
            trip_missing[window.row] = window.trip_energy_kwh - taken
            level -= taken


@njit(**KERNEL)
def judge(asset, interval_h, small, rows, excess):
    """Write by how much each rule of power and energy is exceeded in each interval, kW or kWh.

    A power up to `small` kW counts as none for the minimum powers and the recovery.
    """
    most_charge, most_discharge = asset.max_charge_kw, asset.max_discharge_kw
    least_charge, least_discharge = asset.min_charge_kw, asset.min_discharge_kw
    low, high, drawn = asset.energy_min_kwh, asset.energy_max_kwh, 0.0
    for t in range(rows.shape[1]):
        c, d, away = rows[CHARGE, t], rows[DISCHARGE, t], rows[AWAY, t]
        excess[NEGATIVE_POWER, t] = -min(c, d)
        excess[CHARGE_LIMIT, t] = c - most_charge
        excess[DISCHARGE_LIMIT, t] = d - most_discharge
        excess[MIN_CHARGE, t] = least_charge - c if c > small else 0.0
        excess[MIN_DISCHARGE, t] = least_discharge - d if d > small else 0.0
        excess[BOTH_AT_ONCE, t] = min(c, d)
        excess[DISCONNECTED, t] = away * max(c, d)
    for t in range(rows.shape[1]):
        d, start, end = rows[DISCHARGE, t], rows[START, t], rows[END, t]
        excess[ENERGY_LOW, t] = -end
        excess[BELOW_MINIMUM, t] = (low if d > small else min(low, start)) - end
        excess[ENERGY_HIGH, t] = end - high
        excess[ENERGY_PATH, t] = abs(end - rows[CLAIMED, t])
    excess[BUDGET, 0] = 0.0
    if asset.discharge_budget_kwh < np.inf:
        for t in range(rows.shape[1]):
            drawn += rows[DISCHARGE, t]
        excess[BUDGET, 0] = interval_h * drawn / asset.discharge_efficiency - asset.discharge_budget_kwh


@njit(**KERNEL)
def judge_reserve(asset, asked, rows, excess):
    """Write by how much a share of reserve exceeds headroom of power, and of energy at the worse end.

    An asset that cannot discharge delivers upwards by charging less and needs no stored energy.
    """
    per_out = 1.0 / asset.discharge_efficiency if asset.max_discharge_kw > 0.0 else 0.0
    for t in range(rows.shape[1]):
        net, up, down = rows[DISCHARGE, t] - rows[CHARGE, t], rows[UP, t], rows[DOWN, t]
        lowest, highest = min(rows[START, t], rows[END, t]), max(rows[START, t], rows[END, t])
        free = asked.up[t] > 0.0 and rows[AWAY, t] == 0.0
        excess[UP_MISPLACED, t] = max(-up, 0.0) if free else abs(up)
        excess[UP_POWER, t] = net + up - asset.max_discharge_kw
        held = asked.up_sustain_h[t] * up * per_out
        backed = per_out > 0.0 and up > 0.0
        excess[UP_ENERGY, t] = held - (lowest - asset.energy_min_kwh) if backed else 0.0
        free = asked.down[t] > 0.0 and rows[AWAY, t] == 0.0
        excess[DOWN_MISPLACED, t] = max(-down, 0.0) if free else abs(down)
        excess[DOWN_POWER, t] = down - net - asset.max_charge_kw
        held = asked.down_sustain_h[t] * down * asset.charge_efficiency
        excess[DOWN_ENERGY, t] = held - (asset.energy_max_kwh - highest) if down > 0.0 else 0.0


@njit(**KERNEL)
def broken_cells(tolerance, rules, excess):
    """Count the cells whose excess is above its tolerance, or no number."""
    count = 0
    for k in range(rules):
        allowed = tolerance[k]
        for t in range(1 if k == BUDGET else excess.shape[1]):
            count += 0 if excess[k, t] <= allowed else 1
    return count


@njit(**KERNEL)
def depth_wear(asset, cost, rows, held):
    """Return what the energy drawn by depth costs, J equal segments, segment 0 the shallowest.

    The contents are a stack: what was charged last, on top, comes out first; the initial energy fills
    the deepest first, which reaches down to empty. Trips draw too.
    """
    depth = cost.size
    width = (asset.energy_max_kwh - asset.energy_min_kwh) / depth
    left = asset.energy_initial_kwh
    for j in range(depth - 1, -1, -1):
        held[j] = min(left, width + (asset.energy_min_kwh if j == depth - 1 else 0.0))
        left -= held[j]
    total, level = 0.0, asset.energy_initial_kwh
    for step in range(2 * rows.shape[1]):
        target = rows[START if step % 2 == 0 else END, step // 2]
        change, level = target - level, target
        for j in range(depth):
            size = width + (asset.energy_min_kwh if j == depth - 1 else 0.0)
            part = min(max(change, -held[j]), size - held[j])
            held[j] += part
            change -= part
            total += cost[j] * max(-part, 0.0)
    return total


@njit(**KERNEL)
def walk_asset(asset, windows, i, asked, matrices, rows, excess, departure_missing, trip_missing):
    """Fill the rows of asset i and judge them; return (numbers not finite, rules judged)."""
    odd = load_rows(matrices, i, rows)
    follow(asset, windows, asked.interval_h, rows, departure_missing, trip_missing)
    judge(asset, asked.interval_h, asked.tolerance[NEGATIVE_POWER], rows, excess)
    rules = RULES_WITHOUT_RESERVE
    if matrices.reserve_up_kw.shape[0] + matrices.reserve_down_kw.shape[0] > 0:
        judge_reserve(asset, asked, rows, excess)
        rules = RULES
    return odd, rules


@njit(**KERNEL)
def add_up(asset, interval_h, rules, rows, feeder_kw, reserve_kw):
    """Add an asset's powers to its feeder and its reserve to the fleet's; wear of throughput to WORN."""
    cost = interval_h * asset.wear_cost_per_kwh
    for t in range(rows.shape[1]):
        feeder_kw[t] += rows[CHARGE, t] - rows[DISCHARGE, t]
    for t in range(rows.shape[1]):
        rows[WORN, t] += cost * (rows[CHARGE, t] + rows[DISCHARGE, t])
    if rules == RULES:
        for t in range(rows.shape[1]):
            reserve_kw[0, t] += rows[UP, t]
            reserve_kw[1, t] += rows[DOWN, t]


@njit(**KERNEL)
def walk_lane(assets, windows, depth_cost, asked, matrices, first, last, lane, base, sums):
    """Walk the records first to last, which are the assets from `base + first` on; write the lane's sums."""
    rows = np.zeros((ROWS, matrices.charge_kw.shape[1]))
    excess = np.zeros((RULES, rows.shape[1]))
    held = np.zeros(depth_cost.shape[1])
    departure_missing, trip_missing = sums.departure_missing_kwh, sums.trip_missing_kwh
    wear, not_finite = 0.0, 0
    for k in range(first, last):
        asset, i = assets[k], base + k
        odd, rules = walk_asset(
            asset, windows, i, asked, matrices, rows, excess, departure_missing, trip_missing
        )
        not_finite += odd
        sums.broken[i] = broken_cells(asked.tolerance, rules, excess)
        sums.final_kwh[i] = rows[END, rows.shape[1] - 1]
        add_up(
            asset, asked.interval_h, rules, rows, sums.feeder_kw[lane, asset.feeder], sums.reserve_kw[lane]
        )
        if asset.wear_row >= 0:
            wear += depth_wear(asset, depth_cost[asset.wear_row], rows, held)
    sums.wear[lane] += wear + rows[WORN].sum()
    sums.not_finite[lane] += not_finite


@njit(parallel=True, **KERNEL)
def walk(assets, windows, depth_cost, asked, matrices, base, sums):
    """Walk a block of assets, records of the assets from `base` on, and add to the sums."""
    lanes = sums.wear.size
    for lane in prange(lanes):
        first, last = lane * assets.size // lanes, (lane + 1) * assets.size // lanes
        walk_lane(assets, windows, depth_cost, asked, matrices, first, last, lane, base, sums)


@njit(**KERNEL)
def excess_of(assets, windows, asked, matrices, chosen, excess, departure_missing, trip_missing):
    """Write the excess (chosen, rules, T) of a few assets and their records, for the words of a finding."""
    rows = np.zeros((ROWS, matrices.charge_kw.shape[1]))
    for k in range(chosen.size):
        walk_asset(
            assets[k], windows, chosen[k], asked, matrices, rows, excess[k], departure_missing, trip_missing
        )
