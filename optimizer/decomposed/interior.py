"""Wear by depth against linear prices: a primal-dual interior point for the stores of one asset.

Variables per block b of intervals (`depth`) and store j: kWh in x, out z, held e at its end; multipliers u
(worth of a kWh in the store) and one per inequality: x, z, e >= 0, e <= size, the block shared between both
directions (sum x / up + sum z / down <= 1), the energy at the end, and the budget:

    min  sum_b [ into_b sum x_jb - sum_j (earn_b - cost_j) z_jb ] - worth E_B + penalty (need - E_B)+
    e_b = e_b-1 + x_b - z_b                                                          (multiplier u_b)

Newton's step for the u is block tridiagonal in time, J x J blocks: a diagonal, less one outer product for
the share; the budget's price is one more column. Each step solves twice with the same blocks (Mehrotra
1992): straight at the optimum, then again with what that would miss. Every iterate is inside all
inequalities; the balances close as the steps do. What is used of it: u and the budget's price, of which any
are valid in the bound (`depth`), and the path, where it keeps the limits.

Loops run along the blocks wherever they can, so that the compiler makes vectors of them; what is divided by
more than once is inverted once.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from optimizer.decomposed.along import (
    aim_of,
    dot,
    invert_all,
    multiply,
    scale_along,
    sides_of_energy,
    sides_of_powers,
    step_along,
    way_of_dual,
    ways_of_energy,
    ways_of_powers,
    weigh_energy,
)
from optimizer.decomposed.coupling import EXACT
from optimizer.decomposed.eliminate import factor, substitute
from optimizer.decomposed.inside import (
    ASKED,
    HIGH,
    LEFT,
    LOW,
    MISSING,
    SPARED,
    TOLL,
    X,
    Z,
    beyond,
    gap_inside,
)

SHORTEN = 0.995


@njit(**EXACT)
def _weigh(d):
    """Inverses and weights, from the iterate alone; return what the budget's price adds to its pivot."""
    count, total, part = d.blocks[0], 0.0, d.part
    for b in range(count):
        part[0, b], part[1, b] = d.share[0, b] / d.share[1, b], 0.0
    for j in range(d.x.shape[0]):
        invert_all(d.x[j], 0, d.over[X, j], count)
        invert_all(d.z[j], 0, d.over[Z, j], count)
        invert_all(d.e[j], 1, d.over[LOW, j], count)
        invert_all(d.room[j], 0, d.over[HIGH, j], count)
        for k in range(4):
            invert_all(d.dual[k, j], 0, d.over_dual[k, j], count)
        multiply(d.x[j], d.over_dual[X, j], d.weight_x[j], count)
        multiply(d.z[j], d.over_dual[Z, j], d.weight_z[j], count)
        weigh_energy(d.dual[LOW, j], d.over[LOW, j], d.dual[HIGH, j], d.over[HIGH, j], d.weight_e[j], count)
        for b in range(count):
            pull_x, pull_z = d.weight_x[j, b] * d.per_up[b], d.weight_z[j, b] * d.per_down[b]
            d.turn[j, b] = pull_x - pull_z
            part[0, b] += pull_x * d.per_up[b] + pull_z * d.per_down[b]
            part[1, b] += pull_z
            total += d.weight_z[j, b]
    for b in range(count):
        part[0, b] = 1.0 / part[0, b]
        total -= part[1, b] * part[1, b] * part[0, b]
    for j in range(d.x.shape[0]):
        for b in range(count):
            d.toll[j, b] = d.weight_z[j, b] + d.turn[j, b] * part[1, b] * part[0, b]
    return total


