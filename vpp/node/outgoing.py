"""What a node has to say: sign of life, stays, acknowledgements, readings."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence

from vpp.node import limits, messages
from vpp.node.buffer import ReadingBuffer
from vpp.node.clock import NodeClock
from vpp.node.counters import NodeCounters
from vpp.node.device import DevicePort
from vpp.node.orders import LeaseEvent
from vpp.rpcgen import fleet_pb2 as pb


class Outgoing:
    """Holds what waits for the session; its Welcome gave the `slots`. Set `waits` when there is news."""

    def __init__(
        self, devices: Sequence[DevicePort], buffer: ReadingBuffer, clock: NodeClock, counters: NodeCounters
    ) -> None:
        self._devices, self._buffer, self._clock, self._counters = devices, buffer, clock, counters
        self.waits = asyncio.Event()
        self.slots: dict[str, int] = {}
        self.acknowledgements: deque[LeaseEvent] = deque()
        self._unconfirmed: list[LeaseEvent] = []  # being written; said again when the session breaks
        self._pong: pb.Pong | None = None
        self._announced: object = None  # the stays that this session knows

    @property
    def busy(self) -> bool:
        """Return whether anything waits that the service does not have for sure."""
        return bool(self._buffer or self.acknowledgements or self._unconfirmed)

    def note_events(self, events: Sequence[LeaseEvent]) -> None:
        """Acknowledge what became of orders; the oldest word is dropped, and counted, when too many wait."""
        for event in events:
            if len(self.acknowledgements) >= limits.MAX_PENDING_ACKNOWLEDGEMENTS:
                self.acknowledgements.popleft()
                self._counters.dropped_acknowledgements += 1
            self.acknowledgements.append(event)
        self.waits.set()

    def put_pong(self, pong: pb.Pong) -> None:
        """Answer a ping; only the newest is answered."""
        self._pong = pong
        self.waits.set()

    def begin(self, slots: dict[str, int], stored_number: int) -> None:
        """Begin a session: what the last one was writing, and what is not stored, is said again."""
        self.slots = slots
        self._announced, self._pong = None, None
        self.acknowledgements.extendleft(reversed(self._unconfirmed))
        self._unconfirmed.clear()
        self._buffer.rewind()
        self._buffer.forget_stored(stored_number)
        self.waits.set()

    def take(self) -> list[pb.NodeMessage]:
        """Return what is to be said now; acknowledgements count as being written until `confirm`."""
        outgoing: list[pb.NodeMessage] = []
        if self._pong is not None:
            outgoing.append(pb.NodeMessage(pong=self._pong))
            self._pong = None
        at = self._clock.now()
        stays = [
            (self.slots[device.asset_id], stay)
            for device in self._devices
            if device.asset_id in self.slots
            for stay in device.charging_stays(at)
        ]
        if stays and stays != self._announced:
            outgoing.append(messages.stays_message(stays))
        self._announced = stays
        self._unconfirmed = list(self.acknowledgements)
        self.acknowledgements.clear()
        outgoing += messages.acknowledgement_messages(self._unconfirmed, self.slots, at)
        outgoing += messages.reading_messages(self._buffer.take_unsent(), self.slots)
        return outgoing

    def confirm(self) -> None:
        """Note that what was taken is written."""
        self._unconfirmed.clear()
