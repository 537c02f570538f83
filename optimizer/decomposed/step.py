"""The best schedule of one asset while all others stand still: exact on a piecewise linear shared cost.

`segments` turns each interval into a few segments of energy with a price; the slope-list recursion of
`slopes` then solves the whole horizon, backwards for the thresholds and forwards from the initial energy.
Signed power here: positive charges.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from optimizer.decomposed.coupling import EXACT, ramp_cost_change
from optimizer.decomposed.segments import (
    kinked_segments,
    price_ranges,
    straight_segments,
    two_segments,
)
from optimizer.decomposed.slopes import (
    before_departure,
    before_trip,
    merge_one,
    merge_segments,
    pull_back,
    shortfall_kwh,
    start_list,
    trim,
)
from optimizer.decomposed.work import SEGMENTS

AFFINE_WITHIN = 0.1
"""A price counts as a straight line if its middle is this near, in `linear_below`."""


@njit(inline="always", **EXACT)
def energy_of(asset, power):
    """Energy stored in one interval at a signed power."""
    return power * (asset.charge_kwh_per_kw if power >= 0.0 else asset.discharge_kwh_per_kw)


@njit(inline="always", **EXACT)
def merge_two(slope, length, head, end, high, down, first, up, second, threshold, width, place):
    """Merge the discharge segment, then the charge segment, where they have a width; return their number."""
    if down > 0.0 and up > 0.0 and second > first:  # no convex cost: pool
        first, down, up = (first * down + second * up) / (down + up), down + up, 0.0
    count = (1 if down > 0.0 else 0) + (1 if up > 0.0 else 0)
    read, write, energy = np.uint64(end - 1), np.uint64(end - 1 + count), high
    if down > 0.0:
        read, write, energy = merge_one(slope, length, head, read, write, energy, first, down)
        threshold[place], width[place] = energy, down
    if up > 0.0:
        read, write, energy = merge_one(slope, length, head, read, write, energy, second, up)
        threshold[place + count - 1], width[place + count - 1] = energy, up
    return count


@njit(**EXACT)
def curved_segments(c, asset, t, tilt, free, old, previous, rest, rest_feeder, settings, w, place):
    """Keys and widths of an interval in which the price matters within the asset's own range."""
    low, high, price, above = w.power_low[t], w.power_high[t], w.price_low[t], w.price_high[t]
    bend = abs(w.price_middle[t] - 0.5 * (price + above))
    if bend < AFFINE_WITHIN * settings.linear_below:
        return straight_segments(
            asset, tilt, free, old, previous, low, high, price, above - price, settings, w, place
        )
    return kinked_segments(
        c, asset, t, tilt, free, old, previous, low, high, rest, rest_feeder, settings, w, place
    )


@njit(**EXACT)
def backward(c, asset, stays, old, previous, modes, free, settings, w):
    """Build the thresholds of every interval; return whether the initial energy can be served."""
    price_ranges(c, asset, stays, modes, free, w)
    slope, length, penalty = w.slope, w.length, settings.penalty_per_kwh
    ceiling, last = asset.energy_max_kwh, stays[asset.last_stay - 1]
    low, high = max(0.0, last.floor_kwh - last.trip_kwh), ceiling
    head, end = start_list(slope, length, low, high, asset.final_value_per_kwh, asset.final_min_kwh, penalty)
    place, need = 0, asset.final_min_kwh
    for q in range(asset.last_stay - 1, asset.first_stay - 1, -1):
        stay = stays[q]
        head, end, low, high, _ = before_trip(
            slope, length, head, end, low, high, stay.trip_kwh, stay.floor_kwh, ceiling, penalty
        )
        head, end, _ = before_departure(slope, length, head, end, low, stay, penalty)
        need = min(max(need + stay.trip_kwh, stay.target_kwh), ceiling)
        head, end, low, high, need, place = _before_stay(
            c, asset, stay, old, previous, free, settings, w, head, end, low, high, need, place
        )
        if high < low - 1e-9:
            return False
    return low - 1e-9 <= asset.energy_initial_kwh <= high + 1e-9


@njit(**EXACT)
def _before_stay(c, asset, stay, old, previous, free, settings, w, head, end, low, high, need, place):
    """Carry V from the end of a stay to its beginning; return (head, end, low, high, need, place)."""
    slope, length, key, width, threshold = w.slope, w.length, w.key, w.width, w.threshold
    power_low, power_high, price_low, price_high = w.power_low, w.power_high, w.price_low, w.price_high
    first, counts, start, lows, needs = w.first, w.segments, w.start, w.low, w.need
    unit_up, unit_down, wear = asset.charge_kwh_per_kw, asset.discharge_kwh_per_kw, asset.wear_cost_per_kwh
    key_up, key_down = -settings.interval_h / unit_up, -settings.interval_h / unit_down
    linear = settings.linear_below if settings.stability_per_kwh == 0.0 else -1.0
    floor, ceiling = stay.floor_kwh, asset.energy_max_kwh
    for t in range(stay.to_interval - 1, stay.from_interval - 1, -1):
        lows[t], needs[t], first[t] = low, need, place
        a, b = power_low[t], power_high[t]
        count, rise = 0, price_high[t] - price_low[t]
        if b > a + 1e-9 and rise <= linear:
            down, down_key, up, up_key = two_segments(
                a, b, price_low[t], rise, wear, settings.early_tilt_per_kwh * t, key_up, key_down
            )
            count = merge_two(
                slope, length, head, end, high, down * unit_down, down_key, up * unit_up, up_key,
                threshold, width, place,
            )  # fmt: skip
            end += count
        elif b > a + 1e-9:
            count = curved_segments(
                c, asset, t, settings.early_tilt_per_kwh * t, free, old[t], previous[t], w.rest[t],
                w.rest_feeder[t], settings, w, place,
            )  # fmt: skip
            end = merge_segments(slope, length, head, end, high, count, key, width, threshold, place)
        counts[t], start[t] = count, energy_of(asset, a)
        place += count
        up = energy_of(asset, b)
        need -= max(up, 0.0)
        head, end, low, high = trim(slope, length, head, end, low - up, high - start[t], floor, ceiling)
        if high < low - 1e-9:
            break
        if end + SEGMENTS + 4 > slope.size:
            head, end = pull_back(slope, length, head, end)
    return head, end, low, high, need, place


