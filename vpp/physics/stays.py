"""Stays of vehicles at their chargers, as events in order of time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from vpp.physics.storage import Floats

EPOCH: Final = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
MICROSECOND: Final = timedelta(microseconds=1)


class Stay(Protocol):
    """A stay over `[connected_from, connected_until)`; energies in the vehicle, kWh."""

    @property
    def connected_from(self) -> datetime: ...
    @property
    def connected_until(self) -> datetime: ...
    @property
    def departure_energy_kwh(self) -> float:
        """Return what is asked at the departure."""

    @property
    def trip_energy_kwh(self) -> float:
        """Return what is used until the next arrival."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stays:
    """Arrivals and departures in order of time, columns of equal length.

    at_us, slot, arrival (True) or departure (False), and of the stay the energy asked at its end and the
    energy used on the trip that follows, kWh.
    """

    at_us: NDArray[np.int64]
    slot: NDArray[np.int64]
    arrival: NDArray[np.bool_]
    required_kwh: Floats
    trip_kwh: Floats

    @classmethod
    def of(cls, stays: Iterable[tuple[int, Stay]]) -> Stays:
        """Return the events of stays with the slots of their vehicles; departures come before arrivals."""
        rows = []
        for slot, stay in stays:
            asked, used = stay.departure_energy_kwh, stay.trip_energy_kwh
            rows.append(((stay.connected_from - EPOCH) // MICROSECOND, 1, slot, asked, used))
            rows.append(((stay.connected_until - EPOCH) // MICROSECOND, 0, slot, asked, used))
        rows.sort()
        columns = np.array(rows, dtype=object).reshape(-1, 5)
        return cls(
            at_us=columns[:, 0].astype(np.int64),
            slot=columns[:, 2].astype(np.int64),
            arrival=columns[:, 1].astype(np.bool_),
            required_kwh=columns[:, 3].astype(np.float64),
            trip_kwh=columns[:, 4].astype(np.float64),
        )
