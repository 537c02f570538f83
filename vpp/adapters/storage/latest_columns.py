"""The newest readings that the database's table of them lacks, in columns by slot."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vpp.adapters.storage.reading_columns import TYPES
from vpp.domain.readings import NO_READINGS, ReadingColumns, steers


class LatestColumns:
    """Newest reading that may steer of every slot that had one since the last `clear`.

    It grows with the highest slot and not with the readings: 60 bytes for each asset.
    """

    def __init__(self) -> None:
        self._columns = {name: np.zeros(0, dtype=kind) for name, kind in TYPES.items()}
        self._at_us = np.zeros(0, dtype=np.int64)
        self._changed = np.zeros(0, dtype=np.bool_)

    def clear(self) -> None:
        """Forget all readings."""
        self._changed[:] = False

    def note(self, added: ReadingColumns) -> None:
        """Take in those of stored readings that may steer; they are in the order of measured_at."""
        good = added.take(steers(added.quality))
        if not len(good):
            return
        at_us = good.at_us()
        if good.clock_ahead_ms.any():  # corrected times may have another order
            order = np.argsort(at_us, kind="stable")
            good, at_us = good.take(order), at_us[order]
        self._grow(int(good.slot.max()) + 1)
        newer = ~self._changed[good.slot] | (at_us > self._at_us[good.slot])
        if not newer.all():
            good, at_us = good.take(newer), at_us[newer]
        for name, column in self._columns.items():
            column[good.slot] = getattr(good, name)  # of one slot's readings the last one stays
        self._at_us[good.slot] = at_us
        self._changed[good.slot] = True

    def changed(self) -> ReadingColumns:
        """Return the readings in slot order."""
        slots: NDArray[np.int64] = np.flatnonzero(self._changed)
        if not len(slots):
            return NO_READINGS
        return ReadingColumns(**{name: column[slots] for name, column in self._columns.items()})

    def _grow(self, count: int) -> None:
        more = count - len(self._changed)
        if more <= 0:
            return
        for name, column in self._columns.items():
            self._columns[name] = np.concatenate([column, np.zeros(more, dtype=column.dtype)])
        self._at_us = np.concatenate([self._at_us, np.zeros(more, dtype=np.int64)])
        self._changed = np.concatenate([self._changed, np.zeros(more, dtype=np.bool_)])
