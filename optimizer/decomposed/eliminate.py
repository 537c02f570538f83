"""The block tridiagonal system of `interior`: eliminated forward in time, solved backward."""

from __future__ import annotations

from numba import njit

from optimizer.decomposed.coupling import EXACT

USUAL = (0, 0, 0, 0)
"""As long as there are usually stores: blocks of that size are inverted in registers."""


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
def _factor_as(d, unit, tail_weight):
    """Eliminate forward in time: invert every block."""
    depth, last = len(unit), d.blocks[0] - 1
    for b in range(last + 1):
        a, over = d.inverse[b], d.part[0, b]
        for j in range(depth):
            pull, link = d.turn[j, b] * over, d.weight_e[j, b]
            for k in range(depth):
                a[j, k] = -pull * d.turn[k, b]
                if b > 0:
                    a[j, k] -= link * d.inverse[b - 1, j, k] * d.weight_e[k, b]
                if b == last:
                    a[j, k] -= d.weight_e[j, b + 1] * d.weight_e[k, b + 1] / tail_weight
            a[j, j] += d.weight_e[j, b + 1] + link + d.weight_x[j, b] + d.weight_z[j, b] + 1e-10
        _invert(a, unit)


@njit(**EXACT)
def _substitute_as(d, unit, right, out):
    """Solve the factored system; changes `right`."""
    depth, last = len(unit), d.blocks[0] - 1
    for b in range(1, last + 1):
        for j in range(depth):
            total = 0.0
            for k in range(depth):
                total += d.inverse[b - 1, j, k] * right[k, b - 1]
            right[j, b] += d.weight_e[j, b] * total
    for b in range(last, -1, -1):
        if b < last:
            for j in range(depth):
                right[j, b] += d.weight_e[j, b + 1] * out[j, b + 1]
        for j in range(depth):
            total = 0.0
            for k in range(depth):
                total += d.inverse[b, j, k] * right[k, b]
            out[j, b] = total


@njit(**EXACT)
def substitute(d, right, out):
    """Solve the factored system for `out`; changes `right`."""
    if d.x.shape[0] == len(USUAL):
        _substitute_as(d, USUAL, right, out)
    else:
        _substitute_as(d, d.e[:, 0], right, out)


@njit(**EXACT)
def factor(d, tail_weight):
    """Eliminate forward in time; leaves the inverted blocks in d.inverse."""
    if d.x.shape[0] == len(USUAL):
        _factor_as(d, USUAL, tail_weight)
    else:
        _factor_as(d, d.e[:, 0], tail_weight)
