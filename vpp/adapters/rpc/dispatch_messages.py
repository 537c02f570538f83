"""Orders on their way to nodes: one message for each node, and what a node that comes back needs."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np
from google.protobuf.timestamp_pb2 import Timestamp
from numpy.typing import NDArray

from vpp.adapters.rpc import limits
from vpp.adapters.rpc.grouped_messages import GroupedMessages
from vpp.adapters.rpc.wire import packed
from vpp.control.order_book import OrderBook
from vpp.domain.errors import InvalidValueError
from vpp.domain.readings import to_microseconds
from vpp.domain.setpoints import SetpointColumns
from vpp.rpcgen import fleet_pb2 as pb

_ORDER_COLUMNS: Final = ("slot", "sequence", "power_kw", "min_kw", "max_kw")


def timestamp(at: datetime) -> Timestamp:
    """Return a UTC time as it goes over the wire."""
    return timestamp_of(to_microseconds(at))


def timestamp_of(at_us: int) -> Timestamp:
    """Return microseconds since 1970 as they go over the wire."""
    return Timestamp(seconds=at_us // 1_000_000, nanos=at_us % 1_000_000 * 1_000)


def require_lifetime(lifetime: timedelta) -> timedelta:
    """Return a lease's length; raise InvalidValueError when no node would take it."""
    if not limits.MIN_LIFETIME_S <= lifetime.total_seconds() <= limits.MAX_LIFETIME_S:
        raise InvalidValueError(
            "lifetime", str(lifetime), f"{limits.MIN_LIFETIME_S:g} s to {limits.MAX_LIFETIME_S:g} s"
        )
    return lifetime


def remaining(orders: SetpointColumns, now: datetime) -> timedelta:
    """Return the lease that orders get when they are sent now; it ends at `valid_until`."""
    return orders.valid_until - max(orders.valid_from, now)


def setpoints_message(orders: SetpointColumns, sent_at: datetime) -> pb.ServerMessage:
    """Return orders as they go to one node."""
    shared = _without_columns(orders, sent_at)
    shared.MergeFromString(packed(pb.Setpoints, _order_columns(orders)))
    return pb.ServerMessage(setpoints=shared)


def setpoints_messages(orders: SetpointColumns, sent_at: datetime) -> GroupedMessages:
    """Return orders as they go to many nodes, each a run of rows."""
    return GroupedMessages("setpoints", _without_columns(orders, sent_at), _order_columns(orders))


def _order_columns(orders: SetpointColumns) -> dict[str, NDArray[Any]]:
    return {name: getattr(orders, name) for name in _ORDER_COLUMNS}


def _without_columns(orders: SetpointColumns, sent_at: datetime) -> pb.Setpoints:
    droop = orders.droop
    return pb.Setpoints(
        epoch=orders.epoch,
        run_id=orders.run_id,
        sent_at=timestamp(sent_at),
        valid_from=timestamp(orders.valid_from),
        lifetime_s=remaining(orders, sent_at).total_seconds(),
        origin=f"SETPOINT_ORIGIN_{orders.origin.upper()}",
        reason=orders.reason[: limits.MAX_TEXT_LENGTH],
        ramp_kw_per_s=orders.ramp_kw_per_s,
        start_window_s=orders.start_window_s,
        valid_until=timestamp(orders.valid_until),
        droop=pb.Droop(nominal_hz=droop.nominal_hz, deadband_hz=droop.deadband_hz, kw_per_hz=droop.kw_per_hz)
        if droop
        else None,
    )


def renewal_messages(
    *,
    epoch: int,
    sent_at: datetime,
    lifetime: timedelta,
    slots: NDArray[np.int64],
    sequences: NDArray[np.int64],
) -> GroupedMessages:
    """Return a later end of leases as it goes to many nodes, each a run of rows."""
    shared = pb.Renewal(epoch=epoch, sent_at=timestamp(sent_at), lifetime_s=lifetime.total_seconds())
    return GroupedMessages("renewal", shared, {"slot": slots, "sequence": sequences})


def stop_messages(
    slots: NDArray[np.int64], reason: str, sent_at: datetime, *, until_released: bool
) -> GroupedMessages:
    """Return a stop of these slots as it goes to many nodes, each a run of rows."""
    none = np.zeros(0, dtype=np.int64)
    shared = stop_message(none, reason, sent_at, until_released=until_released).stop
    return GroupedMessages("stop", shared, {"slot": slots})


