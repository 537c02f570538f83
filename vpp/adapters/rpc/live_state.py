"""The fleet as it is now: columns in memory, the database is written behind them."""

from __future__ import annotations

import numpy as np

from vpp.domain.judging import Newest, keep_newest
from vpp.domain.readings import ReadingColumns


class LiveState:
    """Newest good reading of N assets and whether their node is here, columns in slot order.

    power_kw > 0 discharges into the grid; times are microseconds since 1970, 0 where there is none.
    One task writes; readers take copies.
    """

    def __init__(self, assets: int) -> None:
        self.soc = np.zeros(assets)
        self.power_kw = np.zeros(assets)
        self.measured_at_us = np.zeros(assets, dtype=np.int64)
        self.received_at_us = np.zeros(assets, dtype=np.int64)
        self.clock_ahead_ms = np.zeros(assets, dtype=np.int64)
        self.connected = np.zeros(assets, dtype=np.bool_)  # the battery is at its charger
        self._newest = Newest(
            self.soc,
            self.power_kw,
            self.measured_at_us,
            self.received_at_us,
            self.clock_ahead_ms,
            self.connected,
        )
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