@njit(**EXACT)
def _right_side(d, cost, tail_side, tail_weight):
    """Write the right sides; leaves those of x, z and e in their ways. Return that of the budget's price."""
    count, total = d.blocks[0], 0.0
    for b in range(count):
        d.part[2, b] = d.aim_share[b] / d.share[1, b] - 1.0
    for j in range(d.x.shape[0]):
        d.way_e[j, 0] = 0.0
        sides_of_powers(d, j, cost[j], d.tail[TOLL], count)
    for j in range(d.x.shape[0]):
        sides_of_energy(d, j, count)
        d.right[j, count - 1] += d.weight_e[j, count] * tail_side / tail_weight
        for b in range(count):
            total += d.z[j, b] + d.weight_z[j, b] * d.way_z[j, b]
    for b in range(count):
        total -= d.part[1, b] * d.part[2, b] * d.part[0, b]
    return total


@njit(**EXACT)
def _ways(d, toll):
    """Steps of everything but the tail from those of u; return how far they may go, inverted."""
    count, far, far_dual = d.blocks[0], 0.0, 0.0
    for b in range(count):
        dy = d.part[2, b] - toll * d.part[1, b]
        for j in range(d.x.shape[0]):
            dy += d.turn[j, b] * d.move[j, b]
        d.part[4, b], d.part[3, b] = dy * d.part[0, b], 1.0 - d.share[0, b]
    for j in range(d.x.shape[0]):
        ways_of_powers(d, j, toll, count)
        ways_of_energy(d, j, count)
        for k in range(4):
            way = d.way_x[j] if k == X else (d.way_z[j] if k == Z else d.way_e[j])
            shift, sign = 1 if k >= LOW else 0, -1.0 if k == HIGH else 1.0
            one, other = way_of_dual(
                d.aim[k, j], d.over[k, j], d.over_dual[k, j], way, shift, sign, d.way_dual[k, j], count
            )
            far, far_dual = max(far, one), max(far_dual, other)
    for b in range(count):
        far = max(far, -d.part[3, b] / d.share[0, b])
        far_dual = max(far_dual, -d.part[4, b] / d.share[1, b])
    return far, far_dual


@njit(**EXACT)
def _solve(d, cost, ask, tail_weight, pivot):
    """Newton's step towards the products aimed at; return its tail and how far it may go.

    (step of missing, of its multiplier, of asked, of left, of toll, primal, dual step length)
    """
    missing, spared, asked, left, toll = d.tail[0], d.tail[1], d.tail[2], d.tail[3], d.tail[4]
    count, over, ease = d.blocks[0], beyond(d, ask[4]), missing / spared
    last, side = count - 1, d.aim_tail[1] / asked - over - ease * (asked - ask[3] + d.aim_tail[0] / missing)
    for j in range(d.x.shape[0]):
        d.worth[j, count] = ask[2] + asked
        pull = d.aim[LOW, j, last] * d.over[LOW, j, last] - d.aim[HIGH, j, last] * d.over[HIGH, j, last]
        side -= d.weight_e[j, count] * (d.worth[j, count] - d.worth[j, last] + pull)
    drawn = _right_side(d, cost, side, tail_weight)
    substitute(d, d.right, d.move)
    d_toll = 0.0
    if ask[5] < np.inf:
        d_toll = d.aim_tail[2] / toll - ask[5] + drawn - dot(d.toll, d.move, count)
        d_toll /= pivot
        for j in range(d.x.shape[0]):
            for b in range(count):
                d.move[j, b] -= d_toll * d.tolled[j, b]
    d_asked = side
    for j in range(d.x.shape[0]):
        d_asked += d.weight_e[j, count] * d.move[j, last]
    d_asked /= tail_weight
    for j in range(d.x.shape[0]):
        d.move[j, count] = d_asked
    far, far_dual = _ways(d, d_toll)
    d_missing = ease * (asked + d_asked - ask[3] + d.aim_tail[0] / missing)
    d_spared = d.aim_tail[0] / missing - spared - spared * d_missing / missing
    d_over, d_left = d_missing, 0.0
    for j in range(d.x.shape[0]):
        d_over += d.way_e[j, count]
    far = max(far, -d_missing / missing, -d_over / over)
    far_dual = max(far_dual, -d_spared / spared, -d_asked / asked)
    if ask[5] < np.inf:
        d_left = (d.aim_tail[2] - left * d_toll) / toll - left
        far, far_dual = max(far, -d_left / left), max(far_dual, -d_toll / toll)
    return d_missing, d_spared, d_asked, d_over, d_left, d_toll, far, far_dual


