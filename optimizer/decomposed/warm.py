"""Re-planning: multipliers and powers of the previous plan, moved on by the intervals that have passed.

previous plan   │0 1 2 3 … T-1│            elapsed = 2
start of now        │2 3 … T-1│· ·│        the new end repeats the last prices, with idle assets
"""

from __future__ import annotations

import numpy as np

from optimizer.decomposed.coupling import Coupling
from optimizer.decomposed.fleet import Fleet
from optimizer.decomposed.kept import net_powers
from optimizer.follow import read_only
from optimizer.plan import Warm
from optimizer.problem import Floats


def shifted(values: Floats, elapsed: int, *, repeat: bool) -> Floats:
    """Drop the first columns and fill the end with the last column, or with zeros."""
    if elapsed <= 0:
        return np.array(values)
    kept = values[..., elapsed:]
    shape = (*values.shape[:-1], min(elapsed, values.shape[-1]))
    fill = np.broadcast_to(values[..., -1:], shape) if repeat else np.zeros(shape)
    return np.concatenate([kept, fill], axis=-1)


def warm_powers(fleet: Fleet, warm: Warm) -> Floats:
    """Signed powers (N, T; positive charges) in kernel order; nothing is known of the new end."""
    schedule = warm.plan.schedule
    charge, discharge = read_only(schedule.charge_kw), read_only(schedule.discharge_kw)
    return net_powers(fleet, charge, discharge, max(warm.elapsed_intervals, 0))


def warm_multipliers(coupling: Coupling, warm: Warm, interval_h: float) -> None:
    """Share the previous prices out over the ramps, in place: the peak's own, then from the lowest kink."""
    prices = warm.plan.prices
    if prices is None:
        return
    first, scenarios = coupling.peak_first, len(coupling.peak_price)
    peak = shifted(prices.peak_per_kw, warm.elapsed_intervals, repeat=True) / interval_h
    rest = shifted(prices.balance_per_kwh, warm.elapsed_intervals, repeat=True) - coupling.base - peak
    for s in range(scenarios):
        whole = coupling.peak_price.sum()
        coupling.multiplier[first + s] = peak * (coupling.peak_price[s] / whole if whole > 0.0 else 0.0)
        total = coupling.multiplier[first + s].sum()
        if total > coupling.peak_price[s] > 0.0:
            coupling.multiplier[first + s] *= coupling.peak_price[s] / total
    every = np.arange(coupling.kink.shape[1])
    for k in np.argsort(coupling.kink[:first], axis=0, kind="stable"):  # low kinks saturate first
        coupling.multiplier[k, every] = np.clip(rest, 0.0, coupling.step[k, every])
        rest = rest - coupling.multiplier[k, every]
    feeder = (
        shifted(prices.feeder_per_kwh, warm.elapsed_intervals, repeat=True) - coupling.feeder_base[:, None]
    )
    for k in (
        *range(1, 2 * scenarios, 2),
        *range(0, 2 * scenarios, 2),
    ):  # export limits lie below import limits
        coupling.feeder_multiplier[:, k] = np.clip(feeder, 0.0, coupling.feeder_step[:, k])
        feeder = feeder - coupling.feeder_multiplier[:, k]
