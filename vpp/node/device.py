"""What a device vendor implements: one device behind the agent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One measurement; power_kw > 0 discharges into the grid, soc in 0..1."""

    measured_at: datetime
    soc: float
    power_kw: float
    connected: bool = True  # whether the battery is there: an EV at its charger


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargingStay:
    """A stay of an EV over `[connected_from, connected_until)`; energies in the vehicle, kWh.

    `departure_energy_kwh` is asked at departure; `trip_energy_kwh` is used until the next arrival.
    """

    connected_from: datetime
    connected_until: datetime
    departure_energy_kwh: float
    trip_energy_kwh: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FeederMeasurement:
    """Mean power of a feeder over one interval, without the fleet's assets; both positive, kW."""

    start: datetime
    consumption_kw: float
    pv_kw: float


class DevicePort(Protocol):
    """One controllable device. Calls come from one task and must not block."""

    @property
    def asset_id(self) -> str:
        """Return the id under which the fleet register knows the device."""

    def step(self, at: datetime) -> None:
        """Bring a simulated device to the time `at`; a real one has nothing to do."""

    def read(self, at: datetime) -> Measurement:
        """Return what is measured now; `at` is the present time."""

    def apply(self, power_kw: float) -> None:
        """Go for a power, kW, positive discharges; the device keeps its own limits."""

    def site_net_load_kw(self) -> float | None:
        """Return the site's consumption minus PV, kW; None where nothing measures it."""

    def charging_stays(self, at: datetime) -> Sequence[ChargingStay]:
        """Return the stays known at `at`, present and announced; empty for a battery."""


@runtime_checkable
class FrequencyPort(Protocol):
    """A device that also measures the grid's frequency; only such a one can follow a droop."""

    def frequency_hz(self) -> float | None:
        """Return the grid's frequency, Hz; None when it is not known now."""


class FeederMeterPort(Protocol):
    """A meter at the head of a feeder."""

    @property
    def feeder_id(self) -> str:
        """Return the feeder."""

    def due(self, at: datetime) -> Sequence[FeederMeasurement]:
        """Return the intervals that ended since the last call, at most up to `at`."""
