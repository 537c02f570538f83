"""Readings that the service has not yet called durable: kept, sent again, bounded."""

from __future__ import annotations

import secrets
from collections import deque
from dataclasses import dataclass

from vpp.node import limits
from vpp.node.device import FeederMeasurement, Measurement


@dataclass(frozen=True, slots=True, kw_only=True)
class BufferedReading:
    """One reading under its number; `source` is an asset or a feeder."""

    number: int
    source: str
    reading: Measurement | FeederMeasurement


class ReadingBuffer:
    """Readings in the order of their numbers; the oldest is dropped, and counted, when it is full."""

    def __init__(self, capacity: int = limits.MAX_BUFFERED_READINGS, *, buffer_id: str = "") -> None:
        # Names this numbering: a node that starts anew counts anew, and must not be taken for the old one.
        self.buffer_id = buffer_id or secrets.token_hex(8)
        self._capacity = capacity
        self._readings: deque[BufferedReading] = deque()
        self._last_number = 0
        self._sent_number = 0
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._readings)

    @property
    def first_number(self) -> int:
        """Return the number of the oldest reading that is held, or of the next one."""
        return self._readings[0].number if self._readings else self._last_number + 1

    def append(self, source: str, reading: Measurement | FeederMeasurement) -> None:
        """Take in a reading and give it the next number."""
        if len(self._readings) >= self._capacity:
            self._readings.popleft()
            self.dropped += 1
        self._last_number += 1
        self._readings.append(BufferedReading(number=self._last_number, source=source, reading=reading))

    def sync(self) -> None:
        """Return when everything is kept as well as this buffer can: in memory there is nothing to do."""

    def close(self) -> None:
        """Let go of what the buffer holds open; in memory there is nothing."""

    def take_unsent(self, most: int = limits.MAX_READINGS_PER_MESSAGE) -> list[BufferedReading]:
        """Return up to `most` readings that were not sent in this session and mark them as sent."""
        unsent: list[BufferedReading] = []
        for item in reversed(self._readings):
            if item.number <= self._sent_number:
                break
            unsent.append(item)
        unsent = unsent[::-1][:most]
        if unsent:
            self._sent_number = unsent[-1].number
        return unsent

    def forget_stored(self, number: int) -> None:
        """Forget the readings up to `number`: they are durable at the service."""
        while self._readings and self._readings[0].number <= number:
            self._readings.popleft()

    def rewind(self) -> None:
        """Start a new session: everything that is not durable is sent again."""
        self._sent_number = 0
