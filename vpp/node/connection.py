"""One connection to the service, and when its certificate is replaced by a fresh one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import grpc
import grpc.aio

from vpp.node import limits
from vpp.node.credentials import ChannelCredentials, NodeCredentials, StoredCredentials
from vpp.node.enrolment import renew, renewal_wait_s
from vpp.node.keys import KeyMakingError
from vpp.rpcgen import fleet_pb2 as pb
from vpp.rpcgen import fleet_pb2_grpc

_logger = logging.getLogger("vpp.node")

Stream = grpc.aio.StreamStreamCall[pb.NodeMessage, pb.ServerMessage]
FIRST_LOOK_S: Final = 30.0  # a certificate is not looked at while ten thousand nodes come back
_CHANNEL_OPTIONS: Final = (
    ("grpc.use_local_subchannel_pool", 1),  # one connection for each agent, never a shared one
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.max_receive_message_length", limits.MAX_MESSAGE_BYTES),
    ("grpc.enable_retries", 0),
)


@dataclass(frozen=True, slots=True, eq=False)
class Connection:
    """A channel with the one stream of a session on it."""

    channel: grpc.aio.Channel
    stream: Stream

    @classmethod
    async def open(
        cls, target: str, credentials: ChannelCredentials, *, target_name: str | None, ready: bool = False
    ) -> Connection:
        """Connect; with `ready` return only when the TLS handshake is done."""
        options: list[tuple[str, int | str]] = list(_CHANNEL_OPTIONS)
        if target_name:
            options.append(("grpc.ssl_target_name_override", target_name))
        channel = grpc.aio.secure_channel(target, credentials.channel_credentials(), options=options)
        try:
            if ready:
                await channel.channel_ready()
            stub = fleet_pb2_grpc.FleetServiceStub(channel)  # type: ignore[no-untyped-call]
            return cls(channel, stub.Session())
        except BaseException:
            await channel.close()
            raise

    async def close(self) -> None:
        self.stream.cancel()
        await self.channel.close()


async def due_certificate(
    connection: Connection,
    stored: StoredCredentials,
    *,
    look_period_s: float,
    uniform: Callable[[float, float], float],
) -> NodeCredentials:
    """Look at the certificate now and then; return fresh credentials once it is due, not yet stored.

    The looks are spread at random, and so are the renewals of a fleet that was enrolled in one day.
    """
    await asyncio.sleep(uniform(0.0, min(FIRST_LOOK_S, look_period_s)))
    while True:
        try:
            wait_s = await renewal_wait_s(connection.channel)
            if wait_s is not None and wait_s <= 0.0:
                return await renew(connection.channel, stored.current)
        except (grpc.aio.AioRpcError, KeyMakingError, OSError) as error:
            _logger.warning("the certificate could not be renewed: %s", error)
        await asyncio.sleep(uniform(0.5, 1.0) * look_period_s)
