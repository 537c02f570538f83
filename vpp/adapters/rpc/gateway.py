"""Orders to the nodes: sent, renewed, stopped, released. Implements the NodeLink port.

stream ─► reader ─► intake (judged) ─► live state ─► write-behind ─► database
                                                          │ durable
stream ◄─ writer ◄─ outbox (bounded) ◄── ReadingsStored ◄─┘
                       ▲
                       └── send / renew / stop / release: never wait for a slow node
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

import numpy as np
import structlog
from numpy.typing import NDArray

from vpp.adapters.rpc import limits
from vpp.adapters.rpc.dispatch_messages import (
    RecentDispatches,
    RetryBudget,
    release_message,
    release_messages,
    remaining,
    renewal_messages,
    require_lifetime,
    setpoints_message,
    setpoints_messages,
    stop_message,
    stop_messages,
)
from vpp.adapters.rpc.gateway_settings import GatewayCounters, GatewaySettings
from vpp.adapters.rpc.grouped_messages import GroupedMessages, group_by
from vpp.adapters.rpc.live_state import LiveState
from vpp.adapters.rpc.session import NodeSession, SessionRegistry
from vpp.adapters.rpc.stop_first import StopFirst
from vpp.adapters.rpc.telemetry import Telemetry
from vpp.adapters.rpc.turns import Turns
from vpp.control.order_book import OrderBook
from vpp.domain.assets import Fleet
from vpp.domain.errors import InvalidValueError
from vpp.domain.readings import ReadingColumns, from_microseconds
from vpp.domain.setpoints import Origin, Rows, SetpointColumns
from vpp.ports import Clock, SendReport, Store
from vpp.rpcgen import fleet_pb2 as pb

_logger = structlog.get_logger(__name__)


class Gateway:
    """All sessions of one fleet. `start` and `drain` bracket its life."""

    def __init__(
        self,
        *,
        fleet: Fleet,
        store: Store,
        clock: Clock,
        epoch: int,
        settings: GatewaySettings | None = None,
        live: LiveState | None = None,
        book: OrderBook | None = None,
    ) -> None:
        self.settings = settings or GatewaySettings()
        self.live = live or LiveState(len(fleet))
        self.book = book or OrderBook(len(fleet))
        self.counters = GatewayCounters()
        self.epoch, self.fleet, self.clock = epoch, fleet, clock
        self.sessions = SessionRegistry(fleet, self.live)
        self.draining = False
        self.turns = Turns(self.sessions, self.counters, clock, self.settings)
        self.stop_first = StopFirst()
        self._store = store
        self.telemetry = Telemetry(
            fleet=fleet,
            store=store,
            clock=clock,
            live=self.live,
            reading_limits=self.settings.reading_limits,
            write_period_s=self.settings.write_period_s,
            current_session=self.sessions.of_node,
            on_words=self._note_words,
        )
        self._recent = RecentDispatches(self.book)
        self._retries = RetryBudget(len(fleet))
        self._tasks: list[asyncio.Task[None]] = []
        self.ended: list[Callable[[NDArray[np.int64]], None]] = []  # told whose orders a stop has ended
        self.heard: list[Callable[[NDArray[np.int64], NDArray[np.int64], int], None]] = []  # of orders

    @property
    def sessions_ended(self) -> int:
        """Return how many sessions have ended since the start."""
        return self.counters.sessions_opened - len(self.sessions)

    # life ---------------------------------------------------------------------------------------
    async def start(self) -> None:
        """Seed the live state from the database and start the writers."""
        latest = await self._store.latest_readings()
        self.live.seed(latest)
        self.telemetry.watch.seed(latest)
        self._tasks = [asyncio.create_task(writer.run()) for writer in self.telemetry.writers]
        self._tasks.append(asyncio.create_task(self.turns.ping_forever()))
        self._tasks.append(asyncio.create_task(self.turns.tell_stored_forever()))

    async def drain(self) -> None:
        """Refuse new sessions, write what waits, say so and goodbye to the nodes, end their streams."""
        self.draining = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._flush()
        open_now = self.sessions.all()
        within_s = max(limits.SHORTEST_RECONNECT_S, len(open_now) / limits.RECONNECTS_PER_S)
        goodbye = pb.Goodbye(reason="the service is stopping", reconnect_within_s=within_s)
        for session in open_now:
            session.outbox.put_goodbye(pb.ServerMessage(goodbye=goodbye).SerializeToString())
        deadline_s = asyncio.get_running_loop().time() + limits.DRAIN_GRACE_S
        while any(session.outbox.busy for session in self.sessions.all()):
            if asyncio.get_running_loop().time() >= deadline_s:
                break
            await asyncio.sleep(0.01)
        for session in self.sessions.all():
            session.close("the service is stopping")
        if not await self._flush():
            waiting = sum(writer.waiting_rows for writer in self.telemetry.writers)
            _logger.error("not written before the stop; nodes will send again", rows=waiting)

    async def _flush(self) -> bool:
        self.telemetry.flush_gathered()
        return all([await writer.flush() for writer in self.telemetry.writers])

    # NodeLink -----------------------------------------------------------------------------------
    async def send(self, setpoints: SetpointColumns) -> SendReport:
        """Hand orders to the nodes that are connected; never waits for a slow one.

        Orders are noted and remembered: a node that comes back while they hold is given them then.
        Not sent, and reported, are orders whose lease would be shorter than the minimum (expired),
        to assets that are stopped, and changes too soon after the last one (held back).

        Raises:
            InvalidValueError: a lifetime that no node takes, an epoch that is not this gateway's.
        """
        require_lifetime(setpoints.valid_until - setpoints.valid_from)
        if setpoints.epoch != self.epoch:
            raise InvalidValueError("epoch", setpoints.epoch, f"{self.epoch}, the epoch of this service")
        now = self.clock.now()
        if remaining(setpoints, now) < timedelta(seconds=limits.MIN_LIFETIME_S):
            return SendReport(sent=0, unreachable_slots=(), expired_slots=tuple(setpoints.slot.tolist()))
        stopped = self.book.stopped[setpoints.slot]
        urgent = setpoints.origin in {Origin.SAFETY, Origin.OPERATOR}
        period = timedelta(seconds=0.0 if urgent else limits.CHANGE_PERIOD_S)
        too_soon = self.book.too_soon(setpoints, now, period) & ~stopped
        held_back = stopped | too_soon
        kept = setpoints.take(~held_back if held_back.any() else slice(None))
        self.book.give(kept, now)
        self._recent.remember(kept, now)
        report = self._to_sessions(kept.slot, lambda rows: setpoints_messages(kept.take(rows), sent_at=now))
        reached = _reached(kept.slot, report)
        self.book.hand_over(kept.slot[reached], kept.sequence[reached])
        self.counters.orders_sent += report.sent
        self.counters.orders_too_soon += int(too_soon.sum())
        self._retries.earn(report.sent)
        return SendReport(
            sent=report.sent,
            unreachable_slots=report.unreachable_slots,
            held_back_slots=tuple(setpoints.slot[held_back].tolist()),
        )

    async def renew(
        self, slots: NDArray[np.int64], sequences: NDArray[np.int64], lifetime: timedelta
    ) -> SendReport:
        """Give orders that nodes follow a later end: `lifetime` from receipt; not to stopped assets."""
        require_lifetime(lifetime)
        going_on = ~self.book.stopped[slots]
        slots, sequences = slots[going_on], sequences[going_on]
        now = self.clock.now()
        report = self._to_sessions(
            slots,
            lambda rows: renewal_messages(
                epoch=self.epoch, sent_at=now, lifetime=lifetime, slots=slots[rows], sequences=sequences[rows]
            ),
        )
        reached = _reached(slots, report)
        self.book.renew(slots[reached], sequences[reached], now + lifetime, now)
        return report

    async def stop(
        self, slots: NDArray[np.int64] | None, reason: str, *, until_released: bool = False
    ) -> SendReport:
        """Send assets into default control at once, the whole fleet when `slots` is None.

        A node that is away is told when it comes back; until then its lease runs out by itself. With
        `until_released` the assets are given, and take, no order before a release.
        """
        now = self.clock.now()
        self.book.stop(self._all(slots), now, until_released=until_released)
        if slots is None:
            everything = np.zeros(0, dtype=np.int64)
            message = stop_message(everything, reason, now, until_released=until_released)
            return self._to_everybody(message.SerializeToString())
        return self._to_sessions(
            slots, lambda rows: stop_messages(slots[rows], reason, now, until_released=until_released)
        )

    async def release(self, slots: NDArray[np.int64] | None, reason: str) -> SendReport:
        """Let assets take orders again after a stop; the whole fleet when `slots` is None."""
        chosen, now = self._all(slots), self.clock.now()
        self.book.release(chosen, now)
        return self._to_sessions(
            chosen, lambda rows: release_messages(self.epoch, chosen[rows], reason, now), since_version=2
        )

    def connected_slots(self) -> NDArray[np.int64]:
        """Return the slots of the assets whose node is connected."""
        return np.flatnonzero(self.live.node_connected)

    def latest_readings(self) -> ReadingColumns:
        """Return the newest GOOD reading of every asset that has one, from memory."""
        return self.live.latest_readings()

    def quarantined(self) -> NDArray[np.bool_]:
        """Return whose readings are not trusted now, shape (N,)."""
        return self.telemetry.watch.quarantined.copy()

    def tell_what_was_missed(self, session: NodeSession, now: datetime) -> None:
        """Give a node that comes back the stops it is owed, and orders that still hold."""
        owed, at_us = self._recent.stop_owed(session.slots)
        for held in (True, False):
            if len(chosen := owed[self.book.stopped[owed] == held]):
                at = from_microseconds(at_us)
                session.outbox.put(stop_message(chosen, "stopped while away", at, until_released=held))
        free = (self.book.released_at_us[session.slots] > 0) & ~self.book.stopped[session.slots]
        released = session.slots[free]
        if len(released) and session.protocol_version >= 2:
            at = from_microseconds(int(self.book.released_at_us[released].max()))
            session.outbox.put(release_message(self.epoch, released, "released while away", at))
        for orders in self._recent.in_force(session.slots, now):
            if not self._retries.spend(len(orders)):
                self.counters.orders_over_retry_budget += len(orders)
                continue
            session.outbox.put(setpoints_message(orders, sent_at=now))
            self.book.hand_over(orders.slot, orders.sequence)
            self.counters.orders_given_again += len(orders)

    def _all(self, slots: NDArray[np.int64] | None) -> NDArray[np.int64]:
        return np.arange(len(self.fleet)) if slots is None else slots

    def _note_words(
        self, slots: NDArray[np.int64], sequences: NDArray[np.int64], epoch: int, state: int
    ) -> None:
        """Note what nodes say of orders; `state` is a number of the wire."""
        for hear in self.heard:
            hear(slots, sequences, epoch)
        if state == pb.ACKNOWLEDGEMENT_STATE_CANCELLED and epoch == self.epoch:
            self.book.end(slots, sequences)
            for listener in self.ended:
                listener(slots)

    def _to_everybody(self, message: bytes) -> SendReport:
        """Queue the same message for each session that speaks for assets."""
        sessions = [session for session in self.sessions.all() if len(session.slots)]
        for session in sessions:
            session.outbox.put_urgent(message)
        self.stop_first.hold(session.outbox for session in sessions)
        away = np.flatnonzero(~self.live.node_connected)
        return SendReport(
            sent=len(self.fleet) - len(away), unreachable_slots=tuple(int(slot) for slot in away)
        )

    def _to_sessions(
        self,
        slots: NDArray[np.int64],
        encode: Callable[[Rows], GroupedMessages],
        *,
        since_version: int = 1,
    ) -> SendReport:
        """Queue one message for each session; `encode` is given the rows of `slots` in their order."""
        rows, groups = group_by(self.sessions.keys(slots))
        messages = encode(rows)
        sent = 0
        unreachable: tuple[int, ...] = ()
        for key, first, end in groups:
            session = self.sessions.of_key(key)
            if session is None:
                unreachable += tuple(slots[rows][first:end].tolist())
                continue
            sent += end - first
            if session.protocol_version < since_version:
                continue
            before = session.outbox.dropped
            session.outbox.put_encoded(messages.message(first, end))
            self.counters.slow_consumer_drops += session.outbox.dropped - before
        return SendReport(sent=sent, unreachable_slots=unreachable)


def _reached(slots: NDArray[np.int64], report: SendReport) -> NDArray[np.bool_] | slice:
    """Return which rows were handed to a stream."""
    if not report.unreachable_slots:
        return slice(None)
    return ~np.isin(slots, np.array(report.unreachable_slots, dtype=np.int64))
