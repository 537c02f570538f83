"""From the kernels' columns back to the problem's: schedule and prices."""

from __future__ import annotations

import numpy as np
from numba import njit, prange

from optimizer.decomposed.coupling import ALLOCATING, Coupling
from optimizer.decomposed.fleet import Fleet
from optimizer.plan import Prices, Schedule
from optimizer.problem import Floats


@njit(parallel=True, cache=True, nogil=True, **ALLOCATING)
def _unfold(assets, stays, order, power, place, charge, discharge, energy):
    """Split signed powers, record i in row place[i], into both directions; write the energy at each end.

    `charge` may be the memory of `power` where place is the order.
    """
    for i in prange(assets.size):
        asset, row, source = assets[i], order[i], place[i]
        held, q = asset.energy_initial_kwh, asset.first_stay
        for t in range(power.shape[1]):
            if q < asset.last_stay and stays[q].to_interval == t:
                held = max(0.0, held - stays[q].trip_kwh)
                q += 1
            kw = power[source, t]
            charge[row, t], discharge[row, t] = max(kw, 0.0), max(-kw, 0.0)
            held += kw * (asset.charge_kwh_per_kw if kw >= 0.0 else asset.discharge_kwh_per_kw)
            energy[row, t] = held


@njit(cache=True, nogil=True, **ALLOCATING)
def _permute(order, power):
    """Move row k of the powers to row order[k], in place, cycle by cycle."""
    done = np.zeros(order.size, np.bool_)
    row, other = np.empty(power.shape[1]), np.empty(power.shape[1])
    for start in range(order.size):
        if done[start]:
            continue
        row[:] = power[start]
        place = start
        while not done[order[place]]:
            place = order[place]
            other[:] = power[place]
            power[place] = row
            row, other = other, row
            done[place] = True


def schedule_of(fleet: Fleet, power_kw: Floats, *, consume: bool = False) -> Schedule:
    """Return the schedule of signed powers (N, T; positive charges) in the problem's row order.

    `consume` takes the memory of the powers for the charging: a third less at the peak, and slower.
    """
    discharge, energy = np.empty_like(power_kw), np.empty_like(power_kw)
    charge, place = power_kw, fleet.order
    if consume:
        _permute(fleet.order, charge)
    else:
        charge, place = np.empty_like(power_kw), np.arange(len(fleet))
    _unfold(fleet.assets, fleet.stays, fleet.order, power_kw, place, charge, discharge, energy)
    return Schedule(charge_kw=charge, discharge_kw=discharge, energy_end_kwh=energy)


def prices_of_plan(coupling: Coupling, interval_h: float) -> Prices:
    """Return the multipliers behind the bound as prices; the peak's share is part of the balance price."""
    peak = coupling.multiplier[coupling.peak_first :] * interval_h
    share = coupling.feeder_step[0, ::2, 0]  # of the overload penalty: what each scenario weighs
    return Prices(
        balance_per_kwh=coupling.base + coupling.multiplier.sum(axis=0),
        feeder_per_kwh=coupling.feeder_base[:, None] + coupling.feeder_multiplier.sum(axis=1),
        peak_per_kw=peak.sum(axis=0),
        scenario_weight=share / share.sum() if len(peak) > 1 and share.sum() > 0.0 else None,
        scenario_peak_per_kw=peak if len(peak) > 1 else None,
    )
