"""FleetService: the stream of a node, from its Hello to its end."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any, Final

import grpc
import grpc.aio

from vpp.adapters.rpc import limits, wire
from vpp.adapters.rpc.dispatch_messages import timestamp
from vpp.adapters.rpc.errors import CallRefusedError, Context
from vpp.adapters.rpc.gateway import Gateway
from vpp.adapters.rpc.identity import identify
from vpp.adapters.rpc.session import NodeSession, admit, welcome_terms
from vpp.adapters.rpc.stream_writer import StreamWriter
from vpp.domain.errors import InvalidValueError
from vpp.rpcgen import fleet_pb2 as pb

_SERVICE: Final = pb.DESCRIPTOR.services_by_name["FleetService"].full_name


class FleetServicer:
    """Serves the streams of nodes for a gateway."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._slot_of = gateway.fleet.slots()
        self._ungreeted: Counter[str] = Counter()

    def add_to(self, server: grpc.aio.Server) -> None:
        """Register with a server. Messages go in and out as bytes: they are parsed where they are used."""
        handler: Any = grpc.stream_stream_rpc_method_handler(
            self.Session, request_deserializer=None, response_serializer=None
        )
        handlers = grpc.method_handlers_generic_handler(_SERVICE, {"Session": handler})
        server.add_generic_rpc_handlers((handlers,))

    async def Session(  # noqa: N802 - the name of the RPC
        self, request_iterator: object, context: Context
    ) -> None:
        """Serve the stream of one node until one of the two sides ends it."""
        session = await self._welcomed(context)
        if session is None:
            return
        try:
            await self._converse(session, context)
        finally:
            self._gateway.sessions.remove(session)
        if session.closed:
            raise CallRefusedError(grpc.StatusCode.UNAVAILABLE, "SESSION_CLOSED", session.close_reason)

    async def _welcomed(self, context: Context) -> NodeSession | None:
        """Return the session of a node that has said a Hello, None where it went without one."""
        node_id = identify(context.auth_context()).name
        hello = await self._greeted(node_id, context)
        if hello is None:
            return None
        try:
            return self._open(node_id, hello)
        except (InvalidValueError, CallRefusedError):
            self._gateway.counters.sessions_refused += 1
            raise

    async def _greeted(self, node_id: str, context: Context) -> pb.Hello | None:
        """Return the Hello; a certificate has only so many streams that have not said it."""
        if self._gateway.draining:
            raise CallRefusedError(grpc.StatusCode.UNAVAILABLE, "STOPPING", "the service is stopping")
        ungreeted = self._ungreeted
        if (
            ungreeted[node_id] >= limits.MAX_UNGREETED_PER_NODE
            or ungreeted.total() >= limits.MAX_UNGREETED_STREAMS
        ):
            self._gateway.counters.sessions_refused += 1
            most = f"{ungreeted[node_id]} streams of node {node_id} have not said Hello"
            raise CallRefusedError(grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_STREAMS", most)
        ungreeted[node_id] += 1
        try:
            return await self._read_hello(context)
        finally:
            ungreeted[node_id] -= 1
            if not ungreeted[node_id]:
                del ungreeted[node_id]

    async def _read_hello(self, context: Context) -> pb.Hello | None:
        try:
            async with asyncio.timeout(limits.HELLO_TIMEOUT_S):
                raw = await context.read()
        except TimeoutError:
            raise CallRefusedError(
                grpc.StatusCode.DEADLINE_EXCEEDED, "NO_HELLO", f"no Hello within {limits.HELLO_TIMEOUT_S:g} s"
            ) from None
        if not isinstance(raw, bytes):
            return None
        first = wire.parse(raw)
        kind = first.WhichOneof("message") if isinstance(first, pb.NodeMessage) else "reading_batch"
        if not isinstance(first, pb.NodeMessage) or kind != "hello":
            raise InvalidValueError("message", kind, "a Hello as the first message")
        return first.hello

    def _open(self, node_id: str, hello: pb.Hello) -> NodeSession:
        """Admit a node, greet it, and tell it what it missed."""
        gateway = self._gateway
        if gateway.draining:
            raise CallRefusedError(grpc.StatusCode.UNAVAILABLE, "STOPPING", "the service is stopping")
        session = admit(gateway.fleet, self._slot_of, node_id, hello)
        if (older := gateway.sessions.of_node(node_id)) is not None:
            gateway.counters.sessions_replaced += 1
            older.close("a newer session of the same node took its place")
            gateway.sessions.remove(older)
        if len(gateway.sessions) >= limits.MAX_SESSIONS:
            raise CallRefusedError(
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                "TOO_MANY_SESSIONS",
                f"{limits.MAX_SESSIONS} nodes are here",
            )
        now = gateway.clock.now()
        welcome = pb.Welcome(
            epoch=gateway.epoch,
            assets=welcome_terms(gateway.fleet, self._slot_of, hello),
            report_period_s=gateway.settings.report_period_s,
            max_order_age_s=gateway.settings.max_order_age_s,
            protocol_version=session.protocol_version,
            sent_at=timestamp(now),
            stored_reading_number=gateway.telemetry.reading_queue.stored_number(session),
        )
        session.outbox.stored_period_s = gateway.settings.stored_period_s
        session.heard_at_s = asyncio.get_running_loop().time()
        session.outbox.put(pb.ServerMessage(welcome=welcome))
        gateway.tell_what_was_missed(session, now)
        gateway.sessions.add(session)
        gateway.counters.sessions_opened += 1
        return session

    async def _converse(self, session: NodeSession, context: Context) -> None:
        """Read until the node ends the stream, a write fails or the session is closed.

        The call's own task reads; a close interrupts it. Tasks beside it would take 4 kB for each node.
        """
        task = asyncio.current_task()
        assert task is not None
        writer = StreamWriter(session.outbox, context.write, task.cancel)
        session.on_close = task.cancel
        try:
            await self._read(session, context)
        except asyncio.CancelledError:
            if not session.closed and writer.error is None:
                raise  # not by us
            task.uncancel()
        finally:
            session.on_close = None
            writer.close()
        if writer.error is None or session.closed:
            return
        if isinstance(writer.error, ConnectionError):  # every day's: not a failure of the service
            raise CallRefusedError(grpc.StatusCode.UNAVAILABLE, "CONNECTION_LOST", str(writer.error))
        raise writer.error

    async def _read(self, session: NodeSession, context: Context) -> None:
        """Take in what the node says, no faster than its budget allows."""
        loop, telemetry = asyncio.get_running_loop(), self._gateway.telemetry
        stop_first = self._gateway.stop_first
        while isinstance(raw := await context.read(), bytes):
            await stop_first.over()
            session.heard_at_s = now_s = loop.time()
            rows = telemetry.hear(session, raw)
            pause_s = session.budget.spend(rows, now_s)
            if pause_s > 0.0:
                self._gateway.counters.throttled_messages += 1
                await asyncio.sleep(pause_s)
