"""The node agent: one session with the service, its devices, its leases.

Three things run beside each other and do not wait for one another: the control loop (leases to
devices, whether there is a session or not), the report loop (devices to the buffer) and the session
(buffer and acknowledgements out, orders in; again and again with a jittered pause).
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import grpc
import grpc.aio

from vpp.node import limits, messages
from vpp.node.buffer import ReadingBuffer
from vpp.node.clock import NodeClock, ServiceTime, WallNodeClock
from vpp.node.connection import Connection, Stream, due_certificate
from vpp.node.control_loop import ControlLoop
from vpp.node.counters import NodeCounters
from vpp.node.credentials import ChannelCredentials, StoredCredentials
from vpp.node.device import DevicePort, FeederMeterPort
from vpp.node.endings import GoodbyeError, SessionError, ending
from vpp.node.guard import LocalLimits, guard_forever, guarded
from vpp.node.lease import LeaseTable
from vpp.node.message_intake import MessageIntake
from vpp.node.order_intake import OrderIntake
from vpp.node.outgoing import Outgoing
from vpp.rpcgen import fleet_pb2 as pb

_logger = logging.getLogger("vpp.node")


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSettings:
    """How one node behaves. Report period in plant seconds; pauses in seconds of the wall."""

    node_id: str
    target: str
    agent: str = "vpp-node"
    report_period_s: float = 60.0  # until the Welcome says another one
    first_pause_s: float = 0.5
    longest_pause_s: float = 30.0
    target_name: str | None = None  # name in the service's certificate, when it differs from target
    certificate_look_s: float = 3600.0  # how often the node asks whether its certificate is due


class NodeAgent:
    """One node. `run` works until it is cancelled."""

    def __init__(
        self,
        settings: NodeSettings,
        credentials: ChannelCredentials,
        devices: Sequence[DevicePort],
        *,
        meter: FeederMeterPort | None = None,
        local_limits: Mapping[str, LocalLimits] | None = None,
        clock: NodeClock | None = None,
        buffer: ReadingBuffer | None = None,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        if len(devices) > limits.MAX_ASSETS:
            raise ValueError(f"devices: got {len(devices)}, expected at most {limits.MAX_ASSETS}")
        devices = guarded(devices, local_limits or {})
        self.settings = settings
        self.clock = clock or WallNodeClock()
        self.buffer = ReadingBuffer() if buffer is None else buffer
        self.leases = LeaseTable(
            (device.asset_id for device in devices), draw=lambda: self._uniform(0.0, 1.0)
        )
        self.counters = NodeCounters()
        self.outgoing = Outgoing(devices, self.buffer, self.clock, self.counters)
        self.control = ControlLoop(devices, self.clock, self.leases, self.outgoing.note_events)
        self.connected = asyncio.Event()
        self.problem = ""  # why the last session ended or did not begin
        self._credentials, self._devices, self._meter = credentials, devices, meter
        self._service_time = ServiceTime(self.clock, skew_ignored_s=limits.CLOCK_SKEW_IGNORED_S)
        self._orders = OrderIntake(self.leases, self.control, self.clock, self._service_time, self.counters)
        self._report_period_s = settings.report_period_s
        node_id, when = settings.node_id, self._service_time
        self.intake = MessageIntake(
            node_id, self._orders, self.buffer, self.outgoing, self.clock, when, self.counters
        )
        self._moving = False  # whether a new connection is being greeted
        self._uniform = uniform

    async def run(self) -> None:
        """Control, report and hold a session until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(guard_forever(self._devices, self.clock))
                group.create_task(self.control.run())
                group.create_task(self._report_forever())
                group.create_task(self._hold_sessions())
        finally:
            self.buffer.close()

    # reports ------------------------------------------------------------------------------------
    async def _report_forever(self) -> None:
        # Nodes that start together shall not report together.
        await self._sleep(self._uniform(0.0, self._report_period_s))
        while True:
            self.report()
            await self._sleep(self._report_period_s)

    async def _sleep(self, duration_s: float) -> None:
        await asyncio.sleep(self.clock.wall_seconds(duration_s))

    def report(self) -> None:
        """Measure every device once and hand the readings to the session."""
        at = messages.whole_milliseconds(self.clock.now())
        self.control.advance()
        for device in self._devices:
            try:
                self.buffer.append(device.asset_id, device.read(at))
            except Exception:
                self.counters.device_errors += 1
                _logger.exception("asset %s could not be read", device.asset_id)
        if self._meter is not None:
            for measured in self._meter.due(at):
                self.buffer.append(self._meter.feeder_id, measured)
        self.buffer.sync()  # on disk before any of it is sent
        self.outgoing.waits.set()

    # session ------------------------------------------------------------------------------------
    async def _hold_sessions(self) -> None:
        """Open a session, again after each end; the pause doubles up to its maximum, with jitter."""
        pause_s = self.settings.first_pause_s
        while True:
            sessions, asked_s = self.counters.sessions, 0.0
            try:
                await self._hold_session()
                reason = "the service closed the session"
            except grpc.aio.AioRpcError as error:
                reason = ending(error.code(), error.details())
            except TimeoutError:
                reason = f"no Welcome within {limits.WELCOME_TIMEOUT_S:g} s"
            except GoodbyeError as error:
                reason, asked_s = str(error), self._uniform(0.0, error.within_s)
            except (SessionError, asyncio.InvalidStateError) as error:
                reason = str(error)
            except Exception as error:  # the devices must be looked after whatever the session does
                _logger.exception("node %s: the session failed", self.settings.node_id)
                reason = repr(error)
            self.connected.clear()
            self.problem = reason
            self.counters.lost_sessions += 1
            if self.counters.sessions > sessions:
                pause_s = self.settings.first_pause_s
            _logger.info("node %s has no session: %s", self.settings.node_id, reason)
            await asyncio.sleep(max(asked_s, self._uniform(0.5, 1.0) * pause_s))
            pause_s = min(2.0 * pause_s, self.settings.longest_pause_s)

    async def _hold_session(self) -> None:
        connection = await self._connect(self._credentials)
        try:
            await self._greet(connection.stream)
            while True:
                successor = await self._converse(connection)
                await connection.close()
                connection = successor
        finally:
            await connection.close()

    async def _connect(self, credentials: ChannelCredentials, *, ready: bool = False) -> Connection:
        settings = self.settings
        async with asyncio.timeout(limits.WELCOME_TIMEOUT_S):
            return await Connection.open(
                settings.target, credentials, target_name=settings.target_name, ready=ready
            )

    async def _greet(self, stream: Stream) -> None:
        async with asyncio.timeout(limits.WELCOME_TIMEOUT_S):
            await self._exchange_greetings(stream)

    async def _exchange_greetings(self, stream: Stream) -> None:
        hello = pb.Hello(
            protocol_version=limits.PROTOCOL_VERSION,
            min_protocol_version=limits.MIN_PROTOCOL_VERSION,
            buffer_id=self.buffer.buffer_id,
            resume_from=self.buffer.first_number,
            asset_ids=[device.asset_id for device in self._devices],
            agent=self.settings.agent,
        )
        hello_at_s = self.clock.monotonic()
        await stream.write(pb.NodeMessage(hello=hello))
        answer = await stream.read()
        if not isinstance(answer, pb.ServerMessage):
            raise SessionError(ending(await stream.code(), await stream.details()))
        if answer.WhichOneof("message") != "welcome":
            raise SessionError("the service did not begin with a Welcome")
        self._accept_welcome(answer.welcome, hello_at_s)

    def _accept_welcome(self, welcome: pb.Welcome, hello_at_s: float) -> None:
        if not limits.MIN_PROTOCOL_VERSION <= welcome.protocol_version <= limits.PROTOCOL_VERSION:
            spoken = f"{limits.MIN_PROTOCOL_VERSION} to {limits.PROTOCOL_VERSION}"
            raise SessionError(f"the service speaks protocol {welcome.protocol_version}, this node {spoken}")
        if not self.leases.raise_epoch(welcome.epoch):
            raise SessionError(f"the service's epoch {welcome.epoch} is lower than {self.leases.epoch}")
        known = {device.asset_id for device in self._devices}
        slots = {terms.asset_id: terms.slot for terms in welcome.assets if terms.asset_id in known}
        self._orders.asset_of = {slot: asset_id for asset_id, slot in slots.items()}
        for terms in welcome.assets:
            if terms.asset_id in known:
                self.control.set_terms(terms.asset_id, messages.terms_of(terms))
        self._service_time.welcome(
            sent_at_s=messages.unix_s(welcome.sent_at),
            hello_at_s=hello_at_s,
            received_at_s=self.clock.monotonic(),
        )
        self.leases.max_order_age_s = welcome.max_order_age_s or self.leases.max_order_age_s
        self._report_period_s = welcome.report_period_s or self._report_period_s
        self.counters.sessions += 1
        self.outgoing.begin(slots, welcome.stored_reading_number)
        self.connected.set()

    async def _converse(self, connection: Connection) -> Connection:
        """Read and write until that is over, which raises, or until a new connection has taken over."""
        turn = asyncio.Lock()  # held by the writer while it writes, by the mover while it takes over
        reader = asyncio.create_task(self._read(connection.stream))
        writer = asyncio.create_task(self._write(connection.stream, turn))
        tasks: list[asyncio.Task[Any]] = [reader, writer]
        if isinstance(self._credentials, StoredCredentials):
            tasks.append(asyncio.create_task(self._move(connection, self._credentials, turn)))
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if self._moving:  # the service closes the old stream while it welcomes the new one
                await asyncio.wait(tasks[2:])
        finally:
            for task in tasks:
                task.cancel()
            ends = await asyncio.gather(*tasks, return_exceptions=True)
        if isinstance(successor := ends[-1], Connection):
            return successor
        for end in ends:  # the reader first: it knows the service's own words
            if isinstance(end, Exception):
                raise end
        raise SessionError("the session ended")

    async def _move(self, present: Connection, stored: StoredCredentials, turn: asyncio.Lock) -> Connection:
        """Renew the certificate when it is due; move the session to a connection that shows the new one.

        Nothing is written while the new connection is greeted: what the old one would carry now could
        be lost with it. Where the new one comes to nothing, all is as before.
        """
        look_s = self.settings.certificate_look_s
        while True:
            fresh = await due_certificate(present, stored, look_period_s=look_s, uniform=self._uniform)
            try:
                successor = await self._connect(fresh, ready=True)
            except (grpc.aio.AioRpcError, TimeoutError) as error:
                _logger.warning("the new certificate does not connect, the old one stays: %r", error)
                continue
            await self._quiet()
            await turn.acquire()
            self._moving = True
            try:
                await self._greet(successor.stream)
                stored.replace(fresh)
            except (grpc.aio.AioRpcError, SessionError, TimeoutError, OSError) as error:
                _logger.warning("the new certificate was not welcomed, the old one stays: %r", error)
                await successor.close()
                self.buffer.rewind()
                turn.release()
            except BaseException:
                await successor.close()
                raise
            else:
                self.counters.renewed_certificates += 1
                return successor  # the turn is kept: the old writer shall write no more
            finally:
                self._moving = False

    async def _quiet(self) -> None:
        """Wait until nothing is under way to the service, for a bounded time."""
        for _ in range(int(limits.QUIET_WAIT_S / 0.05)):
            if not self.outgoing.busy:
                return
            await asyncio.sleep(0.05)

    async def _write(self, stream: Stream, turn: asyncio.Lock) -> None:
        while True:
            await self.outgoing.waits.wait()
            async with turn:
                self.outgoing.waits.clear()
                while outgoing := self.outgoing.take():
                    for message in outgoing:
                        await stream.write(message)
                    self.outgoing.confirm()

    async def _read(self, stream: Stream) -> None:
        while isinstance(message := await stream.read(), pb.ServerMessage):
            self.intake.take(message)
        raise SessionError(ending(await stream.code(), await stream.details()))
