"""Wear by depth against linear prices: a primal-dual interior point for the stores of one asset.

Variables per interval t and store j: kWh in x, out z, held e; multipliers u (worth of a kWh in the store),
and one per inequality (x, z, e >= 0, e <= size, sum x <= up, sum z <= down, and the energy at the end):

    min  sum_t [ into_t sum x_jt - sum_j (earn_t - cost_j) z_jt ] - worth E_T + penalty (need - E_T)+
    e_t+1 = e_t + x_t - z_t                                                          (multiplier u_t)

Newton's step for the u is block tridiagonal in time, J x J blocks: a diagonal, less one outer product per
limit of power. Every iterate is inside all inequalities; the balances close as the steps do. What is
used of it: the u, of which any are valid in the bound (`depth`), and the path, where it keeps the limits.
"""

from __future__ import annotations

from numba import njit

from optimizer.decomposed.coupling import EXACT
from optimizer.decomposed.inside import beyond, gap_inside

CENTRE = 0.2
"""Each step aims at this share of the mean product of variable and multiplier."""
SHORTEN = 0.995


@njit(**EXACT)
def _weigh_energies(d, unit, size, ask, target):
    """Weights and right sides of the energies; return (right side, weight) of the energy at the end."""
    _, _, value, penalty, need = ask
    last, missing, spared, asked = d.into.size, d.tail[0], d.tail[1], d.tail[2]
    for t in range(1, last + 1):
        for j in range(len(unit)):
            low, room = 1.0 / d.e[t, j], 1.0 / (size[j] - d.e[t, j])
            after = d.worth[t, j] if t < last else value + asked
            d.band[0, t, j], d.band[1, t, j] = low, room
            d.band[2, t, j] = 1.0 / (d.high_dual[t, j] * room + d.low_dual[t, j] * low)
            d.band[3, t, j] = after - d.worth[t - 1, j] + target * (low - room)
    over, ease = beyond(d, unit, need), missing / spared
    side = target / asked - over - ease * (target / missing - penalty + asked)
    weight = ease + over / asked
    for j in range(len(unit)):
        weight += d.band[2, last, j]
        side -= d.band[3, last, j] * d.band[2, last, j]
    return side, weight


@njit(**EXACT)
def _add_powers(d, unit, cost, ask, target, t, block):
    """Add what charging and discharging of interval t put into block and right side."""
    up, down, count = ask[0], ask[1], len(unit)
    weight_up, weight_down = d.limit[t, 1] / d.limit[t, 0], d.limit[t, 3] / d.limit[t, 2]
    side_up, side_down = target / d.limit[t, 0] - up, target / d.limit[t, 2] - down
    sum_up = sum_down = 0.0
    for j in range(count):
        x, z = d.x[t, j], d.z[t, j]
        over_x, over_z = 1.0 / x, 1.0 / z
        wx, wz = x / d.x_dual[t, j], z / d.z_dual[t, j]
        hx = d.worth[t, j] - d.into[t] - d.limit[t, 0] + target * over_x
        hz = d.earn[t] - cost[j] - d.worth[t, j] - d.limit[t, 2] + target * over_z
        d.row[0, t, j], d.row[1, t, j], d.row[2, t, j], d.row[3, t, j] = over_x, over_z, wx, wz
        d.row[4, t, j], d.row[5, t, j] = hx, hz
        side_up, side_down = side_up + x, side_down + z
        weight_up, weight_down = weight_up + wx, weight_down + wz
        sum_up, sum_down = sum_up + wx * hx, sum_down + wz * hz
        block[j, j] += wx + wz
        d.move[t, j] += wz * hz - wx * hx
    d.part[t, 0], d.part[t, 1], d.part[t, 2], d.part[t, 3] = side_up, weight_up, side_down, weight_down
    over_up, over_down = 1.0 / weight_up, 1.0 / weight_down
    for j in range(count):
        a, b = d.row[2, t, j] * over_up, d.row[3, t, j] * over_down
        d.move[t, j] += a * (side_up + sum_up) - b * (side_down + sum_down)
        for k in range(count):
            block[j, k] -= a * d.row[2, t, k] + b * d.row[3, t, k]


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
def _eliminate(d, unit, cost, ask, target, side, weight):
    """Forward elimination of the block tridiagonal system for the step of u."""
    count, last = len(unit), d.into.size
    for t in range(last):
        block = d.block[t]
        for j in range(count):
            before, after = d.band[2, t, j] if t > 0 else 0.0, d.band[2, t + 1, j]
            for k in range(count):
                block[j, k] = 0.0
            block[j, j] = before + after + 1e-10
            moved = d.e[t + 1, j] - d.e[t, j] - (d.x[t, j] - d.z[t, j]) * d.open[t]
            d.move[t, j] = moved + d.band[3, t + 1, j] * after - d.band[3, t, j] * before
        if t == last - 1:
            for j in range(count):
                d.move[t, j] += side / weight * d.band[2, last, j]
                for k in range(count):
                    block[j, k] -= d.band[2, last, j] * d.band[2, last, k] / weight
        if d.open[t] > 0.0:
            _add_powers(d, unit, cost, ask, target, t, block)
        if t > 0:
            ahead = d.block[t - 1]
            for j in range(count):
                link = d.band[2, t, j]
                for k in range(count):
                    block[j, k] -= link * ahead[j, k] * d.band[2, t, k]
                    d.move[t, j] += link * ahead[j, k] * d.move[t - 1, k]
        _invert(block, unit)
    for t in range(last - 1, -1, -1):
        for j in range(count):
            d.share[0, j] = d.move[t, j] + (d.band[2, t + 1, j] * d.move[t + 1, j] if t < last - 1 else 0.0)
        for j in range(count):
            total = 0.0
            for k in range(count):
                total += d.block[t, j, k] * d.share[0, k]
            d.move[t, j] = total


