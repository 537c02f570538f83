"""The shared price of one interval as one asset sees it, over what the asset itself can do there.

Of all ramps clip(offset + stiffness * x, 0, step) of portfolio and feeder (with load scenarios a hundred)
nearly all are zero, full or straight over the asset's own range of powers, low .. high: the full and the
straight ones are summed, and only those that bend within it are kept one by one.

    price ▲         ┌────── full              price(p) = start + rise * p + bent ones(p),
          │   ├───/──┤      straight          p the asset's own power, all others at rest
          │ ─────┘├──┤      bent
          └───low──high──► p
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from optimizer.decomposed.coupling import ALLOCATING, EXACT, FAST
from optimizer.problem import Floats


class Nearby(NamedTuple):
    """Scratch arrays: the bent ramps clip(start + rise * p, 0, top) of one interval."""

    start: Floats
    rise: Floats
    top: Floats


@njit(**ALLOCATING)
def new_nearby(ramps):
    """Allocate room for all ramps of an interval."""
    return Nearby(np.empty(ramps), np.empty(ramps), np.empty(ramps))


@njit(**EXACT)
def _gather(offset, step, stiffness, t, rest, weight, low, high, count, near):
    """Append the bent ramps of interval t; return (their number, start and rise of all others' sum)."""
    starts, rises, tops, rise = near.start, near.rise, near.top, stiffness * weight
    flat, straight = 0.0, 0
    for k in range(offset.shape[0]):
        top, start = step[k, t], offset[k, t] + stiffness * rest
        first, last = start + rise * low, start + rise * high
        if last <= 0.0 or top <= 0.0:
            continue
        if first >= top:
            flat += top
        elif first >= 0.0 and last <= top:
            flat += start
            straight += 1
        else:
            starts[count], rises[count], tops[count] = start, rise, top
            count += 1
    return count, flat, straight * rise


@njit(**EXACT)
def gather(c, t, rest, rest_feeder, weight, low, high, near):
    """Write the ramps of interval t that bend within low .. high; return (number, start, rise)."""
    count, start, rise = _gather(c.offset, c.step, c.stiffness, t, rest, weight, low, high, 0, near)
    count, more, steeper = _gather(
        c.feeder_offset, c.feeder_step, c.feeder_stiffness, t, rest_feeder, weight, low, high, count, near
    )
    return count, c.base[t] + start + more, rise + steeper


@njit(**FAST)
def cost_at(power, count, start, rise, near):
    """Shared cost per hour of the asset's own power, but for a constant: the integral of its price."""
    total = (start + 0.5 * rise * power) * power
    for k in range(count):
        top, steep = near.top[k], near.rise[k]
        ramp = near.start[k] + steep * power
        inside = min(max(ramp, 0.0), top)
        total += (0.5 * inside * inside + top * max(ramp - top, 0.0)) / steep
    return total
