"""The iterate of the interior point of `interior`, its start, and how far it is from the optimum."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from optimizer.decomposed.coupling import ALLOCATING, EXACT
from optimizer.problem import Floats


class Inside(NamedTuple):
    """The iterate of one asset; J stores, T intervals, and scratch arrays for its step."""

    into: Floats  # (T): cost of a kWh stored
    earn: Floats  # (T): what a kWh drawn earns, wear aside
    open: Floats  # (T): 1 while connected
    worth: Floats  # (T, J): u
    x: Floats  # (T, J)
    z: Floats  # (T, J)
    x_dual: Floats  # (T, J)
    z_dual: Floats  # (T, J)
    e: Floats  # (T + 1, J)
    low_dual: Floats  # (T + 1, J)
    high_dual: Floats  # (T + 1, J)
    limit: Floats  # (T, 4): multiplier and slack of the limit of charging, of discharging
    tail: Floats  # (3): energy missing at the end, its multiplier, multiplier of what is needed
    block: Floats  # (T, J, J): inverse of the eliminated blocks
    move: Floats  # (T, J): step of u
    row: Floats  # (6, T, J): 1/x, 1/z, x/x_dual, z/z_dual, right sides of x and z; then their steps
    band: Floats  # (5, T + 1, J): 1/e, 1/room, their joint weight, right side; then the step of e
    part: Floats  # (T, 4): right side and weight of the limits
    share: Floats  # (2, J)


@njit(**ALLOCATING)
def new_inside(depth, intervals):
    """Allocate the arrays of one lane, in the order of the fields of `Inside`."""
    row = (intervals, depth)
    ends = (intervals + 1, depth)
    return Inside(
        np.zeros(intervals), np.zeros(intervals), np.zeros(intervals), np.zeros(row), np.zeros(row),
        np.zeros(row), np.zeros(row), np.zeros(row), np.zeros(ends), np.zeros(ends), np.zeros(ends),
        np.zeros((intervals, 4)), np.zeros(3), np.zeros((intervals, depth, depth)), np.zeros(row),
        np.zeros((6, intervals, depth)), np.zeros((5, intervals + 1, depth)), np.zeros((intervals, 4)),
        np.zeros((2, depth)),
    )  # fmt: skip


@njit(**EXACT)
def start_inside(d, unit, cost, size, initial, ask, scale):
    """Begin in the middle of every range; `scale`: of the prices, money per kWh."""
    up, down, _, penalty, need = ask
    intervals, count, total, mean = d.into.size, len(unit), 0.0, 0.0
    for j in range(count):
        total += size[j]
        d.e[0, j] = initial[j]
    for t in range(intervals):
        mean += d.into[t] / intervals
    for t in range(intervals):
        d.limit[t, 0] = d.limit[t, 2] = scale
        d.limit[t, 1], d.limit[t, 3] = 0.5 * up, 0.5 * down
        for j in range(count):
            d.worth[t, j] = mean - 0.5 * cost[j]
            d.x[t, j] = 0.5 * up / count * d.open[t]
            d.z[t, j] = 0.5 * down / count * d.open[t]
            d.x_dual[t, j] = d.z_dual[t, j] = scale
            d.e[t + 1, j] = 0.5 * size[j]
            d.low_dual[t + 1, j] = d.high_dual[t + 1, j] = scale
    d.tail[0] = max(need - 0.5 * total, 0.0) + 0.1 * total
    d.tail[1], d.tail[2] = 0.5 * penalty, 0.01 * penalty


@njit(**EXACT)
def beyond(d, unit, need):
    """Energy at the end, with what is declared missing, above what is needed."""
    total = d.tail[0] - need
    for j in range(len(unit)):
        total += d.e[d.into.size, j]
    return total


@njit(**EXACT)
def gap_inside(d, unit, size, need):
    """Return (sum of the products of variable and multiplier, their number)."""
    count, total, number = len(unit), d.tail[0] * d.tail[1] + d.tail[2] * beyond(d, unit, need), 2
    for t in range(d.into.size):
        for j in range(count):
            e = d.e[t + 1, j]
            total += d.low_dual[t + 1, j] * e + d.high_dual[t + 1, j] * (size[j] - e)
        number += 2 * count
        if d.open[t] > 0.0:
            total += d.limit[t, 0] * d.limit[t, 1] + d.limit[t, 2] * d.limit[t, 3]
            for j in range(count):
                total += d.x_dual[t, j] * d.x[t, j] + d.z_dual[t, j] * d.z[t, j]
            number += 2 + 2 * count
    return total, number
