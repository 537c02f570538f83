"""How long to wait before a broken stream is opened again, and when to give up."""

from __future__ import annotations

from typing import Final

from vpp.client.errors import ClientError, UnavailableError

FIRST_WAIT_S: Final = 0.2
LONGEST_WAIT_S: Final = 5.0
MAX_FAILURES: Final = 20  # in a row; about a minute and a half


class Resuming:
    """Counts failures since the stream last said something."""

    def __init__(self) -> None:
        self._failures = 0

    def came(self) -> None:
        """Note that something came."""
        self._failures = 0

    def wait_s(self, error: ClientError) -> float:
        """Return how long to wait before the next attempt; raise `error` when there is no use in it."""
        self._failures += 1
        if not isinstance(error, UnavailableError) or self._failures > MAX_FAILURES:
            raise error
        return min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** (self._failures - 1))
