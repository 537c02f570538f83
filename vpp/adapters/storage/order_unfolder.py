"""Writes the rows of folded orders a moment after these were stored."""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from vpp.adapters.storage.database import Database
from vpp.adapters.storage.folded_orders import write_missing_rows
from vpp.ports import StoreError

PAUSE_S: Final = 1.0  # between an object and its rows: orders go out in it
PAUSE_AFTER_ERROR_S: Final = 10.0
MOST_FAILURES: Final = 30  # of one task; then with the next orders, the next reader or the next start
CLOSE_TIMEOUT_S: Final = 10.0

log = structlog.get_logger()


class OrderUnfolder:
    """One task at most; it ends when there is nothing left to write."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._task: asyncio.Task[None] | None = None
        self._hurry = asyncio.Event()
        self._asked = False

    def soon(self) -> None:
        """Write the rows that are missing after a pause, in a task."""
        self._asked = True
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="rows of orders")

    async def complete(self) -> None:
        """Write the rows that are missing, now; who reads orders does this before. Raises StoreError."""
        await write_missing_rows(self._database)

    async def close(self) -> None:
        """Write what is missing, for as long as a service may take to stop."""
        self._hurry.set()
        if self._task is not None:
            await asyncio.wait([self._task], timeout=CLOSE_TIMEOUT_S)
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        failures, pause_s = 0, PAUSE_S
        while self._asked:
            await self._pause(pause_s)
            self._asked, pause_s = False, PAUSE_S
            try:
                await self.complete()
            except StoreError as error:
                log.warning("rows of orders are not written yet", reason=str(error))
                failures, pause_s = failures + 1, PAUSE_AFTER_ERROR_S
                self._asked = failures < MOST_FAILURES and not self._hurry.is_set()

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._hurry.wait(), seconds)
        except TimeoutError:
            return
