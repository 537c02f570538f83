"""While a stop of the whole fleet goes out, what nodes say is left to wait: a second at most."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final

from vpp.adapters.rpc.outbox import Outbox

LONGEST_S: Final = 1.0  # of the wall, for which nodes are not listened to
_LOOK_S: Final = 0.02


class StopFirst:
    """Readers wait at `over` from a stop until it is written to every stream that takes it."""

    def __init__(self) -> None:
        self._over = asyncio.Event()
        self._over.set()
        self._watch: asyncio.Task[None] | None = None

    def hold(self, outboxes: Iterable[Outbox]) -> None:
        """Have readers wait until these outboxes are written, or `LONGEST_S` have passed."""
        if self._watch is not None:
            self._watch.cancel()
        self._over.clear()
        self._watch = asyncio.create_task(self._until_written(list(outboxes)))

    async def over(self) -> None:
        """Return when no stop is going out."""
        if not self._over.is_set():
            await self._over.wait()

    async def _until_written(self, outboxes: list[Outbox]) -> None:
        try:
            async with asyncio.timeout(LONGEST_S):
                for outbox in outboxes:
                    while outbox.busy:  # noqa: ASYNC110 - ten thousand events would cost what this saves
                        await asyncio.sleep(_LOOK_S)
        except TimeoutError:
            pass  # a node that takes nothing does not keep the others waiting
        finally:
            if self._watch is asyncio.current_task():
                self._over.set()
