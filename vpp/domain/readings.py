"""Telemetry as columns, judged once when it arrives."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from enum import IntFlag

import numpy as np
from numpy.typing import NDArray

MICROSECOND = timedelta(microseconds=1)
FUTURE_TOLERANCE = timedelta(seconds=30)  # a node's clock may be ahead by so much
EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def to_microseconds(at: datetime) -> int:
    """Return `at` as microseconds since 1970-01-01 UTC."""
    return (at - EPOCH) // MICROSECOND


def from_microseconds(microseconds: int) -> datetime:
    """Return the UTC time of microseconds since 1970-01-01."""
    return EPOCH + int(microseconds) * MICROSECOND


class Quality(IntFlag):
    """Why a reading is not used as it is. GOOD readings alone steer."""

    GOOD = 0
    NOT_FINITE = 1
    OUT_OF_RANGE = 2
    FUTURE = 4
    STALE = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingColumns:
    """Readings of any assets, one row each. power_kw > 0 discharges into the grid; soc in 0..1."""

    slot: NDArray[np.int64]
    measured_at_us: NDArray[np.int64]
    received_at_us: NDArray[np.int64]
    soc: NDArray[np.float64]
    power_kw: NDArray[np.float64]
    connected: NDArray[np.bool_]
    quality: NDArray[np.int64]

    def __post_init__(self) -> None:
        lengths = {item.name: len(getattr(self, item.name)) for item in fields(self)}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"columns of different length: {lengths}")

    def __len__(self) -> int:
        return len(self.slot)

    def take(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> ReadingColumns:
        """Return the selected rows."""
        return ReadingColumns(**{item.name: getattr(self, item.name)[rows] for item in fields(self)})

    @classmethod
    def concatenate(cls, parts: list[ReadingColumns]) -> ReadingColumns:
        """Return all rows of `parts` in order."""
        return cls(
            **{
                item.name: np.concatenate([getattr(part, item.name) for part in parts])
                for item in fields(cls)
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingLimits:
    """What a reading may say before it is put aside."""

    future_tolerance: timedelta = FUTURE_TOLERANCE
    stale_after: timedelta = timedelta(minutes=15)
    power_margin: float = 1.2  # a device may measure a little above its rating


def judge(
    *,
    max_charge_kw: NDArray[np.float64],
    max_discharge_kw: NDArray[np.float64],
    limits: ReadingLimits,
    received_at: datetime,
    measured_at_us: NDArray[np.int64],
    soc: NDArray[np.float64],
    power_kw: NDArray[np.float64],
) -> NDArray[np.int64]:
    """Return the Quality flags of n readings, shape (n,); ratings are those of each reading's asset, kW."""
    received_us = to_microseconds(received_at)
    finite = np.isfinite(soc) & np.isfinite(power_kw)
    with np.errstate(invalid="ignore"):
        in_range = (
            (soc >= 0.0)
            & (soc <= 1.0)
            & (power_kw <= limits.power_margin * max_discharge_kw + 0.1)
            & (-power_kw <= limits.power_margin * max_charge_kw + 0.1)
        )
    flags = np.where(finite, 0, int(Quality.NOT_FINITE))
    flags |= np.where(finite & ~in_range, int(Quality.OUT_OF_RANGE), 0)
    flags |= np.where(
        measured_at_us > received_us + limits.future_tolerance // MICROSECOND, int(Quality.FUTURE), 0
    )
    flags |= np.where(measured_at_us < received_us - limits.stale_after // MICROSECOND, int(Quality.STALE), 0)
    return flags.astype(np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeederReading:
    """Metered energy of one feeder over one interval, without the fleet's assets, as mean power in kW."""

    feeder_id: str
    start: datetime
    consumption_kw: float
    pv_kw: float
    available_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargingSession:
    """A stay of an EV at its charger: connected over `[connected_from, connected_until)`.

    `departure_energy_kwh` is the energy in the vehicle asked at departure, counted from empty;
    `trip_energy_kwh` is used until the next arrival.
    """

    asset_id: str
    connected_from: datetime
    connected_until: datetime
    departure_energy_kwh: float
    trip_energy_kwh: float
    announced_at: datetime
