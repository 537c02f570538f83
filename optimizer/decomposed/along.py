"""Loops of `interior` along the blocks of one store: the compiler makes vectors of them."""

from __future__ import annotations

from numba import njit

from optimizer.decomposed.coupling import FAST
from optimizer.decomposed.inside import HIGH, LOW, X, Z


@njit(**FAST)
def invert_all(values, shift, over, count):
    for b in range(count):
        over[b] = 1.0 / values[b + shift]


@njit(**FAST)
def multiply(one, other, out, count):
    for b in range(count):
        out[b] = one[b] * other[b]


@njit(**FAST)
def weigh_energy(low, over_low, high, over_high, weight, count):
    for b in range(count):
        weight[b + 1] = 1.0 / (low[b] * over_low[b] + high[b] * over_high[b])


@njit(**FAST)
def sides_of_powers(d, j, cost, toll, count):
    """Leave the right sides of x and z in their ways, and what they add to that of the share."""
    for b in range(count):
        pull = d.into[b] + d.share[1, b] * d.per_up[b]
        d.way_x[j, b] = d.worth[j, b] - pull + d.aim[X, j, b] * d.over[X, j, b]
    for b in range(count):
        pull = cost + toll + d.share[1, b] * d.per_down[b]
        d.way_z[j, b] = d.earn[b] - pull - d.worth[j, b] + d.aim[Z, j, b] * d.over[Z, j, b]
    for b in range(count):
        d.part[2, b] += (d.x[j, b] + d.weight_x[j, b] * d.way_x[j, b]) * d.per_up[b]
    for b in range(count):
        d.part[2, b] += (d.z[j, b] + d.weight_z[j, b] * d.way_z[j, b]) * d.per_down[b]


@njit(**FAST)
def sides_of_energy(d, j, count):
    """Leave the right side of e in its way, and write that of the balance."""
    for b in range(count):
        pull = d.aim[LOW, j, b] * d.over[LOW, j, b] - d.aim[HIGH, j, b] * d.over[HIGH, j, b]
        d.way_e[j, b + 1] = d.worth[j, b + 1] - d.worth[j, b] + pull
    for b in range(count):
        d.right[j, b] = d.e[j, b + 1] - d.e[j, b] - d.x[j, b] + d.z[j, b]
    for b in range(count):
        d.right[j, b] += d.weight_e[j, b + 1] * d.way_e[j, b + 1] - d.weight_e[j, b] * d.way_e[j, b]
    for b in range(count):
        pull = d.weight_z[j, b] * d.way_z[j, b] - d.weight_x[j, b] * d.way_x[j, b]
        d.right[j, b] += pull + d.turn[j, b] * d.part[2, b] * d.part[0, b]


@njit(**FAST)
def ways_of_powers(d, j, toll, count):
    """Steps of x and z of a store from those of u and of the share."""
    for b in range(count):
        d.way_x[j, b] = d.weight_x[j, b] * (d.way_x[j, b] + d.move[j, b] - d.part[4, b] * d.per_up[b])
    for b in range(count):
        pull = d.move[j, b] + toll + d.part[4, b] * d.per_down[b]
        d.way_z[j, b] = d.weight_z[j, b] * (d.way_z[j, b] - pull)
    for b in range(count):
        d.part[3, b] -= (d.x[j, b] + d.way_x[j, b]) * d.per_up[b]
    for b in range(count):
        d.part[3, b] -= (d.z[j, b] + d.way_z[j, b]) * d.per_down[b]


@njit(**FAST)
def ways_of_energy(d, j, count):
    for b in range(count):
        pull = d.move[j, b + 1] - d.move[j, b]
        d.way_e[j, b + 1] = d.weight_e[j, b + 1] * (d.way_e[j, b + 1] + pull)


@njit(**FAST)
def way_of_dual(aim, over, over_dual, way, shift, sign, out, count):
    """Relative steps of the multipliers of one kind; return how far (primal, dual) both may go, inverted."""
    far = far_dual = 0.0
    for b in range(count):
        part = sign * way[b + shift] * over[b]
        out[b] = aim[b] * over[b] * over_dual[b] - 1.0 - part
        far = max(far, -part)
        far_dual = max(far_dual, -out[b])
    return far, far_dual


@njit(**FAST)
def dot(one, other, count):
    total = 0.0
    for j in range(one.shape[0]):
        for b in range(count):
            total += one[j, b] * other[j, b]
    return total


@njit(**FAST)
def aim_of(way, shift, way_dual, dual, sign, target, out, count):
    for b in range(count):
        out[b] = target - sign * way[b + shift] * way_dual[b] * dual[b]


@njit(**FAST)
def step_along(values, way, shift, step, count):
    for b in range(count):
        values[b + shift] += step * way[b + shift]


@njit(**FAST)
def scale_along(values, way, step, count):
    for b in range(count):
        values[b] *= 1.0 + step * way[b]
