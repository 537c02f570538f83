"""The linear relaxation: stated, compiled, solved to its end, with the bound and the prices it proves."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from optimizer.exact.assets import Model
from optimizer.exact.cells import Cells, cells_of
from optimizer.exact.compiled import Compiled, compile_model
from optimizer.exact.costs import is_calmed, steering_costs
from optimizer.exact.grid import scenario_loads
from optimizer.exact.session import Answer, Session, proven_bound
from optimizer.exact.statement import building, relaxed_statement
from optimizer.plan import Prices
from optimizer.problem import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Relaxation:
    """The solved linear program: its arrays, its solver at the optimal basis, and the bound it proves."""

    model: Model
    compiled: Compiled
    cells: Cells
    session: Session
    answer: Answer
    bound: float
    build_s: float


def relax(problem: Problem, *, seed: int = 0) -> Relaxation:
    """State the problem with its on/off variables free, compile it and solve it.

    The tie-break towards early charging is in the costs from the start: a run of its own took as long as
    the first one, and the bound, proven with the true costs, loses less than 5e-4 by it. The stability
    cost is larger and comes after the bound.
    """
    start = time.perf_counter()
    with building():
        model = relaxed_statement(problem)
        compiled = compile_model(model)
    build_s = time.perf_counter() - start
    session, cells = Session(compiled, seed=seed), cells_of(problem, compiled)
    charge, _, _ = steering_costs(problem, cells.interval, 0, calm=0.0)
    session.set_costs(cells.charge_at, compiled.cost[cells.charge_at] + charge)
    answer = session.run()
    if not answer.optimal:
        raise RuntimeError("the relaxation was not solved to its end")
    return Relaxation(
        model=model,
        compiled=compiled,
        cells=cells,
        session=session,
        answer=answer,
        bound=proven_bound(compiled, answer.row_prices),
        build_s=build_s,
    )


def steer(problem: Problem, relaxation: Relaxation) -> Answer:
    """Solve again with the stability cost, where there is one; the bound is already proven."""
    if not is_calmed(problem):
        return relaxation.answer
    compiled, cells, none = relaxation.compiled, relaxation.cells, np.zeros(0, dtype=np.int64)
    kept = compiled.columns.get("kept")
    kept_at = none if kept is None else kept.at
    calm = problem.stability_cost_per_kw
    charge, discharge, kept_cost = steering_costs(problem, cells.interval, len(kept_at), calm=calm)
    at = np.concatenate([cells.charge_at, cells.discharge_at, kept_at])
    relaxation.session.set_costs(at, compiled.cost[at] + np.concatenate([charge, discharge, kept_cost]))
    return relaxation.session.run()


def prices_of(problem: Problem, relaxation: Relaxation) -> Prices:
    """Return the relaxation's row prices per kWh; `balance_per_kwh` includes the peak's share."""
    rows, prices, hours = relaxation.compiled.row_names, relaxation.answer.row_prices, problem.interval_h
    probability, _ = scenario_loads(problem)
    balance, peak = np.zeros(problem.intervals), np.zeros((len(probability), problem.intervals))
    feeder = np.zeros((len(problem.feeders), problem.intervals))
    np.add.at(balance, rows["exchange"].keys[:, 1], prices[rows["exchange"].at] / hours)
    if "event_call" in rows:  # a request for more discharge makes consumption dearer
        event, interval = rows["event_call"].keys.T
        sign = np.where(problem.events.up[event], 1.0, -1.0) if problem.events is not None else 0.0
        np.add.at(balance, interval, sign * np.abs(prices[rows["event_call"].at]) / hours)
    if "peak_import" in rows:
        np.add.at(peak, tuple(rows["peak_import"].keys.T), -prices[rows["peak_import"].at])
    for name, sign in (("feeder_limit_import", -1.0), ("feeder_limit_export", 1.0)):
        if name in rows:
            place = rows[name].keys[:, 1], rows[name].keys[:, 2]
            np.add.at(feeder, place, sign * prices[rows[name].at] / hours)
    weight = probability
    if "excess_cost" in rows:
        weight = (1.0 - problem.cvar_weight) * probability
        weight[rows["excess_cost"].keys[:, 0]] += np.abs(prices[rows["excess_cost"].at])
    peak = np.maximum(peak, 0.0)
    return Prices(
        balance_per_kwh=balance,
        feeder_per_kwh=feeder,
        peak_per_kw=peak.sum(axis=0),
        scenario_weight=weight if len(weight) > 1 else None,
        scenario_peak_per_kw=peak if len(weight) > 1 else None,
    )
