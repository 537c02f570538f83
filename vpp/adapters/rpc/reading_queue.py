"""Readings on their way into the database, and what each node is told of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from vpp.adapters.rpc import limits
from vpp.adapters.rpc.session import NodeSession
from vpp.adapters.rpc.shares import Shares
from vpp.adapters.rpc.write_behind import WriteBehind
from vpp.domain.readings import FeederReading, ReadingColumns


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """Readings that are not durable yet, with the number to tell each node when they are."""

    owners: tuple[tuple[NodeSession, int, int], ...]  # session, rows, reading number
    readings: ReadingColumns | None
    feeder_reading: FeederReading | None

    @property
    def rows(self) -> int:
        return sum(rows for _, rows, _ in self.owners)


class ReadingQueue:
    """A bounded queue in front of the database, of which no node fills more than its share.

    A node numbers its readings, and a number it is told means: all up to this one are durable. So from
    the first reading that finds no room, none of its session is kept. What waited is still told when it
    is durable; then the session is closed, and the node sends the rest again in a new one. Every round
    therefore stores what the queue holds, however long the database was away.
    """

    def __init__(
        self,
        write: Callable[[list[Arrived]], Awaitable[None]],
        *,
        current_session: Callable[[str], NodeSession | None],
        period_s: float,
    ) -> None:
        self.capacity_rows = limits.MAX_WAITING_READINGS
        self.waiting_rows = 0  # not durable yet, those that are being written among them
        self.rows_over_capacity = 0
        self.rows_over_share = 0
        self._shares = Shares()
        self._current_session = current_session
        self._stored_numbers: dict[str, tuple[str, int]] = {}  # of each node: its numbering, how far durable
        self._to_close: dict[str, NodeSession] = {}  # of each node: the session that must send again
        self.writer: WriteBehind[Arrived] = WriteBehind(
            "readings",
            write,
            rows=lambda item: item.rows,
            on_written=self._note_written,
            capacity_rows=None,
            period_s=period_s,
        )

    def admit(self, session: NodeSession, rows: int) -> bool:
        """Return whether a message of so many readings may be `put`, and count them as waiting.

        A message without readings counts as one: its number waits its turn.
        """
        rows = max(1, rows)
        if session.lost_readings or (self.waiting_rows and self.waiting_rows + rows > self.capacity_rows):
            self.rows_over_capacity += rows
        elif not self._shares.take(session.node_id, rows, most=session.share_rows):
            self.rows_over_share += rows
        else:
            self.waiting_rows += rows
            return True
        session.lost_readings = True
        self._to_close[session.node_id] = session
        return False

    def put(self, arrived: Arrived) -> None:
        """Queue readings that were admitted."""
        self.writer.put(arrived)

    def stored_number(self, session: NodeSession) -> int:
        """Return up to which number the readings that a node numbers so are durable; 0 where unknown."""
        buffer_id, number = self._stored_numbers.get(session.node_id, ("", 0))
        return number if buffer_id and buffer_id == session.buffer_id else 0

    def _note_written(self, arrived: Iterable[Arrived]) -> None:
        highest: dict[NodeSession, int] = {}
        for item in arrived:
            self.waiting_rows -= item.rows
            for session, rows, number in item.owners:
                self._shares.release(session.node_id, rows)
                highest[session] = max(highest.get(session, 0), number)
        for session, number in highest.items():
            self._tell(session, number)
        if 2 * self.waiting_rows <= self.capacity_rows:
            self._close_incomplete()

    def _tell(self, session: NodeSession, number: int) -> None:
        """Tell a node what is durable; what a session that is over had brought counts for the next one."""
        session.outbox.put_stored(number)
        if not session.buffer_id:
            return
        number = max(number, self.stored_number(session))
        self._stored_numbers[session.node_id] = (session.buffer_id, number)
        current = self._current_session(session.node_id)
        if current is not None and current is not session and current.buffer_id == session.buffer_id:
            current.outbox.put_stored(number)

    def _close_incomplete(self) -> None:
        """Close the sessions that lost readings and of which nothing waits any more."""
        told = [node_id for node_id in self._to_close if not self._shares.waiting(node_id)]
        for node_id in told:
            session = self._to_close.pop(node_id)
            session.close("there was no room for some readings; send again those not told to be stored")
