"""Whose schedule is worth another look: what each asset pays above its own least cost at the best prices.

    regret_i = own cost_i + price · power_i - V_i  >= 0,     V_i: its part of the bound at the same prices

The gap is the sum of the regrets and what the grid loses between prices and plan. Nine tenths of it are
held by a few assets in a hundred, so the dear search for modes visits these alone.
"""

from __future__ import annotations

import numpy as np

from optimizer.decomposed.bound import prices_of
from optimizer.decomposed.coupling import Coupling
from optimizer.decomposed.fleet import Fleet
from optimizer.problem import Floats, Ints


def spent(fleet: Fleet, coupling: Coupling, power_kw: Floats) -> Floats:
    """What every record pays for its powers (N, T; positive charges) at the coupling's prices, money (N)."""
    price, paid = prices_of(coupling), np.zeros(len(fleet))
    for f in range(fleet.feeders):
        rows = slice(fleet.feeder_first[f], fleet.feeder_first[f + 1])
        paid[rows] = fleet.interval_h * np.einsum("nt,t->n", power_kw[rows], price[f])
    return paid


def regrets(fleet: Fleet, coupling: Coupling, values: Floats, power_kw: Floats, own_cost: Floats) -> Floats:
    """Regret of every record at the coupling's prices, whose bound has the parts `values`; money (N)."""
    return own_cost + spent(fleet, coupling, power_kw) - values


def keenest(regret: Floats, share: float, most: float = 1.0) -> Ints:
    """Rows, ascending, of the fewest records that hold `share` of all regret; at most the part `most`."""
    order = np.argsort(-regret, kind="stable")
    held = np.cumsum(regret[order])
    count = int(np.searchsorted(held, share * held[-1])) + 1
    return np.sort(order[: min(count, int(np.ceil(most * len(regret))))])
