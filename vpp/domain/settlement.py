"""After an event: what was delivered, why something is missing, and who is paid what.

Powers are kW, positive discharges. Energies of an event are kWh in its direction. Money is in the
portfolio's currency, positive is paid to an asset's owner.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vpp.domain.errors import InvalidValueError
from vpp.domain.readings import from_microseconds, to_microseconds
from vpp.domain.signals import BaselineMethod, Direction

MAX_INTERVALS: Final = 1_000  # of one event
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class Shortfall(StrEnum):
    """Why an asset delivered less than its part: the first that applies, in this order."""

    NONE = "none"
    OPTED_OUT = "opted_out"
    STOPPED = "stopped_or_overridden"  # by an operator
    NODE_AWAY = "node_away"  # ordered, and its node never answered the order
    NOT_ORDERED = "not_ordered"  # the plan chose others: energy, feeder limit or price
    NOT_FOLLOWED = "not_followed"  # metering shows less than the order
    NO_METERING = "no_metering"
    NO_BASELINE = "no_baseline"  # too few like days


@dataclass(frozen=True, slots=True, kw_only=True)
class Spans:
    """E half-open stretches of time [start, end), microseconds."""

    start_us: Integers
    end_us: Integers

    @property
    def hours(self) -> Floats:
        """Return the length of each stretch, shape (E,)."""
        hours: Floats = (self.end_us - self.start_us) / 3.6e9
        return hours

    def __len__(self) -> int:
        return len(self.start_us)

    @classmethod
    def of(cls, start: datetime, end: datetime, length: timedelta) -> Spans:
        """Return intervals of `length` from `start`, the last one cut at `end`."""
        count = -((start - end) // length)
        if not 1 <= count <= MAX_INTERVALS:
            raise InvalidValueError("valid_until", end.isoformat(), f"1 to {MAX_INTERVALS} intervals later")
        begins = [to_microseconds(start + index * length) for index in range(count)]
        return cls(
            start_us=np.array(begins, dtype=np.int64),
            end_us=np.array([*begins[1:], to_microseconds(end)], dtype=np.int64),
        )

    def starts(self) -> list[datetime]:
        return [from_microseconds(int(at)) for at in self.start_us]


@dataclass(frozen=True, slots=True, kw_only=True)
class SettledEvent:
    """The terms that an event is settled by."""

    event_id: str
    direction: Direction
    target_kw: float
    payment_per_kwh: float
    penalty_per_kwh: float
    baseline: BaselineMethod
    start: datetime
    end: datetime

    @property
    def sign(self) -> float:
        return 1.0 if self.direction is Direction.UP else -1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What N assets did in the E intervals of an event.

    (N, E), kW: `power_kw` as metered, NaN where too little is measured (`coverage` is the measured share
    of the interval, 0 to 1); `baseline_kw`, NaN without one; `ordered_kw`, 0 without an order.
    (E,), kW in the event's direction: `delivered_kw` of all that is metered.
    (N,), kWh in the event's direction: `requested_kwh`, each asset's part of the request; `ordered_kwh`
    beyond its baseline; `delivered_kwh`, negative where it went the other way; `missing_kwh` of its part.
    `baseline_days` (N,) counts the days behind a baseline, `throughput_kwh` (N,) all energy in and out.
    """

    event: SettledEvent
    spans: Spans
    asset_ids: Sequence[str]
    feeder_ids: Sequence[str]
    power_kw: Floats
    coverage: Floats
    baseline_kw: Floats
    ordered_kw: Floats
    delivered_kw: Floats
    requested_kwh: Floats
    ordered_kwh: Floats
    delivered_kwh: Floats
    missing_kwh: Floats
    throughput_kwh: Floats
    baseline_days: Integers
    shortfall: tuple[Shortfall, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Compensation:
    """Who is paid what for one event; (N,) are assets.

    `settled_kwh` and `missing_kwh` are the fleet's, interval by interval at most what was requested;
    `income` = payment x settled - penalty x missing. `wear` (N,) repays throughput, `share` (N,) is the
    rest, or the asset's part of a loss; `portfolio` is what no asset earned or caused. All of them add up
    to `income`.
    """

    settled_kwh: float
    missing_kwh: float
    payment: float
    penalty: float
    income: float
    wear: Floats
    share: Floats
    portfolio: float

    @property
    def total(self) -> Floats:
        """Return what each asset is paid, shape (N,)."""
        return self.wear + self.share


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSettlement:
    """An event, as it is settled by the readings known at `settled_at`."""

    delivery: Delivery
    compensation: Compensation
    settled_at: datetime
