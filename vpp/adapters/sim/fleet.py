"""A whole fleet as columns, behind the same port as the nodes' connections.

orders ──send──► ordered power ──advance──► energy, books, energy per feeder and interval
                                    └──────► readings ──latest_readings──►
"""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from vpp.adapters.sim.faults import Faults, FaultyParts
from vpp.control.order_book import OrderBook
from vpp.domain.assets import Fleet
from vpp.domain.intervals import IntervalGrid
from vpp.domain.quality import QualityWatch
from vpp.domain.readings import Quality, ReadingColumns, from_microseconds, steers, to_microseconds
from vpp.domain.setpoints import SetpointColumns
from vpp.physics.ageing import BatteryLife
from vpp.physics.devices import MILD_C, StorageDevices
from vpp.physics.meters import meter_noise
from vpp.physics.stays import Stays
from vpp.physics.storage import EnergyBooks, Floats, Ratings
from vpp.ports import SendReport


class SimulatedFleet:
    """N devices from `grid.start` on; `advance` moves them through time, and the port reads and orders them.

    fed_kwh (F, T): energy given to the grid by the assets of each feeder in each interval of `grid`.
    """

    def __init__(
        self,
        fleet: Fleet,
        *,
        grid: IntervalGrid,
        energy_kwh: Floats,
        stays: Stays,
        controlled: bool = True,
        standby_kw: float = 0.0,
        derates: bool = False,
        fades: bool = False,
        faults: Faults | None = None,
        ambient_c: Floats | None = None,
        lease: timedelta = timedelta(minutes=15),
        seed: int = 0,
    ) -> None:
        """Start at rest.

        Args:
            fleet: whose ratings and feeders hold.
            grid: intervals over which the energy of each feeder is booked.
            energy_kwh: stored at the start, shape (N,).
            stays: of vehicles; an asset with stays is connected during them alone.
            controlled: follow orders; otherwise batteries rest and vehicles charge at full power from their
                arrival until the energy asked at their departure is there.
            standby_kw: drawn by every device from its own cell.
            derates: cold and heat limit power.
            fades: capacity shrinks with age.
            faults: what goes wrong; nothing by default.
            ambient_c: around the devices in each interval of `grid`, (T,), °C; mild by default.
            lease: how long an order holds on a node that has lost its connection.
            seed: of faults and noise.
        """
        count = len(fleet)
        self._ambient_c = np.full(grid.count, MILD_C) if ambient_c is None else ambient_c
        self.devices = StorageDevices(
            ratings_of(fleet, standby_kw),
            energy_kwh=energy_kwh,
            stays=stays,
            start_us=to_microseconds(grid.start),
            ambient_c=float(self._ambient_c[0]),
            controlled=controlled,
            derates=derates,
            fades=fades,
        )
        self.book = OrderBook(count)
        self.fed_kwh = np.zeros((len(fleet.feeders), grid.count))
        self._feeder, self._grid = fleet.feeder_index(), grid
        self._coming_kw = np.zeros(count)
        self._coming_us = np.zeros(count, dtype=np.int64)  # 0: nothing is on its way
        self._lease = lease
        self._parts = FaultyParts(
            faults or Faults(),
            count,
            seed=seed,
            start_us=to_microseconds(grid.start),
            end_us=to_microseconds(grid.end),
        )
        self._first_soc = self.devices.soc()
        self._quality = QualityWatch(fleet) if self._parts.faults != Faults() else None
        self.delivered, self.undelivered = 0, 0  # orders that reached their device, or not
        self._readings: ReadingColumns | None = None
        self._readings = self._measure()

    @property
    def energy_kwh(self) -> Floats:
        """Return what is stored, (N,)."""
        return self.devices.energy_kwh

    @property
    def connected(self) -> NDArray[np.bool_]:
        """Return which devices are at their place, (N,)."""
        return self.devices.connected

    @property
    def books(self) -> EnergyBooks:
        """Return the energies since the start."""
        return self.devices.books

    @property
    def life(self) -> BatteryLife:
        """Return temperatures, and what use and time took of the batteries' lives."""
        return self.devices.life

    # the port ------------------------------------------------------------------------------------

    async def send(self, setpoints: SetpointColumns) -> SendReport:
        """Hand orders to the devices that are connected; they take effect at `valid_from`."""
        self.book.give(setpoints, from_microseconds(self.devices.at_us))
        gone = self._parts.away(self.devices.at_us)[setpoints.slot] | self._parts.lost(len(setpoints))
        slots, power = setpoints.slot[~gone], setpoints.power_kw[~gone]
        self.delivered += len(slots)
        self.undelivered += int(gone.sum())
        now_kw = self.devices.asked_kw[slots]
        self._coming_kw[slots] = self._parts.delivered_kw(slots, power, now_kw)
        self._coming_us[slots] = max(to_microseconds(setpoints.valid_from), self.devices.at_us)
        away = self._parts.away(self.devices.at_us)[setpoints.slot]
        return SendReport(sent=int((~away).sum()), unreachable_slots=tuple(setpoints.slot[away].tolist()))

    async def renew(
        self, slots: NDArray[np.int64], sequences: NDArray[np.int64], lifetime: timedelta
    ) -> SendReport:
        """Count the renewal as received: between two cycles the simulation renews by itself."""
        return SendReport(sent=len(slots), unreachable_slots=())

    def connected_slots(self) -> NDArray[np.int64]:
        """Return the slots of the assets whose node is connected."""
        return np.flatnonzero(~self._parts.away(self.devices.at_us)).astype(np.int64)

    def latest_readings(self) -> ReadingColumns:
        """Return the newest reading of every asset."""
        assert self._readings is not None
        return self._readings

    def quarantined(self) -> NDArray[np.bool_]:
        """Return the assets whose readings are not trusted, judged as live operation does, (N,)."""
        if self._quality is None:
            return np.zeros(len(self.energy_kwh), dtype=np.bool_)
        return self._quality.quarantined.copy()

    # time ----------------------------------------------------------------------------------------

    def advance(self, to: datetime) -> None:
        """Move all devices to `to`, through every order's beginning, interval end, arrival and departure."""
        end_us, length_us = to_microseconds(to), self._grid.length // timedelta(microseconds=1)
        begun_us, start_us = self.devices.at_us, to_microseconds(self._grid.start)
        ended = self._parts.lose_connections(self.devices.at_us, end_us, self._lease)
        self.devices.asked_kw[ended] = 0.0
        while self.devices.at_us < end_us:
            interval = (self.devices.at_us - start_us) // length_us
            coming = self._coming_us[self._coming_us > self.devices.at_us]
            begin_us = int(coming.min()) if len(coming) else end_us
            boundary_us = start_us + (interval + 1) * length_us
            self._begin_orders()
            given = self.devices.move(min(end_us, boundary_us, begin_us, self._next_event_us()))
            if 0 <= interval < self._grid.count:
                self.fed_kwh[:, interval] += np.bincount(self._feeder, given, len(self.fed_kwh))
        self._begin_orders()
        lived = min(max((begun_us - start_us) // length_us, 0), self._grid.count - 1)
        self.devices.live(float(self._ambient_c[lived]))
        self._readings = self._measure()

    def power_kw(self) -> Floats:
        """Return what the devices do now, kW, positive discharges, shape (N,)."""
        return self.devices.power_kw()

    def _next_event_us(self) -> int:
        return min(self.devices.next_event_us(), self._parts.next_break_us(self.devices.at_us))

    def _begin_orders(self) -> None:
        """Let orders begin whose time has come, of devices that have not broken down."""
        begun = (self._coming_us > 0) & (self._coming_us <= self.devices.at_us)
        self.devices.asked_kw[begun] = self._coming_kw[begun]
        self._coming_us[begun] = 0
        self.devices.broken = self._parts.broken(self.devices.at_us)

    # what is measured ----------------------------------------------------------------------------

    def _measure(self) -> ReadingColumns:
        """Return readings of now; a node that is away, or says what cannot be, is known by its last one."""
        parts, faults, now_us = self._parts, self._parts.faults, self.devices.at_us
        count = len(self.energy_kwh)
        soc = np.where(parts.frozen, self._first_soc, self.devices.soc())
        soc = np.clip(soc + meter_noise(parts.random, faults.soc_noise, count), 0.0, 1.0)
        readings = ReadingColumns(
            slot=np.arange(count, dtype=np.int64),
            measured_at_us=np.full(count, now_us, dtype=np.int64),
            received_at_us=np.full(count, now_us, dtype=np.int64),
            soc=soc,
            power_kw=self.power_kw() + meter_noise(parts.random, faults.power_noise_kw, count),
            connected=self.connected.copy(),
            quality=np.full(count, int(Quality.GOOD), dtype=np.int64),
        )
        if self._quality is None or self._readings is None:
            return readings
        here = np.flatnonzero(~parts.away(now_us))
        heard = readings.take(here)
        return _newest(self._readings, heard.take(steers(self._quality.judge(heard))))


def _newest(known: ReadingColumns, new: ReadingColumns) -> ReadingColumns:
    """Return one reading for each asset: the new one where there is one."""
    columns = {item.name: getattr(known, item.name).copy() for item in fields(known)}
    for name, column in columns.items():
        column[new.slot] = getattr(new, name)
    return ReadingColumns(**columns)


def ratings_of(fleet: Fleet, standby_kw: float = 0.0) -> Ratings:
    """Return what the devices of a fleet can do."""
    named = {item.name: fleet.column(item.name) for item in fields(Ratings) if item.name != "standby_kw"}
    return Ratings(**named, standby_kw=np.full(len(fleet), standby_kw))
