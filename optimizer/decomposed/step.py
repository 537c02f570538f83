"""The best schedule of one asset while all others stand still: exact on a piecewise linear shared cost.

With the others fixed, the shared cost seen by the asset is convex in its own power. Between chosen
breakpoints it is replaced by its chord, so each interval becomes a few segments of energy with a price,
and the slope-list recursion of `slopes` solves the whole horizon. Signed power here: positive charges.

    cost ▲  `                     breakpoints: limits, minimum powers, zero, the old power and points
         │    `_              /    around it, the kinks
         │       ‾‾•───•──•‾‾
         └──┬──────┬───┬──┬──┬──► power
          -P_d     0      old P_c
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from optimizer.decomposed.coupling import EXACT, add_ramp_prices, ramp_cost, ramp_cost_change
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
from optimizer.problem import Floats, Ints

SEGMENTS = 24  # at most, per interval
FREE, OFF, CHARGE, DISCHARGE = 9, 0, 1, -1


class Settings(NamedTuple):
    """What steers a sweep beside the problem itself."""

    interval_h: float
    penalty_per_kwh: float  # of missing energy
    linear_below: float  # money per kWh: price changes within an asset's own range that are ignored
    fine: int  # 1: more breakpoints
    level: int  # stepped assets: 0 round, 1 polish the rounded modes, 2 search the modes
    early_tilt_per_kwh: float  # added per interval to the price of charging: of equal plans the earlier wins
    stability_per_kwh: float  # on each kW away from the previous plan, for an hour


class Work(NamedTuple):
    """Scratch arrays of one lane."""

    slope: Floats
    length: Floats
    threshold: Floats  # (T * SEGMENTS)
    width: Floats  # (T * SEGMENTS)
    first: Ints  # (T): place of the interval's segments
    segments: Ints  # (T): number of segments
    start: Floats  # (T): energy moved at the lowest power
    low: Floats  # (T): lowest energy allowed at the end of the interval
    need: Floats  # (T): energy at the end of the interval from which the target is still reached
    wish: Floats  # (2 * SEGMENTS): breakpoints before sorting
    point: Floats  # (SEGMENTS + 2)
    key: Floats  # (SEGMENTS + 2)
    rest: Floats  # (T): net charging of the fleet without the asset
    rest_feeder: Floats  # (T)
    energy: Floats  # (T + 1): path before rounding
    power_low: Floats  # (T): lowest signed power allowed, then the highest, and the prices there
    power_high: Floats
    price_low: Floats
    price_high: Floats
    trial: Floats  # (T): net charging at a trial schedule
    trial_feeder: Floats
    now: Floats  # (T): net charging at the present schedule
    now_feeder: Floats


@njit(**EXACT)
def new_work(intervals):
    """Allocate the scratch arrays of one lane, in the order of the fields of `Work`."""
    size = SEGMENTS * intervals
    return Work(
        np.empty(size + 256),
        np.empty(size + 256),
        np.empty(size),
        np.empty(size),
        np.zeros(intervals, np.int64),
        np.zeros(intervals, np.int64),
        np.zeros(intervals),
        np.zeros(intervals),
        np.zeros(intervals),
        np.empty(2 * SEGMENTS),
        np.empty(SEGMENTS + 2),
        np.empty(SEGMENTS + 2),
        np.zeros(intervals),
        np.zeros(intervals),
        np.zeros(intervals + 1),
        np.empty(intervals),
        np.empty(intervals),
        np.empty(intervals),
        np.empty(intervals),
        np.empty(intervals),
        np.empty(intervals),
        np.empty(intervals),
        np.empty(intervals),
    )


@njit(**EXACT)
def _ramp_ends(offset, step, stiffness, t, rest, wish, count):
    """Wish for the powers at which a ramp begins and ends: between them chords are exact."""
    for k in range(offset.shape[0]):
        wish[count] = -offset[k, t] / stiffness - rest
        wish[count + 1] = (step[k, t] - offset[k, t]) / stiffness - rest
        count += 2
        if count + 2 > wish.size:
            break
    return count


@njit(**EXACT)
def _wishes(asset, low, high, free, old, previous, curved, settings, wish):
    """Write the breakpoints an interval would like, but for the ramps' ends; return their number."""
    count = 0
    if free:
        wish[0], wish[1], wish[2] = 0.0, asset.min_charge_kw, -asset.min_discharge_kw
        count = 3
    if settings.stability_per_kwh > 0.0:
        wish[count] = previous
        count += 1
    if curved:
        for k in range(7 if settings.fine == 1 else 5):
            share = (k + 1) // 2
            share = 0.02 if share == 3 else (0.1 if share == 1 else (0.3 if share == 2 else 0.0))
            wish[count] = old + (share if k % 2 == 0 else -share) * (high - low)
            count += 1
    return count


