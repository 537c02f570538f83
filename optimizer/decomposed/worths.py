"""What a stored kWh is worth to an asset on the path of its relaxed optimum against prices.

The recursion of `oracle` runs twice: once for the thresholds, that is the path, and once more to read the
slope of the cost-to-go at the path, interval by interval.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from optimizer.decomposed.coupling import ALLOCATING, EXACT
from optimizer.decomposed.oracle import stage
from optimizer.decomposed.slopes import (
    before_departure,
    before_trip,
    merge_segments,
    pull_back,
    start_list,
    trim_high,
    trim_low,
)
from optimizer.problem import Floats


class Path(NamedTuple):
    """Scratch arrays of one lane."""

    slope: Floats
    length: Floats
    key: Floats  # (2 T)
    width: Floats  # (2 T)
    threshold: Floats  # (2 T)
    pieces: Floats  # (T)
    energy: Floats  # (T + 1): the relaxed path
    left: Floats  # (T + 1): slope of the cost-to-go left of the path, and right of it
    right: Floats


@njit(**ALLOCATING)
def new_path(intervals):
    """Allocate the scratch arrays of one lane."""
    return Path(
        np.empty(8 * intervals + 64),
        np.empty(8 * intervals + 64),
        np.empty(2 * intervals + 2),
        np.empty(2 * intervals + 2),
        np.empty(2 * intervals + 2),
        np.zeros(intervals),
        np.zeros(intervals + 1),
        np.zeros(intervals + 1),
        np.zeros(intervals + 1),
    )


@njit(**EXACT)
def _note_slopes(slope, length, head, end, low, energy):
    """Return the slopes of the cost-to-go just left and right of an energy."""
    rest, k = energy - low, head
    while k < end - 1 and length[k] < rest - 1e-9:
        rest -= length[k]
        k += 1
    return slope[k], slope[k + 1] if k + 1 < end and rest > length[k] - 1e-9 else slope[k]


@njit(**EXACT)
def _backward(asset, stay, first, last, price, interval_h, penalty, c):
    """Carry the relaxed cost-to-go back from the end of the one stay; write thresholds and slopes."""
    slope, length, floor, ceiling = c.slope, c.length, stay.relaxed_floor_kwh, asset.energy_max_kwh
    low, high = max(0.0, floor - stay.trip_kwh), ceiling
    head, end = start_list(slope, length, low, high, asset.final_value_per_kwh, asset.final_min_kwh, penalty)
    head, end, low, high, _ = before_trip(
        slope, length, head, end, low, high, stay.trip_kwh, floor, ceiling, penalty
    )
    head, end, _ = before_departure(slope, length, head, end, low, stay, penalty)
    for t in range(last - 1, first - 1, -1):
        c.left[t + 1], c.right[t + 1] = _note_slopes(slope, length, head, end, low, c.energy[t + 1])
        count, up, down, _ = stage(price[t], asset, False, interval_h, c.key[2 * t :], c.width[2 * t :])
        end = merge_segments(
            slope, length, head, end, high, count, c.key[2 * t :], c.width, c.threshold, 2 * t
        )
        c.pieces[t] = count
        low, high = low - up, high + down
        if low < floor:
            head, _ = trim_low(slope, length, head, end, floor - low)
            low = floor
        if high > ceiling:
            end = trim_high(length, head, end, high - ceiling)
            high = ceiling
        if end + 8 > slope.size:
            head, end = pull_back(slope, length, head, end)
    c.left[first], c.right[first] = _note_slopes(slope, length, head, end, low, c.energy[first])


@njit(**EXACT)
def write_worths(asset, stay, first, last, price, interval_h, penalty, c, worth):
    """Write what a stored kWh is worth before each interval (T + 1) on the relaxed optimum's path."""
    c.energy[first:] = asset.energy_initial_kwh
    _backward(asset, stay, first, last, price, interval_h, penalty, c)
    energy = asset.energy_initial_kwh
    down = asset.max_discharge_kw * asset.discharge_kwh_per_kw
    for t in range(first, last):
        move = -down
        for k in range(2 * t, 2 * t + int(c.pieces[t])):
            if energy + move + c.width[k] <= c.threshold[k]:
                move += c.width[k]
            else:
                move = max(move, c.threshold[k] - energy)
                break
        energy += move
        c.energy[t + 1] = energy
    _backward(asset, stay, first, last, price, interval_h, penalty, c)
    worth[: first + 1] = -0.5 * (c.left[first] + c.right[first])
    for t in range(first, last):
        now, used = worth[t], c.energy[t + 1] - c.energy[t] + down
        for k in range(2 * t, 2 * t + int(c.pieces[t])):
            if 1e-9 < used < c.width[k] - 1e-9:  # partly used: what it costs is what a kWh is worth
                now = -c.key[k]
            used -= c.width[k]
        worth[t + 1] = min(max(now, -c.right[t + 1]), -c.left[t + 1])
    worth[last:] = worth[last]
