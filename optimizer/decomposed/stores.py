"""A step of an asset with wear by depth: one store after the other, all else of the asset standing still.

Xu's cycles by depth are parallel stores under one limit of power: a discharge takes from the shallowest
store that holds energy, a charge fills the shallowest that has room, and each store wears at its own cost.

    energy ▲ ┌──┐shallow   c1        store j moves d_t kWh in interval t, the others D_t:
           │ ├──┤          c2        shared cost of the power of D + d, and c_j for every kWh out of it
           │ ├──┤          c3        0 <= its energy <= its size, total power within the asset's limits
           │ └──┘deep      c4        exact recursion over its energy, as for an asset (`step`)

A step is taken if the exact cost falls, the stores filled anew from the path, which can only be cheaper.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from optimizer.decomposed.coupling import ALLOCATING, EXACT
from optimizer.decomposed.measure import fill_deepest
from optimizer.decomposed.nearby import cost_at, gather
from optimizer.decomposed.segments import sorted_inside
from optimizer.decomposed.slopes import add_shortfall, merge_segments, pull_back, start_list, trim
from optimizer.decomposed.step import AFFINE_WITHIN, energy_of
from optimizer.decomposed.work import SEGMENTS
from optimizer.problem import Floats


class Shelf(NamedTuple):
    """The stores of one asset along its present path; J stores, T intervals."""

    flow: Floats  # (J, T): kWh into (positive) or out of each store
    stock: Floats  # (J, T): kWh in it at the end of the interval
    held: Floats  # (J): scratch
    total: Floats  # (T): kWh into the asset
    floor: Floats  # (T): least energy of the asset at the end of the interval
    target: Floats  # (T): energy asked for at the end of the interval, zero for none
    open: Floats  # (T): 1 while connected


@njit(**ALLOCATING)
def new_shelf(depth, intervals):
    """Allocate the arrays of one lane."""
    return Shelf(
        np.zeros((depth, intervals)),
        np.zeros((depth, intervals)),
        np.zeros(depth),
        np.zeros(intervals),
        np.zeros(intervals),
        np.zeros(intervals),
        np.zeros(intervals),
    )


@njit(**EXACT)
def has_stores(asset, stays, p, i):
    """Whether the asset is stepped store by store: wear by depth, no minimum powers, trips or reserve."""
    if p.depth_row[i] < 0 or asset.stepped == 1 or p.asked.shape[1] > 0:
        return False
    for q in range(asset.first_stay, asset.last_stay):
        if stays[q].trip_kwh > 0.0:
            return False
    return True


@njit(**EXACT)
def open_shelf(asset, stays, shelf):
    """Write what the stays ask of the asset's energy."""
    for t in range(shelf.open.size):
        shelf.open[t] = shelf.target[t] = shelf.floor[t] = 0.0
    for q in range(asset.first_stay, asset.last_stay):
        stay = stays[q]
        for t in range(stay.from_interval, stay.to_interval):
            shelf.open[t], shelf.floor[t] = 1.0, stay.floor_kwh
        shelf.target[stay.to_interval - 1] = max(stay.target_kwh, 0.0)
    last = stays[asset.last_stay - 1].to_interval - 1
    for t in range(last + 1, shelf.open.size):
        shelf.floor[t] = shelf.floor[last]


@njit(**EXACT)
def fill_shelf(asset, p, row, power, shelf):
    """Follow the stores along a path of powers: shallow first, both ways."""
    size, held = p.segment_kwh[row], shelf.held
    fill_deepest(size, asset.energy_initial_kwh, held)
    for t in range(power.size):
        rest = energy_of(asset, power[t])
        shelf.total[t] = rest
        for j in range(held.size):
            part = min(rest, size[j] - held[j]) if rest > 0.0 else max(rest, -held[j])
            shelf.flow[j, t] = part
            held[j] += part
            rest -= part
            shelf.stock[j, t] = held[j]


@njit(**EXACT)
def follow_aim(asset, aim, shelf, w, power):
    """Write the powers of a path given in kWh into the cell, kept within the asset's limits."""
    energy = asset.energy_initial_kwh
    for t in range(aim.size):
        power[t] = 0.0
        if shelf.open[t] > 0.0:
            move = min(max(aim[t], shelf.floor[t] - energy), asset.energy_max_kwh - energy)
            kw = min(max(_power_of(asset, move), w.power_low[t]), w.power_high[t])
            power[t] = 0.0 if abs(kw) < 1e-9 else kw
        energy += energy_of(asset, power[t])


@njit(inline="always", **EXACT)
def _power_of(asset, energy):
    return energy / (asset.charge_kwh_per_kw if energy > 0.0 else asset.discharge_kwh_per_kw)


@njit(**EXACT)
def _store_segments(c, asset, t, wear, still, old, toll, settings, w, place):
    """Keys and widths of interval t for one store; `still`: the asset's power while the store rests.

    wear: of a kWh out of the store; toll: on a kWh out of the asset. Return the number of segments.
    """
    low, high, price = w.power_low[t], w.power_high[t], w.price_low[t]
    rise, wish, point, key, near = w.price_high[t] - price, w.wish, w.point, w.key, w.near
    wish[0], wish[1], count = 0.0, still, 2
    if rise > settings.linear_below:
        span = high - low
        wish[2], wish[3], wish[4], count = old, old + 0.1 * span, old - 0.1 * span, 5
        if settings.fine == 1:
            wish[5], wish[6], count = old + 0.3 * span, old - 0.3 * span, 7
    count = sorted_inside(wish, count, low, high, point) - 1
    bend = abs(w.price_middle[t] - price - 0.5 * rise)
    straight = rise <= settings.linear_below or bend < AFFINE_WITHIN * settings.linear_below
    slope, left, bent, start, steep = rise / (high - low), 0.0, 0, 0.0, 0.0
    if not straight:
        bent, start, steep = gather(c, t, w.rest[t], w.rest_feeder[t], asset.weight, low, high, near)
    for k in range(count + 1):
        if straight:
            if k > 0:
                key[k - 1] = price + slope * (0.5 * (point[k - 1] + point[k]) - low)
            continue
        right = cost_at(point[k], bent, start, steep, near)
        if k > 0:
            key[k - 1] = (right - left) / (point[k] - point[k - 1])
        left = right
    return _keys_of_store(asset, t, count, wear, still, toll, settings, w, place)