@njit(inline="always", **EXACT)
def _energy_step(begin, width, threshold, first, count, energy):
    """Energy moved in an interval: use each segment as far as its threshold allows."""
    move = begin
    for k in range(first, first + count):
        if energy + move + width[k] <= threshold[k]:
            move += width[k]
        else:
            return max(move, threshold[k] - energy)
    return move


@njit(**EXACT)
def _to_minimum(asset, move, energy, low, need):
    """Round a power below the minimum to zero or to the minimum, staying in the next interval's range."""
    least_up = asset.min_charge_kw * asset.charge_kwh_per_kw
    least_down = asset.min_discharge_kw * asset.discharge_kwh_per_kw
    if 0.0 < move < least_up:
        enough = energy >= min(need, asset.energy_max_kwh - least_up) - 1e-9
        if (
            move < 0.5 * least_up and enough and energy >= low - 1e-9
        ) or energy + least_up > asset.energy_max_kwh:
            return 0.0
        return least_up
    if 0.0 < -move < least_down:
        return 0.0 if -move < 0.5 * least_down or energy - least_down < max(low, need) else -least_down
    return move


@njit(**EXACT)
def forward(asset, stays, free, modes, settings, w, power):
    """Run the thresholds from the initial energy; write the signed powers; return (allowed, own cost).

    Own cost: wear, shortfalls, minus the value of the final energy, in money.
    """
    power[:] = 0.0
    width, threshold, first, counts, start, trace = (
        w.width,
        w.threshold,
        w.first,
        w.segments,
        w.start,
        w.energy,
    )
    lows, needs, power_low, power_high = w.low, w.need, w.power_low, w.power_high
    energy = path = asset.energy_initial_kwh
    cost, penalty, throughput = 0.0, settings.penalty_per_kwh, 0.0
    rounding, allowed = free and asset.stepped == 1, True
    for q in range(asset.first_stay, asset.last_stay):
        stay = stays[q]
        for t in range(stay.from_interval, stay.to_interval):
            move = _energy_step(start[t], width, threshold, first[t], counts[t], energy)
            if rounding:
                trace[t] = path
                path += _energy_step(start[t], width, threshold, first[t], counts[t], path)
                move = 0.0 if abs(move) < 1e-9 else _to_minimum(asset, move, energy, lows[t], needs[t])
            kw = move / (asset.charge_kwh_per_kw if move > 0.0 else asset.discharge_kwh_per_kw)
            kw = min(max(kw, power_low[t]), power_high[t])
            if abs(kw) < 1e-9:
                kw = 0.0
            power[t] = kw
            energy += energy_of(asset, kw)
            throughput += abs(kw)
            allowed = allowed and lows[t] - 1e-9 <= energy <= asset.energy_max_kwh + 1e-9
        trace[stay.to_interval] = path
        path = max(0.0, path - stay.trip_kwh)
        cost += penalty * (shortfall_kwh(stay, energy) + max(0.0, stay.trip_kwh - energy))
        energy = max(0.0, energy - stay.trip_kwh)
    cost += asset.wear_cost_per_kwh * settings.interval_h * throughput
    cost += penalty * max(0.0, asset.final_min_kwh - energy) - asset.final_value_per_kwh * energy
    return allowed, cost


@njit(**EXACT)
def change(c, asset, new, old, own_new, own_old, previous, settings, w):
    """Exact change of the smoothed total cost, steering costs included, if the asset goes from old to new."""
    m, linear, steering = asset.weight, 0.0, 0.0
    tilt, stability = settings.early_tilt_per_kwh, settings.stability_per_kwh
    rest, rest_feeder, base = w.rest, w.rest_feeder, c.base
    trial, now, trial_feeder, now_feeder = w.trial, w.now, w.trial_feeder, w.now_feeder
    for t in range(new.size):
        trial[t], now[t] = rest[t] + m * new[t], rest[t] + m * old[t]
        trial_feeder[t], now_feeder[t] = rest_feeder[t] + m * new[t], rest_feeder[t] + m * old[t]
        linear += base[t] * (new[t] - old[t])
        steering += tilt * t * (max(new[t], 0.0) - max(old[t], 0.0))
        steering += stability * (abs(new[t] - previous[t]) - abs(old[t] - previous[t]))
    ramps = ramp_cost_change(c.offset, c.step, c.stiffness, trial, now)
    ramps += ramp_cost_change(c.feeder_offset, c.feeder_step, c.feeder_stiffness, trial_feeder, now_feeder)
    return m * (own_new - own_old) + settings.interval_h * (ramps + m * (linear + steering))
