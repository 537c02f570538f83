"""Readings of many nodes, gathered for a few milliseconds so that they are judged together.

Judging 1,000 readings alone takes half a millisecond, nearly all of it in calls and not in numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vpp.adapters.rpc import limits
from vpp.adapters.rpc.batch_bytes import WideColumns, read_batch, warm_up
from vpp.adapters.rpc.raw_readings import RawReadings
from vpp.adapters.rpc.session import NodeSession
from vpp.rpcgen import fleet_pb2 as pb


@dataclass(frozen=True, slots=True)
class Share:
    """Rows [first, first + rows) of what was gathered: one message of one node."""

    session: NodeSession
    first: int
    rows: int
    number: int  # of the reading, by which the node is told that it is durable


class GatheredReadings:
    """Rows that wait; only such that nothing but their values can be wrong with."""

    def __init__(self) -> None:
        warm_up()
        # Before a batch comes there are fewer rows than are judged at once.
        self._batches = WideColumns.of_rows(limits.MAX_GATHERED_READINGS + limits.MAX_BATCH_ROWS)
        self._forget()

    def _forget(self) -> None:
        self._singles: list[tuple[int, int, float, float, bool]] = []
        self._single_sessions: list[NodeSession] = []
        self._numbers: list[int] = []  # of the singles
        self._batch_rows = 0
        self._batch_shares: list[tuple[NodeSession, int, int]] = []  # rows, number
        self._rows = 0
        self._singles_of: set[str] = set()
        self._batch_of: set[str] = set()

    def __len__(self) -> int:
        return self._rows

    @property
    def holds_any(self) -> bool:
        """Return whether a message waits; it may be one without rows."""
        return bool(self._singles or self._batch_shares)

    def holds(self, session: NodeSession) -> bool:
        """Return whether anything of this session's node waits."""
        return session.node_id in self._singles_of or session.node_id in self._batch_of

    def holds_batch(self, session: NodeSession) -> bool:
        """Return whether a batch of this session's node waits."""
        return session.node_id in self._batch_of

    def add_single(self, session: NodeSession, reading: pb.Reading) -> bool:
        """Take a reading; return False for one that must be refused in words of its own."""
        slot, number, at = reading.slot, reading.reading_number, reading.measured_at
        if slot not in session.own or number > limits.MAX_NUMBER:
            return False
        if not (0 < at.seconds < limits.MAX_UNIX_TIME_S and 0 <= at.nanos < 1_000_000_000):
            return False
        measured_at_us = at.seconds * 1_000_000 + at.nanos // 1_000
        self._singles.append((slot, measured_at_us, reading.soc, reading.power_kw, reading.connected))
        self._single_sessions.append(session)
        self._numbers.append(number)
        self._singles_of.add(session.node_id)
        self._rows += 1
        return True

    def read_batch(self, session: NodeSession, raw: bytes) -> int:
        """Take a batch off the wire; return its rows, -1 when it must be parsed and looked at first."""
        rows, number = read_batch(raw, session.slots, self._batches, self._batch_rows)
        if rows >= 0:
            self._note_batch(session, rows, number)
        return rows

    def add_batch(self, session: NodeSession, raw: RawReadings) -> None:
        """Take a batch whose slots are the session's own."""
        rows = len(raw.slot)
        for name, column in zip(WideColumns._fields, self._batches, strict=True):
            column[self._batch_rows : self._batch_rows + rows] = getattr(raw, name)
        self._note_batch(session, rows, raw.reading_number)

    def _note_batch(self, session: NodeSession, rows: int, number: int) -> None:
        """Note whose the last rows are; at most one batch of a node waits at a time."""
        assert not self.holds(session)
        self._batch_shares.append((session, rows, number))
        self._batch_of.add(session.node_id)
        self._batch_rows += rows
        self._rows += rows

    def take(self) -> tuple[RawReadings, list[Share]]:
        """Return all rows as columns and whose they are, and forget them."""
        shares = [
            Share(session, row, 1, number)
            for row, (session, number) in enumerate(zip(self._single_sessions, self._numbers, strict=True))
        ]
        first = len(shares)
        for session, rows, number in self._batch_shares:
            shares.append(Share(session, first, rows, number))
            first += rows
        parts = [self._singles_as_columns()] if self._singles else []
        if self._batch_shares:
            parts.append(self._batches_as_columns())
        taken = RawReadings.concatenate(parts)  # copies: the room is used again
        self._forget()
        return taken, shares

    def _batches_as_columns(self) -> RawReadings:
        wide, rows = self._batches, self._batch_rows
        return RawReadings(
            slot=wide.slot[:rows],
            measured_at_us=wide.measured_at_us[:rows],
            soc=wide.soc[:rows],
            power_kw=wide.power_kw[:rows],
            connected=wide.connected[:rows],
            reading_number=max(number for _, _, number in self._batch_shares),
        )

    def _singles_as_columns(self) -> RawReadings:
        slot, measured_at_us, soc, power_kw, connected = zip(*self._singles, strict=True)
        return RawReadings(
            slot=np.array(slot, dtype=np.int64),
            measured_at_us=np.array(measured_at_us, dtype=np.int64),
            soc=np.array(soc),
            power_kw=np.array(power_kw),
            connected=np.array(connected),
            reading_number=max(self._numbers),
        )
