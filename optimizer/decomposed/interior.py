"""Wear by depth against linear prices: a primal-dual interior point for the stores of one asset.

Variables per interval t and store j: kWh in x, out z, held e at its end; multipliers u (worth of a kWh in
the store) and one per inequality: x, z, e >= 0, e <= size, the interval shared between both directions
(sum x / up + sum z / down <= 1), the energy at the end, and the budget:

    min  sum_t [ into_t sum x_jt - sum_j (earn_t - cost_j) z_jt ] - worth E_T + penalty (need - E_T)+
    e_t = e_t-1 + x_t - z_t                                                          (multiplier u_t)

Newton's step for the u is block tridiagonal in time, J x J blocks: a diagonal, less one outer product for
the share; the budget's price is one more column. Each step solves twice with the same blocks (Mehrotra
1992): straight at the optimum, then again with what that would miss. Every iterate is inside all
inequalities; the balances close as the steps do. What is used of it: u and the budget's price, of which any
are valid in the bound (`depth`), and the path, where it keeps the limits.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from optimizer.decomposed.coupling import EXACT
from optimizer.decomposed.inside import ASKED, LEFT, MISSING, SPARED, TOLL, beyond, gap_inside

SHORTEN = 0.995


@njit(**EXACT)
def _weigh(d, unit, size, up, down, t):
    """Weights of one interval, from the iterate alone; return what the budget's price adds to its pivot."""
    total = 0.0
    for j in range(len(unit)):
        e = d.e[t, j]
        room = size[j] - e
        d.weight[2, t, j] = e * room / (d.low_dual[t, j] * room + d.high_dual[t, j] * e)
        d.turn[t, j] = d.toll[t, j] = 0.0
    if d.open[t] <= 0.0:
        return 0.0
    over_up, over_down, drawn = 1.0 / up, 1.0 / down, 0.0
    pivot = d.share[t, 0] / d.share[t, 1]
    for j in range(len(unit)):
        wx, wz = d.x[t, j] / d.x_dual[t, j], d.z[t, j] / d.z_dual[t, j]
        d.weight[0, t, j], d.weight[1, t, j] = wx, wz
        pivot += wx * over_up * over_up + wz * over_down * over_down
        drawn += wz * over_down
        total += wz
        d.turn[t, j] = wx * over_up - wz * over_down
    over = 1.0 / pivot
    d.part[t, 0], d.part[t, 1] = over, drawn
    for j in range(len(unit)):
        d.toll[t, j] = d.weight[1, t, j] + d.turn[t, j] * drawn * over
    return total - drawn * drawn * over


@njit(**EXACT)
def _invert(a, unit):
    """Invert a positive definite block in place (Gauss and Jordan)."""
    count = len(unit)
    for k in range(count):
        pivot = 1.0 / a[k, k]
        a[k, k] = 1.0
        for j in range(count):
            a[k, j] *= pivot
        for i in range(count):
            if i != k:
                factor = a[i, k]
                a[i, k] = 0.0
                for j in range(count):
                    a[i, j] -= factor * a[k, j]


@njit(**EXACT)
def _factor(d, unit, tail_weight):
    """Eliminate forward in time: invert every block."""
    count, last = len(unit), d.into.size - 1
    for t in range(last + 1):
        a, open_, over = d.inverse[t], d.open[t] > 0.0, d.part[t, 0] if d.open[t] > 0.0 else 0.0
        for j in range(count):
            pull = d.turn[t, j] * over
            link = d.weight[2, t - 1, j] if t > 0 else 0.0
            for k in range(count):
                a[j, k] = -pull * d.turn[t, k]
                if t > 0:
                    a[j, k] -= link * d.inverse[t - 1, j, k] * d.weight[2, t - 1, k]
                if t == last:
                    a[j, k] -= d.weight[2, t, j] * d.weight[2, t, k] / tail_weight
            a[j, j] += d.weight[2, t, j] + link + 1e-10
            if open_:
                a[j, j] += d.weight[0, t, j] + d.weight[1, t, j]
        _invert(a, unit)


