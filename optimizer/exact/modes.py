"""On/off variables: never charging and discharging at once, minimum powers, recovery from too little energy.

They live in a block of their own over any subset of cells: over all of them they make the full
problem, over none its relaxation, and over a few they cut off what the relaxation got wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyomo.environ as pyo

from optimizer.exact.assets import Model

Cell = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeCells:
    """Where an on/off variable stands; a cell in both `charging` and `discharging` may do only one.

    low: cells of assets that may lie below their minimum. trips: stays whose trip may take it all.
    """

    charging: Sequence[Cell] = ()
    discharging: Sequence[Cell] = ()
    low: Sequence[Cell] = ()
    trips: Sequence[int] = ()

    def __bool__(self) -> bool:
        return bool(self.charging or self.discharging or self.low or self.trips)


def add_modes(model: Model, cells: ModeCells, name: str = "modes") -> Model:
    """Add a block with binaries on the given cells and return it."""
    block = pyo.Block(concrete=True)
    model.add_component(name, block)
    least = model.min_charge_kw, model.min_discharge_kw
    block.charging_cells = pyo.Set(dimen=2, initialize=cells.charging)
    block.discharging_cells = pyo.Set(dimen=2, initialize=cells.discharging)
    block.least_charging = pyo.Set(dimen=2, initialize=[c for c in cells.charging if least[0][c[0]] > 0])
    block.least_discharging = pyo.Set(
        dimen=2, initialize=[c for c in cells.discharging if least[1][c[0]] > 0]
    )
    block.both_cells = pyo.Set(dimen=2, initialize=sorted(set(cells.charging) & set(cells.discharging)))
    block.low_cells = pyo.Set(dimen=2, initialize=cells.low)
    block.trips = pyo.Set(initialize=cells.trips)
    block.charging = pyo.Var(block.charging_cells, within=pyo.Binary)
    block.discharging = pyo.Var(block.discharging_cells, within=pyo.Binary)
    block.recovered = pyo.Var(block.low_cells, within=pyo.Binary)
    block.stranded = pyo.Var(block.trips, within=pyo.Binary)
    _add_power_rules(block, model)
    _add_recovery_rules(block, model)
    _add_trip_rules(block, model)
    return block


def _add_power_rules(block: Model, m: Model) -> None:
    """State min * on <= power <= max * on for both directions, and charging + discharging <= 1."""

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


def _add_recovery_rules(block: Model, m: Model) -> None:
    """State that an asset discharges only with s[i,t] >= energy_min at the end of the interval.

    discharge <= max * recovered and s >= energy_min * recovered.
    """

    def discharge_when_recovered(b: Model, i: Any, t: Any) -> Any:
        return m.discharge[i, t] <= m.max_discharge_kw[i] * b.recovered[i, t]

    def energy_when_recovered(b: Model, i: Any, t: Any) -> Any:
        return m.energy[i, t] >= m.energy_min_kwh[i] * b.recovered[i, t]

    block.discharge_when_recovered = pyo.Constraint(block.low_cells, rule=discharge_when_recovered)
    block.energy_when_recovered = pyo.Constraint(block.low_cells, rule=energy_when_recovered)


def _add_trip_rules(block: Model, m: Model) -> None:
    """State that a trip falls short only of an empty battery.

    trip_missing[w] <= trip[w] * stranded[w] and left[w] <= energy_max * (1 - stranded[w]).
    """

    def missing_when_stranded(b: Model, w: Any) -> Any:
        return m.trip_missing[w] <= m.trip_kwh[w] * b.stranded[w]

    def empty_when_stranded(b: Model, w: Any) -> Any:
        return m.energy_left[w] <= m.energy_max_kwh[m.stay_asset[w]] * (1 - b.stranded[w])

    block.missing_when_stranded = pyo.Constraint(block.trips, rule=missing_when_stranded)
    block.empty_when_stranded = pyo.Constraint(block.trips, rule=empty_when_stranded)
