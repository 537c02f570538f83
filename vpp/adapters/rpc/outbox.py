"""What waits for one stream: bounded, and reduced to what still matters when the node is slow."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import Final

from vpp.adapters.rpc import limits
from vpp.rpcgen import fleet_pb2 as pb

_ENDED: Final = frozenset({"setpoints", "renewal", "release"})


class Outbox:
    """Messages for one node, written by one task.

    A slow node finds its newest orders and every stop; older orders, renewals and refusals are
    dropped and counted. ReadingsStored and Ping hold one place each: the newest says it all.
    """

    def __init__(self, capacity: int = limits.MAX_OUTGOING_MESSAGES) -> None:
        self._capacity = capacity
        self._messages: deque[pb.ServerMessage] = deque()
        self._urgent: bytes = b""
        self._goodbye: pb.ServerMessage | None = None
        self._writing = False
        self._stored_number = 0
        self.stored_period_s = 0.0  # how often at most the node is told so alone, seconds of the wall
        self._tell_stored_at_s = 0.0
        self._ping: pb.ServerMessage | None = None
        self._refusals = 0
        self._filled = asyncio.Event()
        self.dropped = 0

    def put(self, message: pb.ServerMessage) -> None:
        """Queue a message; never waits."""
        if message.WhichOneof("message") == "refusal":
            if self._refusals >= limits.MAX_PENDING_REFUSALS:
                self.dropped += 1
                return
            self._refusals += 1
        if len(self._messages) >= self._capacity:
            self._reduce()
        self._messages.append(message)
        self._filled.set()

    def put_urgent(self, stop: bytes) -> None:
        """Say a stop of all assets before everything else, and drop orders that it ends."""
        if self._messages:
            kept = (item for item in self._messages if item.WhichOneof("message") not in _ENDED)
            self._messages = deque(kept)
        self._urgent = stop
        self._filled.set()

    def put_goodbye(self, message: pb.ServerMessage) -> None:
        """Say a last word, after everything that waits."""
        self._goodbye = message
        self._filled.set()

    @property
    def busy(self) -> bool:
        """Return whether something waits or is being written."""
        return self._filled.is_set() or self._writing

    def written(self) -> None:
        """Note that what was taken is written."""
        self._writing = False

    def put_stored(self, reading_number: int) -> None:
        """Say that readings up to this number are durable: with the next message, or when it is time."""
        self._stored_number = max(self._stored_number, reading_number)
        self.tell_stored_when_due()

    def tell_stored_when_due(self) -> None:
        """Have the node told what is durable, unless it was told a moment ago.

        A message for each reading would cost as much as the readings; a node can wait, it has a buffer.
        """
        if self._stored_number and time.monotonic() >= self._tell_stored_at_s:
            self._filled.set()

    def put_ping(self, message: pb.ServerMessage) -> None:
        """Ask for a sign of life; a ping that still waits is replaced."""
        self._ping = message
        self._filled.set()

    async def take(self) -> list[pb.ServerMessage | bytes]:
        """Wait for something to say and return all of it: welcome, a stop of all, orders, the rest."""
        await self._filled.wait()
        self._filled.clear()
        self._writing = True
        taken: list[pb.ServerMessage | bytes] = list(self._messages)
        if self._urgent:
            after_welcome = int(bool(self._messages) and self._messages[0].HasField("welcome"))
            taken.insert(after_welcome, self._urgent)
            self._urgent = b""
        self._messages.clear()
        self._refusals = 0
        if self._stored_number:
            stored = pb.ReadingsStored(reading_number=self._stored_number)
            taken.append(pb.ServerMessage(readings_stored=stored))
            self._stored_number = 0
            self._tell_stored_at_s = time.monotonic() + self.stored_period_s
        if self._ping is not None:
            taken.append(self._ping)
            self._ping = None
        if self._goodbye is not None:
            taken.append(self._goodbye)
            self._goodbye = None
        return taken

    def _reduce(self) -> None:
        """Keep stops, and orders for which no newer ones wait."""
        kept: list[pb.ServerMessage] = []
        covered: set[int] = set()
        for message in reversed(self._messages):
            kind = message.WhichOneof("message")
            slots = set(message.setpoints.slot) if kind == "setpoints" else set()
            if kind in {"welcome", "stop", "release"} or not slots <= covered:
                kept.append(message)
                covered |= slots
        # Stops are idempotent for a node; were they alone to fill the queue, the newest ones stay.
        kept = kept[: self._capacity - 1]
        self.dropped += len(self._messages) - len(kept)
        self._messages = deque(reversed(kept))
        self._refusals = 0