@njit(**EXACT)
def _substitute(d, unit, right, out):
    """Solve the factored system; changes `right`."""
    count, last = len(unit), d.into.size - 1
    for t in range(1, last + 1):
        for j in range(count):
            total = 0.0
            for k in range(count):
                total += d.inverse[t - 1, j, k] * right[t - 1, k]
            right[t, j] += d.weight[2, t - 1, j] * total
    for t in range(last, -1, -1):
        if t < last:
            for j in range(count):
                right[t, j] += d.weight[2, t, j] * out[t + 1, j]
        for j in range(count):
            total = 0.0
            for k in range(count):
                total += d.inverse[t, j, k] * right[t, k]
            out[t, j] = total


@njit(**EXACT)
def _right_side(d, unit, cost, size, ask, tail_side, tail_weight):
    """Write the right sides; leaves those of x, z and e in `way`. Return that of the budget's price."""
    up, down, value, _, _, _ = ask
    count, last, total = len(unit), d.into.size - 1, 0.0
    for t in range(last + 1):
        side, over = 0.0, 0.0
        if d.open[t] > 0.0:
            y, over, side = d.share[t, 1], d.part[t, 0], d.aim_share[t] / d.share[t, 1] - 1.0
            for j in range(count):
                x, z, u = d.x[t, j], d.z[t, j], d.worth[t, j]
                hx = u - d.into[t] - y / up + d.aim[0, t, j] / x
                hz = d.earn[t] - cost[j] - u - y / down - d.tail[TOLL] + d.aim[1, t, j] / z
                d.way[0, t, j], d.way[1, t, j] = hx, hz
                side += (x + d.weight[0, t, j] * hx) / up + (z + d.weight[1, t, j] * hz) / down
                total += z + d.weight[1, t, j] * hz
            d.part[t, 2] = side
            total -= d.part[t, 1] * side * over
        for j in range(count):
            e, before = d.e[t, j], d.e[t - 1, j] if t > 0 else d.begin[j]
            after = d.worth[t + 1, j] if t < last else value + d.tail[ASKED]
            d.way[2, t, j] = after - d.worth[t, j] + d.aim[2, t, j] / e - d.aim[3, t, j] / (size[j] - e)
            rest = e - before + d.weight[2, t, j] * d.way[2, t, j] + d.turn[t, j] * side * over
            if t > 0:
                rest -= d.weight[2, t - 1, j] * d.way[2, t - 1, j]
            if t == last:
                rest += d.weight[2, t, j] * tail_side / tail_weight
            if d.open[t] > 0.0:
                rest -= d.x[t, j] + d.weight[0, t, j] * d.way[0, t, j]
                rest += d.z[t, j] + d.weight[1, t, j] * d.way[1, t, j]
            d.right[t, j] = rest
    return total


@njit(**EXACT)
def _powers_way(d, unit, up, down, toll, t, far, far_dual):
    """Steps of x, z and the share in one interval; return how far (primal, dual) they may go, inverted."""
    dy, slack = d.part[t, 2] - toll * d.part[t, 1], 1.0 - d.share[t, 0]
    for j in range(len(unit)):
        dy += d.turn[t, j] * d.move[t, j]
    dy *= d.part[t, 0]
    for j in range(len(unit)):
        x, z, du = d.x[t, j], d.z[t, j], d.move[t, j]
        dx = d.weight[0, t, j] * (d.way[0, t, j] + du - dy / up)
        dz = d.weight[1, t, j] * (d.way[1, t, j] - du - dy / down - toll)
        slack -= (x + dx) / up + (z + dz) / down
        over_x, over_z = dx / x, dz / z
        dual_x = d.aim[0, t, j] / (x * d.x_dual[t, j]) - 1.0 - over_x
        dual_z = d.aim[1, t, j] / (z * d.z_dual[t, j]) - 1.0 - over_z
        far, far_dual = max(far, -over_x, -over_z), max(far_dual, -dual_x, -dual_z)
        d.way[0, t, j], d.way[1, t, j], d.way[3, t, j], d.way[4, t, j] = dx, dz, dual_x, dual_z
    d.part[t, 3], d.part[t, 4] = slack, dy
    return max(far, -slack / d.share[t, 0]), max(far_dual, -dy / d.share[t, 1])


