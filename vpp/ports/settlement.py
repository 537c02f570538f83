"""What a settlement asks of the database beside readings and signals."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderHistory:
    """Orders of some time, one row each, oldest first; power_kw > 0 discharges.

    `answered` and `opted_out` are the slots whose nodes said something of one of them, and declined one.
    """

    slot: NDArray[np.int64]
    valid_from_us: NDArray[np.int64]
    valid_until_us: NDArray[np.int64]
    power_kw: NDArray[np.float64]
    answered: NDArray[np.int64]
    opted_out: NDArray[np.int64]


class OrderArchive(Protocol):
    """Orders by time."""

    async def orders_between(self, *, start: datetime, end: datetime) -> OrderHistory:
        """Return the orders of the runs for intervals that began in [start, end)."""

    async def close(self) -> None:
        """Let go of the database."""
