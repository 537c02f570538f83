"""Batteries and vehicles as columns: power within ratings, and exact energy books.

Charging with p kW stores p * charge_efficiency, discharging p kW takes p / discharge_efficiency out of the
cell, and a device that stands by draws its standby power from the cell. Power is piecewise constant, so
energy integrates exactly.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
TOLERANCE_KWH: Final = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergyBook:
    """One device's row of the books."""

    charged_kwh: float
    discharged_kwh: float
    lost_kwh: float
    driven_kwh: float
    standby_kwh: float
    missing_kwh: float
    faded_kwh: float


@dataclass(slots=True)
class EnergyBooks:
    """Energies of N devices since the start, kWh, all positive.

    stored now - stored at the start = charged - discharged - lost - driven - standby - faded.
    """

    charged_kwh: Floats  # taken from the grid
    discharged_kwh: Floats  # given to the grid
    lost_kwh: Floats  # in conversion
    driven_kwh: Floats  # used on trips
    standby_kwh: Floats  # drawn by the device itself
    missing_kwh: Floats  # asked at departures and not there
    faded_kwh: Floats  # that no longer fitted into a battery whose capacity faded

    @classmethod
    def empty(cls, count: int) -> EnergyBooks:
        return cls(*(np.zeros(count) for _ in fields(cls)))

    def row(self, device: int) -> EnergyBook:
        """Return the book of one device as it is now."""
        return EnergyBook(**{item.name: float(getattr(self, item.name)[device]) for item in fields(self)})

    def stored_change_kwh(self) -> Floats:
        """Return what the books say the stored energy changed by, shape (N,)."""
        used = self.lost_kwh + self.driven_kwh + self.standby_kwh + self.faded_kwh
        return self.charged_kwh - self.discharged_kwh - used


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratings:
    """What the devices can do, columns of shape (N,); powers are magnitudes in kW."""

    capacity_kwh: Floats
    energy_min_kwh: Floats
    energy_max_kwh: Floats
    max_charge_kw: Floats
    max_discharge_kw: Floats
    min_charge_kw: Floats
    min_discharge_kw: Floats
    charge_efficiency: Floats
    discharge_efficiency: Floats
    standby_kw: Floats

    def feasible_kw(
        self, asked_kw: Floats, charge_share: Floats | float = 1.0, discharge_share: Floats | float = 1.0
    ) -> Floats:
        """Return what devices do when asked: clipped to shares of their ratings, zero below their minimum."""
        power = np.clip(asked_kw, -self.max_charge_kw * charge_share, self.max_discharge_kw * discharge_share)
        least = np.where(power > 0.0, self.min_discharge_kw, self.min_charge_kw)
        return np.where(np.abs(power) >= least - TOLERANCE_KWH, power, 0.0)

    def faded(self, capacity_share: Floats) -> Ratings:
        """Return the ratings of devices with so much of their capacity left; power stays."""
        return replace(
            self,
            capacity_kwh=self.capacity_kwh * capacity_share,
            energy_min_kwh=self.energy_min_kwh * capacity_share,
            energy_max_kwh=self.energy_max_kwh * capacity_share,
        )

    def flowing_kw(self, power_kw: Floats, energy_kwh: Floats, ceiling_kwh: Floats) -> Floats:
        """Return the power that flows: none into a full device, none out of an empty one."""
        full = (power_kw < 0.0) & (energy_kwh >= ceiling_kwh - TOLERANCE_KWH)
        empty = (power_kw > 0.0) & (energy_kwh <= self.energy_min_kwh + TOLERANCE_KWH)
        return np.where(full | empty, 0.0, power_kw)


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
