"""The fleet as it is now: columns in memory, the database is written behind them."""

from __future__ import annotations

from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from vpp.domain.readings import FUTURE_TOLERANCE, MICROSECOND, Quality, ReadingColumns, to_microseconds
from vpp.domain.setpoints import SetpointColumns


class LiveState:
    """Newest good reading and orders in force of N assets, columns in slot order.

    power_kw > 0 discharges into the grid; times are microseconds since 1970, 0 where there is none.
    One task writes; readers take copies.
    """

    def __init__(self, assets: int) -> None:
        self.soc = np.zeros(assets)
        self.power_kw = np.zeros(assets)
        self.measured_at_us = np.zeros(assets, dtype=np.int64)
        self.received_at_us = np.zeros(assets, dtype=np.int64)
        self.connected = np.zeros(assets, dtype=np.bool_)  # the battery is at its charger
        self.node_connected = np.zeros(assets, dtype=np.bool_)  # its node holds a session
        # Orders: row 0 is the present one, row 1 the next one, which begins later.
        self._order_kw = np.zeros((2, assets))
        self._order_sequence = np.zeros((2, assets), dtype=np.int64)
        self._order_from_us = np.zeros((2, assets), dtype=np.int64)
        self._order_until_us = np.zeros((2, assets), dtype=np.int64)

    def __len__(self) -> int:
        return len(self.soc)

    def seed(self, readings: ReadingColumns) -> None:
        """Start from what the database knows."""
        self.update(readings)

    def update(self, readings: ReadingColumns) -> None:
        """Take in readings; only GOOD ones that are newer than the one held change anything.

        One that is held from the future, because a clock was set back, gives way to any.
        """
        held_us = self.measured_at_us[readings.slot]
        rows = readings.quality == int(Quality.GOOD)
        rows &= (readings.measured_at_us > held_us) | (
            held_us > readings.received_at_us + FUTURE_TOLERANCE // MICROSECOND
        )
        if not rows.all():
            readings = readings.take(rows)
        if len(readings) > 1:
            # The last write to a slot stays: let that be its newest reading.
            readings = readings.take(np.argsort(readings.measured_at_us, kind="stable"))
        slot = readings.slot
        self.soc[slot], self.power_kw[slot] = readings.soc, readings.power_kw
        self.connected[slot] = readings.connected
        self.measured_at_us[slot] = readings.measured_at_us
        self.received_at_us[slot] = readings.received_at_us

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
        )

    # orders -------------------------------------------------------------------------------------
    def record_orders(self, orders: SetpointColumns, now: datetime) -> None:
        """Note orders that were sent; those that begin later wait behind the present one."""
        self._begin_due(to_microseconds(now))
        slot, later = orders.slot, int(orders.valid_from > now)
        if not later:
            self._order_until_us[1, slot] = 0
        self._order_kw[later, slot] = orders.power_kw
        self._order_sequence[later, slot] = orders.sequence
        self._order_from_us[later, slot] = to_microseconds(orders.valid_from)
        self._order_until_us[later, slot] = to_microseconds(orders.valid_until)

    def extend_orders(self, slot: NDArray[np.int64], sequence: NDArray[np.int64], until: datetime) -> None:
        """Note renewals: a later end for the orders of these sequences."""
        until_us = to_microseconds(until)
        for row in (0, 1):
            same = slot[self._order_sequence[row, slot] == sequence]
            self._order_until_us[row, same] = np.maximum(self._order_until_us[row, same], until_us)

    def clear_orders(self, slot: NDArray[np.int64]) -> None:
        """Note that these assets were sent into default control."""
        self._order_until_us[:, slot] = 0

    def setpoints_in_force(self, now: datetime) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return power (kW, NaN without an order) and end of lease (microseconds, 0), shapes (N,)."""
        now_us = to_microseconds(now)
        self._begin_due(now_us)
        held = self._order_until_us[0] > now_us
        return np.where(held, self._order_kw[0], np.nan), np.where(held, self._order_until_us[0], 0)

    def _begin_due(self, now_us: int) -> None:
        """Let orders whose time has come take the place of the present ones."""
        due = np.flatnonzero((self._order_until_us[1] > 0) & (self._order_from_us[1] <= now_us))
        for column in (self._order_kw, self._order_sequence, self._order_from_us, self._order_until_us):
            column[0, due] = column[1, due]
        self._order_until_us[1, due] = 0
