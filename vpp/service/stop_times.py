"""How long a stop takes: from the call to each node's word that its orders were ended."""

from __future__ import annotations

import asyncio
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vpp.ports import Clock, SendReport, StopTimes

PATIENCE_S: Final = 1.0  # of the wall, for which an answer waits for the nodes' words


class StopMeasurement:
    """Listens for the assets that had an order when the stop was given; the others have nothing to end."""

    def __init__(self, expected: NDArray[np.bool_], clock: Clock) -> None:
        self._clock, self._began = clock, clock.now()
        self._waiting = expected.copy()
        self._seconds: list[float] = []
        self._all = asyncio.Event()
        if not expected.any():
            self._all.set()

    def note(self, slots: NDArray[np.int64]) -> None:
        """Take in that nodes ended the orders of `slots`."""
        new = np.unique(slots[self._waiting[slots]])
        self._waiting[new] = False
        self._seconds += [(self._clock.now() - self._began).total_seconds()] * len(new)
        if not self._waiting.any():
            self._all.set()

    async def times(self, report: SendReport) -> StopTimes:
        """Return what is known when everybody has answered, or a second later."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._all.wait()
        except TimeoutError:
            pass
        seconds = np.array(self._seconds)
        p50_s, p99_s, last_s = (
            (float(np.quantile(seconds, share, method="higher")) for share in (0.5, 0.99, 1.0))
            if len(seconds)
            else (None, None, None)
        )
        return StopTimes(
            told=report.sent,
            away=len(report.unreachable_slots),
            confirmed=len(seconds),
            p50_s=p50_s,
            p99_s=p99_s,
            last_s=last_s,
        )
