"""Whether assets do what they were told: judged from metering, never from what their nodes say.

```
    order begins ── settled ── reading off ── reading off ► flagged (or one, and 30 s without a better one)
```

From the share of its orders that an asset delivers its availability is learned: down fast, up slowly.
The next plan gives it so much less to do.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vpp.control.order_book import OrderBook
from vpp.domain.assets import AssetKind, Fleet
from vpp.domain.readings import MICROSECOND, ReadingColumns, to_microseconds

SETTLED: Final = timedelta(seconds=5)  # after an order's begin, before a reading is held against it
PATIENCE: Final = timedelta(seconds=30)
READINGS: Final = 2
TOLERANCE_KW: Final = 0.2
TOLERANCE_SHARE: Final = 0.1  # of what was ordered
NEARLY: Final = 0.02  # of the capacity: so near to full or empty a battery may do less
CAR_TAPERS_AT: Final = 0.8  # of the highest energy: from there on a car takes less than it is offered
LEARN_DOWN: Final = 0.3  # share of a reading in the availability
LEARN_UP: Final = 0.02
LEAST_AVAILABILITY: Final = 0.05  # so that an asset can show that it is better again


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What the planner takes from it, columns in slot order."""

    availability: NDArray[np.float64]  # share of the ratings to count on, 0.05 to 1
    deviation_kw: NDArray[np.float64]  # measured less ordered where flagged, else 0; positive discharges

    @classmethod
    def none(cls, assets: int) -> Judgement:
        return cls(availability=np.ones(assets), deviation_kw=np.zeros(assets))


class ComplianceWatch:
    """Looks at the newest readings now and then; each reading is judged once."""

    def __init__(self, fleet: Fleet) -> None:
        count = len(fleet)
        self.availability = np.ones(count)
        self.flagged = np.zeros(count, dtype=np.bool_)
        self._deviation_kw = np.zeros(count)
        self._judged_us = np.zeros(count, dtype=np.int64)
        self._off_readings = np.zeros(count, dtype=np.int64)
        self._off_since_us = np.zeros(count, dtype=np.int64)
        car = np.array([asset.kind is AssetKind.EV_CHARGER for asset in fleet.assets], dtype=np.bool_)
        capacity, highest = fleet.column("capacity_kwh"), fleet.column("energy_max_kwh")
        self._full_kwh = np.where(car, CAR_TAPERS_AT * highest, highest - NEARLY * capacity)
        self._empty_kwh = fleet.column("energy_min_kwh") + NEARLY * capacity
        self._capacity_kwh = capacity
        self._least_charge_kw, self._least_discharge_kw = (
            fleet.column("min_charge_kw"),
            fleet.column("min_discharge_kw"),
        )

    def judgement(self) -> Judgement:
        """Return what is known now."""
        return Judgement(
            availability=self.availability.copy(),
            deviation_kw=np.where(self.flagged, self._deviation_kw, 0.0),
        )

    def look(self, book: OrderBook, readings: ReadingColumns, now: datetime) -> NDArray[np.int64]:
        """Judge readings against the orders in force; return the slots that were newly flagged."""
        rows = self._rows(book, readings, now)
        slot, measured_kw = readings.slot[rows], readings.power_kw[rows]
        ordered_kw = book.table.at(now).current.power_kw[slot]
        tolerance_kw = TOLERANCE_KW + TOLERANCE_SHARE * np.abs(ordered_kw)
        off = np.abs(measured_kw - ordered_kw) > tolerance_kw
        off &= ~self._excused(slot, readings.soc[rows], ordered_kw, measured_kw)
        at_us = readings.measured_at_us[rows]
        self._judged_us[slot] = at_us
        first = off & (self._off_readings[slot] == 0)
        self._off_since_us[slot[first]] = at_us[first]
        self._off_readings[slot] = np.where(off, self._off_readings[slot] + 1, 0)
        self._deviation_kw[slot] = np.where(off, measured_kw - ordered_kw, 0.0)
        self._learn(slot, off, ordered_kw, measured_kw, tolerance_kw)
        late = self._off_since_us + PATIENCE // MICROSECOND <= to_microseconds(now)
        flagged = (self._off_readings >= READINGS) | ((self._off_readings > 0) & late)
        newly = np.flatnonzero(flagged & ~self.flagged)
        self.flagged = flagged
        return newly

    def _rows(self, book: OrderBook, readings: ReadingColumns, now: datetime) -> NDArray[np.bool_]:
        """Return which readings say something of an order: in force, settled, not judged before."""
        order = book.table.at(now).current
        slot, at_us = readings.slot, readings.measured_at_us
        begun = order.valid_from_us[slot] + SETTLED // MICROSECOND <= at_us
        begun &= book.given_at_us[slot] + SETTLED // MICROSECOND <= at_us
        over = (order.valid_until_us[slot] <= at_us) | (book.stopped_at_us[slot] >= book.given_at_us[slot])
        known = (order.sequence[slot] > 0) & readings.connected & (at_us > self._judged_us[slot])
        return begun & ~over & known

    def _excused(
        self,
        slot: NDArray[np.int64],
        soc: NDArray[np.float64],
        ordered_kw: NDArray[np.float64],
        measured_kw: NDArray[np.float64],
    ) -> NDArray[np.bool_]:
        """Return where less than ordered, in the same direction, is all that can be: full or empty."""
        energy_kwh = soc * self._capacity_kwh[slot]
        full = (ordered_kw < 0.0) & (energy_kwh >= self._full_kwh[slot])
        empty = (ordered_kw > 0.0) & (energy_kwh <= self._empty_kwh[slot])
        less = (np.abs(measured_kw) <= np.abs(ordered_kw)) & (measured_kw * ordered_kw >= 0.0)
        return (full | empty) & less

    def _learn(
        self,
        slot: NDArray[np.int64],
        off: NDArray[np.bool_],
        ordered_kw: NDArray[np.float64],
        measured_kw: NDArray[np.float64],
        tolerance_kw: NDArray[np.float64],
    ) -> None:
        told = np.abs(ordered_kw) > tolerance_kw
        ratio = np.divide(measured_kw, ordered_kw, out=np.ones(len(slot)), where=told)
        share = np.where(off & told, np.clip(ratio, 0.0, 1.0), 1.0)
        # A share of an order that is less than the device's minimum power comes out as nothing at all. Such
        # an order shows no less than that, so an asset stays one that can be ordered.
        minimum_kw = np.where(ordered_kw < 0.0, self._least_charge_kw[slot], self._least_discharge_kw[slot])
        least = np.divide(minimum_kw, np.abs(ordered_kw), out=np.zeros(len(slot)), where=told)
        known = self.availability[slot]
        share = np.maximum(share, np.minimum(least, known))
        weight = np.where(share < known, LEARN_DOWN, LEARN_UP) * told
        self.availability[slot] = np.maximum(LEAST_AVAILABILITY, known + weight * (share - known))
