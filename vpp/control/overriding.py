"""Planning around overrides: what fixed assets will do, what the limits leave of it, and the rest's problem.

```
    interval        0      1      2      3      4
    overridden   ───fixed, as load of its feeder───►│ free: the optimizer's again
                                       ended midway ┘ counted only where it does harm
```

An override never leans on other assets: what it does fits the limits by itself, beside the load that is
there anyway. So a plan for the others that keeps the limits on top of it keeps them for all.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

import optimizer
from vpp.control.estimate import stays_connected
from vpp.domain.assets import Fleet
from vpp.domain.intervals import IntervalGrid
from vpp.domain.overrides import OverrideColumns
from vpp.domain.policy import DispatchPolicy
from vpp.domain.readings import to_microseconds
from vpp.domain.runs import DispatchPlan

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedPowers:
    """What overridden assets do over T intervals; `power_kw` and `energy_end_kwh` are (N, T), 0 where free.

    `until` (N,) is the first interval in which the optimizer may order an asset again, 0 where it always
    may; `energy_kwh` (N,) is stored then. `harm_only` marks intervals in which what an asset does cannot be
    leant on: an override ends midway, or a car may leave.
    """

    power_kw: Floats
    energy_end_kwh: Floats
    until: NDArray[np.int64]
    energy_kwh: Floats
    harm_only: NDArray[np.bool_]  # (N, T)
    throughput_kwh: Floats  # (N,), charged and discharged at the terminals

    def load_kw(self, fleet: Fleet) -> tuple[Floats, Floats]:
        """Return load and lost room for export by feeder, (F, T) each."""
        feeder = fleet.feeder_index()
        load, lost_export = np.zeros((2, len(fleet.feeders), self.power_kw.shape[1]))
        charge = np.maximum(-self.power_kw, 0.0)
        discharge = np.maximum(self.power_kw, 0.0)
        np.add.at(load, feeder, charge - np.where(self.harm_only, 0.0, discharge))
        np.add.at(lost_export, feeder, np.where(self.harm_only, np.abs(self.power_kw), 0.0))
        return load, lost_export

    def restrict(self, windows: optimizer.Windows) -> optimizer.Windows:
        """Return `windows` so that no overridden asset is the optimizer's before its time."""
        intervals = self.power_kw.shape[1]
        begin = np.maximum(windows.from_interval, self.until[windows.asset])
        kept = windows.to_interval > begin
        has_window = np.zeros(len(self.until), dtype=np.bool_)
        has_window[windows.asset] = True
        always = np.flatnonzero((self.until > 0) & (self.until < intervals) & ~has_window)
        count = len(always)
        asset = np.concatenate([windows.asset[kept], always])
        order = np.argsort(asset, kind="stable")
        columns = {
            "from_interval": np.concatenate([begin[kept], self.until[always]]),
            "to_interval": np.concatenate([windows.to_interval[kept], np.full(count, intervals)]),
            "departure_energy_kwh": np.concatenate([windows.departure_energy_kwh[kept], np.zeros(count)]),
            "trip_energy_kwh": np.concatenate([windows.trip_energy_kwh[kept], np.zeros(count)]),
        }
        ordered = {name: column[order] for name, column in columns.items()}
        return optimizer.Windows(asset=asset[order].astype(np.int64), **ordered)

    def energy_free_kwh(self, windows: optimizer.Windows) -> Floats:
        """Return the energy (N,) from which the optimizer plans, less the trips of stays over by then."""
        over = windows.to_interval <= self.until[windows.asset]
        trips = np.zeros(len(self.until))
        np.add.at(trips, windows.asset[over], windows.trip_energy_kwh[over])
        return np.maximum(self.energy_kwh - trips, 0.0)

    def into(self, plan: DispatchPlan) -> DispatchPlan:
        """Return a plan of the others with what the fixed assets do in it."""
        mine = self.until[:, None] > np.arange(self.power_kw.shape[1])[None, :]
        return replace(
            plan,
            power_kw=np.where(mine, self.power_kw, plan.power_kw),
            energy_end_kwh=np.where(mine, self.energy_end_kwh, plan.energy_end_kwh),
        )


