"""Orders to the fleet, and what becomes of them."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray


class Origin(StrEnum):
    OPTIMIZER = "optimizer"
    TRACKING = "tracking"
    EVENT = "event"
    OPERATOR = "operator"
    SAFETY = "safety"


class AcknowledgementState(StrEnum):
    RECEIVED = "received"
    STARTED = "started"
    COMPLETED = "completed"
    REJECTED = "rejected"
    SUPERSEDED = "superseded"
    EXPIRED = "expired"
    OPTED_OUT = "opted_out"
    CANCELLED = "cancelled"


Rows = NDArray[np.int64] | slice
"""Rows of a column; as a slice nothing is copied."""


def rows_of(slots: NDArray[np.int64]) -> Rows:
    """Return slots as an index of columns: a slice where each is one above the one before."""
    if len(slots) and bool((slots[1:] - slots[:-1] == 1).all()):
        return slice(int(slots[0]), int(slots[-1]) + 1)
    return slots


@dataclass(frozen=True, slots=True, kw_only=True)
class Droop:
    """A node's own answer to the grid's frequency, in proportion beyond a deadband; low discharges."""

    nominal_hz: float
    deadband_hz: float
    kw_per_hz: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SetpointColumns:
    """Orders of one run, one row per asset. power_kw > 0 discharges into the grid.

    An order takes effect at `valid_from` and ends at `valid_until` unless it is renewed.
    """

    run_id: str
    epoch: int
    valid_from: datetime
    valid_until: datetime
    origin: Origin
    reason: str
    slot: NDArray[np.int64]
    sequence: NDArray[np.int64]
    power_kw: NDArray[np.float64]
    min_kw: NDArray[np.float64]  # envelope: the node may deviate within it
    max_kw: NDArray[np.float64]
    ramp_kw_per_s: float = 0.0  # 0: the node may jump
    start_window_s: float = 0.0  # the node starts at random within it, after valid_from
    droop: Droop | None = None

    def __len__(self) -> int:
        return len(self.slot)

    def take(self, rows: NDArray[np.bool_] | Rows) -> SetpointColumns:
        """Return the same orders for the selected rows; of a slice the columns are not copied."""
        columns = {"slot", "sequence", "power_kw", "min_kw", "max_kw"}
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        return SetpointColumns(
            **{name: value[rows] if name in columns else value for name, value in values.items()}
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """A node's word on one order."""

    asset_id: str
    epoch: int
    sequence: int
    state: AcknowledgementState
    at: datetime
    detail: str = ""
