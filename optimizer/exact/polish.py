"""What is on and off held as a schedule has it, all powers solved again together, to their optimum."""

from __future__ import annotations

import numpy as np

from optimizer import evaluate
from optimizer.exact.cells import Cells, schedule_of
from optimizer.exact.compiled import Compiled
from optimizer.exact.relaxation import Relaxation
from optimizer.plan import Schedule
from optimizer.problem import Floats, Ints, Problem

EMPTY_KWH = 1e-9
"""Less than this is rounding: of a trip that fell short, of an energy at its minimum."""


def polish(
    problem: Problem, relaxation: Relaxation, schedule: Schedule, switches: dict[str, Floats] | None = None
) -> Schedule | None:
    """Return the best schedule with the modes of `schedule`; None where the solver finds none.

    A few simplex steps from the relaxation's basis. The session's costs stand as `steer` left them, so
    calm and early charging choose among what is left. `switches`: the on/off variables of the statement
    itself where a search has them, else they are read off the schedule.
    """
    columns, low, high = held_bounds(problem, relaxation, schedule, switches)
    relaxation.session.set_bounds(columns, low, high)
    answer = relaxation.session.run()
    if not answer.usable:
        return None
    return schedule_of(problem, relaxation.compiled, relaxation.cells, answer.values)


def held_bounds(
    problem: Problem, relaxation: Relaxation, schedule: Schedule, switches: dict[str, Floats] | None = None
) -> tuple[Ints, Floats, Floats]:
    """Return the columns of powers and on/off variables, with the bounds that hold a schedule's modes."""
    compiled, cells = relaxation.compiled, relaxation.cells
    low, high = compiled.low.copy(), compiled.high.copy()
    _hold_modes(cells, schedule, compiled, low, high)
    for name, values in (switches or _switches_of(problem, compiled, schedule)).items():
        at = compiled.columns[name].at
        low[at], high[at] = values, values
    columns = np.concatenate([cells.charge_at, cells.discharge_at, np.flatnonzero(compiled.integer)])
    return columns, low[columns], high[columns]


def _hold_modes(cells: Cells, schedule: Schedule, compiled: Compiled, low: Floats, high: Floats) -> None:
    """Bound every power to its mode: off, or between minimum and maximum."""
    place = cells.asset, cells.interval
    for at, power, least in (
        (cells.charge_at, schedule.charge_kw[place], cells.min_charge_kw),
        (cells.discharge_at, schedule.discharge_kw[place], cells.min_discharge_kw),
    ):
        on = power > 0.0
        low[at] = np.where(on, least, 0.0)
        high[at] = np.where(on, compiled.high[at], 0.0)


def _switches_of(problem: Problem, compiled: Compiled, schedule: Schedule) -> dict[str, Floats]:
    """Return the values of the statement's own on/off variables that a schedule implies."""
    found: dict[str, Floats] = {}
    if not {"recovered", "stranded", "importing"} & set(compiled.columns):
        return found
    paths = evaluate.follow(problem, schedule)
    if "recovered" in compiled.columns:
        key = compiled.columns["recovered"].keys
        least = problem.assets.energy_min_kwh[key[:, 0]]
        energy = evaluate.energy_path(problem, schedule)[key[:, 0], key[:, 1]]
        found["recovered"] = (energy >= least - EMPTY_KWH).astype(float)
    if "stranded" in compiled.columns:
        missing = _missing_by_stay(problem, paths.trip_missing_kwh)
        found["stranded"] = (missing[compiled.columns["stranded"].keys[:, 0]] > EMPTY_KWH).astype(float)
    if "importing" in compiled.columns:
        key = compiled.columns["importing"].keys
        net = paths.feeder_kw.sum(axis=1)
        found["importing"] = (net[key[:, 0], key[:, 1]] > 0.0).astype(float)
    return found


def _missing_by_stay(problem: Problem, missing_kwh: Floats) -> Floats:
    """Return what trips lacked per stay; the stays of assets without windows have no trip."""
    count, windows = len(problem.assets), problem.windows
    free = np.setdiff1d(np.arange(count), windows.asset)
    asset = np.concatenate([windows.asset, free])
    first = np.concatenate([windows.from_interval, np.zeros(len(free), dtype=np.int64)])
    return np.concatenate([missing_kwh, np.zeros(len(free))])[np.lexsort((first, asset))]
