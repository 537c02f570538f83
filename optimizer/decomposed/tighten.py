"""The last step of a bound: assets that the relaxed bound falls short of most are bounded on cells of energy.

A few of them hold most of the distance between the relaxed bound and the schedule, so those with the most
regret come first, and only so many.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from optimizer.decomposed.bound import prices_of
from optimizer.decomposed.cells import cells_values
from optimizer.decomposed.coupling import Coupling
from optimizer.decomposed.courses import SMALL
from optimizer.decomposed.fleet import Fleet
from optimizer.plan import EnergyWorths
from optimizer.problem import Floats, Ints

MOST = 800
"""Assets bounded on cells in one plan; one takes a millisecond or two."""
ENOUGH = 1e-5
"""... and so many that the others hold at most this share of the bound."""


def tighten(
    fleet: Fleet, coupling: Coupling, values: Floats, above: Floats, bound: float, rows: Ints
) -> tuple[Floats, EnergyWorths | None]:
    """Return better bounds of the records (N), and the worths that prove them.

    values: the relaxed bounds, above: how much more the schedule costs (N), rows: who may be looked at.
    """
    order = rows[np.argsort(-above[rows], kind="stable")]
    rest = np.cumsum(np.maximum(above[order], 0.0)[::-1])[::-1]  # from each on
    chosen = order[: min(MOST, int(np.count_nonzero(rest > ENOUGH * abs(bound))))]
    if not len(chosen):
        return values, None
    found, cell_kwh, worth = cells_values(fleet, np.sort(chosen), prices_of(coupling))
    chosen = np.sort(chosen)
    better = found > values[chosen]
    if not better.any():
        return values, None
    raised = values.copy()
    raised[chosen] = np.maximum(values[chosen], found)
    worths = EnergyWorths(
        asset=fleet.order[chosen[better]], cell_kwh=cell_kwh[better], worth_per_kwh=worth[better]
    )
    return raised, worths


def candidates(fleet: Fleet, coupling: Coupling, rich: Ints | None) -> Ints:
    """Return the records that cells can bound: both directions, one span of connection, nothing of its own.

    Without a minimum power the relaxed bound falls short only where doing both at once would pay: at prices
    below -wear (1 + eta) / (1 - eta), eta the efficiency there and back. In a large fleet those with
    minimum powers count alone: they hold nearly all the regret there, and a record takes a millisecond.
    """
    assets, stays = fleet.assets, fleet.stays
    two = (assets["max_charge_kw"] > 0.0) & (assets["max_discharge_kw"] > 0.0)
    first, last = stays[assets["first_stay"]], stays[assets["last_stay"] - 1]
    count = assets["last_stay"] - assets["first_stay"]
    joined = (first["to_interval"] == last["from_interval"]) & (first["trip_kwh"] == 0.0)
    joined &= (first["target_kwh"] == 0.0) & (count == 2)  # charging only at first, then both ways
    worth_it = assets["stepped"] == 1
    if len(fleet) <= SMALL:
        worth_it |= _burns(fleet, coupling)
    plain = True if rich is None else rich == 0
    return np.flatnonzero(two & ((count == 1) | joined) & worth_it & plain)


def _burns(fleet: Fleet, coupling: Coupling) -> NDArray[np.bool_]:
    """Tell who would charge and discharge at once in some interval, if it could."""
    assets = fleet.assets
    lowest = prices_of(coupling).min(axis=1)[assets["feeder"]]
    eta = assets["charge_kwh_per_kw"] / assets["discharge_kwh_per_kw"]
    return np.asarray(lowest * (1.0 - eta) < -assets["wear_cost_per_kwh"] * (1.0 + eta))