@njit(**EXACT)
def _sorted_inside(wish, wishes, low, high, point):
    """Write low, the wishes in between, and high, ascending and 1e-6 kW apart; return their number."""
    point[0], point[1], count = low, high, 2
    for i in range(wishes):
        x = wish[i]
        if x <= low or x >= high or count > SEGMENTS:
            continue
        j = count
        while j > 0 and point[j - 1] > x:
            j -= 1
        if x - point[j - 1] < 1e-6 or point[j] - x < 1e-6:
            continue
        for z in range(count, j, -1):
            point[z] = point[z - 1]
        point[j] = x
        count += 1
    return count


@njit(**EXACT)
def _chords(ramps, feeder_ramps, base, t, weight, rest, rest_feeder, count, point, key):
    """Write the average price between neighbouring breakpoints, from the exact integral."""
    offset, step, r = ramps
    feeder_offset, feeder_step, rf = feeder_ramps
    left = 0.0
    for k in range(count + 1):
        right = ramp_cost(offset, step, r, t, rest + weight * point[k])
        right += ramp_cost(feeder_offset, feeder_step, rf, t, rest_feeder + weight * point[k])
        if k > 0:
            key[k - 1] = base + (right - left) / (weight * (point[k] - point[k - 1]))
        left = right


@njit(**EXACT)
def _to_energy(asset, count, point, key, width, place, previous, tilt, settings):
    """Turn prices between powers into keys and widths of energy, pooled to a convex cost."""
    last = place - 1
    for k in range(count):
        middle = 0.5 * (point[k] + point[k + 1])
        price, span = key[k], point[k + 1] - point[k]
        if settings.stability_per_kwh > 0.0:
            price += settings.stability_per_kwh if middle > previous else -settings.stability_per_kwh
        if point[k] >= 0.0:
            price, unit = price + asset.wear_cost_per_kwh + tilt, asset.charge_kwh_per_kw
        else:
            price, unit = price - asset.wear_cost_per_kwh, asset.discharge_kwh_per_kw
        last += 1
        price, span = -price * settings.interval_h / unit, span * unit
        while last > place and price > key[last - 1 - place]:
            total = span + width[last - 1]
            price = (price * span + key[last - 1 - place] * width[last - 1]) / total
            span = total
            last -= 1
        key[last - place], width[last] = price, span
    return last - place + 1


@njit(**EXACT)
def _curved_segments(
    ramps, feeder_ramps, base, asset, t, free, old, previous, low, high, low_price, rise, rest, rest_feeder,
    settings, wish, point, key, width, place,
):  # fmt: skip
    """Write keys and widths of interval t from `place` on; return their number, keys non-increasing."""
    curved = rise > settings.linear_below
    m = asset.weight
    count = _wishes(asset, low, high, free, old, previous, curved, settings, wish)
    if curved and settings.fine == 1:
        count = _ramp_ends(ramps[0], ramps[1], ramps[2] * m, t, rest / m, wish, count)
        count = _ramp_ends(
            feeder_ramps[0], feeder_ramps[1], feeder_ramps[2] * m, t, rest_feeder / m, wish, count
        )
    count = _sorted_inside(wish, count, low, high, point) - 1
    if curved:
        _chords(ramps, feeder_ramps, base, t, m, rest, rest_feeder, count, point, key)
    else:
        for k in range(count):
            key[k] = low_price + rise / (high - low) * (0.5 * (point[k] + point[k + 1]) - low)
    return _to_energy(
        asset, count, point, key, width, place, previous, settings.early_tilt_per_kwh * t, settings
    )


@njit(inline="always", **EXACT)
def _linear_segments(asset, low, high, low_price, rise, tilt, interval_h, key, width, place):
    """The same where the price hardly changes within the asset's range: two prices."""
    slope = rise / (high - low)
    up, down = max(high, 0.0) - max(low, 0.0), min(high, 0.0) - min(low, 0.0)
    count = 0
    if down > 0.0:
        price = low_price + slope * 0.5 * down - asset.wear_cost_per_kwh
        key[0] = -price * interval_h / asset.discharge_kwh_per_kw
        width[place] = down * asset.discharge_kwh_per_kw
        count = 1
    if up > 0.0:
        price = low_price + slope * (down + 0.5 * up) + asset.wear_cost_per_kwh + tilt
        charge_key = -price * interval_h / asset.charge_kwh_per_kw
        span = up * asset.charge_kwh_per_kw
        if count == 1 and charge_key > key[0]:
            total = width[place] + span
            key[0] = (key[0] * width[place] + charge_key * span) / total
            width[place] = total
        else:
            key[count], width[place + count] = charge_key, span
            count += 1
    return count


