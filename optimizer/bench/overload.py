"""Overload that a plan could have avoided, in kWh, for one load and for a schedule over many.

Without load scenarios what the fleet adds to the overload that there is with it at rest counts whole: the
penalty stands above every price. With scenarios the schedule is one, and a scenario's overload costs only
its probability times the penalty. With

    h(x) = penalty * sum over s of p_s * (overload of a limit in scenario s, fleet at x kW)

a fleet at rest would save h(x) - h(0), and would lose what the energy is worth; so would any power between.
The plan's own price of the limit says what the energy is worth, and the same price proves the bound:

    avoidable kW at x = most over y between 0 and x of (h(x) - h(y) - price * (x - y)) / penalty

    h │      /   so nothing where the price stands at the slope,
      │    /     and all of the expected overload where it is zero
      └──┴──► x
"""

from __future__ import annotations

import numpy as np

from optimizer.plan import Prices, Schedule
from optimizer.problem import Floats, Problem


def caused_overload_kwh(problem: Problem, schedule: Schedule) -> float:
    """Return the overload of feeders and portfolio beyond what it is with the fleet at rest, kWh.

    With load scenarios the largest over them counts in each interval, however improbable it is.
    """
    fleet, loads = _fleet_kw(problem, schedule), _loads(problem)[1]
    feeder = _caused(loads, fleet, problem.feeders.import_limit_kw, problem.feeders.export_limit_kw)
    whole = _caused(loads.sum(axis=1), fleet.sum(axis=0), *_ends(problem))
    return problem.interval_h * (feeder + whole)


def avoidable_overload_kwh(problem: Problem, schedule: Schedule, prices: Prices | None) -> float:
    """Return the overload that a better schedule would not have, kWh; with scenarios the expected one.

    Without scenarios this is `caused_overload_kwh`. With scenarios, of each limit and interval, the part of
    the expected overload that the limit's price in `prices` does not pay for; without prices all of it.
    """
    if problem.scenarios is None:
        return caused_overload_kwh(problem, schedule)
    fleet, (probability, loads) = _fleet_kw(problem, schedule), _loads(problem)
    feeders, penalty = problem.feeders, max(problem.feeder_penalty_per_kwh, 1e-9)
    feeder, whole = np.zeros(fleet.shape), np.zeros(fleet.shape[1])
    if prices is not None:
        feeder, whole = prices.feeder_per_kwh / penalty, _portfolio_price(problem, prices) / penalty
    by_feeder = [
        _unpaid(
            probability, loads[:, f], fleet[f], feeders.import_limit_kw[f], feeders.export_limit_kw[f], price
        )
        for f, price in enumerate(feeder)
    ]
    net = loads.sum(axis=1)
    return problem.interval_h * (
        sum(by_feeder) + _unpaid(probability, net, fleet.sum(axis=0), *_ends(problem), whole)
    )


def _fleet_kw(problem: Problem, schedule: Schedule) -> Floats:
    """Return the fleet's net charging per feeder and interval, kW."""
    fleet = np.zeros(problem.feeders.load_kw.shape)
    for first in range(0, len(problem.assets), 50_000):
        part = slice(first, first + 50_000)
        np.add.at(fleet, problem.assets.feeder[part], schedule.charge_kw[part] - schedule.discharge_kw[part])
    return fleet


def _loads(problem: Problem) -> tuple[Floats, Floats]:
    """Return probabilities (S) and loads (S, F, T), kW."""
    if problem.scenarios is None:
        return np.ones(1), problem.feeders.load_kw[None]
    return problem.scenarios.probability, problem.scenarios.load_kw


def _ends(problem: Problem) -> tuple[Floats, Floats]:
    """Return the portfolio's limits per interval, kW."""
    ones = np.ones(problem.intervals)
    return problem.import_limit_kw * ones, problem.export_limit_kw * ones


def _portfolio_price(problem: Problem, prices: Prices) -> Floats:
    """Return what of the balance price no energy price or peak explains, at the least, money per kWh (T)."""
    portfolio = problem.portfolio
    carbon = problem.carbon_price_per_kg * portfolio.carbon_kg_per_kwh
    above = prices.balance_per_kwh - portfolio.import_price_per_kwh - carbon
    above = np.maximum(above - prices.peak_per_kw / problem.interval_h, 0.0)
    below: Floats = np.minimum(prices.balance_per_kwh - portfolio.export_price_per_kwh, 0.0)
    return above + below


def _caused(load: Floats, fleet: Floats, most: Floats, least: Floats) -> float:
    over = load + fleet - np.maximum(most, load)
    under = -(load + fleet) - np.maximum(least, -load)
    return float(np.maximum(np.maximum(over, under), 0.0).max(axis=0).sum())


def _unpaid(
    probability: Floats, load: Floats, fleet: Floats, most: Floats, least: Floats, price: Floats
) -> float:
    """Return the avoidable overload of one limit, kW summed over the intervals.

    load (S, T), fleet, most, least and price (T); the price as a share of the penalty. The best power
    between rest and the fleet's is at rest or at a kink: where a scenario reaches its limit.
    """

    def expected(power: Floats) -> Floats:
        net = load + power
        over = np.maximum(net - most, 0.0) + np.maximum(-net - least, 0.0)
        total: Floats = probability @ over
        return total

    paid = np.maximum(np.where(fleet > 0.0, price, -price), 0.0)
    now, unpaid = expected(fleet), np.zeros(fleet.shape)
    for kink in (np.zeros(fleet.shape), *(most - load), *(-least - load)):
        between = np.clip(kink, np.minimum(fleet, 0.0), np.maximum(fleet, 0.0))
        unpaid = np.maximum(unpaid, now - expected(between) - paid * np.abs(fleet - between))
    return float(unpaid.sum())