@njit(**EXACT)
def _ways(d, unit, size, ask, toll, asked):
    """Steps of everything but the tail from those of u; return how far they may go, inverted."""
    last, far, far_dual = d.into.size - 1, 0.0, 0.0
    for t in range(last + 1):
        if d.open[t] > 0.0:
            far, far_dual = _powers_way(d, unit, ask[0], ask[1], toll, t, far, far_dual)
        for j in range(len(unit)):
            after, e = d.move[t + 1, j] if t < last else asked, d.e[t, j]
            room = size[j] - e
            de = d.weight[2, t, j] * (d.way[2, t, j] + after - d.move[t, j])
            below, above = de / e, de / room
            low = d.aim[2, t, j] / (e * d.low_dual[t, j]) - 1.0 - below
            high = d.aim[3, t, j] / (room * d.high_dual[t, j]) - 1.0 + above
            far, far_dual = max(far, -below, above), max(far_dual, -low, -high)
            d.way[2, t, j], d.way[5, t, j], d.way[6, t, j] = de, low, high
    return far, far_dual


@njit(**EXACT)
def _solve(d, unit, cost, size, ask, tail_weight, pivot):
    """Newton's step towards the products aimed at; return its tail and how far it may go.

    (step of missing, of its multiplier, of asked, of left, of toll, primal, dual step length)
    """
    missing, spared, asked, left, toll = d.tail[0], d.tail[1], d.tail[2], d.tail[3], d.tail[4]
    last, over, ease = d.into.size - 1, beyond(d, unit, ask[4]), missing / spared
    side = d.aim_tail[1] / asked - over - ease * (asked - ask[3] + d.aim_tail[0] / missing)
    for j in range(len(unit)):
        after = ask[2] + asked - d.worth[last, j]
        e = d.e[last, j]
        side -= d.weight[2, last, j] * (after + d.aim[2, last, j] / e - d.aim[3, last, j] / (size[j] - e))
    drawn = _right_side(d, unit, cost, size, ask, side, tail_weight)
    _substitute(d, unit, d.right, d.move)
    d_toll = 0.0
    if ask[5] < np.inf:
        d_toll = d.aim_tail[2] / toll - ask[5] + drawn
        for t in range(last + 1):
            for j in range(len(unit)):
                d_toll -= d.toll[t, j] * d.move[t, j]
        d_toll /= pivot
        for t in range(last + 1):
            for j in range(len(unit)):
                d.move[t, j] -= d_toll * d.tolled[t, j]
    d_asked = side
    for j in range(len(unit)):
        d_asked += d.weight[2, last, j] * d.move[last, j]
    d_asked /= tail_weight
    far, far_dual = _ways(d, unit, size, ask, d_toll, d_asked)
    d_missing = ease * (asked + d_asked - ask[3] + d.aim_tail[0] / missing)
    d_spared = d.aim_tail[0] / missing - spared - spared * d_missing / missing
    d_over, d_left = d_missing, 0.0
    for j in range(len(unit)):
        d_over += d.way[2, last, j]
    far = max(far, -d_missing / missing, -d_over / over)
    far_dual = max(far_dual, -d_spared / spared, -d_asked / asked)
    if ask[5] < np.inf:
        d_left = (d.aim_tail[2] - left * d_toll) / toll - left
        far, far_dual = max(far, -d_left / left), max(far_dual, -d_toll / toll)
    return d_missing, d_spared, d_asked, d_over, d_left, d_toll, far, far_dual


