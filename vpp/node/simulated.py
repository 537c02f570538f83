"""Simulated devices with exact energy books: for the demo, for tests, for a node without hardware.

What they do is the physics of replays (`vpp.physics`), as columns of length one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vpp.node.device import ChargingStay, FeederMeasurement, Measurement
from vpp.physics.devices import MILD_C, StorageDevices
from vpp.physics.meters import meter_noise
from vpp.physics.stays import EPOCH, MICROSECOND, Stays
from vpp.physics.storage import EnergyBook, Ratings
from vpp.physics.sun import PvSystems

_HOUR = timedelta(hours=1)
LIVES_EVERY_US: Final = 300_000_000  # of the plant's time: temperature changes within hours


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
    standby_kw: float = 0.0

    def ratings(self) -> Ratings:
        """Return the same as columns of length one."""
        return Ratings(**{item.name: np.array([getattr(self, item.name)]) for item in fields(Ratings)})


class SimulatedBattery:
    """A battery that does what it is told within its limits. `noise_kw` disturbs measured power only."""

    comes_and_goes = False

    def __init__(
        self,
        specification: BatterySpecification,
        *,
        energy_kwh: float,
        started_at: datetime,
        seed: int = 0,
        noise_kw: float = 0.0,
        site_net_load_kw: Callable[[datetime], float] | None = None,
        ambient_c: Callable[[datetime], float] | None = None,
        stays: Sequence[ChargingStay] = (),
    ) -> None:
        """Start at rest; `ambient_c` says how warm it is around the device, mild by default."""
        self.specification = specification
        self._at, self._lived_us = started_at, _us(started_at)
        self._noise_kw, self._random = noise_kw, np.random.default_rng(seed)
        self._site_net_load_kw = site_net_load_kw
        self._ambient_c = ambient_c or (lambda _: MILD_C)
        self.devices = StorageDevices(
            specification.ratings(),
            energy_kwh=np.array([energy_kwh]),
            stays=Stays.of((0, stay) for stay in stays if stay.connected_until > started_at),
            start_us=_us(started_at),
            vehicle=np.array([self.comes_and_goes]),
            ambient_c=self._ambient_c(started_at),
        )

    @property
    def asset_id(self) -> str:
        return self.specification.asset_id

    @property
    def energy_kwh(self) -> float:
        """Return what is stored."""
        return float(self.devices.energy_kwh[0])

    @property
    def book(self) -> EnergyBook:
        """Return the energies since the start."""
        return self.devices.books.row(0)

    def step(self, at: datetime) -> None:
        if at <= self._at:
            return
        self.devices.move(_us(at))
        self._at = at
        if self.devices.at_us - self._lived_us >= LIVES_EVERY_US:
            self._lived_us = self.devices.at_us
            self.devices.live(self._ambient_c(at))

    def read(self, at: datetime) -> Measurement:
        self.step(at)
        connected = bool(self.devices.connected[0])
        noise_kw = float(meter_noise(self._random, self._noise_kw, 1)[0]) if connected else 0.0
        return Measurement(
            measured_at=at,
            soc=float(self.devices.soc()[0]),
            power_kw=self.power_kw() + noise_kw,
            connected=connected,
        )

    def apply(self, power_kw: float) -> None:
        self.devices.asked_kw[0] = power_kw

    def site_net_load_kw(self) -> float | None:
        return self._site_net_load_kw(self._at) if self._site_net_load_kw else None

    def charging_stays(self, at: datetime) -> Sequence[ChargingStay]:
        return ()

    def power_kw(self) -> float:
        """Return the power at the AC terminals, kW, positive discharges; zero when full, empty or away."""
        return float(self.devices.power_kw()[0])

    def temperatures_c(self) -> tuple[float, float]:
        """Return the coldest and the hottest cell, which are one here."""
        celsius = float(self.devices.life.temperature_c[0])
        return celsius, celsius


class SimulatedEvCharger(SimulatedBattery):
    """An EV that comes and goes; nothing flows while it is away.

    It arrives with the energy it left with, less the trip; energy that is missing at departure is
    counted, and a trip cannot use more than is there.
    """

    comes_and_goes = True

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
        ambient_c: Callable[[datetime], float] | None = None,
    ) -> None:
        super().__init__(
            specification,
            energy_kwh=energy_kwh,
            started_at=started_at,
            seed=seed,
            noise_kw=noise_kw,
            ambient_c=ambient_c,
            stays=stays,
        )
        self._stays = sorted(stays, key=lambda stay: stay.connected_from)
        self._announced_ahead = announced_ahead

    def charging_stays(self, at: datetime) -> Sequence[ChargingStay]:
        return tuple(
            stay
            for stay in self._stays
            if stay.connected_until > at and stay.connected_from <= at + self._announced_ahead
        )


class SimulatedPv:
    """A PV system that gives what the sun allows, or less when told so; it never charges.

    `available_kw` says what could be generated at a time. Until something is ordered, all of it is given.
    """

    def __init__(
        self, asset_id: str, available_kw: Callable[[datetime], float], started_at: datetime
    ) -> None:
        self.asset_id, self.systems = asset_id, PvSystems(1)
        self._available_kw, self._at = available_kw, started_at

    @property
    def generated_kwh(self) -> float:
        """Return what was given since the start."""
        return float(self.systems.generated_kwh[0])

    @property
    def curtailed_kwh(self) -> float:
        """Return what the sun allowed and was not given."""
        return float(self.systems.curtailed_kwh[0])

    def step(self, at: datetime) -> None:
        """Integrate up to `at`, with the sun of the start of the step."""
        if at > self._at:
            self.systems.move(self._sun_kw(), (at - self._at) / _HOUR)
            self._at = at

    def read(self, at: datetime) -> Measurement:
        self.step(at)
        return Measurement(measured_at=at, soc=0.0, power_kw=self.power_kw())

    def apply(self, power_kw: float) -> None:
        """Give at most `power_kw`, kW; a charging power gives nothing."""
        self.systems.tell(np.array([power_kw]))

    def site_net_load_kw(self) -> float | None:
        return None

    def charging_stays(self, at: datetime) -> Sequence[ChargingStay]:
        return ()

    def power_kw(self) -> float:
        """Return the power at the AC terminals, kW, positive."""
        return float(self.systems.power_kw(self._sun_kw())[0])

    def _sun_kw(self) -> NDArray[np.float64]:
        return np.array([self._available_kw(self._at)])


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


def _us(at: datetime) -> int:
    return (at - EPOCH) // MICROSECOND
