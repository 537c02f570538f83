"""Tells whether the numbers of orders are new without asking the database."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from vpp.domain.setpoints import SetpointColumns

MOST_SLOTS: Final = 10_000_000  # of a fleet; orders beyond are left to the database, which refuses them
_NO_EPOCH: Final = -1


class OrderNumbers:
    """The highest number of each asset in the epoch that this process took: there was none before it.

    Only the holder of the newest epoch writes orders, so that what is above every number seen here was
    never given. What cannot be told so is left to the index of the database.
    """

    def __init__(self) -> None:
        self._epoch = _NO_EPOCH
        self._highest: NDArray[np.int64] = np.zeros(0, dtype=np.int64)  # by slot

    def begin(self, epoch: int) -> None:
        """Count from nothing: this process has just taken `epoch`."""
        self._epoch, self._highest = epoch, np.zeros(0, dtype=np.int64)

    def take(self, orders: SetpointColumns) -> bool:
        """Note the numbers of orders; return whether each is certainly new, and each asset there once."""
        slot = orders.slot
        if (
            orders.epoch != self._epoch
            or not len(slot)
            or not 0 <= int(slot.min()) <= int(slot.max()) < MOST_SLOTS
        ):
            return False
        if (missing := int(slot.max()) + 1 - len(self._highest)) > 0:
            self._highest = np.concatenate([self._highest, np.zeros(missing, dtype=np.int64)])
        new = bool((slot[1:] > slot[:-1]).all() and (orders.sequence > self._highest[slot]).all())
        np.maximum.at(self._highest, slot, orders.sequence)
        return new
