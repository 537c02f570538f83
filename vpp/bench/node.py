"""One node of the load: it keeps what it said until it is durable, and says it again after a break."""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final

from vpp.bench.http2 import Stream
from vpp.rpcgen import fleet_pb2 as pb

_PATH: Final = "/vpp.v1.FleetService/Session"
MAX_KEPT_MESSAGES: Final = 20_000  # that are not durable yet; beyond it the oldest is lost, and counted

Take = Callable[["Node", pb.ServerMessage], None]


class Node:
    """A node with its assets' slots, a stream or none, and what the service has not stored yet.

    `on_message` is given what the service says beyond the session itself, `on_end` the node whose
    stream ended by itself.
    """

    def __init__(self, number: int, assets: int, *, on_message: Take, on_end: Callable[[Node], None]) -> None:
        self.number = number
        self.slots: list[int] = []
        self.kept: deque[tuple[int, bytes]] = deque()  # reading number and message, not durable yet
        self.sent_number = self.stored_number = 0
        self.resent = self.lost = 0  # messages
        self.asked_pause_s = 0.0  # by a Goodbye: the service wants the node back within this time
        self._assets = range(number * assets, (number + 1) * assets)
        self._on_message, self._on_end = on_message, on_end
        self._stream: Stream | None = None  # one that was welcomed
        self._credentials: ssl.SSLContext | None = None  # made once: 2 ms, as much as the handshake itself
        self._welcomed = asyncio.Event()

    @property
    def connected(self) -> bool:
        """Return whether the node holds a session."""
        return self._stream is not None

    @property
    def waiting_pieces(self) -> int:
        """Return how many pieces of messages wait for the service's window."""
        return self._stream.waiting if self._stream is not None else 0

    def say(self, message: bytes) -> None:
        """Send the message of reading number `sent_number`, now or after the next Welcome."""
        self.kept.append((self.sent_number, message))
        if len(self.kept) > MAX_KEPT_MESSAGES:
            self.kept.popleft()
            self.lost += 1
        if self._stream is not None:
            self._stream.send(message)

    async def connect(self, folder: Path, port: int) -> None:
        """Open a session and say again what was not durable.

        Raises:
            OSError: no connection, or the stream ended before its Welcome.
        """
        self._welcomed.clear()
        stream = Stream(_PATH, lambda raw: self._hear(stream, raw), lambda: self._end(stream))
        loop = asyncio.get_running_loop()
        await loop.create_connection(
            lambda: stream, "127.0.0.1", port, ssl=self._shown(folder), server_hostname="localhost"
        )
        names = [f"asset-{number}" for number in self._assets]
        hello = pb.Hello(protocol_version=2, min_protocol_version=1, asset_ids=names, buffer_id="bench")
        stream.send(pb.NodeMessage(hello=hello).SerializeToString())
        waiting = [asyncio.create_task(self._welcomed.wait()), asyncio.create_task(stream.ended.wait())]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()
            if not self._welcomed.is_set():
                stream.close()
        if not self._welcomed.is_set():
            raise ConnectionError("the stream ended before the Welcome")

    def _shown(self, folder: Path) -> ssl.SSLContext:
        if self._credentials is None:
            self._credentials = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            self._credentials.load_verify_locations(folder / "authority.pem")
            self._credentials.load_cert_chain(folder / f"node-{self.number}.pem", folder / "nodes.key")
            self._credentials.set_alpn_protocols(["h2"])
        return self._credentials

    def disconnect(self) -> None:
        """Break the connection, as a node does whose power fails; `on_end` is not told."""
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()

    def _end(self, stream: Stream) -> None:
        if self._stream is stream:
            self._stream = None
            self._on_end(self)

    def _hear(self, stream: Stream, raw: bytes) -> None:
        message = pb.ServerMessage.FromString(raw)
        kind = message.WhichOneof("message")
        if kind == "welcome":
            self._begin(stream, message.welcome)
        elif kind == "readings_stored":
            self._forget(message.readings_stored.reading_number)
        elif kind == "goodbye":
            self.asked_pause_s = message.goodbye.reconnect_within_s
            stream.close()
        elif kind == "ping":
            pong = pb.Pong(ping_sent_at=message.ping.sent_at)
            stream.send(pb.NodeMessage(pong=pong).SerializeToString())
        else:
            self._on_message(self, message)

    def _begin(self, stream: Stream, welcome: pb.Welcome) -> None:
        self.slots = [terms.slot for terms in welcome.assets]
        self._forget(welcome.stored_reading_number)
        self._stream, self.asked_pause_s = stream, 0.0
        for _, message in self.kept:
            stream.send(message)
        self.resent += len(self.kept)
        self._welcomed.set()

    def _forget(self, stored_number: int) -> None:
        self.stored_number = max(self.stored_number, stored_number)
        while self.kept and self.kept[0][0] <= stored_number:
            self.kept.popleft()
