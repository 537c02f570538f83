"""History as local days and times of day, which is how people use electricity."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import IntEnum
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from vpp.domain.intervals import IntervalGrid

DAY = timedelta(days=1)


class DayType(IntEnum):
    """Days that resemble one another. A public holiday is lived like a Sunday."""

    WORKDAY = 0
    SATURDAY = 1
    SUNDAY = 2


def day_type(day: date, holidays: frozenset[date]) -> DayType:
    """Return the type of a local day."""
    if day in holidays or day.weekday() == 6:
        return DayType.SUNDAY
    return DayType.SATURDAY if day.weekday() == 5 else DayType.WORKDAY


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalTimes:
    """The local date (as its ordinal) and the slot of the day of N intervals."""

    ordinal: NDArray[np.int64]
    slot: NDArray[np.int64]


def local_times(grid: IntervalGrid, zone: ZoneInfo, slot_length: timedelta) -> LocalTimes:
    """Return date and slot of each interval; a repeated hour in autumn falls into the same slots twice."""
    seconds_per_slot = slot_length.total_seconds()
    local = [start.astimezone(zone) for start in grid.starts()]
    return LocalTimes(
        ordinal=np.array([at.toordinal() for at in local], dtype=np.int64),
        slot=np.array(
            [int((at.hour * 3600 + at.minute * 60 + at.second) // seconds_per_slot) for at in local],
            dtype=np.int64,
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DayCube:
    """Values of F feeders on D consecutive local days of S slots, kW; NaN where nothing is known."""

    first_ordinal: int
    values: NDArray[np.float64]  # (F, D, S)
    types: NDArray[np.int64]  # (D,) DayType of each day

    @property
    def days(self) -> int:
        return int(self.values.shape[1])

    @property
    def slots(self) -> int:
        return int(self.values.shape[2])


def day_cube(
    values_kw: NDArray[np.float64],
    times: LocalTimes,
    *,
    slots: int,
    last_ordinal: int,
    holidays: frozenset[date],
) -> DayCube:
    """Fold (F, N) values into local days, up to and including `last_ordinal`; doubles are averaged."""
    first = int(min(times.ordinal.min(initial=last_ordinal), last_ordinal))
    days = last_ordinal - first + 1
    inside = times.ordinal <= last_ordinal
    position = (times.ordinal[inside] - first) * slots + times.slot[inside]
    known = np.isfinite(values_kw[:, inside])
    sums = np.zeros((days * slots, len(values_kw)))
    counts = np.zeros_like(sums)
    np.add.at(sums, position, np.where(known, values_kw[:, inside], 0.0).T)
    np.add.at(counts, position, known.T.astype(np.float64))
    mean = np.full_like(sums, np.nan)
    np.divide(sums, counts, out=mean, where=counts > 0)
    return DayCube(
        first_ordinal=first,
        values=mean.T.reshape(len(values_kw), days, slots),
        types=np.array([day_type(date.fromordinal(first + day), holidays) for day in range(days)]),
    )
