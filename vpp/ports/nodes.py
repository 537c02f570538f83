"""The connections to the nodes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vpp.domain.readings import ReadingColumns
from vpp.domain.setpoints import SetpointColumns
from vpp.ports.operators import StopTimes


@dataclass(frozen=True, slots=True, kw_only=True)
class SendReport:
    """What became of a dispatch: orders handed to a stream, orders whose node is away, orders too late.

    An order is too late when its lease would be shorter than the minimum; it was not sent. Nor was one
    that is held back: its asset is stopped, or was given another power a moment ago.
    """

    sent: int
    unreachable_slots: tuple[int, ...]
    expired_slots: tuple[int, ...] = ()
    held_back_slots: tuple[int, ...] = ()
    stop_times: StopTimes | None = None  # of a stop: what its nodes said within a second


class NodeLink(Protocol):
    """The connections to the nodes."""

    async def send(self, setpoints: SetpointColumns) -> SendReport:
        """Hand orders to the nodes that are connected; never waits for a slow one."""

    def connected_slots(self) -> NDArray[np.int64]:
        """Return the slots of the assets whose node is connected."""

    async def renew(
        self, slots: NDArray[np.int64], sequences: NDArray[np.int64], lifetime: timedelta
    ) -> SendReport:
        """Give orders that nodes already hold a later end: `lifetime` from receipt."""

    def latest_readings(self) -> ReadingColumns:
        """Return the newest reading that may steer of every asset that has one, from memory."""

    def quarantined(self) -> NDArray[np.bool_]:
        """Return the assets whose readings are not trusted now, shape (N,)."""
