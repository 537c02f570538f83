"""The last step of a bound: assets whose minimum powers cost much are bounded on cells of energy.

A few of them hold most of the distance between the relaxed bound and the schedule, so those with the most
regret come first, and only so many.
"""

from __future__ import annotations

import numpy as np

from optimizer.decomposed.bound import prices_of
from optimizer.decomposed.cells import cells_values, eligible
from optimizer.decomposed.coupling import Coupling
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


def candidates(fleet: Fleet, rich: Ints | None) -> Ints:
    """Return the records that cells can bound: without budget, reserve or wear by depth."""
    rows = eligible(fleet)
    return rows if rich is None else rows[rich[rows] == 0]
