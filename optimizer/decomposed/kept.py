"""Which schedules of an earlier plan their assets can still follow, and what each costs its asset alone."""

from __future__ import annotations

import numpy as np
from numba import njit, prange

from optimizer.decomposed.coupling import ALLOCATING, EXACT
from optimizer.decomposed.fleet import Fleet
from optimizer.decomposed.slopes import shortfall_kwh
from optimizer.decomposed.step import energy_of
from optimizer.problem import Floats

TOLERANCE = 1e-9  # kW and kWh, as in a step


@njit(**EXACT)
def _allowed(asset, stay, power):
    """Whether one signed power is within the asset's limits."""
    if power > 0.0:
        return asset.min_charge_kw - TOLERANCE <= power <= asset.max_charge_kw + TOLERANCE
    if power < 0.0:
        if stay.charge_only == 1:
            return False
        return asset.min_discharge_kw - TOLERANCE <= -power <= asset.max_discharge_kw + TOLERANCE
    return True


@njit(**EXACT)
def _own_cost(asset, stays, power, interval_h, penalty):
    """Wear, shortfalls, minus the value of the final energy, money; inf where it cannot be followed."""
    energy, cost, throughput, idle_from = asset.energy_initial_kwh, 0.0, 0.0, 0
    for q in range(asset.first_stay, asset.last_stay):
        stay = stays[q]
        for t in range(idle_from, stay.from_interval):
            if power[t] != 0.0:
                return np.inf
        if energy < stay.floor_kwh - TOLERANCE:
            return np.inf
        for t in range(stay.from_interval, stay.to_interval):
            energy += energy_of(asset, power[t])
            throughput += abs(power[t])
            within = stay.floor_kwh - TOLERANCE <= energy <= asset.energy_max_kwh + TOLERANCE
            if not (within and _allowed(asset, stay, power[t])):
                return np.inf
        cost += penalty * (shortfall_kwh(stay, energy) + max(0.0, stay.trip_kwh - energy))
        energy = max(0.0, energy - stay.trip_kwh)
        idle_from = stay.to_interval
    for t in range(idle_from, power.size):
        if power[t] != 0.0:
            return np.inf
    cost += asset.wear_cost_per_kwh * interval_h * throughput
    return cost + penalty * max(0.0, asset.final_min_kwh - energy) - asset.final_value_per_kwh * energy


@njit(parallel=True, cache=True, nogil=True, **ALLOCATING)
def _own_costs(assets, stays, power, interval_h, penalty, out):
    for i in prange(assets.size):
        out[i] = _own_cost(assets[i], stays, power[i], interval_h, penalty)


def own_costs(fleet: Fleet, power_kw: Floats) -> Floats:
    """Cost of each schedule (N, T; positive charges) to its asset alone, money (N); inf: it cannot follow."""
    out = np.empty(len(fleet))
    _own_costs(fleet.assets, fleet.stays, power_kw, fleet.interval_h, fleet.penalty_per_kwh, out)
    return out


@njit(parallel=True, cache=True, nogil=True, **ALLOCATING)
def _net(order, charge, discharge, elapsed, power):
    """Write charging minus discharging from interval `elapsed` on, in the order of the records."""
    for i in prange(order.size):
        row = order[i]
        for t in range(charge.shape[1] - elapsed):
            power[i, t] = charge[row, t + elapsed] - discharge[row, t + elapsed]


def net_powers(fleet: Fleet, charge_kw: Floats, discharge_kw: Floats, elapsed: int) -> Floats:
    """Signed powers (N, T; positive charges) in the records' order, `elapsed` intervals on."""
    power = np.zeros((len(fleet), fleet.intervals))
    _net(fleet.order, charge_kw, discharge_kw, elapsed, power)
    return power