def release_messages(epoch: int, slots: NDArray[np.int64], reason: str, sent_at: datetime) -> GroupedMessages:
    """Return the end of a stop as it goes to many nodes, each a run of rows."""
    shared = release_message(epoch, np.zeros(0, dtype=np.int64), reason, sent_at).release
    return GroupedMessages("release", shared, {"slot": slots})


def stop_message(
    slots: NDArray[np.int64], reason: str, sent_at: datetime, *, until_released: bool
) -> pb.ServerMessage:
    """Return a stop as it goes to one node; no slots mean all of the node."""
    stop = pb.Stop(
        slot=slots.tolist(),
        reason=reason[: limits.MAX_TEXT_LENGTH],
        sent_at=timestamp(sent_at),
        until_released=until_released,
    )
    return pb.ServerMessage(stop=stop)


def release_message(epoch: int, slots: NDArray[np.int64], reason: str, sent_at: datetime) -> pb.ServerMessage:
    """Return the end of a stop as it goes to one node."""
    release = pb.Release(
        epoch=epoch,
        slot=slots.tolist(),
        reason=reason[: limits.MAX_TEXT_LENGTH],
        sent_at=timestamp(sent_at),
    )
    return pb.ServerMessage(release=release)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Remembered:
    """Orders, findable by slot: a fleet that comes back asks ten thousand times, each for a few slots."""

    orders: SetpointColumns
    sent_at_us: int
    by_slot: NDArray[np.int64] | None  # the rows in the order of their slots; None where they lie so
    slot: NDArray[np.int64]  # ascending

    def rows_of(self, slots: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return the row of the order of each slot, and whether there is one."""
        places = np.minimum(np.searchsorted(self.slot, slots), len(self.slot) - 1)
        rows = places if self.by_slot is None else self.by_slot[places]
        return rows, self.slot[places] == slots


def _remembered(orders: SetpointColumns, sent_at: datetime) -> _Remembered:
    slot = orders.slot
    by_slot = None if (slot[1:] > slot[:-1]).all() else np.argsort(slot, kind="stable")
    return _Remembered(
        orders=orders,
        sent_at_us=to_microseconds(sent_at),
        by_slot=by_slot,
        slot=slot if by_slot is None else slot[by_slot],
    )


class RetryBudget:
    """How many orders may be given again: every asset once, and a share of what was given first.

    A node that comes and goes is not helped by more; its leases end by themselves.
    """

    def __init__(self, assets: int) -> None:
        self._most = self._left = float(max(assets, 1))

    def earn(self, orders: int) -> None:
        """Count orders that were given first."""
        self._left = min(self._most, self._left + limits.RETRY_BUDGET * orders)

    def spend(self, orders: int) -> bool:
        """Take from the budget for orders given again; return False where it is used up."""
        if self._left < orders:
            return False
        self._left -= orders
        return True


class RecentDispatches:
    """What was ordered lately, to be given again to a node that was away; bounded."""

    def __init__(self, book: OrderBook) -> None:
        self._recent: deque[_Remembered] = deque(maxlen=limits.MAX_REMEMBERED_DISPATCHES)
        self._book = book

    def remember(self, orders: SetpointColumns, sent_at: datetime) -> None:
        """Note orders, and forget those that are over."""
        while self._recent and self._recent[0].orders.valid_until <= sent_at:
            self._recent.popleft()
        if len(orders):
            self._recent.append(_remembered(orders, sent_at))

    def stop_owed(self, slots: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
        """Return the slots whose last word was a stop, and when (microseconds) the newest was sent."""
        stopped_us = self._book.stopped_at_us[slots]
        owed = slots[(stopped_us > 0) & (stopped_us >= self._book.given_at_us[slots])]
        return owed, int(self._book.stopped_at_us[owed].max(initial=0))

    def in_force(self, slots: NDArray[np.int64], now: datetime) -> list[SetpointColumns]:
        """Return the orders that these assets should hold now, oldest first.

        An order counts unless it is over, was stopped, or a newer one takes effect no later.
        """
        shortest = timedelta(seconds=limits.MIN_LIFETIME_S)
        taken_from_us = np.full(len(slots), np.iinfo(np.int64).max)
        stopped_at_us = self._book.stopped_at_us[slots]
        found: list[SetpointColumns] = []
        for item in reversed(self._recent):
            rows, there = item.rows_of(slots)
            begin_us = to_microseconds(max(item.orders.valid_from, now))
            held = there & (taken_from_us > begin_us) & (stopped_at_us < item.sent_at_us)
            taken_from_us[there] = np.minimum(taken_from_us[there], begin_us)
            if held.any() and remaining(item.orders, now) >= shortest:
                found.append(item.orders.take(np.sort(rows[held])))
        return found[::-1]
