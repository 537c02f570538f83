"""The exchange where exporting pays more than importing costs: concave, so bounded by its chord.

cost ▲        /         import: n * import price, export: n * export price, only the net n counts.
     │      _/          With prices the wrong way round the cost bends down at zero. Between the least
     │   _-‾            and the most that the fleet can make of the net, it lies above its chord, and
     │ /‾               the fleet as a whole can come close to that by taking both sides.
     └──────────► n
"""

from __future__ import annotations

import numpy as np

from optimizer.problem import Floats, Problem


def is_crossed(problem: Problem) -> bool:
    """Tell whether export pays more than import costs, carbon included, in any interval."""
    portfolio = problem.portfolio
    price = portfolio.import_price_per_kwh + problem.carbon_price_per_kg * portfolio.carbon_kg_per_kwh
    return bool((price < portfolio.export_price_per_kwh).any())


def crossed_chord(problem: Problem, total: Floats) -> tuple[Floats, Floats]:
    """Chord of the exchange cost where export pays more than import costs, against the export price.

    Over what the fleet can make of the net n between lo and hi, import n or export -n cost at least the
    straight line between both ends. Returns what its slope has above the export price, (S, T), and the sum
    of its level at n = 0 over the intervals, (S); both zero where prices do not cross.
    """
    export = problem.portfolio.export_price_per_kwh[None, :]
    price = problem.portfolio.import_price_per_kwh + (
        problem.carbon_price_per_kg * problem.portfolio.carbon_kg_per_kwh
    )
    crossed = price[None, :] < export
    if not crossed.any():
        return np.zeros_like(total), np.zeros(len(total))
    low, high = total - problem.assets.max_discharge_kw.sum(), total + problem.assets.max_charge_kw.sum()
    at_low = np.where(low > 0.0, price, export) * low
    at_high = np.where(high > 0.0, price, export) * high
    slope = np.divide(at_high - at_low, high - low, out=export + np.zeros_like(low), where=high > low)
    level = np.where(crossed, at_low - slope * low, 0.0).sum(axis=1)
    return np.where(crossed, slope - export, 0.0), np.asarray(level, dtype=np.float64)


def crossed_excess(problem: Problem, share: Floats, total: Floats, fleet_kw: Floats) -> float:
    """What the exchange costs above that chord at the fleet's net charging (T), in money."""
    slope, level = crossed_chord(problem, total)
    if not slope.any():
        return 0.0
    carbon = problem.carbon_price_per_kg * problem.portfolio.carbon_kg_per_kwh
    step = np.minimum(
        problem.portfolio.import_price_per_kwh + carbon - problem.portfolio.export_price_per_kwh, 0.0
    )
    net = total + fleet_kw
    exact = (np.maximum(net, 0.0) * step - slope * net).sum(axis=1) - level
    return problem.interval_h * float(share @ exact)
