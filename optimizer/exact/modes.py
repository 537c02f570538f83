"""On/off rules that no linear program can state: one direction at a time, minimum powers, recovery.

`add_recovery` concerns few cells and is part of every statement, with its binaries free between 0 and
1 in the relaxation. `add_modes` stands over any subset of cells: over all of them it makes the full
problem, over none its relaxation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyomo.environ as pyo

from optimizer.exact.assets import Model, numbers
from optimizer.exact.stays import Stays, may_strand, runs_low
from optimizer.problem import Problem

Cell = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeCells:
    """Where an on/off variable stands; a cell in both lists may do only one of the two."""

    charging: Sequence[Cell]
    discharging: Sequence[Cell]


def add_modes(model: Model, cells: ModeCells) -> None:
    """Add min * on <= power <= max * on in both directions, and charging + discharging <= 1."""
    block = pyo.Block(concrete=True)
    model.modes = block
    least = model.min_charge_kw, model.min_discharge_kw
    block.charging_cells = pyo.Set(dimen=2, initialize=cells.charging)
    block.discharging_cells = pyo.Set(dimen=2, initialize=cells.discharging)
    block.least_charging = pyo.Set(dimen=2, initialize=[c for c in cells.charging if least[0][c[0]] > 0])
    block.least_discharging = pyo.Set(
        dimen=2, initialize=[c for c in cells.discharging if least[1][c[0]] > 0]
    )
    block.both_cells = pyo.Set(dimen=2, initialize=sorted(set(cells.charging) & set(cells.discharging)))
    block.charging = pyo.Var(block.charging_cells, within=pyo.Binary)
    block.discharging = pyo.Var(block.discharging_cells, within=pyo.Binary)
    _add_power_rules(block, model)


def _add_power_rules(block: Model, m: Model) -> None:
    def charge_most(b: Model, i: Any, t: Any) -> Any:
        return m.charge[i, t] <= m.max_charge_kw[i] * b.charging[i, t]

    def charge_least(b: Model, i: Any, t: Any) -> Any:
        return m.charge[i, t] >= m.min_charge_kw[i] * b.charging[i, t]

    def discharge_most(b: Model, i: Any, t: Any) -> Any:
        return m.discharge[i, t] <= m.max_discharge_kw[i] * b.discharging[i, t]

    def discharge_least(b: Model, i: Any, t: Any) -> Any:
        return m.discharge[i, t] >= m.min_discharge_kw[i] * b.discharging[i, t]

    def never_both(b: Model, i: Any, t: Any) -> Any:
        return b.charging[i, t] + b.discharging[i, t] <= 1

    block.charge_most = pyo.Constraint(block.charging_cells, rule=charge_most)
    block.charge_least = pyo.Constraint(block.least_charging, rule=charge_least)
    block.discharge_most = pyo.Constraint(block.discharging_cells, rule=discharge_most)
    block.discharge_least = pyo.Constraint(block.least_discharging, rule=discharge_least)
    block.never_both = pyo.Constraint(block.both_cells, rule=never_both)


def add_recovery(model: Model, problem: Problem, stays: Stays) -> None:
    """Add what holds an asset below its minimum back, and empties one whose trip was too long."""
    low = runs_low(problem, stays)
    spans = zip(numbers(stays.asset), numbers(stays.first), numbers(stays.last), low, strict=True)
    model.low_cells = pyo.Set(
        dimen=2, initialize=[(i, t) for i, a, b, below in spans if below for t in range(a, b + 1)]
    )
    model.recovered = pyo.Var(model.low_cells, within=pyo.Binary)
    model.strandable = pyo.Set(initialize=numbers(may_strand(problem, stays).nonzero()[0]))
    model.stranded = pyo.Var(model.strandable, within=pyo.Binary)
    _add_recovery_rules(model)
    _add_trip_rules(model)


def _add_recovery_rules(model: Model) -> None:
    """State that an asset discharges only with s[i,t] >= energy_min at the end of the interval.

    discharge <= max * recovered and s >= energy_min * recovered.
    """

    def discharge_when_recovered(m: Model, i: Any, t: Any) -> Any:
        return m.discharge[i, t] <= m.max_discharge_kw[i] * m.recovered[i, t]

    def energy_when_recovered(m: Model, i: Any, t: Any) -> Any:
        return m.energy[i, t] >= m.energy_min_kwh[i] * m.recovered[i, t]

    model.discharge_when_recovered = pyo.Constraint(model.low_cells, rule=discharge_when_recovered)
    model.energy_when_recovered = pyo.Constraint(model.low_cells, rule=energy_when_recovered)


def _add_trip_rules(model: Model) -> None:
    """State that a trip falls short only of an empty battery.

    trip_missing[w] <= trip[w] * stranded[w] and left[w] <= energy_max * (1 - stranded[w]).
    """

    def missing_when_stranded(m: Model, w: Any) -> Any:
        return m.trip_missing[w] <= m.trip_kwh[w] * m.stranded[w]

    def empty_when_stranded(m: Model, w: Any) -> Any:
        return m.energy_left[w] <= m.energy_max_kwh[m.stay_asset[w]] * (1 - m.stranded[w])

    model.missing_when_stranded = pyo.Constraint(model.strandable, rule=missing_when_stranded)
    model.empty_when_stranded = pyo.Constraint(model.strandable, rule=empty_when_stranded)
