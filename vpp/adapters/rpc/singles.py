"""Single readings of many nodes, gathered for a few milliseconds so that they are judged together."""

from __future__ import annotations

import numpy as np

from vpp.adapters.rpc import limits
from vpp.adapters.rpc.intake import RawReadings
from vpp.adapters.rpc.session import NodeSession
from vpp.rpcgen import fleet_pb2 as pb


class SingleReadings:
    """Rows that wait; only such that nothing but their values can be wrong with."""

    def __init__(self) -> None:
        self._rows: list[tuple[int, int, float, float, bool]] = []
        self._sessions: list[NodeSession] = []
        self._numbers: list[int] = []
        self._holds: set[str] = set()

    def holds(self, session: NodeSession) -> bool:
        """Return whether a reading of this session's node waits."""
        return session.node_id in self._holds

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, session: NodeSession, reading: pb.Reading) -> bool:
        """Take a reading; return False for one that must be refused in words of its own."""
        slot, number, at = reading.slot, reading.reading_number, reading.measured_at
        if slot not in session.own or number > limits.MAX_NUMBER:
            return False
        if not (0 < at.seconds < limits.MAX_UNIX_TIME_S and 0 <= at.nanos < 1_000_000_000):
            return False
        measured_at_us = at.seconds * 1_000_000 + at.nanos // 1_000
        self._rows.append((slot, measured_at_us, reading.soc, reading.power_kw, reading.connected))
        self._sessions.append(session)
        self._numbers.append(number)
        self._holds.add(session.node_id)
        return True

    def take(self) -> tuple[RawReadings, list[NodeSession], list[int]]:
        """Return all rows as columns, with the session and the number of each, and forget them."""
        slot, measured_at_us, soc, power_kw, connected = zip(*self._rows, strict=True)
        raw = RawReadings(
            slot=np.array(slot, dtype=np.int64),
            measured_at_us=np.array(measured_at_us, dtype=np.int64),
            soc=np.array(soc),
            power_kw=np.array(power_kw),
            connected=np.array(connected),
            reading_number=max(self._numbers),
        )
        sessions, numbers = self._sessions, self._numbers
        self._rows, self._sessions, self._numbers = [], [], []
        self._holds.clear()
        return raw, sessions, numbers
