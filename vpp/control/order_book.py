"""The one account of what each asset was told: orders, their leases, and stops.

The gateway writes it as it sends; the loop, the planner and the operators' view read it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vpp.control.leases import TRANSIT_ALLOWANCE, OrderColumns, OrdersInForce
from vpp.domain.readings import MICROSECOND, to_microseconds
from vpp.domain.setpoints import SetpointColumns, rows_of

_ALLOWANCE_US: Final = TRANSIT_ALLOWANCE // MICROSECOND
_SAME_KW: Final = 1e-9


class OrderBook:
    """Orders in force and stops of N assets, columns in slot order.

    An order counts from when it was given, also where its node is away (it may have received it),
    until its lease ends or the node says that a stop ended it.
    """

    def __init__(self, assets: int) -> None:
        self.table = OrdersInForce.none(assets)
        # When something last happened, microseconds since 1970, 0 where it never did.
        self.given_at_us = np.zeros(assets, dtype=np.int64)
        self.changed_at_us = np.zeros(assets, dtype=np.int64)  # given another power than before
        self.changes_from_us = np.zeros(assets, dtype=np.int64)  # when that one takes effect
        self.stopped_at_us = np.zeros(assets, dtype=np.int64)
        self.released_at_us = np.zeros(assets, dtype=np.int64)
        self.stopped = np.zeros(assets, dtype=np.bool_)  # no order until a release
        self._taken_sequence = np.zeros(assets, dtype=np.int64)  # highest that was stored, sent or not
        self._handed_sequence = np.zeros(assets, dtype=np.int64)  # highest that went into a stream

    def __len__(self) -> int:
        return len(self.stopped)

    def stopped_words(self, power_kw: NDArray[np.float64]) -> tuple[str, ...]:
        """Return in words how many of the assets that a plan moves are stopped; nothing where none is."""
        wanted = np.abs(power_kw) > 0.0
        stopped = int((wanted & self.stopped).sum())
        return (f"{stopped} of {int(wanted.sum())} assets were stopped by an operator",) if stopped else ()

    def take(self, orders: SetpointColumns) -> None:
        """Note that orders were stored: their sequences are never used again, also if nobody gets them."""
        rows = rows_of(orders.slot)
        self._taken_sequence[rows] = np.maximum(self._taken_sequence[rows], orders.sequence)

    def numbered(self, now: datetime) -> OrdersInForce:
        """Return the table at `now`, the next sequences of which are free."""
        return self.table.at(now).numbered_from(self._taken_sequence)

    def give(self, orders: SetpointColumns, now: datetime) -> None:
        """Note orders that count from now on."""
        changed = rows_of(orders.slot[~self._as_before(orders)])
        self.changed_at_us[changed] = self.given_at_us[rows_of(orders.slot)] = to_microseconds(now)
        self.changes_from_us[changed] = to_microseconds(max(now, orders.valid_from))
        self.table = self.table.with_orders(orders, now)

    def too_soon(self, orders: SetpointColumns, now: datetime, change_period: timedelta) -> NDArray[np.bool_]:
        """Return which rows would change what an asset does twice within a period, shape (n,).

        An order for later does not count against one for now: both are wanted, each at its time.
        """
        slot, period_us = orders.slot, change_period // MICROSECOND
        if period_us == 0:
            return np.zeros(len(slot), dtype=np.bool_)
        lately = self.changed_at_us[slot] + period_us > to_microseconds(now)
        begin_us = to_microseconds(max(now, orders.valid_from))
        close = np.abs(begin_us - self.changes_from_us[slot]) < period_us
        return (self.changed_at_us[slot] > 0) & lately & close & ~self._as_before(orders)

    def _as_before(self, orders: SetpointColumns) -> NDArray[np.bool_]:
        """Return which rows tell an asset the power that it was told last, shape (n,)."""
        same: NDArray[np.bool_] = (
            np.abs(self.newest_power()[rows_of(orders.slot)] - orders.power_kw) <= _SAME_KW
        )
        return same

    def newest_power(self) -> NDArray[np.float64]:
        """Return the power each asset was told last, kW, NaN where it never was, shape (N,)."""
        current, later = self.table.current, self.table.next
        power = np.where(current.sequence > 0, current.power_kw, np.nan)
        np.copyto(power, later.power_kw, where=later.sequence > current.sequence)
        return power

    def hand_over(self, slots: NDArray[np.int64], sequences: NDArray[np.int64]) -> None:
        """Note that orders of these sequences went into the streams of their nodes."""
        rows = rows_of(slots)
        self._handed_sequence[rows] = np.maximum(self._handed_sequence[rows], sequences)

    def renew(
        self, slots: NDArray[np.int64], sequences: NDArray[np.int64], until: datetime, now: datetime
    ) -> None:
        """Note a later end of the leases in force, where they are of these sequences."""
        self.table = self.table.at(now)
        same = self.table.current.sequence[slots] == sequences
        self.table = self.table.renewed(slots[same], until)

    def stop(self, slots: NDArray[np.int64], at: datetime, *, until_released: bool) -> None:
        """Note a stop. What is in force counts on: a node may be away, or not hear it."""
        self.stopped_at_us[slots] = to_microseconds(at)
        self.stopped[slots] |= until_released

    def release(self, slots: NDArray[np.int64], at: datetime) -> None:
        """Note that these assets may be given orders again."""
        self.released_at_us[slots] = to_microseconds(at)
        self.stopped[slots] = False

    def end(self, slots: NDArray[np.int64], sequences: NDArray[np.int64]) -> None:
        """Forget orders that their nodes said a stop has ended."""
        current, later = self.table.current, self.table.next
        self.table = OrdersInForce(
            current=_ended(current, slots[current.sequence[slots] == sequences]),
            next=_ended(later, slots[later.sequence[slots] == sequences]),
        )

    def shown(self, now: datetime) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return power (kW, NaN without an order) and end of lease (microseconds, 0), shapes (N,).

        Only orders that went into a stream and that no stop came after: what the nodes should do.
        """
        order, now_us = self.table.at(now).current, to_microseconds(now)
        end_us = order.valid_until_us - _ALLOWANCE_US
        held = (order.sequence > 0) & (end_us > now_us) & (order.sequence <= self._handed_sequence)
        held &= ~self.stopped & (self.stopped_at_us < self.given_at_us)
        return np.where(held, order.power_kw, np.nan), np.where(held, end_us, 0)


def _ended(orders: OrderColumns, slots: NDArray[np.int64]) -> OrderColumns:
    """Return the orders, those of `slots` over; the sequence stays, so that none is given twice."""
    until_us = orders.valid_until_us.copy()
    until_us[slots] = 0
    return replace(orders, valid_until_us=until_us)
