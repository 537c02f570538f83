"""Writes to the database in batches, behind the streams, and says when a batch is durable."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

import structlog

from vpp.adapters.rpc import limits
from vpp.ports import StoreError, StoreUnavailableError, WriterLockError

_logger = structlog.get_logger(__name__)
T = TypeVar("T")

FIRST_PAUSE_S: Final = 0.25  # of the wall, after a write that failed
LONGEST_PAUSE_S: Final = 5.0


class WriteBehind(Generic[T]):
    """A bounded queue in front of one kind of write.

    While the database is away, items wait; when the queue is full the oldest is dropped, counted
    and reported to `on_dropped`. Without `capacity_rows`, whoever puts items keeps it bounded.
    """

    def __init__(
        self,
        name: str,
        write: Callable[[list[T]], Awaitable[None]],
        *,
        rows: Callable[[T], int] = lambda item: 1,
        on_written: Callable[[list[T]], None] = lambda items: None,
        on_dropped: Callable[[T], None] = lambda item: None,
        capacity_rows: int | None = limits.MAX_WAITING_ROWS,
        period_s: float = 0.2,
    ) -> None:
        self._name, self._write, self._rows = name, write, rows
        self._on_written, self._on_dropped = on_written, on_dropped
        self.capacity_rows, self._period_s = capacity_rows, period_s
        self._waiting: deque[T] = deque()
        self._waiting_rows = 0
        self._filled = asyncio.Event()
        self._lock = asyncio.Lock()
        self.dropped_rows = 0
        self.failed_writes = 0
        self.refused_rows = 0

    @property
    def waiting_rows(self) -> int:
        """Return how many rows are not durable yet."""
        return self._waiting_rows

    def put(self, item: T) -> None:
        """Queue an item; never waits."""
        self._waiting.append(item)
        self._waiting_rows += self._rows(item)
        self._drop_oldest()
        self._filled.set()

    async def run(self) -> None:
        """Write a batch every period until cancelled."""
        while True:
            await self._filled.wait()
            await asyncio.sleep(self._period_s)
            pause_s = FIRST_PAUSE_S
            while not await self.flush():
                await asyncio.sleep(pause_s)
                pause_s = min(2.0 * pause_s, LONGEST_PAUSE_S)

    async def flush(self) -> bool:
        """Write everything that waits; return False when the database did not take it."""
        async with self._lock:
            while batch := self._take():
                try:
                    await self._store(batch)
                except Exception as error:
                    self.failed_writes += 1
                    _logger.warning("write failed", what=self._name, items=len(batch), error=repr(error))
                    self._put_back(batch)
                    return False
                except asyncio.CancelledError:
                    self._put_back(batch)
                    raise
                self._on_written(batch)
            self._filled.clear()
            return True

    async def _store(self, batch: list[T]) -> None:
        """Write a batch; what the database refuses for good is found by halves and left out.

        It counts as written: kept, it would hold up all others for ever, and its node would send it
        again and again.
        """
        try:
            await self._write(batch)
        except (StoreUnavailableError, WriterLockError):
            raise
        except StoreError as error:
            if len(batch) == 1:
                self.refused_rows += self._rows(batch[0])
                _logger.warning(
                    "the database refused", what=self._name, item=repr(batch[0])[:200], error=str(error)
                )
                return
            half = len(batch) // 2
            await self._store(batch[:half])
            await self._store(batch[half:])

    def _take(self) -> list[T]:
        batch: list[T] = []
        rows = 0
        while self._waiting and rows < limits.MAX_ROWS_PER_WRITE:
            batch.append(self._waiting.popleft())
            rows += self._rows(batch[-1])
        self._waiting_rows -= rows
        return batch

    def _put_back(self, batch: list[T]) -> None:
        self._waiting.extendleft(reversed(batch))
        self._waiting_rows += sum(map(self._rows, batch))
        self._drop_oldest()

    def _drop_oldest(self) -> None:
        if self.capacity_rows is None:
            return
        while self._waiting_rows > self.capacity_rows and len(self._waiting) > 1:
            item = self._waiting.popleft()
            self._waiting_rows -= self._rows(item)
            self.dropped_rows += self._rows(item)
            self._on_dropped(item)
