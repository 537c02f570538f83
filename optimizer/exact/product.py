"""The exact method for fleets up to about a hundred assets: relax, decide what is open, prove."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from optimizer import evaluate
from optimizer.certificate import certify
from optimizer.exact.assets import Model
from optimizer.exact.cells import Cells, cells_of, schedule_of
from optimizer.exact.compiled import Compiled, compile_model
from optimizer.exact.costs import steering_costs
from optimizer.exact.dive import decide_modes
from optimizer.exact.modes import add_modes
from optimizer.exact.session import Answer, SearchLimits, Session, proven_bound
from optimizer.exact.statement import all_mode_cells, building, relaxed_statement
from optimizer.plan import Plan, Prices, Schedule
from optimizer.problem import Problem

Progress = Callable[[Plan], None]

MILP_SECONDS = 600.0
MILP_NODES = 10_000_000
MILP_GAP = 1e-6
"""The reference search ends at this relative gap, or is killed after ten minutes."""


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
    """State the problem without its binaries, compile it and solve it."""
    start = time.perf_counter()
    with building():
        model = relaxed_statement(problem)
        compiled = compile_model(model)
    build_s = time.perf_counter() - start
    session = Session(compiled, seed=seed)
    answer = session.run()
    if not answer.optimal:
        raise RuntimeError("the relaxation was not solved to its end")
    return Relaxation(
        model=model,
        compiled=compiled,
        cells=cells_of(problem, compiled),
        session=session,
        answer=answer,
        bound=proven_bound(compiled, answer.row_prices),
        build_s=build_s,
    )


def solve_exact(
    problem: Problem, *, seed: int = 0, previous: Schedule | None = None, progress: Progress | None = None
) -> Plan:
    """Return a feasible schedule with the relaxation's bound; stops on work alone, never on a clock."""
    start = time.perf_counter()
    relaxation = relax(problem, seed=seed)
    prices = prices_of(problem, relaxation)
    schedule = recover(problem, relaxation)
    seconds = {"build": relaxation.build_s, "solve": time.perf_counter() - start - relaxation.build_s}
    certificate = certify(problem, schedule, relaxation.bound, method="exact", seed=seed, seconds=seconds)
    plan = Plan(schedule=schedule, certificate=certificate, prices=prices)
    if progress is not None:
        progress(plan)
    return plan


def solve_milp(
    problem: Problem, *, seed: int = 0, progress: Progress | None = None, time_limit_s: float | None = None
) -> Plan:
    """Search the full problem with all its binaries: the offline reference, ten minutes at most."""
    first = solve_exact(problem, seed=seed, progress=progress)
    with building():
        model = relaxed_statement(problem)
        add_modes(model, all_mode_cells(model, problem))
        compiled = compile_model(model)
    session, cells = Session(compiled, seed=seed), cells_of(problem, compiled)
    limits = SearchLimits(
        nodes=MILP_NODES, gap=MILP_GAP, kill_s=min(time_limit_s or MILP_SECONDS, MILP_SECONDS)
    )
    answer = session.search(start=start_values(compiled, first.schedule), limits=limits)
    if not answer.usable:
        return first
    schedule = schedule_of(problem, compiled, cells, answer.values)
    bound = max(first.certificate.lower_bound, answer.bound - 1e-9 * abs(answer.bound))
    certificate = certify(problem, schedule, bound, method="milp", seed=seed)
    return Plan(schedule=schedule, certificate=certificate, prices=first.prices)


def start_values(compiled: Compiled, schedule: Schedule) -> dict[int, float]:
    """Return the powers and on/off variables that a schedule fixes; the solver completes the rest."""
    start: dict[int, float] = {}
    charge, discharge = schedule.charge_kw, schedule.discharge_kw
    tables = {
        "charge": charge,
        "discharge": discharge,
        "modes.charging": (charge > 0.0).astype(float),
        "modes.discharging": (discharge > 0.0).astype(float),
        "recovered": (discharge > 0.0).astype(float),
    }
    for name, table in tables.items():
        if name in compiled.columns:
            columns = compiled.columns[name]
            values = table[columns.keys[:, 0], columns.keys[:, 1]]
            start.update(zip(columns.at.tolist(), values.tolist(), strict=True))
    return start


def recover(problem: Problem, relaxation: Relaxation) -> Schedule:
    """Steer the relaxed solution towards calm and early charging, then decide its open modes."""
    steer(problem, relaxation)
    answer = relaxation.session.run()
    decided = decide_modes(relaxation.session, relaxation.cells, answer) if answer.usable else None
    if decided is None:
        return idle(problem)
    return schedule_of(problem, relaxation.compiled, relaxation.cells, decided.values)


def steer(problem: Problem, relaxation: Relaxation) -> None:
    """Add the stability cost and the tie-break to the costs in the solver; the bound is already proven."""
    compiled, cells, none = relaxation.compiled, relaxation.cells, np.zeros(0, dtype=np.int64)
    kept = compiled.columns.get("kept")
    kept_at = none if kept is None else kept.at
    charge, discharge, kept_cost = steering_costs(problem, cells.interval, len(kept_at))
    at = np.concatenate([cells.charge_at, cells.discharge_at, kept_at])
    relaxation.session.set_costs(at, compiled.cost[at] + np.concatenate([charge, discharge, kept_cost]))


def idle(problem: Problem) -> Schedule:
    """Return the schedule that does nothing: always allowed, whatever it costs."""
    nothing = np.zeros(problem.shape)
    bare = Schedule(charge_kw=nothing, discharge_kw=nothing, energy_end_kwh=nothing)
    path = evaluate.follow(problem, bare).energy_kwh
    return Schedule(charge_kw=nothing, discharge_kw=nothing, energy_end_kwh=path)


def prices_of(problem: Problem, relaxation: Relaxation) -> Prices:
    """Return the relaxation's row prices per kWh; `balance_per_kwh` includes the peak's share."""
    rows, prices, hours = relaxation.compiled.row_names, relaxation.answer.row_prices, problem.interval_h
    balance, peak = np.zeros(problem.intervals), np.zeros(problem.intervals)
    feeder = np.zeros((len(problem.feeders), problem.intervals))
    np.add.at(balance, rows["exchange"].keys[:, 1], prices[rows["exchange"].at] / hours)
    if "peak_import" in rows:
        np.add.at(peak, rows["peak_import"].keys[:, 1], -prices[rows["peak_import"].at])
    for name, sign in (("feeder_limit_import", -1.0), ("feeder_limit_export", 1.0)):
        if name in rows:
            place = rows[name].keys[:, 1], rows[name].keys[:, 2]
            np.add.at(feeder, place, sign * prices[rows[name].at] / hours)
    return Prices(balance_per_kwh=balance, feeder_per_kwh=feeder, peak_per_kw=np.maximum(peak, 0.0))
