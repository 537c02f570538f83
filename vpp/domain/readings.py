"""Telemetry as columns, judged once when it arrives."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from enum import IntFlag

import numpy as np
from numpy.typing import NDArray

MICROSECOND = timedelta(microseconds=1)
FUTURE_TOLERANCE = timedelta(seconds=30)  # a node's clock may be ahead by so much
LATE_LIMIT = timedelta(days=8)  # a node's buffer of 20,000 readings, one every 30 s, holds a week
EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def to_microseconds(at: datetime) -> int:
    """Return `at` as microseconds since 1970-01-01 UTC."""
    return (at - EPOCH) // MICROSECOND


def from_microseconds(microseconds: int) -> datetime:
    """Return the UTC time of microseconds since 1970-01-01."""
    return EPOCH + int(microseconds) * MICROSECOND


class Quality(IntFlag):
    """What is to be said of a reading. Those that `steers` lets pass alone steer."""

    GOOD = 0
    NOT_FINITE = 1
    OUT_OF_RANGE = 2
    FUTURE = 4  # measured later than the service's clock and its tolerance allow
    STALE = 8  # older than any delay explains, so that its time cannot be right
    LATE = 16  # came after a newer one of its asset, or too old to steer: right, and put in its place
    FROZEN = 32  # the state of charge stands still while power flows
    IMPLAUSIBLE = 64  # the state of charge moved faster than the rating allows
    CLOCK_CORRECTED = 128  # the node's clock is off by 2 s to 30 s; see ReadingColumns.clock_ahead_ms
    CLOCK_WRONG = 256  # the node's clock is off by more
    QUARANTINED = 512  # good by itself, of an asset that has yet to earn its trust back


# Flags that a reading may carry and still steer.
INFORMATION = Quality.LATE | Quality.CLOCK_CORRECTED
DISQUALIFYING = (
    Quality.NOT_FINITE
    | Quality.OUT_OF_RANGE
    | Quality.FUTURE
    | Quality.STALE
    | Quality.FROZEN
    | Quality.IMPLAUSIBLE
    | Quality.CLOCK_WRONG
    | Quality.QUARANTINED
)


def steers(quality: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which readings may steer, by their flags."""
    steering: NDArray[np.bool_] = (quality & int(DISQUALIFYING)) == 0
    return steering


_NO_CORRECTION = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingColumns:
    """Readings of any assets, one row each. power_kw > 0 discharges into the grid; soc in 0..1.

    `measured_at_us` is the time by the node's clock: with the slot it names the reading, so that one
    sent again is known. `clock_ahead_ms` says how far that clock was ahead, 0 where it was right.
    """

    slot: NDArray[np.int64]
    measured_at_us: NDArray[np.int64]
    received_at_us: NDArray[np.int64]
    soc: NDArray[np.float64]
    power_kw: NDArray[np.float64]
    connected: NDArray[np.bool_]
    quality: NDArray[np.int64]
    clock_ahead_ms: NDArray[np.int64] = field(default_factory=lambda: _NO_CORRECTION)

    def __post_init__(self) -> None:
        if self.clock_ahead_ms is _NO_CORRECTION:
            object.__setattr__(self, "clock_ahead_ms", np.zeros(len(self.slot), dtype=np.int64))
        lengths = [len(getattr(self, name)) for name in self.__slots__]
        if lengths.count(lengths[0]) < len(lengths):
            raise ValueError(
                f"columns of different length: {dict(zip(self.__slots__, lengths, strict=True))}"
            )

    def __len__(self) -> int:
        return len(self.slot)

    def at_us(self) -> NDArray[np.int64]:
        """Return when the readings were measured by the service's clock, microseconds."""
        return self.measured_at_us - 1000 * self.clock_ahead_ms

    def with_quality(self, quality: NDArray[np.int64]) -> ReadingColumns:
        """Return the same readings with other flags."""
        return replace(self, quality=quality)

    def take(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> ReadingColumns:
        """Return the selected rows."""
        return ReadingColumns(**{name: getattr(self, name)[rows] for name in self.__slots__})

    @classmethod
    def concatenate(cls, parts: list[ReadingColumns]) -> ReadingColumns:
        """Return all rows of `parts` in order."""
        return cls(
            **{
                item.name: np.concatenate([getattr(part, item.name) for part in parts])
                for item in fields(cls)
            }
        )


NO_READINGS = ReadingColumns(
    slot=np.zeros(0, dtype=np.int64),
    measured_at_us=np.zeros(0, dtype=np.int64),
    received_at_us=np.zeros(0, dtype=np.int64),
    soc=np.zeros(0),
    power_kw=np.zeros(0),
    connected=np.zeros(0, dtype=np.bool_),
    quality=np.zeros(0, dtype=np.int64),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingLimits:
    """What a reading may say before it is put aside."""

    future_tolerance: timedelta = FUTURE_TOLERANCE
    stale_after: timedelta = timedelta(minutes=15)  # older ones do not steer
    late_limit: timedelta = LATE_LIMIT  # older ones were not delayed: their time is wrong
    power_margin: float = 1.2  # a device may measure a little above its rating
    skew_ignored: timedelta = timedelta(seconds=2)
    skew_corrected: timedelta = timedelta(seconds=30)  # a clock that is off by more is not trusted


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
