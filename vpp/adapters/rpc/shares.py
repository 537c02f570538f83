"""How much of a queue each node fills, so that one of them leaves room for the others."""

from __future__ import annotations

from collections import Counter


class Shares:
    """Counts rows that wait, by node; an entry is there only while something waits."""

    def __init__(self) -> None:
        self._waiting: Counter[str] = Counter()

    def take(self, node_id: str, rows: int, *, most: int) -> bool:
        """Count rows of a node that begin to wait; return False, and count nothing, beyond `most`."""
        if self._waiting[node_id] + rows > most:
            self._tidy(node_id)
            return False
        self._waiting[node_id] += rows
        return True

    def waiting(self, node_id: str) -> int:
        """Return how many rows of a node wait."""
        return self._waiting.get(node_id, 0)

    def release(self, node_id: str, rows: int) -> None:
        """Count rows that wait no longer."""
        self._waiting[node_id] -= rows
        self._tidy(node_id)

    def _tidy(self, node_id: str) -> None:
        if self._waiting[node_id] <= 0:
            del self._waiting[node_id]