@njit(**EXACT)
def _directions(d, unit, ask, target, asked_move):
    """Steps of powers and energies from those of u; return how far (primal, dual) they may go, inverted."""
    count, last, far, far_dual = len(unit), d.into.size, 0.0, 0.0
    for t in range(last):
        if d.open[t] > 0.0:
            rise_up, rise_down = d.part[t, 0], d.part[t, 2]
            for j in range(count):
                rise_up += d.row[2, t, j] * (d.row[4, t, j] + d.move[t, j])
                rise_down += d.row[3, t, j] * (d.row[5, t, j] - d.move[t, j])
            rise_up, rise_down = rise_up / d.part[t, 1], rise_down / d.part[t, 3]
            slack_up, slack_down = ask[0] - d.limit[t, 1], ask[1] - d.limit[t, 3]
            for j in range(count):
                dx = d.row[2, t, j] * (d.row[4, t, j] + d.move[t, j] - rise_up)
                dz = d.row[3, t, j] * (d.row[5, t, j] - d.move[t, j] - rise_down)
                slack_up, slack_down = slack_up - d.x[t, j] - dx, slack_down - d.z[t, j] - dz
                far = max(far, -dx * d.row[0, t, j], -dz * d.row[1, t, j])
                far_dual = max(
                    far_dual, 1.0 + (dx * d.x_dual[t, j] - target) * d.row[0, t, j] / d.x_dual[t, j]
                )
                far_dual = max(
                    far_dual, 1.0 + (dz * d.z_dual[t, j] - target) * d.row[1, t, j] / d.z_dual[t, j]
                )
                d.row[4, t, j], d.row[5, t, j] = dx, dz
            far = max(far, -slack_up / d.limit[t, 1], -slack_down / d.limit[t, 3])
            far_dual = max(far_dual, -rise_up / d.limit[t, 0], -rise_down / d.limit[t, 2])
            d.part[t, 0], d.part[t, 1], d.part[t, 2], d.part[t, 3] = rise_up, slack_up, rise_down, slack_down
        for j in range(count):
            after = d.move[t + 1, j] if t + 1 < last else asked_move
            de = (after - d.move[t, j] + d.band[3, t + 1, j]) * d.band[2, t + 1, j]
            low, room = d.band[0, t + 1, j], d.band[1, t + 1, j]
            far = max(far, -de * low, de * room)
            d.band[4, t + 1, j] = de
            far_dual = max(far_dual, 1.0 + de * low - target * low / d.low_dual[t + 1, j])
            far_dual = max(far_dual, 1.0 - de * room - target * room / d.high_dual[t + 1, j])
    return far, far_dual


@njit(**EXACT)
def _advance(d, unit, target, step, step_dual):
    """Take the steps."""
    for t in range(d.into.size):
        if d.open[t] > 0.0:
            d.limit[t, 0] += step_dual * d.part[t, 0]
            d.limit[t, 1] += step * d.part[t, 1]
            d.limit[t, 2] += step_dual * d.part[t, 2]
            d.limit[t, 3] += step * d.part[t, 3]
        for j in range(len(unit)):
            d.worth[t, j] += step_dual * d.move[t, j]
            de, low, room = d.band[4, t + 1, j], d.band[0, t + 1, j], d.band[1, t + 1, j]
            dual = d.low_dual[t + 1, j]
            d.low_dual[t + 1, j] += step_dual * (target * low - dual - dual * de * low)
            dual = d.high_dual[t + 1, j]
            d.high_dual[t + 1, j] += step_dual * (target * room - dual + dual * de * room)
            d.e[t + 1, j] += step * de
            if d.open[t] > 0.0:
                dx, dz, over_x, over_z = d.row[4, t, j], d.row[5, t, j], d.row[0, t, j], d.row[1, t, j]
                dual = d.x_dual[t, j]
                d.x_dual[t, j] += step_dual * (target * over_x - dual - dual * dx * over_x)
                dual = d.z_dual[t, j]
                d.z_dual[t, j] += step_dual * (target * over_z - dual - dual * dz * over_z)
                d.x[t, j] += step * dx
                d.z[t, j] += step * dz


@njit(**EXACT)
def step_inside(d, unit, cost, size, ask):
    """Take one step towards the optimum; return the sum of the products before it.

    ask: (kWh up, kWh down per interval, value of the final energy, penalty of missing it, kWh needed).
    """
    gap, number = gap_inside(d, unit, size, ask[4])
    target = CENTRE * gap / number
    side, weight = _weigh_energies(d, unit, size, ask, target)
    _eliminate(d, unit, cost, ask, target, side, weight)
    last, asked_move = d.into.size, side
    for j in range(len(unit)):
        asked_move += d.move[last - 1, j] * d.band[2, last, j]
    asked_move /= weight
    over = beyond(d, unit, ask[4])
    far, far_dual = _directions(d, unit, ask, target, asked_move)
    missing, spared, asked = d.tail[0], d.tail[1], d.tail[2]
    d_missing = missing / spared * (asked_move + target / missing - ask[3] + asked)
    d_spared = target / missing - spared - spared * d_missing / missing
    d_over = d_missing
    for j in range(len(unit)):
        d_over += d.band[4, last, j]
    far = max(far, -d_missing / missing, -d_over / over)
    far_dual = max(far_dual, -d_spared / spared, -asked_move / asked)
    step, step_dual = min(1.0, SHORTEN / max(far, 1e-9)), min(1.0, SHORTEN / max(far_dual, 1e-9))
    _advance(d, unit, target, step, step_dual)
    d.tail[0] += step * d_missing
    d.tail[1] += step_dual * d_spared
    d.tail[2] += step_dual * asked_move
    return gap
