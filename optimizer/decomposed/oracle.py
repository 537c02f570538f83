"""The least cost of each asset against given prices, exactly: one slope-list recursion per asset.

For asset i and prices l_t (money per kWh at its terminals):

    V_i = min  dt sum_t [ (l_t + wear) charge_t - (l_t - wear) discharge_t ] + shortfalls - value of s_T

over what the asset can do, never charging and discharging at once: where the two marginal costs cross
(negative prices), the interval's cost is replaced by its convex hull, one straight line from full
discharge to full charge. The sum of V_i is the fleet's part of the Lagrangian bound.
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange

from optimizer.decomposed.coupling import ALLOCATING, EXACT
from optimizer.decomposed.fleet import Fleet
from optimizer.decomposed.slopes import (
    before_departure,
    before_trip,
    merge_segments,
    pull_back,
    shortfall_kwh,
    start_list,
    trim_high,
    trim_low,
)
from optimizer.problem import Floats


@njit(**EXACT)
def stage(price, asset, charge_only, interval_h, key, width):
    """Write the segments, discharge first; return (count, kWh up, kWh down, cost of full charge)."""
    up = asset.max_charge_kw * asset.charge_kwh_per_kw
    down = 0.0 if charge_only else asset.max_discharge_kw * asset.discharge_kwh_per_kw
    charge_key = discharge_key = 0.0
    if up > 0.0:
        charge_key = -(price + asset.wear_cost_per_kwh) * interval_h / asset.charge_kwh_per_kw
    if down > 0.0:
        discharge_key = -(price - asset.wear_cost_per_kwh) * interval_h / asset.discharge_kwh_per_kw
    cost = -charge_key * up
    if up > 0.0 and down > 0.0 and discharge_key < charge_key:  # no burning: the hull of both
        key[0], width[0] = (charge_key * up + discharge_key * down) / (up + down), up + down
        return 1, up, down, cost
    count = 0
    if down > 0.0:
        key[0], width[0] = discharge_key, down
        count = 1
    if up > 0.0:
        key[count], width[count] = charge_key, up
        count += 1
    return count, up, down, cost


@njit(**EXACT)
def relaxed_value(asset, stays, price, interval_h, penalty, slope, length, key, width, threshold):
    """Least cost V of one asset against `price` (T) without its minimum powers."""
    ceiling = asset.energy_max_kwh
    last = stays[asset.last_stay - 1]
    low, high = max(0.0, last.relaxed_floor_kwh - last.trip_kwh), ceiling
    head, end = start_list(slope, length, low, high, asset.final_value_per_kwh, asset.final_min_kwh, penalty)
    value = -asset.final_value_per_kwh * low + penalty * max(0.0, asset.final_min_kwh - low)
    for w in range(asset.last_stay - 1, asset.first_stay - 1, -1):
        stay = stays[w]
        floor = stay.relaxed_floor_kwh
        head, end, low, high, rise = before_trip(
            slope, length, head, end, low, high, stay.trip_kwh, floor, ceiling, penalty
        )
        value += rise
        head, end, rise = before_departure(slope, length, head, end, low, stay, penalty)
        value += rise
        charge_only = asset.max_discharge_kw <= 0.0
        for t in range(stay.to_interval - 1, stay.from_interval - 1, -1):
            count, up, down, cost = stage(price[t], asset, charge_only, interval_h, key, width)
            end = merge_segments(slope, length, head, end, high, count, key, width, threshold, 0)
            value += cost
            low, high = low - up, high + down
            if low < floor:
                head, rise = trim_low(slope, length, head, end, floor - low)
                low, value = floor, value + rise
            if high > ceiling:
                end = trim_high(length, head, end, high - ceiling)
                high = ceiling
            if end + 8 > slope.size:
                head, end = pull_back(slope, length, head, end)
    rest = asset.energy_initial_kwh - low
    while rest > 0.0 and head < end:
        part = min(rest, length[head])
        value += slope[head] * part
        rest -= part
        head += 1
    return value


@njit(**EXACT)
def sort_prices(price, first, last, sorted_price, place):
    """Write price[first:last] ascending, with the interval of each, and a high price at the end; stable."""
    for t in range(first, last):
        j = t - first
        while j > 0 and sorted_price[j - 1] > price[t]:
            sorted_price[j], place[j] = sorted_price[j - 1], place[j - 1]
            j -= 1
        sorted_price[j], place[j] = price[t], t
    sorted_price[last - first] = 1e30


@njit(**EXACT)
def counted_extra(asset, stay, count, price, penalty, interval_h, extra):
    """Cost of charging in exactly the `count` cheapest intervals; writes the kWh above the minimum of each.

    Each interval takes the minimum power, then extras are filled cheapest first: up to the target while
    cheaper than the shortfall, beyond it only while cheaper than the value of the energy.
    """
    low = asset.min_charge_kw * asset.charge_kwh_per_kw
    span = asset.max_charge_kw * asset.charge_kwh_per_kw - low
    energy = asset.energy_initial_kwh + count * low
    missing, room = stay.target_kwh - energy, asset.energy_max_kwh - energy
    worth, cost = asset.final_value_per_kwh, 0.0
    for j in range(count):
        unit = (price[j] + asset.wear_cost_per_kwh) * interval_h / asset.charge_kwh_per_kw
        part = 0.0
        if missing > 0.0 and unit < worth + penalty:
            part = min(span, missing)
        if unit < worth:
            part = min(span, room)
        part = max(part, 0.0)
        extra[j] = part
        missing, room, energy = missing - part, room - part, energy + part
        cost += unit * (low + part)
    return cost + penalty * shortfall_kwh(stay, energy) - worth * (energy - stay.trip_kwh)


@njit(**EXACT)
def counted_best(asset, stay, price, penalty, interval_h, sorted_price, place, extra):
    """Exact optimum (cost, number of intervals) of a charge-only asset with a minimum power and one stay."""
    sort_prices(price, stay.from_interval, stay.to_interval, sorted_price, place)
    best, best_count = counted_extra(asset, stay, 0, sorted_price, penalty, interval_h, extra), 0
    low = asset.min_charge_kw * asset.charge_kwh_per_kw
    high = asset.max_charge_kw * asset.charge_kwh_per_kw
    dear = penalty * asset.charge_kwh_per_kw - asset.wear_cost_per_kwh * interval_h
    idle = asset.final_value_per_kwh * asset.charge_kwh_per_kw - asset.wear_cost_per_kwh * interval_h
    dear = min(dear, dear + asset.final_value_per_kwh * asset.charge_kwh_per_kw)
    for count in range(1, stay.to_interval - stay.from_interval + 1):
        if asset.energy_initial_kwh + count * low > asset.energy_max_kwh + 1e-12:
            break
        short = asset.energy_initial_kwh + (count + 1) * high < stay.target_kwh - stay.bridge_kwh
        if short and sorted_price[count] * interval_h < dear:
            continue  # one interval more, at full power, costs less than the shortfall it saves
        cost = counted_extra(asset, stay, count, sorted_price, penalty, interval_h, extra)
        if cost < best:
            best, best_count = cost, count
        if (
            asset.energy_initial_kwh + count * high >= stay.target_kwh
            and sorted_price[count] * interval_h >= idle
        ):
            break  # the target is in reach and a further, dearer interval earns less than it costs
    return best, best_count


@njit(parallel=True, cache=True, nogil=True, **ALLOCATING)
def _values(assets, stays, price, interval_h, penalty, chunk, out):
    """Write the least cost of every asset against the prices (F, T) of its feeder."""
    intervals = price.shape[1]
    for c in prange((assets.size + chunk - 1) // chunk):
        slope, length = np.empty(8 * intervals + 64), np.empty(8 * intervals + 64)
        key, width, threshold = np.empty(4), np.empty(4), np.empty(4)
        ordered, extra, place = np.empty(intervals + 1), np.empty(intervals), np.empty(intervals, np.int64)
        for i in range(c * chunk, min(assets.size, (c + 1) * chunk)):
            asset = assets[i]
            mine = price[asset.feeder]
            if asset.counted == 1:
                stay = stays[asset.first_stay]
                out[i], _ = counted_best(asset, stay, mine, penalty, interval_h, ordered, place, extra)
            else:
                out[i] = relaxed_value(
                    asset, stays, mine, interval_h, penalty, slope, length, key, width, threshold
                )


def asset_values(fleet: Fleet, price_per_kwh: Floats) -> Floats:
    """Least cost of every record against the prices (F, T) of its feeder, in money; shape (N)."""
    out = np.empty(len(fleet))
    chunk = max(16, min(1024, len(fleet) // 16))
    price = np.ascontiguousarray(price_per_kwh)
    _values(fleet.assets, fleet.stays, price, fleet.interval_h, fleet.penalty_per_kwh, chunk, out)
    return out


__all__ = ["asset_values", "counted_best", "counted_extra", "sort_prices"]