def fixed_powers(
    *,
    overrides: OverrideColumns | None,
    takes_part: NDArray[np.bool_],
    known: NDArray[np.bool_],
    energy_kwh: Floats,
    fleet: Fleet,
    grid: IntervalGrid,
    load_kw: Floats,
    policy: DispatchPolicy,
    limits_kw: tuple[Floats, Floats],
) -> FixedPowers | None:
    """Return what the fixed assets of `takes_part` (N,) do on `grid`, None where there is none.

    `energy_kwh` (N,) is stored at the grid's start where that is `known`, `load_kw` (F, T) is there without
    the fleet, `limits_kw` are the feeders' import and export limits, (F, T) each. A power is cut to what
    they leave, and to what the asset can do from the energy it has reached; where that is not known the
    power counts in full, and only where it does harm.
    """
    if overrides is None or not (rows := overrides.fixed & takes_part).any():
        return None
    starts_us = np.array([to_microseconds(start) for start in grid.starts()])
    length_us = to_microseconds(grid.end) - starts_us[-1]
    left = (overrides.until_us[:, None] - starts_us[None, :]) / length_us
    share = np.where(rows[:, None], np.clip(left, 0.0, 1.0), 0.0)  # of each interval that it lasts
    wanted_kw = np.where(rows, np.nan_to_num(overrides.power_kw), 0.0)
    wanted = _fit(np.where(share > 0.0, wanted_kw[:, None], 0.0), fleet, load_kw, policy, limits_kw)
    power_kw, energy_end_kwh = follow_energy(wanted, share, energy_kwh, fleet, grid.hours)
    power_kw = np.where(known[:, None], power_kw, wanted)
    until = (share > 0.0).sum(axis=1)
    last = np.maximum(until - 1, 0)
    return FixedPowers(
        power_kw=power_kw,
        energy_end_kwh=energy_end_kwh,
        until=until,
        energy_kwh=np.where(until > 0, energy_end_kwh[np.arange(len(until)), last], energy_kwh),
        harm_only=(share > 0.0) & ((share < 1.0) | ~(stays_connected(fleet) & known)[:, None]),
        throughput_kwh=(np.abs(power_kw) * share).sum(axis=1) * grid.hours,
    )


def _fit(
    wanted_kw: Floats,
    fleet: Fleet,
    load_kw: Floats,
    policy: DispatchPolicy,
    limits_kw: tuple[Floats, Floats],
) -> Floats:
    """Return powers (N, T) cut to the room of feeders and portfolio, each direction by itself."""
    feeder = fleet.feeder_index()
    fitted = wanted_kw.copy()
    total = load_kw.sum(axis=0)
    sides = zip((-1.0, 1.0), ("import_limit_kw", "export_limit_kw"), limits_kw, strict=True)
    for sign, name, limit in sides:
        one_way = np.maximum(sign * fitted, 0.0)
        used = np.zeros(load_kw.shape)
        np.add.at(used, feeder, one_way)
        room = np.maximum(limit + sign * load_kw, 0.0)
        one_way *= _share_of(room, used)[feeder]
        room = np.maximum(getattr(policy, name) + sign * total, 0.0)
        one_way *= _share_of(room, one_way.sum(axis=0))[None, :]
        fitted = np.where(sign * fitted > 0.0, sign * one_way, fitted)
    least = np.where(fitted > 0.0, fleet.column("min_discharge_kw")[:, None], 0.0)
    least = np.where(fitted < 0.0, fleet.column("min_charge_kw")[:, None], least)
    return np.where(np.abs(fitted) >= least, fitted, 0.0)


def _share_of(room_kw: Floats, used_kw: Floats) -> Floats:
    return np.where(used_kw > room_kw, room_kw / np.maximum(used_kw, 1e-12), 1.0)


def follow_energy(
    wanted_kw: Floats, share: Floats, energy_kwh: Floats, fleet: Fleet, hours: float
) -> tuple[Floats, Floats]:
    """Return power and energy at the end of each interval, (N, T) each, as batteries stop by themselves."""
    gain, loss = fleet.column("charge_efficiency"), fleet.column("discharge_efficiency")
    lowest, highest = fleet.column("energy_min_kwh"), fleet.column("energy_max_kwh")
    energy, power, ends = energy_kwh.copy(), np.zeros(wanted_kw.shape), np.zeros(wanted_kw.shape)
    for t in range(wanted_kw.shape[1]):
        lasts_h = hours * share[:, t]
        whole_h = np.maximum(lasts_h, 1e-9)
        most = np.maximum(energy - lowest, 0.0) * loss / whole_h
        least = -np.maximum(highest - energy, 0.0) / gain / whole_h
        power[:, t] = np.clip(wanted_kw[:, t], least, most)
        into = np.where(power[:, t] < 0.0, -power[:, t] * gain, -power[:, t] / loss)
        energy = energy + into * lasts_h
        ends[:, t] = energy
    return power, ends
