"""The best schedule of one asset at tilted stage costs that keeps a budget of energy out of the cell.

path within ◄── price of a kWh out of the cell, raised or lowered ──► path beyond
└─────────────── mixed, so that the budget is just used ──────┘
"""

from __future__ import annotations

import numpy as np
from numba import njit

from optimizer.decomposed.answer import copy, reward_energy
from optimizer.decomposed.coupling import EXACT
from optimizer.decomposed.segments import price_ranges, two_segments
from optimizer.decomposed.slopes import (
    before_departure,
    before_trip,
    merge_segments,
    pull_back,
    start_list,
    trim,
)
from optimizer.decomposed.step import curved_segments, energy_of, forward, merge_two
from optimizer.decomposed.work import SEGMENTS

TRIES = 7
"""At most this many prices of a budget in one step."""


@njit(**EXACT)
def _backward(c, asset, stays, old, previous, p, i, modes, free, beta, settings, w, b):
    """As `step.backward`, with private prices; changes c.base, which b.base keeps."""
    toll = beta * asset.discharge_kwh_per_kw / settings.interval_h
    for t in range(old.size):
        c.base[t] = b.base[t] - b.discharge[t] - toll
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
            c, asset, stay, old, previous, p, i, free, toll, settings, w, b, head, end, low, high, need, place
        )
        if high < low - 1e-9:
            return False
    return low - 1e-9 <= asset.energy_initial_kwh <= high + 1e-9


@njit(**EXACT)
def _before_stay(
    c, asset, stay, old, previous, p, i, free, toll, settings, w, b, head, end, low, high, need, place
):  # fmt: skip
    """Carry V from the end of a stay to its beginning; return (head, end, low, high, need, place)."""
    slope, length, key, width, threshold = w.slope, w.length, w.key, w.width, w.threshold
    unit_up, unit_down, wear = asset.charge_kwh_per_kw, asset.discharge_kwh_per_kw, asset.wear_cost_per_kwh
    key_up, key_down = -settings.interval_h / unit_up, -settings.interval_h / unit_down
    linear = settings.linear_below if settings.stability_per_kwh == 0.0 else -1.0
    with_reserve = p.asked.shape[1] > 0
    for t in range(stay.to_interval - 1, stay.from_interval - 1, -1):
        if with_reserve:
            head, end, _ = reward_energy(
                asset, p, i, t, 0, b.held_price, settings.interval_h, slope, length, head, end, low, high
            )
        w.low[t], w.need[t], w.first[t] = low, need, place
        least, most, price = w.power_low[t], w.power_high[t], w.price_low[t]
        count, rise = 0, w.price_high[t] - price
        tilt = settings.early_tilt_per_kwh * t + b.charge[t] + b.discharge[t] + toll
        if most > least + 1e-9 and rise <= linear:
            down, down_key, up, up_key = two_segments(least, most, price, rise, wear, tilt, key_up, key_down)
            count = merge_two(
                slope, length, head, end, high, down * unit_down, down_key, up * unit_up, up_key,
                threshold, width, place,
            )  # fmt: skip
            end += count
        elif most > least + 1e-9:
            count = curved_segments(
                c, asset, t, tilt, free, old[t], previous[t], w.rest[t], w.rest_feeder[t], settings, w, place
            )
            end = merge_segments(slope, length, head, end, high, count, key, width, threshold, place)
        w.segments[t], w.start[t] = count, energy_of(asset, least)
        place += count
        top = energy_of(asset, most)
        need -= max(top, 0.0)
        head, end, low, high = trim(
            slope, length, head, end, low - top, high - w.start[t], stay.floor_kwh, asset.energy_max_kwh
        )
        if high < low - 1e-9:
            break
        if with_reserve:
            head, end, _ = reward_energy(
                asset, p, i, t, 1, b.held_price, settings.interval_h, slope, length, head, end, low, high
            )
        if end + SEGMENTS + 12 > slope.size:
            head, end = pull_back(slope, length, head, end)
    return head, end, low, high, need, place


@njit(**EXACT)
def drawn_kwh(asset, power):
    total = 0.0
    for t in range(power.size):
        total += max(-power[t], 0.0)
    return total * asset.discharge_kwh_per_kw


@njit(**EXACT)
def blend(asset, one, other, share, out):
    """Write the powers whose energies are (1 - share) of the one and share of the other."""
    for t in range(out.size):
        move = (1.0 - share) * energy_of(asset, one[t]) + share * energy_of(asset, other[t])
        out[t] = move / (asset.charge_kwh_per_kw if move > 0.0 else asset.discharge_kwh_per_kw)
        if abs(out[t]) < 1e-9:
            out[t] = 0.0


@njit(**EXACT)
def within_budget(c, asset, stays, old, previous, p, i, modes, free, settings, w, b, power):
    """Write the best powers whose energy out of the cell keeps the budget; return whether allowed.

    Raises or lowers the budget's price until one path is within and one beyond, then mixes the two so
    that the budget is just used (both cost the same at the price between).
    """
    budget = p.budget_kwh[i]
    beta = p.budget_price[i, 0] if budget < np.inf else 0.0
    low, high, low_drawn, high_drawn, reach = -1.0, np.inf, 0.0, 0.0, 0.005
    for attempt in range(TRIES):
        served = _backward(c, asset, stays, old, previous, p, i, modes, free, beta, settings, w, b)
        copy(b.base, c.base)
        allowed, _ = forward(asset, stays, free, modes, settings, w, power)
        allowed = allowed and served
        drawn = drawn_kwh(asset, power)
        if not allowed or not budget < np.inf:
            return allowed
        if drawn > budget:
            low, low_drawn = beta, drawn
            copy(power, b.high_path)
        else:
            high, high_drawn = beta, drawn
            copy(power, b.low_path)
            if beta <= 0.0 or drawn > 0.999 * budget:
                break
        if high == np.inf:
            if attempt == TRIES - 1:
                return False
            beta = beta + reach if attempt < TRIES - 2 else 1e6  # at last, no discharge at all
            reach *= 4.0
        elif low < 0.0:
            beta, reach = max(0.0, beta - reach), 4.0 * reach
        elif high - low < 1e-4:
            break
        else:
            beta = 0.5 * (low + high)
    p.budget_price[i, 0] = min(high if low < 0.0 else 0.5 * (low + high), 10.0)
    copy(b.low_path, power)
    if low >= 0.0 and asset.stepped == 0 and low_drawn > high_drawn:
        blend(asset, b.low_path, b.high_path, (budget - high_drawn) / (low_drawn - high_drawn), power)
        if drawn_kwh(asset, power) > budget:
            copy(b.low_path, power)
    return True
