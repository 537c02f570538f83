"""A dispatch service to test a node against: a real gRPC server in this process that does what a test says.

    async with FakeService() as service:
        agent = NodeAgent(service.settings("node-1"), LoopbackCredentials(), [MyBattery()])
        async with running(agent):
            session = await service.session()
            await session.order("battery-1", 2.5, lifetime_s=60.0)
            await session.acknowledged("battery-1", LeaseState.STARTED)

It takes orders out of turn, twice or too late, falls silent, lives in another time and hangs up. It checks
no certificates: it listens on the loopback interface alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import grpc
import grpc.aio
from google.protobuf.timestamp_pb2 import Timestamp

from vpp.node import limits
from vpp.node.agent import NodeSettings
from vpp.node.default_control import ControlTerms
from vpp.node.orders import LeaseState
from vpp.rpcgen import fleet_pb2 as pb
from vpp.rpcgen import fleet_pb2_grpc

WAIT_S = 10.0
POLL_S = 0.05
_TERMS = ControlTerms(max_charge_kw=1e6, max_discharge_kw=1e6)


class LoopbackCredentials:
    """Instead of certificates, for a FakeService on this machine."""

    def channel_credentials(self) -> grpc.ChannelCredentials:
        return grpc.local_channel_credentials(grpc.LocalConnectionType.LOCAL_TCP)


def _timestamp(unix_s: float) -> Timestamp:
    stamp = Timestamp()
    stamp.FromNanoseconds(round(unix_s * 1e9))
    return stamp


@dataclass(slots=True, eq=False)
class FakeSession:
    """One stream of a node. Everything that the node said is in `received`, oldest first."""

    service: FakeService
    hello: pb.Hello
    received: list[pb.NodeMessage] = field(default_factory=list)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    _outgoing: asyncio.Queue[pb.ServerMessage | None] = field(default_factory=asyncio.Queue)
    _heard: asyncio.Event = field(default_factory=asyncio.Event)
    _held_back: list[pb.ServerMessage] | None = None
    _sequence: int = 0

    # what the service says --------------------------------------------------------------------------
    def send(self, message: pb.ServerMessage, *, copies: int = 1) -> None:
        """Say anything, `copies` times."""
        for _ in range(copies):
            if self._held_back is not None:
                self._held_back.append(message)
            else:
                self._outgoing.put_nowait(message)

    @contextlib.contextmanager
    def reversed(self) -> Iterator[None]:
        """Say what the block says in reverse order, at its end."""
        self._held_back = []
        try:
            yield
        finally:
            held, self._held_back = self._held_back, None
            for message in reversed(held):
                self.send(message)

    def order(
        self,
        asset_id: str,
        power_kw: float,
        *,
        lifetime_s: float = 60.0,
        start_in_s: float = 0.0,
        sent_ago_s: float = 0.0,
        epoch: int | None = None,
        sequence: int | None = None,
        copies: int = 1,
        **fields: Any,
    ) -> int:
        """Order a power, kW, positive discharges; return the order's sequence. `fields` are of Setpoints."""
        self._sequence = sequence if sequence is not None else self._sequence + 1
        sent_at_s = self.service.now_s() - sent_ago_s
        given = {"min_kw": [power_kw], "max_kw": [power_kw], "origin": "SETPOINT_ORIGIN_OPTIMIZER"} | fields
        message = pb.Setpoints(
            epoch=self.service.epoch if epoch is None else epoch,
            sent_at=_timestamp(sent_at_s),
            valid_from=_timestamp(sent_at_s + start_in_s),
            lifetime_s=lifetime_s,
            slot=[self.service.slot_of(asset_id)],
            sequence=[self._sequence],
            power_kw=[power_kw],
            **given,
        )
        self.send(pb.ServerMessage(setpoints=message), copies=copies)
        return self._sequence

    def renew(self, asset_id: str, sequence: int, *, lifetime_s: float = 60.0) -> None:
        """Give an order a later end."""
        renewal = pb.Renewal(
            epoch=self.service.epoch,
            sent_at=_timestamp(self.service.now_s()),
            lifetime_s=lifetime_s,
            slot=[self.service.slot_of(asset_id)],
            sequence=[sequence],
        )
        self.send(pb.ServerMessage(renewal=renewal))

    def stop(self, *asset_ids: str, reason: str = "stop") -> None:
        """Send assets into default control, all when none is named."""
        slots = [self.service.slot_of(asset_id) for asset_id in asset_ids]
        stop = pb.Stop(slot=slots, reason=reason, sent_at=_timestamp(self.service.now_s()))
        self.send(pb.ServerMessage(stop=stop))

    def hang_up(self) -> None:
        """End the stream without a word."""
        self._outgoing.put_nowait(None)

    # what the node said -----------------------------------------------------------------------------
    def all_of(self, kind: str) -> list[Any]:
        """Return everything of one kind that the node said, such as "reading" or "acknowledgement"."""
        return [getattr(item, kind) for item in self.received if item.WhichOneof("message") == kind]

    async def until(self, condition: Callable[[], bool], *, within_s: float = WAIT_S) -> None:
        """Wait until something holds; raise TimeoutError when it does not in time.

        The condition is tried whenever the node said something, and now and then.
        """
        async with asyncio.timeout(within_s):
            while not condition():
                self._heard.clear()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._heard.wait(), POLL_S)

    async def acknowledged(self, asset_id: str, state: LeaseState, *, within_s: float = WAIT_S) -> str:
        """Wait until the node says this of an order of the asset; return its words."""
        slot = self.service.slot_of(asset_id)

        def words() -> list[str]:
            said = self.all_of("acknowledgement")
            return [item.detail for item in said if int(item.state) == state and slot in item.slot]

        await self.until(lambda: bool(words()), within_s=within_s)
        return words()[-1]

    async def readings(self, asset_id: str, *, count: int = 1, within_s: float = WAIT_S) -> list[float]:
        """Wait for readings of an asset; return their state of charge in the order of arrival."""
        slot = self.service.slot_of(asset_id)

        def found() -> list[float]:
            values: list[float] = []
            for message in self.received:
                kind = message.WhichOneof("message")
                if kind == "reading" and message.reading.slot == slot:
                    values.append(message.reading.soc)
                elif kind == "reading_batch":
                    batch = message.reading_batch
                    rows = zip(batch.slot, batch.soc, strict=True)
                    values += [soc for row_slot, soc in rows if row_slot == slot]
            return values

        await self.until(lambda: len(found()) >= count, within_s=within_s)
        return found()

    def take(self, message: pb.NodeMessage) -> None:
        """Note what the node said, and call readings durable where the service does."""
        self.received.append(message)
        self._heard.set()
        kind = message.WhichOneof("message")
        if self.service.stores and kind in ("reading", "reading_batch", "feeder_reading"):
            stored = pb.ReadingsStored(reading_number=getattr(message, kind).reading_number)
            self.send(pb.ServerMessage(readings_stored=stored))

    async def write(self, context: Any) -> None:
        while (message := await self._outgoing.get()) is not None:
            await context.write(message)


