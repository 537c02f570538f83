"""Simulated devices with exact energy books: for the demo, for tests, for a node without hardware.

Power is piecewise constant, so energy integrates exactly; conversion losses are counted. Power is
measured at the AC terminals: charging with p kW stores p * charge_efficiency, discharging p kW
takes p / discharge_efficiency out of the battery.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from vpp.node.device import ChargingStay, FeederMeasurement, Measurement

_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatterySpecification:
    """What a simulated battery is; powers are magnitudes in kW, energies in kWh."""

    asset_id: str
    capacity_kwh: float
    energy_min_kwh: float
    energy_max_kwh: float
    max_charge_kw: float
    max_discharge_kw: float
    min_charge_kw: float = 0.0
    min_discharge_kw: float = 0.0
    charge_efficiency: float = 1.0
    discharge_efficiency: float = 1.0

    def feasible_kw(self, power_kw: float) -> float:
        """Return what the device does when asked for `power_kw`: clipped, zero below its minimum."""
        power_kw = min(max(power_kw, -self.max_charge_kw), self.max_discharge_kw)
        smallest_kw = self.min_discharge_kw if power_kw > 0.0 else self.min_charge_kw
        return power_kw if abs(power_kw) >= smallest_kw - 1e-9 else 0.0


@dataclass(slots=True)
class EnergyBook:
    """Energies since the start, kWh, all positive: stored is taken in minus given out minus lost."""

    charged_kwh: float = 0.0  # taken from the grid
    discharged_kwh: float = 0.0  # given to the grid
    lost_kwh: float = 0.0  # in conversion
    driven_kwh: float = 0.0  # used on trips
    missing_kwh: float = 0.0  # asked at departures and not there


class SimulatedBattery:
    """A battery that does what it is told within its limits. `noise_kw` disturbs measured power only."""

    def __init__(
        self,
        specification: BatterySpecification,
        *,
        energy_kwh: float,
        started_at: datetime,
        seed: int = 0,
        noise_kw: float = 0.0,
        site_net_load_kw: Callable[[datetime], float] | None = None,
    ) -> None:
        self.specification = specification
        self.energy_kwh = energy_kwh
        self.book = EnergyBook()
        self._asked_kw = 0.0
        self._at = started_at
        self._noise_kw = noise_kw
        self._random = np.random.default_rng(seed)
        self._site_net_load_kw = site_net_load_kw

    @property
    def asset_id(self) -> str:
        return self.specification.asset_id

    def step(self, at: datetime) -> None:
        if at > self._at:
            self._integrate((at - self._at) / _HOUR)
            self._at = at

    def read(self, at: datetime) -> Measurement:
        self.step(at)
        noise_kw = self._random.normal(0.0, self._noise_kw) if self._noise_kw else 0.0
        soc = self.energy_kwh / self.specification.capacity_kwh if self.specification.capacity_kwh else 0.0
        return Measurement(measured_at=at, soc=soc, power_kw=self.power_kw() + noise_kw)

    def apply(self, power_kw: float) -> None:
        self._asked_kw = power_kw

    def site_net_load_kw(self) -> float | None:
        return self._site_net_load_kw(self._at) if self._site_net_load_kw else None

    def charging_stays(self, at: datetime) -> Sequence[ChargingStay]:
        return ()

    def power_kw(self) -> float:
        """Return the power at the AC terminals, kW, positive discharges; zero when full or empty."""
        power_kw = self.specification.feasible_kw(self._asked_kw)
        if power_kw < 0.0 and self.energy_kwh >= self.specification.energy_max_kwh - 1e-9:
            return 0.0
        if power_kw > 0.0 and self.energy_kwh <= self.specification.energy_min_kwh + 1e-9:
            return 0.0
        return power_kw

    def _integrate(self, hours: float) -> None:
        """Move the stored energy by constant power over `hours`, up to a limit and not beyond."""
        power_kw, specification = self.power_kw(), self.specification
        if power_kw < 0.0:
            room_kwh = specification.energy_max_kwh - self.energy_kwh
            stored_kwh = min(-power_kw * specification.charge_efficiency * hours, room_kwh)
            taken_kwh = stored_kwh / specification.charge_efficiency
            self.energy_kwh += stored_kwh
            self.book.charged_kwh += taken_kwh
            self.book.lost_kwh += taken_kwh - stored_kwh
        elif power_kw > 0.0:
            room_kwh = self.energy_kwh - specification.energy_min_kwh
            drawn_kwh = min(power_kw / specification.discharge_efficiency * hours, room_kwh)
            given_kwh = drawn_kwh * specification.discharge_efficiency
            self.energy_kwh -= drawn_kwh
            self.book.discharged_kwh += given_kwh
            self.book.lost_kwh += drawn_kwh - given_kwh


class SimulatedEvCharger(SimulatedBattery):
    """An EV that comes and goes; nothing flows while it is away.

    It arrives with the energy it left with, less the trip; energy that is missing at departure is
    counted, and a trip cannot use more than is there.
    """

    def __init__(
        self,
        specification: BatterySpecification,
        *,
        stays: Sequence[ChargingStay],
        energy_kwh: float,
        started_at: datetime,
        announced_ahead: timedelta = timedelta(hours=36),
        seed: int = 0,
        noise_kw: float = 0.0,
    ) -> None:
        super().__init__(
            specification, energy_kwh=energy_kwh, started_at=started_at, seed=seed, noise_kw=noise_kw
        )
        self._stays = sorted(stays, key=lambda stay: stay.connected_from)
        self._announced_ahead = announced_ahead

    def step(self, at: datetime) -> None:
        """Integrate up to each departure and arrival on the way to `at`."""
        for stay in self._stays:
            if self._at < stay.connected_from <= at:
                super().step(stay.connected_from)
            if self._at < stay.connected_until <= at:
                super().step(stay.connected_until)
                self._depart(stay)
        super().step(at)

    def read(self, at: datetime) -> Measurement:
        measured = super().read(at)
        connected = self._stay_at(at) is not None
        return Measurement(
            measured_at=at,
            soc=measured.soc,
            power_kw=measured.power_kw if connected else 0.0,
            connected=connected,
        )

    def charging_stays(self, at: datetime) -> Sequence[ChargingStay]:
        return tuple(
            stay
            for stay in self._stays
            if stay.connected_until > at and stay.connected_from <= at + self._announced_ahead
        )

    def power_kw(self) -> float:
        return super().power_kw() if self._stay_at(self._at) else 0.0

    def _stay_at(self, at: datetime) -> ChargingStay | None:
        return next((stay for stay in self._stays if stay.connected_from <= at < stay.connected_until), None)

    def _depart(self, stay: ChargingStay) -> None:
        """Leave, and take the trip at once: the vehicle is not seen until it is back."""
        self.book.missing_kwh += max(0.0, stay.departure_energy_kwh - self.energy_kwh)
        used_kwh = min(stay.trip_energy_kwh, self.energy_kwh)
        self.energy_kwh -= used_kwh
        self.book.driven_kwh += used_kwh


class SimulatedPv:
    """A PV system that gives what the sun allows, or less when told so; it never charges.

    `available_kw` says what could be generated at a time. Until something is ordered, all of it is given.
    """

    def __init__(
        self, asset_id: str, available_kw: Callable[[datetime], float], started_at: datetime
    ) -> None:
        self.asset_id = asset_id
        self.generated_kwh = 0.0
        self.curtailed_kwh = 0.0
        self._available_kw, self._at = available_kw, started_at
        self._most_kw = float("inf")

    def step(self, at: datetime) -> None:
        """Integrate up to `at`, with the sun of the start of the step."""
        if at > self._at:
            hours = (at - self._at) / _HOUR
            given_kw = self.power_kw()
            self.generated_kwh += given_kw * hours
            self.curtailed_kwh += (max(self._available_kw(self._at), 0.0) - given_kw) * hours
            self._at = at

    def read(self, at: datetime) -> Measurement:
        self.step(at)
        return Measurement(measured_at=at, soc=0.0, power_kw=self.power_kw())

    def apply(self, power_kw: float) -> None:
        """Give at most `power_kw`, kW; a charging power gives nothing."""
        self._most_kw = max(power_kw, 0.0)

    def site_net_load_kw(self) -> float | None:
        return None

    def charging_stays(self, at: datetime) -> Sequence[ChargingStay]:
        return ()

    def power_kw(self) -> float:
        """Return the power at the AC terminals, kW, positive."""
        return min(max(self._available_kw(self._at), 0.0), self._most_kw)


class FeederMeter:
    """A meter that plays back known intervals as their time passes."""

    def __init__(
        self, feeder_id: str, measurements: Sequence[FeederMeasurement], *, interval: timedelta
    ) -> None:
        self.feeder_id = feeder_id
        self._measurements = sorted(measurements, key=lambda measurement: measurement.start)
        self._interval = interval
        self._next = 0

    def due(self, at: datetime) -> Sequence[FeederMeasurement]:
        first = self._next
        while (
            self._next < len(self._measurements)
            and self._measurements[self._next].start + self._interval <= at
        ):
            self._next += 1
        return self._measurements[first : self._next]
