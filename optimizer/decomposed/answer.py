"""The least cost of one asset with budget, reserve and wear by depth, against prices: a valid bound.

The recursion is that of `oracle`, with what `private` has added to it:

    charging costs   price - rho_up + rho_down (1 - w_down)         w: weights of the energy's part
    discharging pays price - rho_up (1 - w_up) + rho_down - beta / dt per kWh out of the cell
    energy below `level` costs rho_up w_up / (sustain / eta_d) per kWh, and so for down above another level

for a share up u <= min(P_d + p, B) <= (1 - w)(P_d + p) + w (min(P_d, B) + max(0, p)), B = what the energy
sustains at the end or the start of the interval, and the same for down. Any weights in [0, 1] are valid,
as is any beta >= 0 with - beta * budget; both are improved by a few steps of ascent.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from optimizer.decomposed.coupling import ALLOCATING, EXACT
from optimizer.decomposed.depth import potential_price
from optimizer.decomposed.oracle import counted_best, counted_extra
from optimizer.decomposed.private import DOWN, UP
from optimizer.decomposed.slopes import (
    add_shortfall,
    before_departure,
    before_trip,
    merge_segments,
    pull_back,
    start_list,
    trim_high,
    trim_low,
)
from optimizer.problem import Floats


class Desk(NamedTuple):
    """Scratch arrays of one lane."""

    slope: Floats
    length: Floats
    key: Floats
    width: Floats  # (2 T)
    threshold: Floats  # (2 T)
    pieces: Floats  # (T): segments of the interval; 3: one hull over both directions
    charge: Floats  # (T): what is added to the price of charging, money per kWh at the terminals
    discharge: Floats  # (T): what is taken off the price of discharging
    power: Floats  # (T): the answer
    before: Floats  # (T): energy at the start of the interval
    after: Floats
    adjusted: Floats  # (T)


@njit(**ALLOCATING)
def new_desk(intervals):
    """Allocate the scratch arrays of one lane."""
    return Desk(
        np.empty(8 * intervals + 64),
        np.empty(8 * intervals + 64),
        np.empty(4),
        np.empty(2 * intervals + 2),
        np.empty(2 * intervals + 2),
        np.zeros(intervals),
        np.zeros(intervals),
        np.zeros(intervals),
        np.zeros(intervals),
        np.zeros(intervals),
        np.zeros(intervals),
        np.zeros(intervals),
    )


@njit(**EXACT)
def copy(source, target):
    """Copy one vector to another of its size."""
    for t in range(source.size):
        target[t] = source[t]


@njit(**EXACT)
def add_surplus(slope, length, head, end, high, level, rise):
    """Add rise * max(0, s - level) to V; return the new end."""
    room = high - level
    k = end - 1
    while k >= head and room > 0.0:
        if length[k] > room:  # split the segment at the level
            for j in range(end, k, -1):
                slope[j], length[j] = slope[j - 1], length[j - 1]
            end += 1
            length[k] -= room
            length[k + 1] = room
            slope[k + 1] += rise
            return end
        slope[k] += rise
        room -= length[k]
        k -= 1
    return end


@njit(**EXACT)
def reward_energy(asset, p, i, t, place, held_price, interval_h, slope, length, head, end, low, high):
    """Add the energy's part of the reserve of interval t to V(s), s at its end (place 0) or start (1).

    Return (head, end, rise of V at the low end).
    """
    lift = 0.0
    weight = p.weight[i, t, place]
    if weight > 0.0 and held_price[UP, t] > 0.0:
        unit = interval_h / (asset.discharge_kwh_per_kw * p.sustain_h[UP, t])  # kW of share per kWh
        level = asset.energy_min_kwh + p.power_kw[i, UP] / unit
        rate = interval_h * held_price[UP, t] * weight * unit
        head, end = add_shortfall(slope, length, head, end, low, level, rate)
        lift += rate * max(0.0, level - low)
    weight = p.weight[i, t, 2 + place]
    if weight > 0.0 and held_price[DOWN, t] > 0.0:
        unit = interval_h / (asset.charge_kwh_per_kw * p.sustain_h[DOWN, t])
        level = asset.energy_max_kwh - p.power_kw[i, DOWN] / unit
        rate = interval_h * held_price[DOWN, t] * weight * unit
        end = add_surplus(slope, length, head, end, high, level, rate)
        lift += rate * max(0.0, low - level)
    return head, end, lift


@njit(**EXACT)
def private_prices(asset, p, i, held_price, charge, discharge, interval_h):
    """Write what reserve and wear add to charging, and take off discharging; money per kWh at the terminals.

    held_price (2, T): what a kW held earns. The budget's price is not in it.
    """
    row, up = p.depth_row[i], asset.charge_kwh_per_kw / interval_h
    down = asset.discharge_kwh_per_kw / interval_h
    for t in range(charge.size):
        charge[t] = discharge[t] = 0.0
        if row >= 0:
            store, draw = potential_price(p, row, t)
            charge[t] = -store * up
            discharge[t] = draw * down
    for t in range(p.asked.shape[1]):
        rising, falling = held_price[UP, t], held_price[DOWN, t]
        charge[t] -= rising
        discharge[t] -= falling
        charge[t] += falling * (1.0 - p.weight[i, t, 2] - p.weight[i, t, 3])
        discharge[t] += rising * (1.0 - p.weight[i, t, 0] - p.weight[i, t, 1])


@njit(**EXACT)
def trip_price(p, i, stay):
    """What a kWh taken by the trip after a stay wears, at the potentials."""
    row = p.depth_row[i]
    if row < 0 or stay.trip_kwh <= 0.0 or stay.to_interval >= p.potential.shape[2]:
        return 0.0
    return potential_price(p, row, stay.to_interval)[1]


@njit(**EXACT)
def _stage(price_up, price_down, asset, beta, interval_h, key, width, place):
    """Write the segments, discharge first; return (count, kWh up, kWh down, cost of full charge)."""
    up = asset.max_charge_kw * asset.charge_kwh_per_kw
    down = asset.max_discharge_kw * asset.discharge_kwh_per_kw
    charge_key = discharge_key = 0.0
    if up > 0.0:
        charge_key = -price_up * interval_h / asset.charge_kwh_per_kw
    if down > 0.0:
        discharge_key = beta - price_down * interval_h / asset.discharge_kwh_per_kw
    cost = -charge_key * up
    if up > 0.0 and down > 0.0 and discharge_key < charge_key:  # the hull of both
        key[0], width[place] = (charge_key * up + discharge_key * down) / (up + down), up + down
        return 3, up, down, cost
    count = 0
    if down > 0.0:
        key[0], width[place] = discharge_key, down
        count = 1
    if up > 0.0:
        key[count], width[place + count] = charge_key, up
        count += 1
    return count, up, down, cost


@njit(**EXACT)
def answer(asset, stays, p, i, price, held_price, beta, interval_h, penalty, d):
    """Least relaxed cost at the prices and multipliers, and the kWh out of the cell of the answer.

    Needs `private_prices` in d.charge and d.discharge; writes powers and energies.
    """
    slope, length, key, width, threshold = d.slope, d.length, d.key, d.width, d.threshold
    ceiling, last = asset.energy_max_kwh, stays[asset.last_stay - 1]
    low, high = max(0.0, last.relaxed_floor_kwh - last.trip_kwh), ceiling
    head, end = start_list(slope, length, low, high, asset.final_value_per_kwh, asset.final_min_kwh, penalty)
    value = -asset.final_value_per_kwh * low + penalty * max(0.0, asset.final_min_kwh - low)
    with_reserve = p.asked.shape[1] > 0
    for q in range(asset.last_stay - 1, asset.first_stay - 1, -1):
        stay = stays[q]
        floor, wear = stay.relaxed_floor_kwh, trip_price(p, i, stay)
        head, end, low, high, rise = before_trip(
            slope, length, head, end, low, high, stay.trip_kwh, floor, ceiling, penalty - wear
        )
        value += rise + wear * stay.trip_kwh
        head, end, rise = before_departure(slope, length, head, end, low, stay, penalty)
        value += rise
        for t in range(stay.to_interval - 1, stay.from_interval - 1, -1):
            if with_reserve:
                head, end, rise = reward_energy(
                    asset, p, i, t, 0, held_price, interval_h, slope, length, head, end, low, high
                )
                value += rise - interval_h * held_price[UP, t] * p.power_kw[i, UP]
                value -= interval_h * held_price[DOWN, t] * p.power_kw[i, DOWN]
            count, up, down, cost = _stage(
                price[t] + asset.wear_cost_per_kwh + d.charge[t],
                price[t] - asset.wear_cost_per_kwh - d.discharge[t],
                asset, beta, interval_h, key, width, 2 * t,
            )  # fmt: skip
            d.pieces[t] = count
            number = 1 if count == 3 else count
            end = merge_segments(slope, length, head, end, high, number, key, width, threshold, 2 * t)
            value += cost
            low, high = low - up, high + down
            if low < floor:
                head, rise = trim_low(slope, length, head, end, floor - low)
                low, value = floor, value + rise
            if high > ceiling:
                end = trim_high(length, head, end, high - ceiling)
                high = ceiling
            if with_reserve:
                head, end, rise = reward_energy(
                    asset, p, i, t, 1, held_price, interval_h, slope, length, head, end, low, high
                )
                value += rise
            if end + 12 > slope.size:
                head, end = pull_back(slope, length, head, end)
    rest = asset.energy_initial_kwh - low
    while rest > 0.0 and head < end:
        part = min(rest, length[head])
        value += slope[head] * part
        rest -= part
        head += 1
    return value, _follow(asset, stays, d)


@njit(**EXACT)
def _follow(asset, stays, d):
    """Run the thresholds forward; write powers and energies, return the kWh out of the cell."""
    energy, drawn = asset.energy_initial_kwh, 0.0
    up = asset.max_charge_kw * asset.charge_kwh_per_kw
    down = asset.max_discharge_kw * asset.discharge_kwh_per_kw
    for t in range(d.power.size):
        d.power[t] = 0.0
    for q in range(asset.first_stay, asset.last_stay):
        stay = stays[q]
        for t in range(stay.from_interval, stay.to_interval):
            move, number = -down, 1 if d.pieces[t] == 3 else int(d.pieces[t])
            for k in range(2 * t, 2 * t + number):
                if energy + move + d.width[k] <= d.threshold[k]:
                    move += d.width[k]
                else:
                    move = max(move, d.threshold[k] - energy)
                    break
            if d.pieces[t] == 3:
                drawn += down * (1.0 - (move + down) / (up + down))
            elif move < 0.0:
                drawn -= move
            d.before[t] = energy
            d.power[t] = move / (asset.charge_kwh_per_kw if move > 0.0 else asset.discharge_kwh_per_kw)
            energy += move
            d.after[t] = energy
        energy = max(0.0, energy - stay.trip_kwh)
    return drawn


@njit(**EXACT)
def move_weights(asset, stays, p, i, power, before, after, interval_h, share):
    """Move the weights by `share` towards the part that binds each share of reserve along a path."""
    for q in range(asset.first_stay, asset.last_stay):
        for t in range(stays[q].from_interval, stays[q].to_interval):
            for way in range(2):
                if p.asked[way, t] <= 0.0 or p.backed[i, way] != 1 or p.sustain_h[way, t] <= 0.0:
                    continue
                if way == UP:
                    unit = interval_h / (asset.discharge_kwh_per_kw * p.sustain_h[UP, t])
                    at_end = (after[t] - asset.energy_min_kwh) * unit
                    at_start = (before[t] - asset.energy_min_kwh) * unit
                    room = p.power_kw[i, UP] + power[t]
                else:
                    unit = interval_h / (asset.charge_kwh_per_kw * p.sustain_h[DOWN, t])
                    at_end = (asset.energy_max_kwh - after[t]) * unit
                    at_start = (asset.energy_max_kwh - before[t]) * unit
                    room = p.power_kw[i, DOWN] - power[t]
                end = 1.0 if at_end <= at_start and at_end < room else 0.0
                start = 1.0 if at_start < at_end and at_start < room else 0.0
                p.weight[i, t, 2 * way] += np.float32(share * (end - p.weight[i, t, 2 * way]))
                p.weight[i, t, 2 * way + 1] += np.float32(share * (start - p.weight[i, t, 2 * way + 1]))


@njit(**EXACT)
def counted_tilted(asset, stays, price, penalty, interval_h, scratch, power):
    """Write the best charging of a counted asset at prices (T) that hold every tilt."""
    stay = stays[asset.first_stay]
    ordered, extra, place = scratch.ordered, scratch.extra, scratch.place
    _, count = counted_best(asset, stay, price, penalty, interval_h, ordered, place, extra)
    counted_extra(asset, stay, count, ordered, penalty, interval_h, extra)
    for t in range(power.size):
        power[t] = 0.0
    low = asset.min_charge_kw * asset.charge_kwh_per_kw
    for j in range(count):
        power[place[j]] = min((low + extra[j]) / asset.charge_kwh_per_kw, asset.max_charge_kw)
