"""The Lagrangian bound: what any schedule must cost at least, from multipliers and the asset oracle.

For multipliers m_tk in [0, step_tk] (peaks: also sum over t at most the peak price),

    bound = dt sum [ base_t x ... ] relaxed:  -dt sum_tk m_tk kink_tk  +  sum_i V_i(prices),
    price_ft = base_t + sum_k m_tk + feeder_base_f + sum_k m_ftk,

because step max(0, x - kink) >= m (x - kink). The uncontrolled load is paid by the kinks' own offsets.
"""

from __future__ import annotations

import numpy as np

from optimizer.decomposed.coupling import FAR_KW, Coupling
from optimizer.decomposed.fleet import Fleet
from optimizer.decomposed.oracle import asset_values
from optimizer.decomposed.private import Private
from optimizer.decomposed.reserve import Held, held_constant, held_prices
from optimizer.decomposed.values import private_values
from optimizer.problem import Floats


def prices_of(coupling: Coupling) -> Floats:
    """Price of net charging per feeder and interval at the multipliers, shape (F, T), money per kWh."""
    balance = coupling.base + coupling.multiplier.sum(axis=0)
    feeder = coupling.feeder_base[:, None] + coupling.feeder_multiplier.sum(axis=1)
    return np.asarray(balance[None, :] + feeder, dtype=np.float64)


def constant_of(coupling: Coupling, interval_h: float) -> float:
    """The multipliers' part of the bound, -dt sum m * kink over all ramps with a finite kink, in money.

    A ramp whose kink is minus FAR (no export limit) is saturated and contributes nothing with its base.
    The peak ramps' kinks are taken at the peak so far: peak_price * max(0, top - so far).
    """
    kink = coupling.kink.copy()
    kink[coupling.peak_first :] = coupling.peak_floor - coupling.peak_load
    total = float((coupling.multiplier * kink).sum())
    near = np.abs(coupling.feeder_kink) < 0.5 * FAR_KW
    total += float((coupling.feeder_multiplier * np.where(near, coupling.feeder_kink, 0.0)).sum())
    return -interval_h * total


def private_bound(
    fleet: Fleet, coupling: Coupling, private: Private, held: Held, offset: float
) -> tuple[float, Floats]:
    """The same with budgets, reserve and wear by depth; improves the multipliers in `private` a little."""
    values = private_values(fleet, private, prices_of(coupling), held_prices(held)) * fleet.assets["weight"]
    constant = constant_of(coupling, fleet.interval_h) + held_constant(held, fleet.interval_h) + offset
    allowance = 1e-12 * (float(np.abs(values).sum()) + abs(constant))
    return float(values.sum()) + constant - allowance, values


def lower_bound(fleet: Fleet, coupling: Coupling, offset: float) -> tuple[float, Floats]:
    """Valid lower bound of the whole problem's cost at the coupling's multipliers, and each asset's part (N).

    A rounding allowance of 1e-9 of the sum of magnitudes is taken off.
    """
    values = asset_values(fleet, prices_of(coupling)) * fleet.assets["weight"]
    constant = constant_of(coupling, fleet.interval_h) + offset
    allowance = 1e-12 * (float(np.abs(values).sum()) + abs(constant))
    return float(values.sum()) + constant - allowance, values
