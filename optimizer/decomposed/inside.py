"""The iterate of the interior point of `interior`, its start, and how far it is from the optimum."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from optimizer.decomposed.coupling import ALLOCATING, EXACT
from optimizer.problem import Floats

MISSING, SPARED, ASKED, LEFT, TOLL = 0, 1, 2, 3, 4
"""Places in `tail`: energy missing at the end, its multiplier; that of what is asked for at the end;
kWh left of the budget, its multiplier."""


class Inside(NamedTuple):
    """The iterate of one asset; J stores, T intervals, and scratch arrays for its step."""

    into: Floats  # (T): cost of a kWh stored
    earn: Floats  # (T): what a kWh drawn earns, wear aside
    open: Floats  # (T): 1 while connected
    begin: Floats  # (J): kWh in each store at the start
    worth: Floats  # (T, J): u
    x: Floats  # (T, J)
    z: Floats  # (T, J)
    x_dual: Floats  # (T, J)
    z_dual: Floats  # (T, J)
    e: Floats  # (T, J): at the end of the interval
    low_dual: Floats  # (T, J)
    high_dual: Floats  # (T, J)
    share: Floats  # (T, 2): part of the interval left free, its multiplier
    tail: Floats  # (5)
    aim: Floats  # (4, T, J): products aimed at, of x, z, e and the room above e with their multipliers
    aim_share: Floats  # (T)
    aim_tail: Floats  # (3): of missing, asked, toll
    weight: Floats  # (3, T, J): x / x_dual, z / z_dual, and that of e
    turn: Floats  # (T, J): how charging and discharging of a store pull at the interval's share
    inverse: Floats  # (T, J, J): of the eliminated blocks
    toll: Floats  # (T, J): column of the budget's price
    tolled: Floats  # (T, J): the system solved for it
    right: Floats  # (T, J)
    move: Floats  # (T, J): step of u
    way: Floats  # (7, T, J): steps of x, z, e; relative ones of x_dual, z_dual, low_dual, high_dual
    part: Floats  # (T, 5): inverse weight of the share, sum of z weights, right side, steps of both


@njit(**ALLOCATING)
def new_inside(depth, intervals):
    """Allocate the arrays of one lane, in the order of the fields of `Inside`."""
    row = (intervals, depth)
    return Inside(
        np.zeros(intervals), np.zeros(intervals), np.zeros(intervals), np.zeros(depth), np.zeros(row),
        np.zeros(row), np.zeros(row), np.zeros(row), np.zeros(row), np.zeros(row), np.zeros(row),
        np.zeros(row), np.zeros((intervals, 2)), np.zeros(5), np.zeros((4, intervals, depth)),
        np.zeros(intervals), np.zeros(3), np.zeros((3, intervals, depth)), np.zeros(row),
        np.zeros((intervals, depth, depth)), np.zeros(row), np.zeros(row), np.zeros(row), np.zeros(row),
        np.zeros((7, intervals, depth)), np.zeros((intervals, 5)),
    )  # fmt: skip


@njit(**EXACT)
def start_inside(d, unit, cost, size, ask, scale):
    """Begin in the middle of every range; `scale`: of the multipliers, money per kWh."""
    up, down, _, penalty, need, budget = ask
    intervals, count, total, mean, drawn = d.into.size, len(unit), 0.0, 0.0, 0.0
    for t in range(intervals):
        mean += d.into[t] / intervals
        drawn += 0.25 * down * d.open[t]
    for j in range(count):
        total += size[j]
    out = 0.25 * down * min(1.0, 0.5 * budget / drawn)
    for t in range(intervals):
        d.share[t, 0], d.share[t, 1] = 0.75 - out / down, 0.5 * scale * (up + down)
        for j in range(count):
            d.worth[t, j] = mean - 0.5 * cost[j]
            d.x[t, j], d.z[t, j] = 0.25 * up / count * d.open[t], out / count * d.open[t]
            d.x_dual[t, j] = d.z_dual[t, j] = scale
            d.e[t, j] = 0.5 * size[j]
            d.low_dual[t, j] = d.high_dual[t, j] = scale
    d.tail[MISSING] = max(need - 0.5 * total, 0.0) + 0.1 * total
    d.tail[SPARED], d.tail[ASKED] = 0.5 * penalty, 0.3 * scale
    d.tail[LEFT], d.tail[TOLL] = budget - min(drawn, 0.5 * budget), 0.0
    if budget < np.inf:
        d.tail[TOLL] = 0.3 * scale


@njit(**EXACT)
def beyond(d, unit, need):
    """Energy at the end, with what is declared missing, above what is needed."""
    total = d.tail[MISSING] - need
    for j in range(len(unit)):
        total += d.e[d.into.size - 1, j]
    return total


@njit(**EXACT)
def gap_inside(d, unit, size, ask, step, step_dual):
    """Return (sum of the products of variable and multiplier after the steps, their number)."""
    count, number = len(unit), 2.0
    missing, spared = d.tail[MISSING], d.tail[SPARED]
    total = missing * spared + d.tail[ASKED] * beyond(d, unit, ask[4])
    if ask[5] < np.inf:
        total, number = total + d.tail[LEFT] * d.tail[TOLL], 3.0
    for t in range(d.into.size):
        for j in range(count):
            e = d.e[t, j] + step * d.way[2, t, j]
            total += d.low_dual[t, j] * (1.0 + step_dual * d.way[5, t, j]) * e
            total += d.high_dual[t, j] * (1.0 + step_dual * d.way[6, t, j]) * (size[j] - e)
        number += 2 * count
        if d.open[t] > 0.0:
            total += (d.share[t, 0] + step * d.part[t, 3]) * (d.share[t, 1] + step_dual * d.part[t, 4])
            for j in range(count):
                x, z = d.x[t, j] + step * d.way[0, t, j], d.z[t, j] + step * d.way[1, t, j]
                total += d.x_dual[t, j] * (1.0 + step_dual * d.way[3, t, j]) * x
                total += d.z_dual[t, j] * (1.0 + step_dual * d.way[4, t, j]) * z
            number += 1 + 2 * count
    return total, number
