"""The iterate of the interior point of `interior`, its start, and how far it is from the optimum."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from optimizer.decomposed.coupling import ALLOCATING, EXACT, FAST
from optimizer.problem import Floats, Ints

MISSING, SPARED, ASKED, LEFT, TOLL = 0, 1, 2, 3, 4
"""Places in `tail`: energy missing at the end, its multiplier; that of what is asked for at the end;
kWh left of the budget, its multiplier."""
X, Z, LOW, HIGH = 0, 1, 2, 3
"""Places in `dual`, `over`, `over_dual`, `aim` and `way_dual`: kWh in, out, held, and the room above that."""


class Inside(NamedTuple):
    """The iterate of one asset; J stores, B blocks of intervals (room for T), and arrays for its step."""

    blocks: Ints  # (1): B
    block: Ints  # (T): block of each interval
    into: Floats  # (T): cost of a kWh stored
    earn: Floats  # (T): what a kWh drawn earns, wear aside
    per_up: Floats  # (T): share of the block's time that a kWh takes to charge, and to discharge
    per_down: Floats
    x: Floats  # (J, T): kWh in
    z: Floats  # (J, T): kWh out
    e: Floats  # (J, T + 1): before each block, and after the last
    room: Floats  # (J, T): above that after the block
    dual: Floats  # (4, J, T)
    worth: Floats  # (J, T + 1): u; the last: of the final energy
    share: Floats  # (2, T): part of the block left free, its multiplier
    tail: Floats  # (5)
    aim: Floats  # (4, J, T): products aimed at
    aim_share: Floats  # (T)
    aim_tail: Floats  # (3): of missing, asked, toll
    over: Floats  # (4, J, T): one over x, z, e after the block, room
    over_dual: Floats  # (4, J, T): one over the multipliers
    weight_x: Floats  # (J, T): x over its multiplier
    weight_z: Floats  # (J, T)
    weight_e: Floats  # (J, T + 1): of e after the block, in the place behind it
    turn: Floats  # (J, T): how charging and discharging of a store pull at the block's share
    toll: Floats  # (J, T): column of the budget's price
    inverse: Floats  # (T, J, J): of the eliminated blocks
    tolled: Floats  # (J, T + 1): the system solved for the toll
    right: Floats  # (J, T)
    move: Floats  # (J, T + 1): step of u
    way_x: Floats  # (J, T)
    way_z: Floats  # (J, T)
    way_e: Floats  # (J, T + 1)
    way_dual: Floats  # (4, J, T): relative
    part: Floats  # (5, T): inverse weight of the share, sum of z weights, right side, steps of both


@njit(**ALLOCATING)
def new_inside(depth, intervals):
    """Allocate the arrays of one lane, in the order of the fields of `Inside`."""
    row, longer, four = (depth, intervals), (depth, intervals + 1), (4, depth, intervals)
    return Inside(
        np.zeros(1, np.int64), np.zeros(intervals, np.int64), np.zeros(intervals), np.zeros(intervals),
        np.zeros(intervals), np.zeros(intervals), np.zeros(row), np.zeros(row), np.zeros(longer),
        np.zeros(row), np.zeros(four), np.zeros(longer), np.zeros((2, intervals)), np.zeros(5),
        np.zeros(four), np.zeros(intervals), np.zeros(3), np.zeros(four), np.zeros(four), np.zeros(row),
        np.zeros(row), np.zeros(longer), np.zeros(row), np.zeros(row), np.zeros((intervals, depth, depth)),
        np.zeros(longer), np.zeros(row), np.zeros(longer), np.zeros(row), np.zeros(row), np.zeros(longer),
        np.zeros(four), np.zeros((5, intervals)),
    )  # fmt: skip


@njit(**EXACT)
def start_inside(d, cost, size, ask, scale):
    """Begin in the middle of every range; `scale`: of the multipliers, money per kWh."""
    up, down, value, penalty, need, budget = ask
    count, total, mean, drawn = d.blocks[0], 0.0, 0.0, 0.0
    for b in range(count):
        mean += d.into[b] / count
        drawn += 0.25 / d.per_down[b]
    part = 0.25 * min(1.0, 0.5 * budget / drawn)
    for j in range(d.x.shape[0]):
        total += size[j]
        d.worth[j, count] = value
        for b in range(count):
            d.worth[j, b] = mean - 0.5 * cost[j]
            d.x[j, b] = 0.25 / (d.per_up[b] * d.x.shape[0])
            d.z[j, b] = part / (d.per_down[b] * d.x.shape[0])
            d.e[j, b + 1] = d.room[j, b] = 0.5 * size[j]
            for k in range(4):
                d.dual[k, j, b] = scale
    for b in range(count):
        d.share[0, b], d.share[1, b] = 0.75 - part, 0.5 * scale * (up + down)
    d.tail[MISSING] = max(need - 0.5 * total, 0.0) + 0.1 * total
    d.tail[SPARED], d.tail[ASKED] = 0.5 * penalty, 0.3 * scale
    d.tail[LEFT], d.tail[TOLL] = budget - min(drawn, 0.5 * budget), 0.0
    if budget < np.inf:
        d.tail[TOLL] = 0.3 * scale


@njit(**EXACT)
def beyond(d, need):
    """Energy at the end, with what is declared missing, above what is needed."""
    total = d.tail[MISSING] - need
    for j in range(d.x.shape[0]):
        total += d.e[j, d.blocks[0]]
    return total


@njit(**FAST)
def _products(variable, way, dual, way_dual, count, shift, step, step_dual):
    """Sum of the products of a variable and its multiplier after the steps; `shift`: place of the first."""
    total = 0.0
    for b in range(count):
        moved = variable[b + shift] + step * way[b + shift]
        total += moved * dual[b] * (1.0 + step_dual * way_dual[b])
    return total


@njit(**EXACT)
def gap_inside(d, ask, step, step_dual):
    """Return (sum of the products of variable and multiplier after the steps, their number)."""
    count, depth = d.blocks[0], d.x.shape[0]
    total = d.tail[MISSING] * d.tail[SPARED] + d.tail[ASKED] * beyond(d, ask[4])
    number = 2.0 + count * (1 + 4 * depth)
    if ask[5] < np.inf:
        total, number = total + d.tail[LEFT] * d.tail[TOLL], number + 1.0
    for j in range(depth):
        dual, way = d.dual, d.way_dual
        total += _products(d.x[j], d.way_x[j], dual[X, j], way[X, j], count, 0, step, step_dual)
        total += _products(d.z[j], d.way_z[j], dual[Z, j], way[Z, j], count, 0, step, step_dual)
        total += _products(d.e[j], d.way_e[j], dual[LOW, j], way[LOW, j], count, 1, step, step_dual)
        for b in range(count):
            room = d.room[j, b] - step * d.way_e[j, b + 1]
            total += room * dual[HIGH, j, b] * (1.0 + step_dual * way[HIGH, j, b])
    for b in range(count):
        free = d.share[0, b] + step * d.part[3, b]
        total += free * (d.share[1, b] + step_dual * d.part[4, b])
    return total, number
