"""Branch and bound over on/off variables: a short one where recovery left a gap, a long one as reference."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimizer.exact.cells import cells_of, schedule_of
from optimizer.exact.compiled import Compiled, compile_model
from optimizer.exact.modes import ModeCells, add_modes
from optimizer.exact.relaxation import Relaxation
from optimizer.exact.session import SearchLimits, Session
from optimizer.exact.statement import all_mode_cells, building
from optimizer.plan import Schedule
from optimizer.problem import Floats, Ints, Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The best schedule of a search, its bound (minus infinity where assets were held), its switches."""

    schedule: Schedule
    bound: float
    switches: dict[str, Floats]


def search(
    problem: Problem,
    relaxation: Relaxation,
    incumbent: Schedule,
    limits: SearchLimits,
    *,
    free: Ints | None = None,
    seed: int = 0,
) -> Found | None:
    """Search from an incumbent; with `free`, only these assets move and the others keep their powers."""
    every = all_mode_cells(relaxation.model, problem)
    mine = set(range(len(problem.assets)) if free is None else free.tolist())
    cells = ModeCells(
        charging=[cell for cell in every.charging if cell[0] in mine],
        discharging=[cell for cell in every.discharging if cell[0] in mine],
    )
    with building():
        add_modes(relaxation.model, cells)
        compiled = compile_model(relaxation.model)
        relaxation.model.del_component("modes")
    session = Session(compiled, seed=seed)
    if free is not None:
        _hold_others(session, compiled, incumbent, free)
    answer = session.search(start=start_values(compiled, incumbent), limits=limits)
    if not answer.usable:
        return None
    # The search's bound rests on the solver's tolerances; a millionth is given up for them.
    bound = answer.bound - 1e-6 * max(1.0, abs(answer.bound)) if free is None else -np.inf
    names = {"recovered", "importing", "stranded"} & set(compiled.columns)
    return Found(
        schedule=schedule_of(problem, compiled, cells_of(problem, compiled), answer.values),
        bound=bound,
        switches={name: np.round(answer.values[compiled.columns[name].at]) for name in sorted(names)},
    )


def _hold_others(session: Session, compiled: Compiled, incumbent: Schedule, free: Ints) -> None:
    for name, table in (("charge", incumbent.charge_kw), ("discharge", incumbent.discharge_kw)):
        columns = compiled.columns[name]
        held = ~np.isin(columns.keys[:, 0], free)
        values = table[columns.keys[held, 0], columns.keys[held, 1]]
        session.set_bounds(columns.at[held], values, values)


def start_values(compiled: Compiled, schedule: Schedule) -> dict[int, float]:
    """Return the powers and on/off variables that a schedule fixes; the solver completes the rest."""
    start: dict[int, float] = {}
    charge, discharge = schedule.charge_kw, schedule.discharge_kw
    tables = {
        "charge": charge,
        "discharge": discharge,
        "modes.charging": (charge > 0.0).astype(float),
        "modes.discharging": (discharge > 0.0).astype(float),
    }
    for name, table in tables.items():
        if name in compiled.columns:
            columns = compiled.columns[name]
            values = table[columns.keys[:, 0], columns.keys[:, 1]]
            start.update(zip(columns.at.tolist(), values.tolist(), strict=True))
    return start


def steered_with(problem: Problem, relaxation: Relaxation, found: Found) -> Schedule | None:
    """Keep what a search decided on and off, and let calm and early charging choose among what is left."""
    compiled, cells, session = relaxation.compiled, relaxation.cells, relaxation.session
    low, high = compiled.low.copy(), compiled.high.copy()
    place = cells.asset, cells.interval
    for at, power, least in (
        (cells.charge_at, found.schedule.charge_kw[place], cells.min_charge_kw),
        (cells.discharge_at, found.schedule.discharge_kw[place], cells.min_discharge_kw),
    ):
        on = power > 0.0
        low[at] = np.where(on, least, 0.0)
        high[at] = np.where(on, compiled.high[at], 0.0)
    for name, values in found.switches.items():
        at = compiled.columns[name].at
        low[at], high[at] = values, values
    columns = np.concatenate([cells.charge_at, cells.discharge_at, np.flatnonzero(compiled.integer)])
    session.set_bounds(columns, low[columns], high[columns])
    answer = session.run()
    return schedule_of(problem, compiled, cells, answer.values) if answer.usable else None