@njit(**EXACT)
def _aim_at(d, target, tail):
    """Aim at products of `target` less what the straight step would miss; `tail`: its steps."""
    count = d.blocks[0]
    for b in range(count):
        d.aim_share[b] = target - d.part[3, b] * d.part[4, b]
    for j in range(d.x.shape[0]):
        for k in range(4):
            way = d.way_x[j] if k == X else (d.way_z[j] if k == Z else d.way_e[j])
            shift, sign = 1 if k >= LOW else 0, -1.0 if k == HIGH else 1.0
            aim_of(way, shift, d.way_dual[k, j], d.dual[k, j], sign, target, d.aim[k, j], count)
    d.aim_tail[0], d.aim_tail[1] = target - tail[0] * tail[1], target - tail[2] * tail[3]
    d.aim_tail[2] = target - tail[4] * tail[5]


@njit(**EXACT)
def _advance(d, step, step_dual):
    """Take the steps."""
    count = d.blocks[0]
    for b in range(count):
        d.share[0, b] += step * d.part[3, b]
        d.share[1, b] += step_dual * d.part[4, b]
    for j in range(d.x.shape[0]):
        step_along(d.worth[j], d.move[j], 0, step_dual, count)
        step_along(d.x[j], d.way_x[j], 0, step, count)
        step_along(d.z[j], d.way_z[j], 0, step, count)
        step_along(d.e[j], d.way_e[j], 1, step, count)
        for b in range(count):
            d.room[j, b] -= step * d.way_e[j, b + 1]
        for k in range(4):
            scale_along(d.dual[k, j], d.way_dual[k, j], step_dual, count)


@njit(**EXACT)
def step_inside(d, cost, ask, close):
    """Take one step towards the optimum, if further than `close` from it; return the sum of the products.

    ask: (kWh up, kWh down per interval, value of the final energy, penalty of missing it, kWh needed, kWh
    that may be drawn).
    """
    gap, number = gap_inside(d, ask, 0.0, 0.0)
    if gap < close:
        return gap
    count, pivot = d.blocks[0], _weigh(d)
    tail_weight = d.tail[MISSING] / d.tail[SPARED] + beyond(d, ask[4]) / d.tail[ASKED]
    for j in range(d.x.shape[0]):
        d.weight_e[j, 0] = 0.0
        tail_weight += d.weight_e[j, count]
    factor(d, tail_weight)
    if ask[5] < np.inf:
        for j in range(d.x.shape[0]):
            for b in range(count):
                d.right[j, b] = d.toll[j, b]
        substitute(d, d.right, d.tolled)
        pivot += d.tail[LEFT] / d.tail[TOLL] - dot(d.toll, d.tolled, count)
    d.aim[:] = 0.0
    d.aim_share[:] = 0.0
    d.aim_tail[:] = 0.0
    tail = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    for attempt in range(2):
        tail = _solve(d, cost, ask, tail_weight, pivot)
        if attempt == 0:
            left, _ = gap_inside(d, ask, 1.0 / max(1.0, tail[6]), 1.0 / max(1.0, tail[7]))
            _aim_at(d, max((left / gap) ** 3, 1e-3) * gap / number, tail)
    step, step_dual = min(1.0, SHORTEN / max(tail[6], 1e-9)), min(1.0, SHORTEN / max(tail[7], 1e-9))
    _advance(d, step, step_dual)
    d.tail[MISSING] += step * tail[0]
    d.tail[SPARED] += step_dual * tail[1]
    d.tail[ASKED] += step_dual * tail[2]
    d.tail[LEFT] += step * tail[4]
    d.tail[TOLL] += step_dual * tail[5]
    return gap
