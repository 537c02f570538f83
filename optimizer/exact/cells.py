"""The cells (asset, interval) of a compiled model as flat arrays, and what a point does in them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimizer.exact.compiled import Compiled
from optimizer.exact.stays import Stays, needs_mode, stays_of
from optimizer.plan import Schedule
from optimizer.problem import Floats, Ints, Problem

Booleans = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]

POWER_TOLERANCE_KW = 1e-7
"""Below this a power of the solver is zero."""
DROP_BELOW_KW = 5e-7
"""A power this far below its minimum is no rounding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """K connected cells: their asset and interval, their columns, and the rules that need a mode."""

    asset: Ints
    interval: Ints
    charge_at: Ints
    discharge_at: Ints
    energy_at: Ints
    min_charge_kw: Floats
    min_discharge_kw: Floats
    charge_efficiency: Floats
    discharge_efficiency: Floats
    charge_mode: Booleans
    discharge_mode: Booleans

    @property
    def keys(self) -> Ints:
        return np.column_stack([self.asset, self.interval])


def cells_of(problem: Problem, compiled: Compiled) -> Cells:
    """Look up the columns of every cell."""
    charge, discharge, energy = (compiled.columns[name] for name in ("charge", "discharge", "energy"))
    assert np.array_equal(charge.keys, discharge.keys)
    assert np.array_equal(charge.keys, energy.keys)
    asset, assets = charge.keys[:, 0], problem.assets
    charging, discharging = needs_mode(problem)
    return Cells(
        asset=asset,
        interval=charge.keys[:, 1],
        charge_at=charge.at,
        discharge_at=discharge.at,
        energy_at=energy.at,
        min_charge_kw=assets.min_charge_kw[asset],
        min_discharge_kw=assets.min_discharge_kw[asset],
        charge_efficiency=assets.charge_efficiency[asset],
        discharge_efficiency=assets.discharge_efficiency[asset],
        charge_mode=charging[asset],
        discharge_mode=discharging[asset],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrong:
    """Which cells of a point break a rule that only a binary can state, shape (K,) each."""

    both: Booleans
    weak_charge: Booleans
    weak_discharge: Booleans

    def __bool__(self) -> bool:
        return self.count > 0

    @property
    def weak(self) -> int:
        """How many cells have a power inside (0, minimum)."""
        return int((self.weak_charge | self.weak_discharge).sum())

    @property
    def count(self) -> int:
        """How many cells break a rule."""
        return int((self.both | self.weak_charge | self.weak_discharge).sum())


def wrong_cells(cells: Cells, values: Floats) -> Wrong:
    """Find charging and discharging at once, and powers inside (0, minimum)."""
    charge, discharge = values[cells.charge_at], values[cells.discharge_at]
    charges, discharges = charge > POWER_TOLERANCE_KW, discharge > POWER_TOLERANCE_KW
    return Wrong(
        both=charges & discharges,
        weak_charge=charges & (charge < cells.min_charge_kw - POWER_TOLERANCE_KW),
        weak_discharge=discharges & (discharge < cells.min_discharge_kw - POWER_TOLERANCE_KW),
    )


def schedule_of(problem: Problem, compiled: Compiled, cells: Cells, values: Floats) -> Schedule:
    """Read a schedule off a point that breaks no rule, and settle its last digits."""
    charge = _matrix(problem, cells.keys, values[cells.charge_at])
    discharge = _matrix(problem, cells.keys, values[cells.discharge_at])
    powers = settle_powers(problem, stays_of(problem), charge, discharge)
    reserve: dict[str, Floats] = {}
    for name in ("reserve_up", "reserve_down"):
        if name in compiled.columns:
            share = compiled.columns[name]
            held = values[share.at]
            # A trace of a share would still need an asset above its minimum.
            kept = np.where(held > POWER_TOLERANCE_KW, held, 0.0)
            reserve[f"{name}_kw"] = _matrix(problem, share.keys, kept)
    return Schedule(charge_kw=powers[0], discharge_kw=powers[1], energy_end_kwh=powers[2], **reserve)


def _matrix(problem: Problem, keys: Ints, values: Floats) -> Floats:
    matrix = np.zeros(problem.shape)
    matrix[keys[:, 0], keys[:, 1]] = values
    return matrix


def settle_powers(
    problem: Problem, stays: Stays, charge: Floats, discharge: Floats
) -> tuple[Floats, Floats, Floats]:
    """Walk through the intervals and trim powers so that every limit of an asset holds exactly.

    Trims the solver's rounding; a power that falls below its minimum by more is dropped. Returns
    charge, discharge and energy at the end, each (N, T). A trip takes at most what is there.
    """
    assets, hours = problem.assets, problem.interval_h
    charge = np.where(charge > POWER_TOLERANCE_KW, np.minimum(charge, assets.max_charge_kw[:, None]), 0.0)
    discharge = np.where(
        discharge > POWER_TOLERANCE_KW, np.minimum(discharge, assets.max_discharge_kw[:, None]), 0.0
    )
    trips, connected = trip_table(problem, stays)
    gain, drain = hours * assets.charge_efficiency, hours / assets.discharge_efficiency
    energy, path = assets.energy_initial_kwh.copy(), np.empty(problem.shape)
    budget = assets.discharge_budget_kwh.copy()
    for t in range(problem.intervals):
        energy = np.maximum(energy - trips[:, t], 0.0)
        into = np.minimum(charge[:, t], np.maximum(assets.energy_max_kwh - energy, 0.0) / gain)
        spare = np.minimum(np.maximum(energy - assets.energy_min_kwh, 0.0), budget)
        out = np.minimum(discharge[:, t], np.maximum(spare, 0.0) / drain)
        into = np.where(connected[:, t] & (into >= assets.min_charge_kw - DROP_BELOW_KW), into, 0.0)
        out = np.where(connected[:, t] & (out >= assets.min_discharge_kw - DROP_BELOW_KW), out, 0.0)
        energy = energy + gain * into - drain * out
        budget = budget - drain * out
        charge[:, t], discharge[:, t], path[:, t] = into, out, energy
    return charge, discharge, path


def trip_table(problem: Problem, stays: Stays) -> tuple[Floats, Booleans]:
    """Return what trips take at the start of each interval, and who is connected; (N, T) both."""
    trips = np.zeros((len(problem.assets), problem.intervals + 1))
    np.add.at(trips, (stays.asset, stays.last + 1), stays.trip_kwh)
    edges = np.zeros((len(problem.assets), problem.intervals + 1))
    np.add.at(edges, (stays.asset, stays.first), 1.0)
    np.add.at(edges, (stays.asset, stays.last + 1), -1.0)
    return trips[:, :-1], np.cumsum(edges, axis=1)[:, :-1] > 0.5
