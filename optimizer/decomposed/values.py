"""What every asset costs at least against prices, budgets, reserve and wear by depth included."""

from __future__ import annotations

import numpy as np
from numba import njit, prange

from optimizer.decomposed.answer import answer, move_weights, new_desk, private_prices
from optimizer.decomposed.coupling import ALLOCATING, EXACT
from optimizer.decomposed.depth import potential_constant
from optimizer.decomposed.fleet import Fleet
from optimizer.decomposed.oracle import counted_best, relaxed_value
from optimizer.decomposed.private import DOWN, UP, Private
from optimizer.problem import Floats

ROUNDS = 12
"""At most this many prices of a budget are tried in one bound."""


@njit(**EXACT)
def _with_budget(asset, stays, p, i, price, held_price, interval_h, penalty, d):
    """The best bound over the budget's price: secant between the tangents of a concave function."""
    budget = p.budget_kwh[i]
    beta, best, found = p.budget_price[i, 1], -np.inf, 0.0
    low, low_value, low_slope, high, high_value, high_slope = 0.0, -np.inf, -1.0, np.inf, -np.inf, 0.0
    reach = 0.01
    for _ in range(ROUNDS):
        value, drawn = answer(asset, stays, p, i, price, held_price, beta, interval_h, penalty, d)
        if not budget < np.inf:
            return value
        value, rise = value - beta * budget, drawn - budget
        if value > best:
            best, found = value, beta
        if rise > 0.0:
            low, low_value, low_slope = beta, value, rise
        else:
            high, high_value, high_slope = beta, value, rise
        if abs(rise) < 1e-9 or (rise <= 0.0 and beta <= 0.0):
            break
        if high == np.inf:
            beta = low + reach
            reach *= 3.0
        elif low_value == -np.inf:
            beta = max(0.0, high - reach)
            reach *= 3.0
        else:
            beta = (high_value - low_value + low_slope * low - high_slope * high) / (low_slope - high_slope)
            top = low_value + low_slope * (beta - low)
            if top - best < 1e-7 * (1.0 + abs(best)) or not low < beta < high:
                break
    p.budget_price[i, 1] = found
    return best


@njit(**EXACT)
def _counted(asset, stays, p, i, price, held_price, interval_h, penalty, d, scratch):
    """The exact optimum by counting, for a charger whose reserve is bound by its power alone."""
    stay = stays[asset.first_stay]
    ordered, extra, place = scratch
    constant = 0.0
    for t in range(price.size):
        d.adjusted[t] = price[t]
        if p.asked.shape[1] > 0:
            d.adjusted[t] += held_price[DOWN, t] - held_price[UP, t]
            if stay.from_interval <= t < stay.to_interval:
                constant += held_price[UP, t] * p.power_kw[i, UP] + held_price[DOWN, t] * p.power_kw[i, DOWN]
    value, _ = counted_best(asset, stay, d.adjusted, penalty, interval_h, ordered, place, extra)
    return value - interval_h * constant


@njit(**ALLOCATING)
def _value_rows(assets, stays, p, price, held_price, interval_h, penalty, rounds, first, last, out):
    """Write those of the records first to last."""
    intervals = price.shape[1]
    d = new_desk(intervals)
    scratch = (np.empty(intervals + 1), np.empty(intervals), np.empty(intervals, np.int64))
    key, width, threshold = np.empty(4), np.empty(4), np.empty(4)
    for i in range(first, last):
        asset = assets[i]
        mine = price[asset.feeder]
        best = -np.inf
        if asset.counted == 1 and p.depth_row[i] < 0:
            best = _counted(asset, stays, p, i, mine, held_price, interval_h, penalty, d, scratch)
        if p.rich[i] == 0:
            if asset.counted == 0:
                best = relaxed_value(
                    asset, stays, mine, interval_h, penalty, d.slope, d.length, key, width, threshold
                )
            out[i] = best
            continue
        constant = potential_constant(p, i, asset, stays) if p.depth_row[i] >= 0 else 0.0
        for k in range(rounds if p.asked.shape[1] > 0 else 1):
            private_prices(asset, p, i, held_price, d.charge, d.discharge, interval_h)
            value = _with_budget(asset, stays, p, i, mine, held_price, interval_h, penalty, d)
            best = max(best, value + constant)
            if p.asked.shape[1] > 0:
                move_weights(asset, stays, p, i, d.power, d.before, d.after, interval_h, 1.0 / (k + 3.0))
        out[i] = best


@njit(parallel=True, cache=True, nogil=True, **ALLOCATING)
def _values(assets, stays, p, price, held_price, interval_h, penalty, rounds, chunk, out):
    """Write the bound of every asset against the prices (F, T) of its feeder; `rounds` of better weights."""
    for c in prange((assets.size + chunk - 1) // chunk):
        first, last = c * chunk, min(assets.size, (c + 1) * chunk)
        _value_rows(assets, stays, p, price, held_price, interval_h, penalty, rounds, first, last, out)


def private_values(
    fleet: Fleet, private: Private, price_per_kwh: Floats, held_price: Floats, *, rounds: int = 2
) -> Floats:
    """Bound of every record against prices (F, T) and what a kW of reserve earns (2, T), in money; (N)."""
    out = np.empty(len(fleet))
    chunk = max(16, min(256, len(fleet) // 16))
    _values(
        fleet.assets, fleet.stays, private, np.ascontiguousarray(price_per_kwh), held_price,
        fleet.interval_h, fleet.penalty_per_kwh, rounds, chunk, out,
    )  # fmt: skip
    return out
