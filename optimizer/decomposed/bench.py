"""What one lane of a private sweep works with beside `work`, and what a trial schedule would change."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from optimizer.decomposed.coupling import ALLOCATING, EXACT
from optimizer.decomposed.measure import measure
from optimizer.decomposed.reserve import held_change
from optimizer.decomposed.step import change
from optimizer.decomposed.stores import Shelf, new_shelf
from optimizer.problem import Floats, Ints


class Bench(NamedTuple):
    """Scratch arrays of one lane beside those of `step`."""

    base: Floats  # (T): the shared base price
    charge: Floats  # (T): added to the price of charging
    discharge: Floats  # (T): taken off the price of discharging
    price: Floats  # (T)
    held_price: Floats  # (2, T)
    held_rest: Floats  # (2, T): kW held by the others
    share: Floats  # (2, T): held at the trial schedule
    share_old: Floats
    share_best: Floats
    segments: Floats  # (J)
    energy: Floats  # (T): at the start of the interval
    after: Floats  # (T)
    low_path: Floats  # (T): powers within the budget
    high_path: Floats  # (T): powers beyond the budget
    ordered: Floats  # (T + 1), for counting
    extra: Floats
    place: Ints
    shelf: Shelf


@njit(**ALLOCATING)
def new_bench(intervals, depth, asked):
    """Allocate the scratch arrays of one lane."""
    return Bench(
        np.zeros(intervals),
        np.zeros(intervals),
        np.zeros(intervals),
        np.zeros(intervals),
        np.zeros((2, asked)),
        np.zeros((2, asked)),
        np.zeros((2, asked)),
        np.zeros((2, asked)),
        np.zeros((2, asked)),
        np.zeros(depth),
        np.zeros(intervals),
        np.zeros(intervals),
        np.zeros(intervals),
        np.zeros(intervals),
        np.zeros(intervals + 1),
        np.zeros(intervals),
        np.zeros(intervals, np.int64),
        new_shelf(depth, intervals),
    )


@njit(**EXACT)
def _held_change(held, asset, b, interval_h):
    """Change of the smoothed reserve cost from share_old to share, in money."""
    total = 0.0
    for way in range(2):
        for t in range(b.share.shape[1]):
            if b.share[way, t] != b.share_old[way, t]:
                rest, m = b.held_rest[way, t], asset.weight
                total += held_change(held, way, t, rest + m * b.share[way, t], rest + m * b.share_old[way, t])
    return interval_h * total


@njit(**EXACT)
def gain_of(c, held, asset, stays, p, i, new, old, own_old, previous, settings, w, b):
    """Return (change of the smoothed total cost from old to new, exact own cost of new)."""
    own, drawn = measure(
        asset, stays, p, i, new, settings.interval_h, settings.penalty_per_kwh, b.segments, b.energy, b.share
    )
    gain = change(c, asset, new, old, own, own_old, previous, settings, w)
    gain += _held_change(held, asset, b, settings.interval_h)
    if drawn > p.budget_kwh[i] + 1e-9:
        gain = np.inf
    return gain, own