class FakeService(fleet_pb2_grpc.FleetServiceServicer):
    """A service that a test directs; use it as an asynchronous context manager.

    `terms` are what is agreed for an asset, by id; without, an asset may do anything. `skew_s` is how far
    the service's clock is ahead. `stores` says whether readings become durable, `silent` that a Hello gets no
    answer; both may be changed at any time. `welcome` may change or replace the answer to a Hello.
    """

    def __init__(
        self,
        *,
        terms: Mapping[str, ControlTerms] | None = None,
        epoch: int = 1,
        report_period_s: float = 0.2,
        max_order_age_s: float = 5.0,
        skew_s: float = 0.0,
        welcome: Callable[[pb.Welcome], pb.Welcome] = lambda welcome: welcome,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self.epoch, self.skew_s, self.welcome = epoch, skew_s, welcome
        self.stores, self.silent = True, False
        self.report_period_s, self.max_order_age_s = report_period_s, max_order_age_s
        self.target = ""
        self.sessions: list[FakeSession] = []
        self._terms, self._now_s = dict(terms or {}), now_s
        self._slots: dict[str, int] = {}
        self._opened: asyncio.Queue[FakeSession] = asyncio.Queue()
        self._port = 0

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.go_away()

    async def start(self) -> None:
        """Listen, after `go_away` on the same port as before."""
        self._server = grpc.aio.server(options=(("grpc.so_reuseport", 0),))
        fleet_pb2_grpc.add_FleetServiceServicer_to_server(self, self._server)  # type: ignore[no-untyped-call]
        credentials = grpc.local_server_credentials(grpc.LocalConnectionType.LOCAL_TCP)
        self._port = self._server.add_secure_port(f"127.0.0.1:{self._port}", credentials)
        self.target = f"127.0.0.1:{self._port}"
        await self._server.start()

    async def go_away(self) -> None:
        """End everything at once, as a crash would."""
        await self._server.stop(None)

    def settings(self, node_id: str, **options: Any) -> NodeSettings:
        """Return settings of a node that talks to this service and is quick to come back."""
        quick = {"first_pause_s": 0.05, "longest_pause_s": 0.2, "report_period_s": self.report_period_s}
        return NodeSettings(node_id=node_id, target=self.target, **(quick | options))

    async def session(self, *, within_s: float = WAIT_S) -> FakeSession:
        """Wait for the next session that a node opens."""
        async with asyncio.timeout(within_s):
            return await self._opened.get()

    def now_s(self) -> float:
        """Return the service's time as Unix time, seconds."""
        return self._now_s() + self.skew_s

    def slot_of(self, asset_id: str) -> int:
        """Return the number that stands for an asset."""
        return self._slots.setdefault(asset_id, len(self._slots))

    async def Session(self, request_iterator: object, context: Any) -> None:  # noqa: N802 - the RPC's name
        first = await context.read()
        if not isinstance(first, pb.NodeMessage):
            return
        session = FakeSession(self, first.hello)
        self.sessions.append(session)
        if self.silent:
            await session.over.wait()
        session.send(pb.ServerMessage(welcome=self.welcome(self._welcome(first.hello))))
        self._opened.put_nowait(session)
        reader = asyncio.create_task(self._read(session, context))
        writer = asyncio.create_task(session.write(context))
        try:
            await asyncio.wait({reader, writer}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            reader.cancel()
            writer.cancel()
            await asyncio.gather(reader, writer, return_exceptions=True)
            session.over.set()

    async def _read(self, session: FakeSession, context: Any) -> None:
        while isinstance(message := await context.read(), pb.NodeMessage):
            session.take(message)

    def _welcome(self, hello: pb.Hello) -> pb.Welcome:
        return pb.Welcome(
            epoch=self.epoch,
            assets=[self._asset_terms(asset_id) for asset_id in hello.asset_ids],
            report_period_s=self.report_period_s,
            max_order_age_s=self.max_order_age_s,
            protocol_version=min(hello.protocol_version, limits.PROTOCOL_VERSION),
            sent_at=_timestamp(self.now_s()),
        )

    def _asset_terms(self, asset_id: str) -> pb.AssetTerms:
        terms = self._terms.get(asset_id, _TERMS)
        return pb.AssetTerms(
            asset_id=asset_id,
            slot=self.slot_of(asset_id),
            default_control=f"DEFAULT_CONTROL_{terms.default_control.name}",
            max_charge_kw=terms.max_charge_kw,
            max_discharge_kw=terms.max_discharge_kw,
        )
