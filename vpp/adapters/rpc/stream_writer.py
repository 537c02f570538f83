"""Writes what waits for a node into its stream; the only writer of that stream.

grpc's `write` is a coroutine. A task for each message, or one that is woken for each, takes two turns of the
event loop and an event; ten thousand streams feel that. Here the coroutine is stepped by hand, as a task
would: the first step, up to the socket, is taken where the message is put, the rest when grpc says so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import grpc

from vpp.adapters.rpc.outbox import Outbox

Write = Callable[[bytes], Coroutine[Any, Any, None]]


class StreamWriter:
    """Takes from an outbox whenever nothing is being written, message after message."""

    __slots__ = (
        "_closed",
        "_due",
        "_loop",
        "_messages",
        "_on_broken",
        "_outbox",
        "_under_way",
        "_write",
        "error",
    )

    def __init__(self, outbox: Outbox, write: Write, on_broken: Callable[[], object]) -> None:
        self._outbox, self._write, self._on_broken = outbox, write, on_broken
        self._loop = asyncio.get_running_loop()
        # Of a write that failed, after which `on_broken` was told: ConnectionError where the node is gone.
        self.error: Exception | None = None
        # Of those that were taken, what is not written yet, the last one first.
        self._messages: list[bytes] = []
        self._under_way: Coroutine[Any, Any, None] | None = None
        self._due = self._closed = False
        outbox.on_filled, outbox.write_now = self._write_soon, self._write_now
        if outbox.filled:
            self._write_soon()

    def close(self) -> None:
        """Begin no more writes; one that is under way ends by itself.

        Outbox and writer no longer hold each other, and with them grpc's call and its memory, which would
        wait for the garbage collector.
        """
        self._closed = True
        self._outbox.let_go()

    def _write_soon(self) -> None:
        if not self._due:
            self._due = True
            self._loop.call_soon(self._write_now)

    def _write_now(self) -> None:
        self._due = False
        if self._under_way is None and self._outbox.filled and not self._closed:
            self._messages = self._outbox.take()[::-1]
            self._write_next()

    def _write_next(self) -> None:
        if not self._messages:
            self._outbox.written()
        elif not self._closed:
            self._under_way = self._write(self._messages.pop())
            self._step()

    def _step(self, _waited: asyncio.Future[Any] | None = None) -> None:
        """Run the write under way to where it waits next, or to its end; this is what a task does."""
        assert self._under_way is not None
        try:
            waited = self._under_way.send(None)
        except StopIteration:
            self._under_way = None
            self._write_next()
        except (Exception, asyncio.CancelledError) as error:
            self._under_way, self._closed = None, True
            if not isinstance(error, Exception) or isinstance(error, grpc.aio.BaseError):
                error = ConnectionError("the connection broke during a write")
            self.error = error
            self._on_broken()
        else:
            if waited is None:  # it only gave way to others
                self._loop.call_soon(self._step)
                return
            waited._asyncio_future_blocking = False  # noqa: SLF001 - so it is handed over, as to a task
            waited.add_done_callback(self._step)
