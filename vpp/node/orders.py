"""What a node is ordered, and what becomes of it: values without behaviour."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum


class LeaseState(IntEnum):
    """What became of an order; the numbers are those of AcknowledgementState on the wire."""

    RECEIVED = 1
    STARTED = 2
    COMPLETED = 3
    REJECTED = 4
    SUPERSEDED = 5
    EXPIRED = 6
    OPTED_OUT = 7
    CANCELLED = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Droop:
    """Answer to the grid's frequency in proportion to its deviation; low frequency discharges."""

    nominal_hz: float
    deadband_hz: float
    kw_per_hz: float

    def response_kw(self, frequency_hz: float) -> float:
        """Return what is added to an order's power, kW."""
        deviation_hz = self.nominal_hz - frequency_hz
        beyond_hz = max(0.0, abs(deviation_hz) - self.deadband_hz)
        return math.copysign(beyond_hz * self.kw_per_hz, deviation_hz)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One order to one asset; power_kw > 0 discharges into the grid. Times are Unix time, seconds."""

    epoch: int
    sequence: int
    power_kw: float
    min_kw: float
    max_kw: float
    sent_at_s: float
    valid_from_s: float
    lifetime_s: float
    valid_until_s: float = math.inf  # end by the service's clock, renewals aside
    ramp_kw_per_s: float = 0.0  # 0: the device may jump
    start_window_s: float = 0.0  # begins at random within it
    droop: Droop | None = None

    @property
    def rank(self) -> tuple[int, int]:
        """Return what orders compete by: the higher one wins."""
        return (self.epoch, self.sequence)

    @property
    def demand(self) -> tuple[float, float, float, float]:
        """Return what the order asks for; two orders of one rank must agree on it."""
        return (self.power_kw, self.min_kw, self.max_kw, self.valid_from_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseEvent:
    """Something that became of an order, at `at_s` on the monotonic clock."""

    asset_id: str
    epoch: int
    sequence: int
    state: LeaseState
    at_s: float
    detail: str = ""
    order: Order | None = None  # that STARTED
