"""The least cost of one asset against given prices, recomputed: value functions kept as breakpoints.

V(s), the cheapest cost from here to the horizon with energy s in the asset, is convex and piecewise
linear; it is kept as its corner points (x, v). Going one interval back,

    V'(s) = min over d of  g(d) + V(s + d),     -U_out <= d <= U_in   kWh

moves the corners left of the point where V becomes flatter than charging costs by U_in to the left,
those right of where it becomes steeper than discharging earns by U_out to the right, and leaves the
rest. Where discharging would earn more than charging costs (negative prices), an asset that may do only
one of the two has at best the straight line from full discharge to full charge:

    V ▲ o                       o  corner moved by U_in and its cost
      │   o──shifted            x  corner that stays (both copies of the corner at the split are kept)
      │      x__x
      │          ‾o──shifted
      └───────────────────────► s

The oracle of the planner keeps sorted slopes instead and is not used here. Minimum powers are left out
(a valid bound), but for an asset that can only charge and has one stay: there the number of charging
intervals is tried out, exactly.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, prange

KERNEL: dict[str, Any] = {"error_model": "numpy", "cache": True, "nogil": True}
SPARE_KWH = 1e-9
"""A stepped charger may fill up to its maximum and this much more."""


@njit(**KERNEL)
def value_at(x, v, first, last, s):
    """Return V(s) by interpolation between the corners first .. last - 1; constant beyond the ends."""
    if s <= x[first]:
        return v[first]
    for k in range(first + 1, last):
        if s <= x[k]:
            width = x[k] - x[k - 1]
            return v[k - 1] + (v[k] - v[k - 1]) * (s - x[k - 1]) / width if width > 0.0 else v[k]
    return v[last - 1]


@njit(**KERNEL)
def cut(x, v, first, last, low, high):
    """Cut V to [low, high], interpolating at the ends; return the new (first, last)."""
    if x[first] < low:
        value = value_at(x, v, first, last, low)
        while last - first > 1 and x[first + 1] <= low:
            first += 1
        x[first], v[first] = low, value
    if x[last - 1] > high:
        value = value_at(x, v, first, last, high)
        while last - first > 1 and x[last - 2] >= high:
            last -= 1
        x[last - 1], v[last - 1] = high, value
    return first, last


@njit(**KERNEL)
def add_missing(x, v, first, last, target, penalty):
    """Add penalty * max(0, target - s) to V, with a corner at the target; return the new last."""
    if x[first] < target < x[last - 1]:
        k = last
        value = value_at(x, v, first, last, target)
        while x[k - 1] > target:
            x[k], v[k] = x[k - 1], v[k - 1]
            k -= 1
        x[k], v[k] = target, value
        last += 1
    for k in range(first, last):
        v[k] += penalty * max(0.0, target - x[k])
    return last


@njit(**KERNEL)
def step_back(x, v, first, last, into, into_cost, out, out_gain):
    """Go one interval back: charging up to `into` kWh at `into_cost` for all, discharging up to `out` kWh.

    `out_gain` is what full discharge earns. Return the new (first, last); corners are written two
    places apart, so there have to be four free places at the end.
    """
    if into > 0.0 and out > 0.0 and out_gain * into > into_cost * out:  # both at once would pay
        slope = -(out_gain + into_cost) / (into + out)
        k = first
        while k + 1 < last and v[k + 1] - v[k] < slope * (x[k + 1] - x[k]):
            k += 1
        for j in range(last, k, -1):
            x[j], v[j] = x[j - 1] + out, v[j - 1] - out_gain
        for j in range(first, k + 1):
            x[j] -= into
            v[j] += into_cost
        return first, last + 1
    if out > 0.0:
        slope = -out_gain / out
        k = last - 1
        while k > first and v[k] - v[k - 1] > slope * (x[k] - x[k - 1]):
            k -= 1
        for j in range(last, k, -1):
            x[j], v[j] = x[j - 1] + out, v[j - 1] - out_gain
        last += 1
    if into > 0.0:
        slope = -into_cost / into
        k = first
        while k + 1 < last and v[k + 1] - v[k] < slope * (x[k + 1] - x[k]):
            k += 1
        for j in range(last, k, -1):
            x[j], v[j] = x[j - 1], v[j - 1]
        last += 1
        for j in range(first, k + 1):
            x[j] -= into
            v[j] += into_cost
    return first, last


@njit(**KERNEL)
def before_trip(x, v, first, last, trip, floor, penalty):
    """Carry V from after a trip to before it: V(max(0, s - trip)) + penalty * max(0, trip - s), s >= floor.

    Where running out is cheaper than what follows, the function is not convex; its convex hull counts.
    """
    for k in range(first, last):
        x[k] += trip
    if floor < trip:  # the energy after the trip may be zero: that corner, x[first] == trip, stays
        for j in range(last, first, -1):
            x[j], v[j] = x[j - 1], v[j - 1]
        x[first], v[first] = floor, v[first + 1] + penalty * (trip - floor)
        last += 1
        while last - first > 2:
            left = (v[first + 1] - v[first]) * (x[first + 2] - x[first + 1])
            right = (v[first + 2] - v[first + 1]) * (x[first + 1] - x[first])
            if left <= right:
                break
            for j in range(first + 1, last - 1):
                x[j], v[j] = x[j + 1], v[j + 1]
            last -= 1
    return first, last


@njit(**KERNEL)
def relaxed_value(asset, windows, floor, price, interval_h, penalty, toll, stored, drawn, x, v):
    """Return the least cost of an asset without its minimum powers at `price` (T), in money.

    `floor` holds the lowest energy of each of its stays; beyond them nothing happens but trips. toll, stored
    and drawn (T): what a kWh out of the cell costs, one stored saves and one drawn wears beside the price.
    """
    bare = asset.first_window == asset.last_window
    stays, intervals = max(asset.last_window - asset.first_window, 1), price.size
    into = interval_h * asset.max_charge_kw * asset.charge_efficiency
    out = interval_h * asset.max_discharge_kw / asset.discharge_efficiency
    wear, ceiling = asset.wear_cost_per_kwh, asset.energy_max_kwh
    first, last = 4, 6
    after = floor[stays]
    x[4], x[5] = after, max(ceiling, after)
    v[4], v[5] = -asset.energy_final_value_per_kwh * x[4], -asset.energy_final_value_per_kwh * x[5]
    last = add_missing(x, v, first, last, asset.energy_final_min_kwh, penalty)
    for k in range(stays - 1, -1, -1):
        begin, end = 0, intervals
        if not bare:
            window = windows[asset.first_window + k]
            begin, end = window.from_interval, window.to_interval
            if end < intervals and window.trip_energy_kwh > 0.0:
                trip = window.trip_energy_kwh
                first, last = before_trip(x, v, first, last, trip, floor[k], penalty - drawn[end])
                for j in range(first, last):
                    v[j] += drawn[end] * trip
            first, last = cut(x, v, first, last, floor[k], max(ceiling, floor[k]))
            if window.departure_energy_kwh > 0.0:
                last = add_missing(x, v, first, last, window.departure_energy_kwh, penalty)
        for t in range(end - 1, begin - 1, -1):
            into_cost = interval_h * (price[t] + wear) * asset.max_charge_kw - stored[t] * into
            out_gain = interval_h * (price[t] - wear) * asset.max_discharge_kw - (drawn[t] + toll) * out
            first, last = step_back(x, v, first, last, into, into_cost, out, out_gain)
            first, last = cut(x, v, first, last, floor[k], max(ceiling, floor[k]))
            if last + 8 > x.size:
                for j in range(first, last):
                    x[j - first + 4], v[j - first + 4] = x[j], v[j]
                first, last = 4, last - first + 4
    return value_at(x, v, first, last, asset.energy_initial_kwh)


@njit(**KERNEL)
def lowest_energies(asset, windows, intervals, floor):
    """Write the lowest energy that each stay allows, and after the last; return nothing.

    An asset that can discharge goes down to its minimum, or stays at what it came with if that is less;
    one that cannot never falls but by trips.
    """
    level, count = asset.energy_initial_kwh, asset.last_window - asset.first_window
    for k in range(count):
        window = windows[asset.first_window + k]
        if asset.max_discharge_kw > 0.0:
            level = min(level, asset.energy_min_kwh)
        floor[k] = level
        if window.to_interval < intervals:
            level = max(level - window.trip_energy_kwh, 0.0)
    if count == 0:
        level = min(level, asset.energy_min_kwh) if asset.max_discharge_kw > 0.0 else level
        floor[0], count = level, 1
    floor[count] = level


@njit(**KERNEL)
def counted_value(asset, first, end, target, trip, price, interval_h, penalty):
    """Return the exact least cost of a charger with a minimum power and one stay [first, end), in money.

    With k charging intervals the k cheapest are best, each at the minimum at least; what is charged
    beyond fills the cheapest first: while missing, up to where a kWh costs penalty + value, then only
    up to where it costs its value.
    """
    per_kwh = (np.sort(price[first:end]) + asset.wear_cost_per_kwh) / asset.charge_efficiency
    low = interval_h * asset.min_charge_kw * asset.charge_efficiency
    span = interval_h * asset.max_charge_kw * asset.charge_efficiency - low
    worth, best = asset.energy_final_value_per_kwh, np.inf
    sums, below_worth, below_need = np.zeros(per_kwh.size + 1), 0, 0
    for j in range(per_kwh.size):
        sums[j + 1] = sums[j] + per_kwh[j]
        below_worth += per_kwh[j] < worth
        below_need += per_kwh[j] < worth + penalty
    for k in range(per_kwh.size + 1):
        energy = asset.energy_initial_kwh + k * low
        room = asset.energy_max_kwh - energy
        if k > 0 and room < -SPARE_KWH:
            break
        extra = max(min(min(k, below_need) * span, target - energy), min(k, below_worth) * span)
        extra = max(min(extra, room), 0.0)
        whole = min(int(extra / span), k) if span > 0.0 else 0
        rest = max(extra - whole * span, 0.0) if whole < k else 0.0
        cost = low * sums[k] + span * sums[whole] + (rest * per_kwh[whole] if rest > 0.0 else 0.0)
        left = energy + extra
        best = min(best, cost + penalty * max(target - left, 0.0) - worth * (left - trip))
    return best


@njit(**KERNEL)
def asset_value(asset, windows, price, interval_h, penalty, toll, stored, drawn, floor, x, v):
    """Return the least cost of one asset at the prices (T) of its feeder, in money."""
    stays = asset.last_window - asset.first_window
    if stays <= 1 and asset.min_charge_kw > 0.0 and asset.max_discharge_kw <= 0.0 and asset.wear_row < 0:
        first, end, target, trip = 0, price.size, 0.0, 0.0
        if stays == 1:
            window = windows[asset.first_window]
            first, end, target = window.from_interval, window.to_interval, window.departure_energy_kwh
            trip = window.trip_energy_kwh if end < price.size else 0.0
        left = asset.energy_initial_kwh - trip
        if left >= 0.0 and asset.energy_final_min_kwh <= left:
            return counted_value(asset, first, end, target, trip, price, interval_h, penalty)
    lowest_energies(asset, windows, price.size, floor)
    return relaxed_value(asset, windows, floor, price, interval_h, penalty, toll, stored, drawn, x, v)


@njit(**KERNEL)
def value_lane(assets, windows, price, interval_h, penalty, toll, stored, drawn, first, last, value):
    """Write the least costs of the records first to last."""
    intervals = price.shape[1]
    none = np.zeros(intervals)
    longest = 2
    for i in range(first, last):
        longest = max(longest, assets[i].last_window - assets[i].first_window + 2)
    x, v, floor = np.empty(8 * intervals + 64), np.empty(8 * intervals + 64), np.empty(longest)
    for i in range(first, last):
        asset = assets[i]
        mine, wears, row = price[asset.feeder], asset.wear_row >= 0 and stored.shape[0] > 0, asset.wear_row
        saves, costs = (stored[row], drawn[row]) if wears else (none, none)
        value[i] = asset_value(asset, windows, mine, interval_h, penalty, toll[i], saves, costs, floor, x, v)


@njit(parallel=True, **KERNEL)
def values(assets, windows, price, interval_h, penalty, toll, stored, drawn, value):
    """Write the least cost of every record at the prices (F, T) of its feeder.

    toll (N), stored and drawn (W, T): as in `own.OwnPrices`.
    """
    lanes = 64
    for lane in prange(lanes):
        first, last = lane * assets.size // lanes, (lane + 1) * assets.size // lanes
        value_lane(assets, windows, price, interval_h, penalty, toll, stored, drawn, first, last, value)
