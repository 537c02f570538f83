"""From the best schedule and the best bound to a plan with its certificate and the prices that prove it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from optimizer.certificate import certify
from optimizer.decomposed.extract import prices_of_plan, schedule_of
from optimizer.decomposed.holding import ROUNDS, settle_shares
from optimizer.decomposed.measure import shares_of
from optimizer.decomposed.regret import spent
from optimizer.decomposed.reserve import held_prices
from optimizer.decomposed.solver import Incumbent, Solver
from optimizer.decomposed.tighten import candidates, tighten
from optimizer.plan import EnergyWorths, Plan, Prices
from optimizer.problem import Floats

KEEP_BEST_UP_TO = 200_000
"""Up to this many assets the best schedule is copied; beyond, memory counts and the last one is taken."""


def plan_of(solver: Solver, best: Incumbent, seed: int, *, last: bool = False) -> Plan:
    """Return the incumbent with what proves it; last: raise its bound, and its memory may be taken."""
    problem, fleet = solver.problem, solver.fleet
    assert best.power_kw is not None
    assert best.coupling is not None
    settle_shares(solver, best, rounds=ROUNDS if last else 1)
    shares = None if solver.private is None else shares_of(fleet, solver.private, best.power_kw)
    paid = spent(fleet, best.coupling, best.power_kw)
    energy = _tighten(solver, best, paid) if last else None
    schedule = schedule_of(fleet, best.power_kw, consume=last and len(fleet) > KEEP_BEST_UP_TO)
    if shares is not None:
        schedule = replace(schedule, reserve_up_kw=shares[0], reserve_down_kw=shares[1])
    prices = _with_own_prices(solver, best, prices_of_plan(best.coupling, fleet.interval_h))
    prices = replace(prices, energy=energy)
    certificate = certify(problem, schedule, best.bound, method="decomposed", seed=seed)
    certificate = replace(certificate, gap_parts=_gap_parts(solver, best, certificate.gap_absolute, paid))
    return Plan(schedule=schedule, certificate=certificate, prices=prices)


def _tighten(solver: Solver, best: Incumbent, paid: Floats) -> EnergyWorths | None:
    """Raise the bound by the minimum powers of the assets that they cost most; return what proves it."""
    if best.values is None or best.own_cost is None or best.coupling is None or best.close:
        return None
    rows = candidates(solver.fleet, best.coupling, None if solver.private is None else solver.private.rich)
    above = best.own_cost + paid - best.values
    raised, energy = tighten(solver.fleet, best.coupling, best.values, above, best.bound, rows)
    best.bound += float((raised - best.values).sum())
    best.values = raised
    return energy


def _with_own_prices(solver: Solver, best: Incumbent, prices: Prices) -> Prices:
    """Add the assets' own multipliers, in the rows of the problem."""
    if best.budget_price is None or best.potential is None:
        return prices
    budget, worn = None, best.potential if len(best.potential) else None
    if np.isfinite(solver.problem.assets.discharge_budget_kwh).any():
        budget = np.zeros(len(solver.fleet))
        budget[solver.fleet.order] = best.budget_price
    if best.held is not None and best.share_weight is not None:
        weight = np.empty_like(best.share_weight)
        weight[solver.fleet.order] = best.share_weight
        prices = replace(prices, reserve_per_kw_h=held_prices(best.held), reserve_weight=weight)
    return replace(prices, budget_per_kwh=budget, wear_per_kwh=worn)


def _gap_parts(solver: Solver, best: Incumbent, gap: float, paid: Floats) -> dict[str, float]:
    """Where the gap is, in money; exact, as the bound is a sum over assets and grid.

    minimum_powers: what assets with a minimum power cost above their relaxed optimum at the bound's prices,
    so the distance between relaxation and schedule; assets: the same of all others; shared: the rest, grid
    and reserve.
    """
    if best.values is None or best.own_cost is None:
        return {}
    above = best.own_cost + paid - best.values
    stepped = solver.fleet.assets["stepped"] == 1
    parts = {"minimum_powers": float(above[stepped].sum()), "assets": float(above[~stepped].sum())}
    return parts | {"shared": gap - sum(parts.values())}
