"""What waits for one stream: bounded, and reduced to what still matters when the node is slow."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vpp.adapters.rpc import limits
from vpp.rpcgen import fleet_pb2 as pb

_ENDED: Final = frozenset({"setpoints", "renewal", "release"})
_NO_SLOTS: Final = np.zeros(0, dtype=np.int64)


class Outgoing(NamedTuple):
    """A ServerMessage as it lies on the wire, with what must be known of it while it waits."""

    kind: str
    raw: bytes
    slots: NDArray[np.int64] = _NO_SLOTS  # of orders

    @classmethod
    def of(cls, message: pb.ServerMessage) -> Outgoing:
        """Return a message encoded."""
        kind = message.WhichOneof("message") or ""
        slots = np.array(message.setpoints.slot, dtype=np.int64) if kind == "setpoints" else _NO_SLOTS
        return cls(kind, message.SerializeToString(), slots)


class Outbox:
    """Messages for one node, taken by the one writer of its stream.

    A slow node finds its newest orders and every stop; older orders, renewals and refusals are
    dropped and counted. ReadingsStored and Ping hold one place each: the newest says it all.
    """

    def __init__(self, capacity: int = limits.MAX_OUTGOING_MESSAGES) -> None:
        self._capacity = capacity
        self._messages: list[Outgoing] = []  # a deque takes ten times as much, empty, for each node
        self._urgent: bytes = b""
        self._goodbye: bytes = b""
        self._filled = self._writing = False
        self._stored_number = 0
        self.stored_period_s = 0.0  # how often at most the node is told so alone, seconds of the wall
        self._tell_stored_at_s = 0.0
        self._ping: bytes = b""
        self._refusals = 0
        self.on_filled: Callable[[], None] = _nobody  # told that something waits and nothing is being written
        self.write_now: Callable[[], None] = _nobody  # has the writer begin in this very step of the loop
        self.dropped = 0

    def put(self, message: pb.ServerMessage) -> None:
        """Queue a message; never waits."""
        self.put_encoded(Outgoing.of(message))

    def put_encoded(self, message: Outgoing) -> None:
        """Queue a message that was encoded before; never waits."""
        if message.kind == "refusal":
            if self._refusals >= limits.MAX_PENDING_REFUSALS:
                self.dropped += 1
                return
            self._refusals += 1
        if len(self._messages) >= self._capacity:
            self._reduce()
        self._messages.append(message)
        self._fill()

    def put_urgent(self, stop: bytes) -> None:
        """Say a stop of all assets before everything else, and drop orders that it ends."""
        if self._messages:
            self._messages = [item for item in self._messages if item.kind not in _ENDED]
        self._urgent = stop
        self._filled = True
        self.write_now()

    def put_goodbye(self, message: bytes) -> None:
        """Say a last word, after everything that waits."""
        self._goodbye = message
        self._fill()

    @property
    def filled(self) -> bool:
        """Return whether something waits."""
        return self._filled

    @property
    def busy(self) -> bool:
        """Return whether something waits or is being written."""
        return self._filled or self._writing

    def written(self) -> None:
        """Note that what was taken is written."""
        self._writing = False
        if self._filled:
            self.on_filled()

    def put_stored(self, reading_number: int) -> None:
        """Note that readings up to this number are durable: said with the next message, or in its turn."""
        self._stored_number = max(self._stored_number, reading_number)

    def tell_stored_when_due(self) -> None:
        """Have the node told what is durable, unless it was told a moment ago.

        A message for each reading would cost as much as the readings; a node can wait, it has a buffer.
        """
        if self._stored_number and time.monotonic() >= self._tell_stored_at_s:
            self._fill()

    def let_go(self) -> None:
        """Tell no writer any more: its stream is over."""
        self.on_filled = self.write_now = _nobody

    def put_ping(self, message: bytes) -> None:
        """Ask for a sign of life; a ping that still waits is replaced."""
        self._ping = message
        self._fill()

    def take(self) -> list[bytes]:
        """Return all that waits, as it goes out: welcome, a stop of all, orders, the rest.

        They count as being written until `written` is called.
        """
        self._filled, self._writing = False, True
        taken = [item.raw for item in self._messages]
        if self._urgent:
            after_welcome = int(bool(self._messages) and self._messages[0].kind == "welcome")
            taken.insert(after_welcome, self._urgent)
            self._urgent = b""
        self._messages.clear()
        self._refusals = 0
        if self._stored_number:
            stored = pb.ReadingsStored(reading_number=self._stored_number)
            taken.append(pb.ServerMessage(readings_stored=stored).SerializeToString())
            self._stored_number = 0
            self._tell_stored_at_s = time.monotonic() + self.stored_period_s
        taken += [last for last in (self._ping, self._goodbye) if last]
        self._ping = self._goodbye = b""
        return taken

    def _fill(self) -> None:
        self._filled = True
        if not self._writing:
            self.on_filled()

    def _reduce(self) -> None:
        """Keep stops, and orders for which no newer ones wait."""
        kept: list[Outgoing] = []
        covered: set[int] = set()
        for message in reversed(self._messages):
            slots = set(message.slots.tolist())
            if message.kind in {"welcome", "stop", "release"} or not slots <= covered:
                kept.append(message)
                covered |= slots
        # Stops are idempotent for a node; were they alone to fill the queue, the newest ones stay.
        kept = kept[: self._capacity - 1]
        self.dropped += len(self._messages) - len(kept)
        self._messages = kept[::-1]
        self._refusals = 0


def _nobody() -> None:
    """Tell nobody: no writer has come yet."""
