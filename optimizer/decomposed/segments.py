"""One interval as the asset sees it while all others stand still: segments of energy with a price each.

With the others fixed, the shared cost is convex in the asset's own power. Three cases, cheapest first:

    price hardly changes over the range   two segments, discharge and charge
    price rises along a straight line     breakpoints; the price between two is that of their middle
    kinks of the ramps within the range   breakpoints, and the chords of the exact integral

    cost ▲  `                     breakpoints: limits, minimum powers, zero, the old power and points
         │    `_              /    around it, the kinks
         │       ‾‾•───•──•‾‾
         └──┬──────┬───┬──┬──┬──► power
          -P_d     0      old P_c

Signed power here: positive charges. Keys are minus the marginal cost per stored kWh, non-increasing.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from optimizer.decomposed.coupling import EXACT, add_ramp_prices
from optimizer.decomposed.nearby import cost_at, gather
from optimizer.decomposed.slopes import ONE
from optimizer.decomposed.work import CHARGE, DISCHARGE, OFF, SEGMENTS


@njit(**EXACT)
def price_ranges(c, asset, stays, modes, free, w):
    """Fill the lowest and highest power of every interval, and the prices there and in the middle."""
    power_low, power_high, power_middle = w.power_low, w.power_high, w.power_middle
    power_low[:] = 0.0
    power_high[:] = 0.0
    for q in range(asset.first_stay, asset.last_stay):
        stay = stays[q]
        lowest = 0.0 if stay.charge_only == 1 else -asset.max_discharge_kw
        if free:
            power_low[stay.from_interval : stay.to_interval] = lowest
            power_high[stay.from_interval : stay.to_interval] = asset.max_charge_kw
            continue
        for t in range(stay.from_interval, stay.to_interval):
            power_low[t], power_high[t] = _power_range(asset, lowest, modes[t])
    for t in range(power_low.size):
        power_middle[t] = 0.5 * (power_low[t] + power_high[t])
    prices_at(c, asset.weight, power_low, w, w.price_low)
    prices_at(c, asset.weight, power_high, w, w.price_high)
    prices_at(c, asset.weight, power_middle, w, w.price_middle)


@njit(**EXACT)
def prices_at(c, weight, power, w, price):
    """Smoothed price (T) of net charging with the asset at `power` (T)."""
    trial, trial_feeder, rest, rest_feeder = w.trial, w.trial_feeder, w.rest, w.rest_feeder
    base = c.base
    for t in range(power.size):
        price[t] = base[t]
        trial[t] = rest[t] + weight * power[t]
        trial_feeder[t] = rest_feeder[t] + weight * power[t]
    add_ramp_prices(c.offset, c.step, c.stiffness, trial, price)
    add_ramp_prices(c.feeder_offset, c.feeder_step, c.feeder_stiffness, trial_feeder, price)


@njit(inline="always", **EXACT)
def _power_range(asset, lowest, mode):
    """Lowest and highest signed power of a mode."""
    if mode == OFF:
        return 0.0, 0.0
    if mode == CHARGE:
        return asset.min_charge_kw, asset.max_charge_kw
    if mode == DISCHARGE:
        return -asset.max_discharge_kw, -asset.min_discharge_kw
    return lowest, asset.max_charge_kw


@njit(inline="always", **EXACT)
def two_segments(low, high, price, rise, wear, tilt, key_up, key_down):
    """Where the price hardly changes: the keys of discharge and charge, each at the price of its middle.

    Return (kW down, key, kW up, key); pooled into the first where charging would earn more than idling costs.
    """
    slope = rise / (high - low)
    up, down = max(high, 0.0) - max(low, 0.0), min(high, 0.0) - min(low, 0.0)
    first = (price + slope * 0.5 * down - wear) * key_down
    second = (price + slope * (down + 0.5 * up) + wear + tilt) * key_up
    return down, first, up, second


NEAR_KW = 1e-6
"""Breakpoints are further apart than this; of two nearer ones a limit stays rather than a power around."""
AROUND = np.array((-0.2, 0.0, 0.2, -0.3, -0.1, 0.0, 0.1, 0.3, -0.3, -0.1, -0.02, 0.0, 0.02, 0.1, 0.3))
"""Breakpoints around the old power, as shares of the range: few, more (from place 3), fine (from place 8)."""


@njit(**EXACT)
def points_of(asset, low, high, free, old, previous, fine, few, stability, wish, point):
    """Write the breakpoints of an interval, ascending, from low to high; return their number."""
    if stability > 0.0:
        count = _wishes(asset, low, high, free, old, previous, fine, few, stability, wish)
        return sorted_inside(wish, count, low, high, point)
    last = 0
    if free:  # energy turns from one unit to the other exactly at zero
        if asset.stepped == 1:
            wish[0], wish[1], wish[2], last = -asset.min_discharge_kw, 0.0, asset.min_charge_kw, 3
        else:
            wish[0], last = 0.0, 1
    wish[last] = np.inf
    point[0], highest, span, below = low, low, high - low, high - NEAR_KW
    first, end = (0, 3) if few else ((8, 15) if fine == 1 else (3, 8))
    count, j = np.uint64(1), 0
    for k in range(first, end):
        x = old + AROUND[k] * span
        while wish[j] < x + NEAR_KW:
            limit = wish[j]
            if highest + NEAR_KW < limit < below:
                point[count], highest = limit, limit
                count += ONE
            j += 1
        if highest + NEAR_KW < x < below:
            point[count], highest = x, x
            count += ONE
    while wish[j] < below:
        limit = wish[j]
        if highest + NEAR_KW < limit:
            point[count], highest = limit, limit
            count += ONE
        j += 1
    point[count] = high
    return np.int64(count + ONE)


@njit(inline="always", **EXACT)
def _wishes(asset, low, high, free, old, previous, fine, few, stability, wish):
    """Write the breakpoints an interval would like, but for the ramps' ends; return their number."""
    count = 0
    if free:  # first, as near ones are dropped: energy turns from one unit to the other exactly at zero
        wish[0], count = 0.0, 1
        if asset.stepped == 1:
            wish[1], wish[2], count = asset.min_charge_kw, -asset.min_discharge_kw, 3
    wish[count], span = old, high - low
    count += 1
    for k in range(1 if few else (3 if fine == 1 else 2)):
        share = 0.2 if few else (0.1 if k == 0 else (0.3 if k == 1 else 0.02))
        wish[count], wish[count + 1] = old + share * span, old - share * span
        count += 2
    if stability > 0.0:
        wish[count] = previous
        count += 1
    return count


