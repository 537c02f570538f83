"""Reserve as one more coupling of the fleet: what all shares together earn, as ramps of their sum.

With R_t the kW held in one direction, best paid product first, the revenue is concave in R; its negative is

    dt * sum_t [ base_t R_t + sum_k step_tk max(0, R_t - kink_tk) ],   base = - best price

    price ▲ ────┐ p1                kinks: the products' sizes added up
          │     └──┐ p2             the price of a kW more falls from p1 to zero
          └─────┴──┴────► R         prices stay within [0, p1] for any multipliers in [0, step]
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from optimizer.decomposed.coupling import EXACT, FAR_KW
from optimizer.problem import Floats, Problem


class Held(NamedTuple):
    """Ramps over the kW held up and down, (2, K, T); no products: T = 0."""

    base: Floats  # (2, T)
    kink: Floats  # (2, K, T)
    multiplier: Floats  # (2, K, T)
    step: Floats  # (2, K, T)
    stiffness: Floats  # (2): money per kWh and kW


def compile_held(problem: Problem) -> Held:
    """Lay out the products as ramps; multipliers start at half their step."""
    reserve = problem.reserve
    if reserve is None or not len(reserve):
        empty = np.zeros((2, 1, 0))
        return Held(np.zeros((2, 0)), empty, empty, empty, np.ones(2))
    count, time = len(reserve), np.arange(problem.intervals)
    base = np.zeros((2, problem.intervals))
    kink, step = np.full((2, count, problem.intervals), FAR_KW), np.zeros((2, count, problem.intervals))
    order = np.argsort(-reserve.price_per_kw_h, kind="stable")
    for way, up in enumerate((True, False)):
        sold, last = np.zeros(problem.intervals), np.full(problem.intervals, -1)
        for k, r in enumerate(order):
            runs = (time >= reserve.from_interval[r]) & (time < reserve.to_interval[r])
            runs &= bool(reserve.up[r]) == up
            price = reserve.price_per_kw_h[r]
            base[way] = np.where(runs & (last < 0), -price, base[way])
            follows = np.flatnonzero(runs & (last >= 0))
            step[way, last[follows], follows] -= price
            sold = np.where(runs, sold + reserve.max_kw[r], sold)
            kink[way, k] = np.where(runs, sold, FAR_KW)
            step[way, k] = np.where(runs, price, 0.0)
            last = np.where(runs, k, last)
    return Held(base, kink, 0.5 * step, step, np.ones(2))


def scale_of_held(held: Held) -> Floats:
    """Width of the smoothing for one mean size of the products, per direction: price over kW."""
    far = held.kink > 0.5 * FAR_KW
    size = np.where(far, 0.0, held.kink).max(axis=1)
    mean = np.array([s[s > 0.0].mean() if (s > 0.0).any() else 1.0 for s in size])
    best = np.maximum(-held.base.min(axis=1, initial=0.0), 1e-3)
    width: Floats = best / np.maximum(mean, 1e-3)
    return width


def held_prices(held: Held) -> Floats:
    """What a kW more held earns at the multipliers, (2, T), money per kW and hour."""
    prices: Floats = np.maximum(-(held.base + held.multiplier.sum(axis=1)), 0.0)
    return prices


def held_constant(held: Held, interval_h: float) -> float:
    """The multipliers' part of the bound, in money."""
    return -interval_h * float((held.multiplier * np.where(held.step > 0.0, held.kink, 0.0)).sum())


def held_cost(held: Held, held_kw: Floats, interval_h: float) -> float:
    """Exact negative revenue of the sums (2, T), in money."""
    over = np.maximum(held_kw[:, None, :] - held.kink, 0.0)
    return interval_h * float((held.base * held_kw).sum() + (held.step * over).sum())


def move_held(held: Held, held_kw: Floats, share: float) -> None:
    """Method of multipliers, as for the other ramps; in place."""
    ramp = held.multiplier + held.stiffness[:, None, None] * (held_kw[:, None, :] - held.kink)
    held.multiplier[:] += share * (np.clip(ramp, 0.0, held.step) - held.multiplier)


@njit(**EXACT)
def held_price(held, way, t, held_kw):
    """Smoothed price of a kW more at the sum `held_kw`."""
    price = held.base[way, t]
    for k in range(held.kink.shape[1]):
        ramp = held.multiplier[way, k, t] + held.stiffness[way] * (held_kw - held.kink[way, k, t])
        price += min(max(ramp, 0.0), held.step[way, k, t])
    return max(-price, 0.0)


@njit(**EXACT)
def held_change(held, way, t, new, old):
    """Change of the smoothed cost per hour as the sum goes from old to new."""
    total, r = held.base[way, t] * (new - old), held.stiffness[way]
    for k in range(held.kink.shape[1]):
        top = held.step[way, k, t]
        if top <= 0.0:
            continue
        a = held.multiplier[way, k, t] + r * (old - held.kink[way, k, t])
        b = held.multiplier[way, k, t] + r * (new - held.kink[way, k, t])
        ia, ib = min(max(a, 0.0), top), min(max(b, 0.0), top)
        total += (0.5 * (ib * ib - ia * ia) + top * (max(b - top, 0.0) - max(a - top, 0.0))) / r
    return total
