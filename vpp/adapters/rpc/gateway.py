"""The node sessions: readings in, orders out. Implements FleetService and the NodeLink port.

stream ─► reader ─► intake (judged) ─► live state ─► write-behind ─► database
                                                          │ durable
stream ◄─ writer ◄─ outbox (bounded) ◄── ReadingsStored ◄─┘
                       ▲
                       └── send / renew / stop: never wait for a slow node
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import grpc
import grpc.aio
import numpy as np
import structlog
from numpy.typing import NDArray

from vpp.adapters.rpc import limits
from vpp.adapters.rpc.dispatch_messages import (
    RecentDispatches,
    group_rows,
    remaining,
    require_lifetime,
    setpoints_message,
    timestamp,
)
from vpp.adapters.rpc.errors import CallRefusedError, Context
from vpp.adapters.rpc.identity import identify
from vpp.adapters.rpc.live_state import LiveState
from vpp.adapters.rpc.session import NodeSession, admit, welcome_terms
from vpp.adapters.rpc.telemetry import Telemetry
from vpp.domain.assets import Fleet
from vpp.domain.errors import InvalidValueError
from vpp.domain.readings import ReadingColumns, ReadingLimits, from_microseconds
from vpp.domain.setpoints import SetpointColumns
from vpp.ports import Clock, SendReport, Store
from vpp.rpcgen import fleet_pb2 as pb

_logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewaySettings:
    """Rules of the sessions. Periods and ages in seconds of the plant, `write_period_s` of the wall.

    `max_order_age_s` is what an order may spend under way; in a demo whose plant runs k times faster
    than the wall, the same delay of the network is k times longer.
    """

    report_period_s: float = 60.0
    max_order_age_s: float = 5.0
    ping_period_s: float = 30.0
    write_period_s: float = 0.2
    reading_limits: ReadingLimits = field(default_factory=ReadingLimits)


@dataclass(slots=True)
class GatewayCounters:
    """What happened since the start."""

    sessions_opened: int = 0
    sessions_replaced: int = 0
    sessions_refused: int = 0
    orders_sent: int = 0
    slow_consumer_drops: int = 0


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
    ) -> None:
        self.settings = settings or GatewaySettings()
        self.live = live or LiveState(len(fleet))
        self.counters = GatewayCounters()
        self.epoch = epoch
        self._fleet, self._store, self._clock = fleet, store, clock
        self._slot_of = fleet.slots()
        self.telemetry = Telemetry(
            fleet=fleet,
            store=store,
            clock=clock,
            live=self.live,
            reading_limits=self.settings.reading_limits,
            write_period_s=self.settings.write_period_s,
        )
        self._sessions: dict[str, NodeSession] = {}
        self._session_of_slot: dict[int, NodeSession] = {}
        self._recent = RecentDispatches(len(fleet))
        self._draining = False
        self._tasks: list[asyncio.Task[None]] = []

    # life ---------------------------------------------------------------------------------------
    async def start(self) -> None:
        """Seed the live state from the database and start the writers."""
        self.live.seed(await self._store.latest_readings())
        self._tasks = [asyncio.create_task(writer.run()) for writer in self.telemetry.writers]
        self._tasks.append(asyncio.create_task(self._ping_forever()))

    async def drain(self) -> None:
        """Refuse new sessions, end the open ones, and write what is still waiting."""
        self._draining = True
        for session in list(self._sessions.values()):
            session.close("the service is stopping")
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in self.telemetry.writers:
            if not await writer.flush():
                _logger.error("not written before the stop; nodes will send again", rows=writer.waiting_rows)

    async def _ping_forever(self) -> None:
        while True:
            await self._clock.sleep_until(self._clock.now() + timedelta(seconds=self.settings.ping_period_s))
            ping = pb.ServerMessage(ping=pb.Ping(sent_at=timestamp(self._clock.now())))
            for session in self._sessions.values():
                session.outbox.put_ping(ping)

    # NodeLink -----------------------------------------------------------------------------------
    async def send(self, setpoints: SetpointColumns) -> SendReport:
        """Hand orders to the nodes that are connected; never waits for a slow one.

        Orders are remembered: a node that comes back while they hold is given them then. Orders
        whose lease would be shorter than the minimum are not sent and reported as expired.

        Raises:
            InvalidValueError: a lifetime that no node takes, an epoch that is not this gateway's.
        """
        require_lifetime(setpoints.valid_until - setpoints.valid_from)
        if setpoints.epoch != self.epoch:
            raise InvalidValueError("epoch", setpoints.epoch, f"{self.epoch}, the epoch of this service")
        now = self._clock.now()
        if remaining(setpoints, now) < timedelta(seconds=limits.MIN_LIFETIME_S):
            return SendReport(
                sent=0, unreachable_slots=(), expired_slots=tuple(int(slot) for slot in setpoints.slot)
            )
        self._recent.remember(setpoints, now)
        report = self._to_sessions(
            setpoints.slot, lambda rows: setpoints_message(setpoints.take(rows), sent_at=now)
        )
        self.live.record_orders(setpoints.take(_reached(setpoints.slot, report)), now)
        self.counters.orders_sent += report.sent
        return report

    async def renew(
        self, slots: NDArray[np.int64], sequences: NDArray[np.int64], lifetime: timedelta
    ) -> SendReport:
        """Give orders that nodes follow a later end: `lifetime` from receipt."""
        require_lifetime(lifetime)
        now = self._clock.now()

        def message(rows: NDArray[np.int64]) -> pb.ServerMessage:
            renewal = pb.Renewal(
                epoch=self.epoch,
                sent_at=timestamp(now),
                lifetime_s=lifetime.total_seconds(),
                slot=slots[rows].tolist(),
                sequence=sequences[rows].tolist(),
            )
            return pb.ServerMessage(renewal=renewal)

        report = self._to_sessions(slots, message)
        reached = _reached(slots, report)
        self.live.extend_orders(slots[reached], sequences[reached], now + lifetime)
        return report

    async def stop(self, slots: NDArray[np.int64] | None, reason: str) -> SendReport:
        """Send assets into default control at once, the whole fleet when `slots` is None.

        A node that is away is told when it comes back; until then its lease runs out by itself.
        """
        slots = np.arange(len(self._fleet)) if slots is None else slots
        now = self._clock.now()
        self._recent.stopped(slots, now)

        def message(rows: NDArray[np.int64]) -> pb.ServerMessage:
            return _stop_message(slots[rows], reason, now)

        report = self._to_sessions(slots, message)
        self.live.clear_orders(slots[_reached(slots, report)])
        return report

    def connected_slots(self) -> NDArray[np.int64]:
        """Return the slots of the assets whose node is connected."""
        return np.flatnonzero(self.live.node_connected)

    def latest_readings(self) -> ReadingColumns:
        """Return the newest GOOD reading of every asset that has one, from memory."""
        return self.live.latest_readings()

    def _to_sessions(
        self, slots: NDArray[np.int64], message: Callable[[NDArray[np.int64]], pb.ServerMessage]
    ) -> SendReport:
        """Queue one message for each session; `message` makes it from rows of `slots`."""
        sessions = [self._session_of_slot.get(int(slot)) for slot in slots]
        keys = np.array([id(session) if session else 0 for session in sessions], dtype=np.int64)
        sent = 0
        unreachable: tuple[int, ...] = ()
        for key, rows in group_rows(keys):
            session = sessions[rows[0]]
            if key == 0 or session is None:
                unreachable = tuple(int(slot) for slot in slots[rows])
                continue
            before = session.outbox.dropped
            session.outbox.put(message(rows))
            self.counters.slow_consumer_drops += session.outbox.dropped - before
            sent += len(rows)
        return SendReport(sent=sent, unreachable_slots=unreachable)

    # FleetService -------------------------------------------------------------------------------
    async def Session(  # noqa: N802 - the name of the RPC
        self, request_iterator: object, context: Context
    ) -> None:
        """Serve the stream of one node until one of the two sides ends it."""
        node_id = identify(context.auth_context()).name
        hello = await self._read_hello(context)
        if hello is None:
            return
        try:
            session = self._open(node_id, hello)
        except (InvalidValueError, CallRefusedError):
            self.counters.sessions_refused += 1
            raise
        try:
            await self._converse(session, context)
        finally:
            self._close(session)
        if session.closing.is_set():
            raise CallRefusedError(grpc.StatusCode.UNAVAILABLE, "SESSION_CLOSED", session.close_reason)

    async def _read_hello(self, context: Context) -> pb.Hello | None:
        try:
            async with asyncio.timeout(limits.HELLO_TIMEOUT_S):
                first = await context.read()
        except TimeoutError:
            raise CallRefusedError(
                grpc.StatusCode.DEADLINE_EXCEEDED, "NO_HELLO", f"no Hello within {limits.HELLO_TIMEOUT_S:g} s"
            ) from None
        if not isinstance(first, pb.NodeMessage):
            return None
        if first.WhichOneof("message") != "hello":
            raise InvalidValueError("message", first.WhichOneof("message"), "a Hello as the first message")
        return first.hello

    def _open(self, node_id: str, hello: pb.Hello) -> NodeSession:
        """Admit a node, greet it, and tell it what it missed."""
        if self._draining:
            raise CallRefusedError(grpc.StatusCode.UNAVAILABLE, "STOPPING", "the service is stopping")
        session = admit(self._fleet, self._slot_of, node_id, hello)
        if (older := self._sessions.get(node_id)) is not None:
            self.counters.sessions_replaced += 1
            older.close("a newer session of the same node took its place")
            self._close(older)
        if len(self._sessions) >= limits.MAX_SESSIONS:
            raise CallRefusedError(
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                "TOO_MANY_SESSIONS",
                f"{limits.MAX_SESSIONS} nodes are here",
            )
        now = self._clock.now()
        welcome = pb.Welcome(
            epoch=self.epoch,
            assets=welcome_terms(self._fleet, self._slot_of, hello),
            report_period_s=self.settings.report_period_s,
            max_order_age_s=self.settings.max_order_age_s,
            protocol_version=limits.PROTOCOL_VERSION,
            sent_at=timestamp(now),
        )
        session.outbox.put(pb.ServerMessage(welcome=welcome))
        owed, stopped_at_us = self._recent.stop_owed(session.slots)
        if len(owed):
            session.outbox.put(_stop_message(owed, "stopped while away", from_microseconds(stopped_at_us)))
        for orders in self._recent.in_force(session.slots, now):
            session.outbox.put(setpoints_message(orders, sent_at=now))
            self.live.record_orders(orders, now)
        self._sessions[node_id] = session
        self._session_of_slot.update(dict.fromkeys(session.slots.tolist(), session))
        self.live.node_connected[session.slots] = True
        self.counters.sessions_opened += 1
        return session

    def _close(self, session: NodeSession) -> None:
        if self._sessions.get(session.node_id) is not session:
            return  # a newer session has taken its place
        del self._sessions[session.node_id]
        for slot in session.slots.tolist():
            del self._session_of_slot[slot]
        self.live.node_connected[session.slots] = False

    async def _converse(self, session: NodeSession, context: Context) -> None:
        reader = asyncio.create_task(self._read(session, context))
        writer = asyncio.create_task(_write(session, context))
        closer = asyncio.create_task(session.closing.wait())
        tasks: tuple[asyncio.Task[Any], ...] = (reader, writer, closer)
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            ends = await asyncio.gather(*tasks, return_exceptions=True)
        if not session.closing.is_set():
            for end in ends:
                if isinstance(end, Exception):
                    raise end

    async def _read(self, session: NodeSession, context: Context) -> None:
        while isinstance(message := await context.read(), pb.NodeMessage):
            self.telemetry.take(session, message)


async def _write(session: NodeSession, context: Context) -> None:
    """Write what waits for a node; the only writer of its stream."""
    while True:
        for message in await session.outbox.take():
            await context.write(message)


def _reached(slots: NDArray[np.int64], report: SendReport) -> NDArray[np.bool_]:
    """Return which rows were handed to a stream."""
    return ~np.isin(slots, np.array(report.unreachable_slots, dtype=np.int64))


def _stop_message(slots: NDArray[np.int64], reason: str, sent_at: datetime) -> pb.ServerMessage:
    stop = pb.Stop(slot=slots.tolist(), reason=reason[: limits.MAX_TEXT_LENGTH], sent_at=timestamp(sent_at))
    return pb.ServerMessage(stop=stop)
