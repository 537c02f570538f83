"""The fleet as it is now: columns in memory, the database is written behind them."""

from __future__ import annotations

import numpy as np

from vpp.domain.newest import keep_newest, no_readings
from vpp.domain.readings import NO_READINGS, ReadingColumns


class LiveState:
    """Newest good reading of N assets and whether their node is here, columns in slot order.

    power_kw > 0 discharges into the grid; times are microseconds since 1970, 0 where there is none.
    One task writes; readers take copies.
    """

    def __init__(self, assets: int) -> None:
        self._newest = newest = no_readings(assets)
        self.soc, self.power_kw = newest.soc, newest.power_kw
        self.measured_at_us, self.received_at_us = newest.measured_at_us, newest.received_at_us
        self.clock_ahead_ms = newest.clock_ahead_ms
        self.connected = newest.connected  # the battery is at its charger
        keep_newest(NO_READINGS, newest)  # loads the compiled loop
        # Judged by the quality watch, which writes them: flags of the last reading, and whom it distrusts.
        self.quality = np.zeros(assets, dtype=np.int64)
        self.quarantined = np.zeros(assets, dtype=np.bool_)
        self.node_connected = np.zeros(assets, dtype=np.bool_)  # its node holds a session

    def __len__(self) -> int:
        return len(self.soc)

    def seed(self, readings: ReadingColumns) -> None:
        """Start from what the database knows."""
        self.update(readings)

    def update(self, readings: ReadingColumns) -> None:
        """Take in readings; only those that may steer and are newer than the one held change anything."""
        keep_newest(readings, self._newest)

    def latest_readings(self) -> ReadingColumns:
        """Return a copy of the newest good reading of every asset that has one."""
        slot = np.flatnonzero(self.measured_at_us > 0)
        return ReadingColumns(
            slot=slot,
            measured_at_us=self.measured_at_us[slot],
            received_at_us=self.received_at_us[slot],
            soc=self.soc[slot],
            power_kw=self.power_kw[slot],
            connected=self.connected[slot],
            quality=np.zeros(len(slot), dtype=np.int64),
            clock_ahead_ms=self.clock_ahead_ms[slot],
        )