@njit(**EXACT)
def _aim_at(d, unit, target, tail):
    """Aim at products of `target` less what the straight step would miss; `tail`: its steps."""
    for t in range(d.into.size):
        d.aim_share[t] = target - d.part[t, 3] * d.part[t, 4]
        for j in range(len(unit)):
            d.aim[0, t, j] = target - d.way[0, t, j] * d.way[3, t, j] * d.x_dual[t, j]
            d.aim[1, t, j] = target - d.way[1, t, j] * d.way[4, t, j] * d.z_dual[t, j]
            d.aim[2, t, j] = target - d.way[2, t, j] * d.way[5, t, j] * d.low_dual[t, j]
            d.aim[3, t, j] = target + d.way[2, t, j] * d.way[6, t, j] * d.high_dual[t, j]
    d.aim_tail[0], d.aim_tail[1] = target - tail[0] * tail[1], target - tail[2] * tail[3]
    d.aim_tail[2] = target - tail[4] * tail[5]


@njit(**EXACT)
def _advance(d, unit, step, step_dual):
    """Take the steps."""
    for t in range(d.into.size):
        if d.open[t] > 0.0:
            d.share[t, 0] += step * d.part[t, 3]
            d.share[t, 1] += step_dual * d.part[t, 4]
        for j in range(len(unit)):
            d.worth[t, j] += step_dual * d.move[t, j]
            d.e[t, j] += step * d.way[2, t, j]
            d.low_dual[t, j] *= 1.0 + step_dual * d.way[5, t, j]
            d.high_dual[t, j] *= 1.0 + step_dual * d.way[6, t, j]
            if d.open[t] > 0.0:
                d.x[t, j] += step * d.way[0, t, j]
                d.z[t, j] += step * d.way[1, t, j]
                d.x_dual[t, j] *= 1.0 + step_dual * d.way[3, t, j]
                d.z_dual[t, j] *= 1.0 + step_dual * d.way[4, t, j]


@njit(**EXACT)
def step_inside(d, unit, cost, size, ask, close):
    """Take one step towards the optimum, if further than `close` from it; return the sum of the products.

    ask: (kWh up, kWh down per interval, value of the final energy, penalty of missing it, kWh needed, kWh
    that may be drawn).
    """
    gap, number = gap_inside(d, unit, size, ask, 0.0, 0.0)
    if gap < close:
        return gap
    pivot, last = 0.0, d.into.size - 1
    for t in range(last + 1):
        pivot += _weigh(d, unit, size, ask[0], ask[1], t)
    tail_weight = d.tail[MISSING] / d.tail[SPARED] + beyond(d, unit, ask[4]) / d.tail[ASKED]
    for j in range(len(unit)):
        tail_weight += d.weight[2, last, j]
    _factor(d, unit, tail_weight)
    if ask[5] < np.inf:
        for t in range(last + 1):
            for j in range(len(unit)):
                d.right[t, j] = d.toll[t, j]
        _substitute(d, unit, d.right, d.tolled)
        pivot += d.tail[LEFT] / d.tail[TOLL]
        for t in range(last + 1):
            for j in range(len(unit)):
                pivot -= d.toll[t, j] * d.tolled[t, j]
    d.aim[:] = 0.0
    d.aim_share[:] = 0.0
    d.aim_tail[:] = 0.0
    tail = _solve(d, unit, cost, size, ask, tail_weight, pivot)
    left, _ = gap_inside(d, unit, size, ask, 1.0 / max(1.0, tail[6]), 1.0 / max(1.0, tail[7]))
    _aim_at(d, unit, max((left / gap) ** 3, 1e-3) * gap / number, tail)
    tail = _solve(d, unit, cost, size, ask, tail_weight, pivot)
    step, step_dual = min(1.0, SHORTEN / max(tail[6], 1e-9)), min(1.0, SHORTEN / max(tail[7], 1e-9))
    _advance(d, unit, step, step_dual)
    d.tail[MISSING] += step * tail[0]
    d.tail[SPARED] += step_dual * tail[1]
    d.tail[ASKED] += step_dual * tail[2]
    d.tail[LEFT] += step * tail[4]
    d.tail[TOLL] += step_dual * tail[5]
    return gap
