"""The least cost of one asset against given prices, recomputed: value functions kept as breakpoints.

V(s), the cheapest cost from here to the horizon with energy s in the asset, is convex and piecewise
linear; it is kept as its corner points (`corners`) and carried back interval by interval.

The oracle of the planner keeps sorted slopes instead and is not used here. Minimum powers are left out
(a valid bound), but for an asset that can only charge and has one stay: there the number of charging
intervals is tried out, exactly.
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange

from optimizer.verify.corners import KERNEL, add_missing, before_trip, cut, step_back, value_at
from optimizer.verify.holding import CHARGE, COUNTED, DISCHARGE, TERMS, add_backing, write_terms

SPARE_KWH = 1e-9
"""A stepped charger may fill up to its maximum and this much more."""


@njit(**KERNEL)
def relaxed_value(asset, windows, floor, price, interval_h, penalty, toll, stored, drawn, terms, x, v):
    """Return the least cost of an asset without its minimum powers at `price` (T), in money.

    `floor` holds the lowest energy of each of its stays; beyond them nothing happens but trips. toll, stored
    and drawn (T): what a kWh out of the cell costs, one stored saves and one drawn wears beside the price.
    terms (T, TERMS): those of reserve, see `holding`; no rows without.
    """
    bare = asset.first_window == asset.last_window
    stays, intervals = max(asset.last_window - asset.first_window, 1), price.size
    into = interval_h * asset.max_charge_kw * asset.charge_efficiency
    out = interval_h * asset.max_discharge_kw / asset.discharge_efficiency
    wear, ceiling = asset.wear_cost_per_kwh, asset.energy_max_kwh
    first, last, reserve = 4, 6, terms.shape[0] > 0
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
            if reserve:
                into_cost += interval_h * terms[t, CHARGE] * asset.max_charge_kw
                out_gain -= interval_h * terms[t, DISCHARGE] * asset.max_discharge_kw
                last = add_backing(x, v, first, last, terms[t], 0)
            first, last = step_back(x, v, first, last, into, into_cost, out, out_gain)
            first, last = cut(x, v, first, last, floor[k], max(ceiling, floor[k]))
            if reserve:
                last = add_backing(x, v, first, last, terms[t], 1)
            if last + 12 > x.size:
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
def asset_value(asset, windows, price, interval_h, penalty, toll, stored, drawn, terms, floor, x, v):
    """Return the least cost of one asset at the prices (T) of its feeder, in money; `floor` as above.

    A charger's reserve by its power alone is exact with its intervals counted; by energy too it is relaxed.
    """
    best = -np.inf
    stays = asset.last_window - asset.first_window
    if stays <= 1 and asset.min_charge_kw > 0.0 and asset.max_discharge_kw <= 0.0 and asset.wear_row < 0:
        first, end, target, trip = 0, price.size, 0.0, 0.0
        if stays == 1:
            window = windows[asset.first_window]
            first, end, target = window.from_interval, window.to_interval, window.departure_energy_kwh
            trip = window.trip_energy_kwh if end < price.size else 0.0
        left = asset.energy_initial_kwh - trip
        if left >= 0.0 and asset.energy_final_min_kwh <= left:
            faced = price + terms[:, COUNTED] if terms.shape[0] > 0 else price
            best = counted_value(asset, first, end, target, trip, faced, interval_h, penalty)
            if terms.shape[0] == 0:
                return best
    relaxed = relaxed_value(
        asset, windows, floor, price, interval_h, penalty, toll, stored, drawn, terms, x, v
    )
    return max(best, relaxed)


@njit(**KERNEL)
def value_lane(assets, windows, price, interval_h, penalty, toll, stored, drawn, held, first, last, value):
    """Write the least costs of the records first to last."""
    intervals = price.shape[1]
    terms = np.empty((held.price.shape[1], TERMS))
    forms = 2 if terms.shape[0] > 0 else 1
    none = np.zeros(intervals)
    longest = 2
    for i in range(first, last):
        longest = max(longest, assets[i].last_window - assets[i].first_window + 2)
    x, v, floor = np.empty(8 * intervals + 64), np.empty(8 * intervals + 64), np.empty(longest)
    for i in range(first, last):
        asset = assets[i]
        mine, wears, row = price[asset.feeder], asset.wear_row >= 0 and stored.shape[0] > 0, asset.wear_row
        saves, costs = (stored[row], drawn[row]) if wears else (none, none)
        lowest_energies(asset, windows, intervals, floor)
        best = -np.inf
        for form in range(forms):
            constant = 0.0
            if forms == 2:
                constant = write_terms(asset, windows, floor, held, i, interval_h, form == 0, terms)
            own = asset_value(
                asset, windows, mine, interval_h, penalty, toll[i], saves, costs, terms, floor, x, v
            )
            best = max(best, constant + own)
        value[i] = best


@njit(parallel=True, **KERNEL)
def values(assets, windows, price, interval_h, penalty, toll, stored, drawn, held, value):
    """Write the least cost of every record at the prices (F, T) of its feeder.

    toll (N), stored and drawn (W, T): as in `own.OwnPrices`. held: `holding.Held`.
    """
    lanes = 64
    for lane in prange(lanes):
        first, last = lane * assets.size // lanes, (lane + 1) * assets.size // lanes
        value_lane(assets, windows, price, interval_h, penalty, toll, stored, drawn, held, first, last, value)
