"""Branch and bound over on/off variables: a short one where recovery left a gap, a long one as reference."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimizer.exact.cells import cells_of, schedule_of
from optimizer.exact.compiled import Compiled, compile_model
from optimizer.exact.modes import add_modes
from optimizer.exact.relaxation import Relaxation
from optimizer.exact.session import SearchLimits, Session
from optimizer.exact.statement import all_mode_cells, building
from optimizer.plan import Schedule
from optimizer.problem import Floats, Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The best schedule of a search, its bound its switches."""

    schedule: Schedule
    bound: float
    switches: dict[str, Floats]


def search(
    problem: Problem,
    relaxation: Relaxation,
    incumbent: Schedule,
    limits: SearchLimits,
    *,
    seed: int = 0,
) -> Found | None:
    """Search the full problem from an incumbent, within limits."""
    with building():
        add_modes(relaxation.model, all_mode_cells(relaxation.model, problem))
        compiled = compile_model(relaxation.model)
        relaxation.model.del_component("modes")
    session = Session(compiled, seed=seed)
    answer = session.search(start=start_values(compiled, incumbent), limits=limits)
    if not answer.usable:
        return None
    # The search's bound rests on the solver's tolerances; a millionth is given up for them.
    bound = answer.bound - 1e-6 * max(1.0, abs(answer.bound))
    names = {"recovered", "importing", "stranded"} & set(compiled.columns)
    return Found(
        schedule=schedule_of(problem, compiled, cells_of(problem, compiled), answer.values),
        bound=bound,
        switches={name: np.round(answer.values[compiled.columns[name].at]) for name in sorted(names)},
    )


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
