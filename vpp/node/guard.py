"""Local limits: what a device may do now, by plain rules that no order, no service and no model can lift.

The permitted share of power over temperature rises from 0 at `cold_stop` to 1 at `cold_full`, stays there up
to `hot_derate`, and falls to 0 at `hot_stop`.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol, runtime_checkable

from vpp.node.clock import NodeClock
from vpp.node.device import ChargingStay, DevicePort, Measurement
from vpp.physics.derating import CHARGING, DISCHARGING, TemperatureLimits

_logger = logging.getLogger("vpp.node")
GUARD_PERIOD_S: Final = 1.0  # how often limits are looked at while nothing else happens


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalLimits:
    """Limits of one device: powers as magnitudes in kW, `soc` in 0 to 1.

    Within `taper` of a limit of the state of charge power falls in proportion, to nothing at the limit.
    """

    max_charge_kw: float
    max_discharge_kw: float
    soc_min: float = 0.0
    soc_max: float = 1.0
    taper: float = 0.02
    charging: TemperatureLimits = CHARGING
    discharging: TemperatureLimits = DISCHARGING

    def __post_init__(self) -> None:
        numbers = (self.max_charge_kw, self.max_discharge_kw, self.taper)
        if not all(math.isfinite(value) and value >= 0.0 for value in numbers):
            raise ValueError(f"limits: got {numbers}, expected numbers of zero or more")
        if not 0.0 <= self.soc_min < self.soc_max <= 1.0:
            raise ValueError(f"soc: got {self.soc_min} to {self.soc_max}, expected a range within 0 to 1")

    def range_kw(self, soc: float, temperatures: tuple[float, float] | None) -> tuple[float, float]:
        """Return the lowest and highest permitted power, kW, positive discharges.

        `temperatures` are the coldest and the hottest cell in °C, None for a device without a sensor. A
        state of charge that is no number permits nothing.
        """
        if not math.isfinite(soc):
            return 0.0, 0.0
        charge, discharge = self.max_charge_kw, self.max_discharge_kw
        if temperatures is not None:
            charge *= float(self.charging.share(*temperatures))
            discharge *= float(self.discharging.share(*temperatures))
        charge *= _tapered(self.soc_max - soc, self.taper)
        discharge *= _tapered(soc - self.soc_min, self.taper)
        return -charge, discharge


def _tapered(room: float, taper: float) -> float:
    if room <= 0.0:
        return 0.0
    return 1.0 if room >= taper else room / taper


@runtime_checkable
class TemperaturePort(Protocol):
    """A device that measures its cells' temperature; only such a one is derated by it."""

    def temperatures_c(self) -> tuple[float, float]:
        """Return the coldest and the hottest cell, °C; NaN where a sensor failed."""


class GuardedDevice:
    """A device behind its local limits. Every power passes through here on its way to the device."""

    def __init__(self, device: DevicePort, limits: LocalLimits) -> None:
        self.device, self.limits = device, limits
        self.clipped_kw = 0.0  # what the limits took away from the power that was asked for last
        self._asked_kw = 0.0
        self._told_kw: float | None = None
        self._soc = math.nan

    @property
    def asset_id(self) -> str:
        return self.device.asset_id

    def step(self, at: datetime) -> None:
        self.device.step(at)

    def read(self, at: datetime) -> Measurement:
        measured = self.device.read(at)
        self._soc = measured.soc
        return measured

    def apply(self, power_kw: float) -> None:
        """Tell the device `power_kw`, or the nearest that is permitted; what is no number means zero."""
        self._asked_kw = power_kw if math.isfinite(power_kw) else 0.0
        self._told_kw = None  # said anew also where it is the same
        self._tell()

    def watch(self, at: datetime) -> None:
        """Look at the device, and tell it another power when what is permitted has changed.

        When it cannot be read, nothing is permitted.
        """
        try:
            self._soc = self.device.read(at).soc
        except Exception:
            _logger.exception("asset %s could not be read: it must rest", self.asset_id)
            self._soc = math.nan
        self._tell()

    def site_net_load_kw(self) -> float | None:
        return self.device.site_net_load_kw()

    def charging_stays(self, at: datetime) -> Sequence[ChargingStay]:
        return self.device.charging_stays(at)

    def frequency_hz(self) -> float | None:
        """Return the grid's frequency where the device measures it (see FrequencyPort)."""
        measure = getattr(self.device, "frequency_hz", None)
        return None if measure is None else measure()

    def _tell(self) -> None:
        lowest_kw, highest_kw = self.limits.range_kw(self._soc, self._temperatures())
        power_kw = min(max(self._asked_kw, lowest_kw), highest_kw)
        self.clipped_kw = self._asked_kw - power_kw
        if power_kw != self._told_kw:
            self.device.apply(power_kw)
            self._told_kw = power_kw

    def _temperatures(self) -> tuple[float, float] | None:
        """Return what the sensor says, NaN where it fails, None where there is none."""
        if not isinstance(self.device, TemperaturePort):
            return None
        try:
            return self.device.temperatures_c()
        except Exception:
            _logger.exception("asset %s: its temperature could not be read: it must rest", self.asset_id)
            return math.nan, math.nan


def guarded(devices: Sequence[DevicePort], limits: Mapping[str, LocalLimits]) -> list[DevicePort]:
    """Return the devices, those with limits behind them; raise ValueError for limits of no device."""
    if unknown := limits.keys() - {device.asset_id for device in devices}:
        raise ValueError(f"local_limits: got {min(unknown)!r}, expected only assets of this node")
    return [
        GuardedDevice(device, limits[device.asset_id]) if device.asset_id in limits else device
        for device in devices
    ]


async def guard_forever(devices: Sequence[DevicePort], clock: NodeClock) -> None:
    """Look at every guarded device again and again; return at once where there is none."""
    watched = [device for device in devices if isinstance(device, GuardedDevice)]
    while watched:
        at = clock.now()
        for device in watched:
            try:
                device.watch(at)
            except Exception:  # one that cannot be told is told again; the others are looked after
                _logger.exception("asset %s could not be kept within its limits", device.asset_id)
        await asyncio.sleep(clock.wall_seconds(GUARD_PERIOD_S))