@njit(**EXACT)
def _keys_of_store(asset, t, count, wear, still, toll, settings, w, place):
    """Turn prices between powers into keys and widths of energy, pooled to a convex cost."""
    point, key, width, last = w.point, w.key, w.width, place - 1
    up, down = asset.charge_kwh_per_kw, asset.discharge_kwh_per_kw
    tilt = settings.early_tilt_per_kwh * t
    for k in range(count):
        price, span = key[k], point[k + 1] - point[k]
        if point[k] >= 0.0:
            worth, span = -(price + tilt) * settings.interval_h / up, span * up
        else:
            worth, span = toll - price * settings.interval_h / down, span * down
        if 0.5 * (point[k] + point[k + 1]) < still:
            worth += wear
        last += 1
        while last > place and worth > key[last - 1 - place]:
            total = span + width[last - 1]
            worth = (worth * span + key[last - 1 - place] * width[last - 1]) / total
            span = total
            last -= 1
        key[last - place], width[last] = worth, span
    return last - place + 1


@njit(**EXACT)
def _store_backward(c, asset, p, row, j, toll, old, shelf, settings, w):
    """Build the thresholds of one store, from the end to the beginning."""
    slope, length, threshold, width = w.slope, w.length, w.threshold, w.width
    size, wear, last, place = p.segment_kwh[row, j], p.segment_cost[row, j], old.size - 1, 0
    rest = _others(shelf, j, last)
    low, high = min(max(shelf.floor[last] - rest, 0.0), size), size
    head, end = start_list(
        slope, length, low, high, asset.final_value_per_kwh, asset.final_min_kwh - rest,
        settings.penalty_per_kwh,
    )  # fmt: skip
    for t in range(last, -1, -1):
        rest = _others(shelf, j, t)
        if shelf.target[t] > 0.0:
            head, end = add_shortfall(
                slope, length, head, end, low, shelf.target[t] - rest, settings.penalty_per_kwh
            )
        w.first[t], w.segments[t], w.start[t], w.low[t] = place, 0, 0.0, low
        if shelf.open[t] > 0.0 and w.power_high[t] > w.power_low[t] + 1e-9:
            others = shelf.total[t] - shelf.flow[j, t]
            still = _power_of(asset, others)
            count = _store_segments(c, asset, t, wear, still, old[t], toll, settings, w, place)
            end = merge_segments(slope, length, head, end, high, count, w.key, width, threshold, place)
            w.segments[t], w.start[t] = count, energy_of(asset, w.power_low[t]) - others
            place += count
            top = energy_of(asset, w.power_high[t]) - others
            floor = 0.0
            if t > 0:
                floor = min(max(shelf.floor[t - 1] - _others(shelf, j, t - 1), 0.0), size)
            head, end, low, high = trim(slope, length, head, end, low - top, high - w.start[t], floor, size)
            if high < low - 1e-9:
                return False
        if end + SEGMENTS + 8 > slope.size:
            head, end = pull_back(slope, length, head, end)
    return True


@njit(inline="always", **EXACT)
def _others(shelf, j, t):
    """Energy in the other stores at the end of interval t."""
    total = 0.0
    for k in range(shelf.stock.shape[0]):
        total += shelf.stock[k, t]
    return total - shelf.stock[j, t]


@njit(**EXACT)
def _store_forward(asset, initial, j, shelf, w, trial):
    """Run one store's thresholds from its initial energy; write the asset's powers; return if allowed."""
    energy = initial
    for t in range(trial.size):
        if w.segments[t] == 0:
            trial[t] = _power_of(asset, shelf.total[t])
            energy += shelf.flow[j, t]
            continue
        move = w.start[t]
        for k in range(w.first[t], w.first[t] + w.segments[t]):
            if energy + move + w.width[k] <= w.threshold[k]:
                move += w.width[k]
            else:
                move = max(move, w.threshold[k] - energy)
                break
        others = shelf.total[t] - shelf.flow[j, t]
        kw = min(max(_power_of(asset, others + move), w.power_low[t]), w.power_high[t])
        trial[t] = 0.0 if abs(kw) < 1e-9 else kw
        energy += energy_of(asset, trial[t]) - others
        if energy < -1e-7:
            return False
    return True


@njit(**EXACT)
def step_store(c, asset, p, i, j, toll, old, shelf, settings, w, trial):
    """Write the asset's powers with store j at its best; return whether they are allowed.

    Needs the price ranges in `w` and the path `old` on the shelf.
    """
    row = p.depth_row[i]
    fill_deepest(p.segment_kwh[row], asset.energy_initial_kwh, shelf.held)
    initial = shelf.held[j]
    if not _store_backward(c, asset, p, row, j, toll, old, shelf, settings, w):
        return False
    return _store_forward(asset, initial, j, shelf, w, trial)