@njit(inline="always", **EXACT)
def sorted_inside(wish, wishes, low, high, point):
    """Write low, the wishes in between, and high, ascending and 1e-6 kW apart; return their number."""
    point[0], point[1] = low, high
    return insert_inside(wish, wishes, low, high, point, 2)


@njit(inline="always", **EXACT)
def insert_inside(wish, wishes, low, high, point, count):
    """Insert the wishes into the ascending points, where none is near; return their number."""
    for i in range(wishes):
        x = wish[i]
        if x <= low or x >= high or count > SEGMENTS:
            continue
        j = count
        while j > 0 and point[j - 1] > x:
            j -= 1
        if x - point[j - 1] < NEAR_KW or point[j] - x < NEAR_KW:
            continue
        for z in range(count, j, -1):
            point[z] = point[z - 1]
        point[j] = x
        count += 1
    return count


@njit(**EXACT)
def straight_segments(asset, tilt, free, old, previous, low, high, price, rise, settings, w, place):
    """Keys and widths where the price rises along a line over the range; return their number."""
    few = rise <= 4.0 * settings.linear_below
    point, key = w.point, w.key
    stability = settings.stability_per_kwh
    count = points_of(asset, low, high, free, old, previous, settings.fine, few, stability, w.wish, point)
    slope = rise / (high - low)
    for k in range(count - 1):
        key[k] = price + slope * (0.5 * (point[k] + point[k + 1]) - low)
    return to_energy(asset, count - 1, point, key, w.width, place, previous, tilt, settings)


@njit(**EXACT)
def kinked_segments(c, asset, t, tilt, free, old, previous, low, high, rest, rest_feeder, settings, w, place):
    """Keys and widths where ramps begin or end within the range, from the exact integral."""
    wish, point, key, near = w.wish, w.point, w.key, w.near
    bent, start, rise = gather(c, t, rest, rest_feeder, asset.weight, low, high, near)
    fine, stability = settings.fine, settings.stability_per_kwh
    count = points_of(asset, low, high, free, old, previous, fine, False, stability, wish, point)
    if fine == 1:
        count = insert_inside(wish, _ramp_ends(near, bent, wish), low, high, point, count)
    count -= 1
    left = 0.0
    for k in range(count + 1):
        right = cost_at(point[k], bent, start, rise, near)
        if k > 0:
            key[k - 1] = (right - left) / (point[k] - point[k - 1])
        left = right
    return to_energy(asset, count, point, key, w.width, place, previous, tilt, settings)


@njit(**EXACT)
def _ramp_ends(near, bent, wish):
    """Wish for the powers at which a bent ramp begins and ends: between them chords are exact."""
    count = 0
    for k in range(bent):
        if count + 2 > wish.size:
            break
        wish[count] = -near.start[k] / near.rise[k]
        wish[count + 1] = (near.top[k] - near.start[k]) / near.rise[k]
        count += 2
    return count


@njit(inline="always", **EXACT)
def to_energy(asset, count, point, key, width, place, previous, tilt, settings):
    """Turn prices between powers into keys and widths of energy, pooled to a convex cost.

    tilt: what charging costs more than its price, money per kWh.
    """
    last = place - 1
    wear, stability = asset.wear_cost_per_kwh, settings.stability_per_kwh
    unit_up, unit_down = asset.charge_kwh_per_kw, asset.discharge_kwh_per_kw
    key_up, key_down = -settings.interval_h / unit_up, -settings.interval_h / unit_down
    for k in range(count):
        price, span = key[k], point[k + 1] - point[k]
        if stability > 0.0:
            price += stability if 0.5 * (point[k] + point[k + 1]) > previous else -stability
        if point[k] >= 0.0:
            price, span = (price + wear + tilt) * key_up, span * unit_up
        else:
            price, span = (price - wear) * key_down, span * unit_down
        last += 1
        while last > place and price > key[last - 1 - place]:
            total = span + width[last - 1]
            price = (price * span + key[last - 1 - place] * width[last - 1]) / total
            span = total
            last -= 1
        key[last - place], width[last] = price, span
    return last - place + 1
