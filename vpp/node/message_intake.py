"""What the service says after its Welcome, message by message."""

from __future__ import annotations

import logging

from vpp.node import limits, messages
from vpp.node.buffer import ReadingBuffer
from vpp.node.clock import NodeClock, ServiceTime
from vpp.node.counters import NodeCounters
from vpp.node.endings import GoodbyeError
from vpp.node.order_intake import OrderIntake
from vpp.node.outgoing import Outgoing
from vpp.rpcgen import fleet_pb2 as pb

_logger = logging.getLogger("vpp.node")


class MessageIntake:
    """Hands each message to what it is for; a Goodbye, or an order that is not this node's, raises."""

    def __init__(
        self,
        node_id: str,
        orders: OrderIntake,
        buffer: ReadingBuffer,
        outgoing: Outgoing,
        clock: NodeClock,
        service_time: ServiceTime,
        counters: NodeCounters,
    ) -> None:
        self._node_id, self._orders, self._buffer, self._outgoing = node_id, orders, buffer, outgoing
        self._clock, self._service_time, self._counters = clock, service_time, counters

    def take(self, message: pb.ServerMessage) -> None:
        """Take in one message; raise SessionError when the session is over."""
        kind = message.WhichOneof("message")
        if kind == "setpoints":
            self._orders.take_setpoints(message.setpoints)
        elif kind == "renewal":
            self._orders.take_renewal(message.renewal)
        elif kind == "stop":
            self._orders.take_stop(message.stop)
        elif kind == "release":
            self._orders.take_release(message.release)
        elif kind == "goodbye":
            within_s = min(max(message.goodbye.reconnect_within_s, 0.0), limits.MAX_RECONNECT_S)
            raise GoodbyeError(f"the service said goodbye: {message.goodbye.reason}", within_s)
        elif kind == "readings_stored":
            self._buffer.forget_stored(message.readings_stored.reading_number)
        elif kind == "ping":
            self._take_ping(message.ping)
        elif kind == "refusal":
            self._take_refusal(message.refusal)

    def _take_ping(self, ping: pb.Ping) -> None:
        now_s = self._clock.monotonic()
        self._service_time.ping(sent_at_s=messages.unix_s(ping.sent_at), received_at_s=now_s)
        node_time = messages.timestamp(self._clock.now())
        self._outgoing.put_pong(pb.Pong(ping_sent_at=ping.sent_at, node_time=node_time))

    def _take_refusal(self, refusal: pb.Refusal) -> None:
        self._counters.refusals += 1
        _logger.warning(
            "node %s: refused %s, got %s, expected %s",
            self._node_id,
            refusal.field,
            refusal.value,
            refusal.expected,
        )
