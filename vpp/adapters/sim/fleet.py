"""A whole fleet as columns, behind the same port as the nodes' connections.

orders ──send──► ordered power ──advance──► energy, books, energy per feeder and interval
                                    └──────► readings ──latest_readings──►
"""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from vpp.adapters.sim.faults import Faults
from vpp.control.order_book import OrderBook
from vpp.domain.assets import Fleet
from vpp.domain.intervals import IntervalGrid
from vpp.domain.readings import Quality, ReadingColumns, from_microseconds, to_microseconds
from vpp.domain.setpoints import SetpointColumns
from vpp.physics.ageing import BatteryLife
from vpp.physics.devices import MILD_C, StorageDevices
from vpp.physics.meters import meter_noise
from vpp.physics.stays import Stays
from vpp.physics.storage import EnergyBooks, Floats, Ratings
from vpp.ports import SendReport

MEAN_OUTAGE = timedelta(hours=4)
MEAN_CONNECTED_OUTAGES = 6  # a silent node is connected for so many outages on average


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
        )
        self.book = OrderBook(count)
        self.fed_kwh = np.zeros((len(fleet.feeders), grid.count))
        self._feeder, self._grid = fleet.feeder_index(), grid
        self._coming_kw = np.zeros(count)
        self._coming_us = np.zeros(count, dtype=np.int64)  # 0: nothing is on its way
        self._faults, self._lease = faults or Faults(), lease
        self._random = np.random.default_rng(seed)
        self._stuck = self._random.random(count) < self._faults.stuck_share
        self._factor = np.where(self._random.random(count) < self._faults.half_share, 0.5, 1.0)
        self._silent = self._random.random(count) < self._faults.silent_share
        self._away_from_us = np.zeros(count, dtype=np.int64)
        self._away_until_us = np.zeros(count, dtype=np.int64)
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
        away = self._away_until_us[setpoints.slot] > self.devices.at_us
        slots, power = setpoints.slot[~away], setpoints.power_kw[~away]
        self.delivered += len(slots)
        self.undelivered += int(away.sum())
        if self._stuck.any():
            moved = ~self._stuck[slots] | (self.devices.asked_kw[slots] == 0.0)
            slots, power = slots[moved], power[moved]
        self._coming_kw[slots] = power * self._factor[slots]
        self._coming_us[slots] = max(to_microseconds(setpoints.valid_from), self.devices.at_us)
        return SendReport(sent=int((~away).sum()), unreachable_slots=tuple(setpoints.slot[away].tolist()))

    async def renew(
        self, slots: NDArray[np.int64], sequences: NDArray[np.int64], lifetime: timedelta
    ) -> SendReport:
        """Count the renewal as received: between two cycles the simulation renews by itself."""
        return SendReport(sent=len(slots), unreachable_slots=())

    def connected_slots(self) -> NDArray[np.int64]:
        """Return the slots of the assets whose node is connected."""
        return np.flatnonzero(self._away_until_us <= self.devices.at_us).astype(np.int64)

    def latest_readings(self) -> ReadingColumns:
        """Return the newest reading of every asset."""
        assert self._readings is not None
        return self._readings

    def quarantined(self) -> NDArray[np.bool_]:
        """Return that all readings are trusted."""
        return np.zeros(len(self._away_until_us), dtype=np.bool_)

    # time ----------------------------------------------------------------------------------------

    def advance(self, to: datetime) -> None:
        """Move all devices to `to`, through every order's beginning, interval end, arrival and departure."""
        end_us, length_us = to_microseconds(to), self._grid.length // timedelta(microseconds=1)
        begun_us, start_us = self.devices.at_us, to_microseconds(self._grid.start)
        self._lose_connections(end_us)
        while self.devices.at_us < end_us:
            interval = (self.devices.at_us - start_us) // length_us
            coming = self._coming_us[self._coming_us > self.devices.at_us]
            begin_us = int(coming.min()) if len(coming) else end_us
            boundary_us = start_us + (interval + 1) * length_us
            self._begin_orders()
            given = self.devices.move(min(end_us, boundary_us, begin_us, self.devices.next_event_us()))
            if 0 <= interval < self._grid.count:
                self.fed_kwh[:, interval] += np.bincount(self._feeder, given, len(self.fed_kwh))
        self._begin_orders()
        lived = min(max((begun_us - start_us) // length_us, 0), self._grid.count - 1)
        self.devices.live(float(self._ambient_c[lived]))
        self._readings = self._measure()

    def power_kw(self) -> Floats:
        """Return what the devices do now, kW, positive discharges, shape (N,)."""
        return self.devices.power_kw()

    def _begin_orders(self) -> None:
        begun = (self._coming_us > 0) & (self._coming_us <= self.devices.at_us)
        self.devices.asked_kw[begun] = self._coming_kw[begun]
        self._coming_us[begun] = 0

    # what goes wrong -----------------------------------------------------------------------------

    def _lose_connections(self, end_us: int) -> None:
        """Let silent nodes lose their connection now and then; without it an order ends with its lease."""
        if not self._silent.any():
            return
        mean_us = MEAN_OUTAGE // timedelta(microseconds=1)
        away = self._away_until_us > self.devices.at_us
        chance = -np.expm1(-(end_us - self.devices.at_us) / (MEAN_CONNECTED_OUTAGES * mean_us))
        lost = self._silent & ~away & (self._random.random(len(away)) < chance)
        length = self._random.exponential(mean_us, len(away)).astype(np.int64)
        self._away_from_us[lost] = self.devices.at_us
        self._away_until_us[lost] = self.devices.at_us + length[lost]
        ended = away & (self.devices.at_us - self._away_from_us > self._lease // timedelta(microseconds=1))
        self.devices.asked_kw[ended] = 0.0

    def _measure(self) -> ReadingColumns:
        """Return readings of now; a node that is away is known by its last one."""
        count, faults = len(self.energy_kwh), self._faults
        soc = self.devices.soc() + meter_noise(self._random, faults.soc_noise, count)
        power_kw = self.power_kw() + meter_noise(self._random, faults.power_noise_kw, count)
        now_us = np.full(count, self.devices.at_us, dtype=np.int64)
        here = self._away_until_us <= self.devices.at_us
        old = self._readings
        if old is not None and not here.all():
            soc = np.where(here, soc, old.soc)
            power_kw = np.where(here, power_kw, old.power_kw)
            now_us = np.where(here, now_us, old.measured_at_us)
        return ReadingColumns(
            slot=np.arange(count, dtype=np.int64),
            measured_at_us=now_us,
            received_at_us=now_us,
            soc=np.clip(soc, 0.0, 1.0),
            power_kw=power_kw,
            connected=self.connected.copy(),
            quality=np.full(count, int(Quality.GOOD), dtype=np.int64),
        )


def ratings_of(fleet: Fleet, standby_kw: float = 0.0) -> Ratings:
    """Return what the devices of a fleet can do."""
    named = {item.name: fleet.column(item.name) for item in fields(Ratings) if item.name != "standby_kw"}
    return Ratings(**named, standby_kw=np.full(len(fleet), standby_kw))
