"""Batteries and vehicles through time: what is asked of them, what flows, where they are.

```
    asked_kw ──ratings──► feasible ──connected, full, empty──► flowing ──move──► energy, books ──live──► life
```
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from vpp.physics.ageing import BatteryLife
from vpp.physics.derating import CHARGING, DISCHARGING
from vpp.physics.stays import Stays
from vpp.physics.storage import TOLERANCE_KWH, EnergyBooks, Floats, Ratings, integrate

MICROSECONDS_PER_HOUR: Final = 3_600_000_000
MILD_C: Final = 20.0  # around devices of which nothing else is known
NEVER_US: Final = int(np.iinfo(np.int64).max)


class StorageDevices:
    """N batteries and vehicles from `start_us` on. `asked_kw` (N,) is theirs to follow.

    Public columns of shape (N,): energy_kwh, connected, asked_kw, and broken, which give and take nothing.
    `books` has the energies since the start, `life` temperatures and age.
    """

    def __init__(
        self,
        ratings: Ratings,
        *,
        energy_kwh: Floats,
        stays: Stays,
        start_us: int,
        vehicle: NDArray[np.bool_] | None = None,
        ambient_c: float,
        controlled: bool = True,
        derates: bool = False,
        fades: bool = False,
    ) -> None:
        """Start at rest.

        Args:
            ratings: what the devices can do.
            energy_kwh: stored at the start, (N,).
            stays: of vehicles, which are connected during them alone; those before the start are over.
            start_us: the time of the start.
            vehicle: which devices come and go, (N,); those with a stay by default.
            ambient_c: around the devices at the start.
            controlled: follow `asked_kw`; otherwise batteries rest and vehicles charge at full power from
                their arrival until the energy asked at their departure is there.
            derates: cold and heat limit power, as `vpp.physics.derating` says.
            fades: capacity shrinks as the devices age; what no longer fits is booked as faded.
        """
        count = len(energy_kwh)
        self.ratings, self.at_us = ratings, start_us
        self.energy_kwh = energy_kwh.astype(np.float64)  # a copy, which moves
        self.asked_kw, self.books = np.zeros(count), EnergyBooks.empty(count)
        self._vehicle = np.zeros(count, dtype=np.bool_)
        self._vehicle[stays.slot] = True
        if vehicle is not None:
            self._vehicle |= vehicle
        self.connected, self.broken = ~self._vehicle, np.zeros(count, dtype=np.bool_)
        self._stays, self._next_stay, self._controlled = stays, 0, controlled
        self._required_kwh = ratings.energy_max_kwh.copy()
        self._capacity_kwh = np.maximum(ratings.capacity_kwh, TOLERANCE_KWH)
        self.life = BatteryLife(self.soc(), self._capacity_kwh, ambient_c)
        self._heated_us, self._heating_kwh = start_us, np.zeros(count)
        self._new, self._derates, self._fades = ratings, derates, fades
        self._begin_stays()

    def soc(self) -> Floats:
        """Return the states of charge, 0 to 1, shape (N,)."""
        return self.energy_kwh / self._capacity_kwh

    def power_kw(self) -> Floats:
        """Return what flows now, kW, positive discharges, shape (N,)."""
        if self._controlled:
            asked_kw = self.asked_kw
        else:
            asked_kw = np.where(self._vehicle, -self.ratings.max_charge_kw, 0.0)
        able = self.connected & ~self.broken
        power = np.where(able, self.ratings.feasible_kw(asked_kw, *self._shares()), 0.0)
        return self.ratings.flowing_kw(power, self.energy_kwh, self._ceiling_kwh())

    def next_event_us(self) -> int:
        """Return when the next vehicle arrives or leaves, far away where none does."""
        events = self._stays.at_us
        return int(events[self._next_stay]) if self._next_stay < len(events) else NEVER_US

    def move(self, to_us: int) -> Floats:
        """Let time pass up to `to_us`, through arrivals and departures; return the energy given, (N,)."""
        given = np.zeros(len(self.energy_kwh))
        while self.at_us < to_us:
            step_us = min(to_us, self.next_event_us())
            hours = (step_us - self.at_us) / MICROSECONDS_PER_HOUR
            if hours > 0.0:
                given += integrate(
                    self.ratings, self.books, self.energy_kwh, self.power_kw(), self._ceiling_kwh(), hours
                )
            self.at_us = step_us
            self._begin_stays()
        return given

    def live(self, ambient_c: float) -> None:
        """Let temperature and ageing catch up with the present, at `ambient_c` since the last time."""
        if self.at_us > self._heated_us:
            self.life.pass_time(
                self.soc(),
                self.books.lost_kwh - self._heating_kwh,
                ambient_c,
                (self.at_us - self._heated_us) / MICROSECONDS_PER_HOUR,
            )
            self._heated_us, self._heating_kwh = self.at_us, self.books.lost_kwh.copy()
            if self._fades:
                self._fade()

    def _shares(self) -> tuple[Floats | float, Floats | float]:
        """Return the shares of charging and discharging power that temperature leaves."""
        if not self._derates:
            return 1.0, 1.0
        cell_c = self.life.temperature_c
        return CHARGING.share(cell_c, cell_c), DISCHARGING.share(cell_c, cell_c)

    def _fade(self) -> None:
        """Shrink the devices to what their age has left of them."""
        self.ratings = self._new.faded(self.life.capacity_share())
        self._capacity_kwh = np.maximum(self.ratings.capacity_kwh, TOLERANCE_KWH)
        too_much = np.maximum(self.energy_kwh - self.ratings.energy_max_kwh, 0.0)
        self.energy_kwh -= too_much
        self.books.faded_kwh += too_much

    def _ceiling_kwh(self) -> Floats:
        """Return up to where devices charge, (N,)."""
        highest = self.ratings.energy_max_kwh
        if self._controlled:
            return highest
        return np.where(self._vehicle, np.minimum(self._required_kwh, highest), highest)

    def _begin_stays(self) -> None:
        """Let vehicles leave and arrive whose time has come; who leaves takes the trip at once."""
        stays = self._stays
        while self._next_stay < len(stays.at_us) and stays.at_us[self._next_stay] <= self.at_us:
            row, slot = self._next_stay, stays.slot[self._next_stay]
            self._next_stay += 1
            self.connected[slot] = stays.arrival[row]
            if stays.arrival[row]:
                self._required_kwh[slot] = stays.required_kwh[row]
                continue
            self.asked_kw[slot] = 0.0  # whoever comes next is asked anew
            self.books.missing_kwh[slot] += max(0.0, stays.required_kwh[row] - self.energy_kwh[slot])
            used = min(stays.trip_kwh[row], self.energy_kwh[slot])
            self.energy_kwh[slot] -= used
            self.books.driven_kwh[slot] += used