@njit(**EXACT)
def price_range(c, asset, stays, modes, free, w):
    """Fill the lowest and highest power of every interval and the prices there."""
    power_low, power_high = w.power_low, w.power_high
    power_low[:] = 0.0
    power_high[:] = 0.0
    for q in range(asset.first_stay, asset.last_stay):
        stay = stays[q]
        for t in range(stay.from_interval, stay.to_interval):
            power_low[t], power_high[t] = _power_range(asset, stay, FREE if free else modes[t])
    prices_at(c, asset.weight, w.power_low, w, w.price_low)
    prices_at(c, asset.weight, w.power_high, w, w.price_high)


@njit(**EXACT)
def prices_at(c, weight, power, w, price):
    """Smoothed price (T) of net charging with the asset at `power` (T)."""
    trial, trial_feeder, rest, rest_feeder = w.trial, w.trial_feeder, w.rest, w.rest_feeder
    price[:] = c.base
    for t in range(power.size):
        trial[t] = rest[t] + weight * power[t]
        trial_feeder[t] = rest_feeder[t] + weight * power[t]
    add_ramp_prices(c.offset, c.step, c.stiffness, trial, price)
    add_ramp_prices(c.feeder_offset, c.feeder_step, c.feeder_stiffness, trial_feeder, price)


@njit(**EXACT)
def _power_range(asset, stay, mode):
    """Lowest and highest signed power of a mode."""
    if mode == OFF:
        return 0.0, 0.0
    if mode == CHARGE:
        return asset.min_charge_kw, asset.max_charge_kw
    if mode == DISCHARGE:
        return -asset.max_discharge_kw, -asset.min_discharge_kw
    return (0.0 if stay.charge_only == 1 else -asset.max_discharge_kw), asset.max_charge_kw


@njit(inline="always", **EXACT)
def energy_of(asset, power):
    """Energy stored in one interval at a signed power."""
    return power * (asset.charge_kwh_per_kw if power >= 0.0 else asset.discharge_kwh_per_kw)


@njit(**EXACT)
def backward(c, asset, stays, old, previous, modes, free, settings, w):
    """Build the thresholds of every interval; return whether the initial energy can be served."""
    price_range(c, asset, stays, modes, free, w)
    slope, length, key, width, threshold, point = w.slope, w.length, w.key, w.width, w.threshold, w.point
    wish = w.wish
    power_low, power_high, price_low, price_high = w.power_low, w.power_high, w.price_low, w.price_high
    first, counts, start, lows, needs, rest, rest_feeder = (
        w.first,
        w.segments,
        w.start,
        w.low,
        w.need,
        w.rest,
        w.rest_feeder,
    )
    ramps, feeder_ramps = (
        (c.offset, c.step, c.stiffness),
        (c.feeder_offset, c.feeder_step, c.feeder_stiffness),
    )
    base = c.base
    penalty, ceiling, last = settings.penalty_per_kwh, asset.energy_max_kwh, stays[asset.last_stay - 1]
    low, high = max(0.0, last.floor_kwh - last.trip_kwh), ceiling
    head, end = start_list(slope, length, low, high, asset.final_value_per_kwh, asset.final_min_kwh, penalty)
    place, need = 0, asset.final_min_kwh
    for q in range(asset.last_stay - 1, asset.first_stay - 1, -1):
        stay = stays[q]
        floor = stay.floor_kwh
        head, end, low, high, _ = before_trip(
            slope, length, head, end, low, high, stay.trip_kwh, floor, ceiling, penalty
        )
        head, end, _ = before_departure(slope, length, head, end, low, stay, penalty)
        need = min(max(need + stay.trip_kwh, stay.target_kwh), ceiling)
        for t in range(stay.to_interval - 1, stay.from_interval - 1, -1):
            lows[t], needs[t], first[t] = low, need, place
            a, b = power_low[t], power_high[t]
            count, rise = 0, price_high[t] - price_low[t]
            if b > a + 1e-9 and rise <= settings.linear_below and settings.stability_per_kwh == 0.0:
                tilt = settings.early_tilt_per_kwh * t
                count = _linear_segments(
                    asset, a, b, price_low[t], rise, tilt, settings.interval_h, key, width, place
                )
            elif b > a + 1e-9:
                count = _curved_segments(
                    ramps, feeder_ramps, base[t], asset, t, free, old[t], previous[t], a, b, price_low[t],
                    rise, rest[t], rest_feeder[t], settings, wish, point, key, width, place,
                )  # fmt: skip
            if count > 0:
                end = merge_segments(slope, length, head, end, high, count, key, width, threshold, place)
            counts[t], start[t] = count, energy_of(asset, a)
            place += count
            up = energy_of(asset, b)
            low, high, need = low - up, high - start[t], need - max(up, 0.0)
            if low < floor:
                head, _ = trim_low(slope, length, head, end, floor - low)
                low = floor
            if high > ceiling:
                end = trim_high(length, head, end, high - ceiling)
                high = ceiling
            if high < low - 1e-9:
                return False
            if end + SEGMENTS + 4 > slope.size:
                head, end = pull_back(slope, length, head, end)
    return low - 1e-9 <= asset.energy_initial_kwh <= high + 1e-9


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
