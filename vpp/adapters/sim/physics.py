"""Batteries and vehicles as columns: power within limits, exact energy books, stays, faults from a seed.

Power is measured at the AC terminals, positive discharges: charging with p kW stores p * charge_efficiency,
discharging p kW takes p / discharge_efficiency out of the cell, and a device that stands by draws its standby
power from the cell. Power is piecewise constant, so energy integrates exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from vpp.domain.assets import Fleet
from vpp.domain.readings import ChargingSession, to_microseconds

Floats = NDArray[np.float64]
TOLERANCE_KWH = 1e-9


@dataclass(slots=True)
class EnergyBooks:
    """Energies of N assets since the start, kWh, all positive.

    stored now - stored at the start = charged - discharged - lost - driven - standby.
    """

    charged_kwh: Floats  # taken from the grid
    discharged_kwh: Floats  # given to the grid
    lost_kwh: Floats  # in conversion
    driven_kwh: Floats  # used on trips
    standby_kwh: Floats  # drawn by the device itself
    missing_kwh: Floats  # asked at departures and not there

    @classmethod
    def empty(cls, count: int) -> EnergyBooks:
        return cls(*(np.zeros(count) for _ in fields(cls)))

    def stored_change_kwh(self) -> Floats:
        """Return what the books say the stored energy changed by, shape (N,)."""
        return self.charged_kwh - self.discharged_kwh - self.lost_kwh - self.driven_kwh - self.standby_kwh


@dataclass(frozen=True, slots=True, kw_only=True)
class Stays:
    """Stays of vehicles as events in order of time: arrivals and departures.

    Columns of equal length: at_us, slot, arrival (True) or departure (False), and of the stay the energy
    asked at its end and the energy used on the trip that follows, kWh.
    """

    at_us: NDArray[np.int64]
    slot: NDArray[np.int64]
    arrival: NDArray[np.bool_]
    required_kwh: Floats
    trip_kwh: Floats

    @classmethod
    def of(cls, sessions: Sequence[ChargingSession], slots: dict[str, int]) -> Stays:
        """Return the events of `sessions`; at one time departures come before arrivals."""
        rows = []
        for stay in sessions:
            slot, asked, used = slots[stay.asset_id], stay.departure_energy_kwh, stay.trip_energy_kwh
            rows.append((to_microseconds(stay.connected_from), 1, slot, asked, used))
            rows.append((to_microseconds(stay.connected_until), 0, slot, asked, used))
        rows.sort()
        columns = np.array(rows, dtype=object).reshape(-1, 5)
        return cls(
            at_us=columns[:, 0].astype(np.int64),
            slot=columns[:, 2].astype(np.int64),
            arrival=columns[:, 1].astype(np.bool_),
            required_kwh=columns[:, 3].astype(np.float64),
            trip_kwh=columns[:, 4].astype(np.float64),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """What goes wrong, as shares of the fleet or of its readings; drawn from a seed."""

    silent_share: float = 0.0  # nodes that lose their connection for hours, again and again
    stuck_share: float = 0.0  # devices that keep the power of their first order for ever
    half_share: float = 0.0  # devices that deliver half of what they acknowledge
    power_noise_kw: float = 0.0  # standard deviation of measured power
    soc_noise: float = 0.0  # standard deviation of the measured state of charge, 0.01 is one percent


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratings:
    """What the devices can do, columns of shape (N,); powers are magnitudes in kW."""

    energy_min_kwh: Floats
    energy_max_kwh: Floats
    max_charge_kw: Floats
    max_discharge_kw: Floats
    min_charge_kw: Floats
    min_discharge_kw: Floats
    charge_efficiency: Floats
    discharge_efficiency: Floats
    standby_kw: Floats

    @classmethod
    def of(cls, fleet: Fleet, standby_kw: float = 0.0) -> Ratings:
        named = {item.name: fleet.column(item.name) for item in fields(cls) if item.name != "standby_kw"}
        return cls(**named, standby_kw=np.full(len(fleet), standby_kw))

    def feasible_kw(self, asked_kw: Floats) -> Floats:
        """Return what devices do when asked: clipped, zero below their minimum."""
        power = np.clip(asked_kw, -self.max_charge_kw, self.max_discharge_kw)
        least = np.where(power > 0.0, self.min_discharge_kw, self.min_charge_kw)
        return np.where(np.abs(power) >= least - TOLERANCE_KWH, power, 0.0)


def integrate(
    ratings: Ratings,
    books: EnergyBooks,
    energy_kwh: Floats,
    power_kw: Floats,
    ceiling_kwh: Floats,
    hours: float,
) -> Floats:
    """Move `energy_kwh` (N,) in place by `power_kw` over `hours`, up to its limits, and book it.

    ceiling_kwh: no charging beyond it. Returns the energy given to the grid, kWh, negative when taken.
    """
    charging, discharging = np.maximum(-power_kw, 0.0), np.maximum(power_kw, 0.0)
    room = np.maximum(ceiling_kwh - energy_kwh, 0.0)
    stored = np.minimum(charging * ratings.charge_efficiency * hours, room)
    taken = stored / ratings.charge_efficiency
    spare = np.maximum(energy_kwh - ratings.energy_min_kwh, 0.0)
    drawn = np.minimum(discharging / ratings.discharge_efficiency * hours, spare)
    given = drawn * ratings.discharge_efficiency
    own = np.minimum(ratings.standby_kw * hours, np.maximum(energy_kwh + stored - drawn, 0.0))
    energy_kwh += stored - drawn - own
    books.charged_kwh += taken
    books.discharged_kwh += given
    books.lost_kwh += (taken - stored) + (drawn - given)
    books.standby_kwh += own
    return given - taken
