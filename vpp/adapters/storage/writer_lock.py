"""The lock that lets one service alone write: a file lock beside SQLite, an advisory lock in PostgreSQL."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import socket
from pathlib import Path
from typing import Protocol

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from vpp.adapters.storage.database import SQLITE, Database, sqlite_path
from vpp.ports import WriterLockError

# Keys of PostgreSQL's advisory locks, within this database: "vpp" and which of the two.
_WRITER_KEY, _FENCE_KEY = 0x76707001, 0x76707002
_HEARTBEAT_S = 3.0
# A writer that is stopped or cut off keeps its session open, and with it the lock. The server ends a
# session that has been silent for this long, so that another service can take over.
_SILENCE_S = 12.0


def holder_name() -> str:
    return f"{socket.gethostname()} process {os.getpid()}"


class WriterLock(Protocol):
    async def take(self) -> None:
        """Hold the lock from now on; raises WriterLockError when another holds it."""

    async def keep(self) -> None:
        """Take the lock again when it was held and has been lost since.

        Who has it again may still have been overtaken: that is told from the epochs, in the transaction.
        Raises WriterLockError when another holds it now.
        """

    async def release(self) -> None:
        """Let go of the lock, if it is held."""


def new_writer_lock(database: Database) -> WriterLock:
    if database.backend == SQLITE:
        path = sqlite_path(database.url)
        return FileWriterLock(path.with_name(path.name + ".writer-lock"))
    return AdvisoryWriterLock(database)


class FileWriterLock:
    """A lock on `<database>.writer-lock`; the kernel lets go of it when the process ends, however it ends."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    async def take(self) -> None:
        if self._descriptor is not None:
            return
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 255).decode(errors="replace") or "Another process"
            os.close(descriptor)
            raise _held_by(holder) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, holder_name().encode(), 0)
        self._descriptor = descriptor

    async def keep(self) -> None:
        """Do nothing: a file lock cannot be lost while the process lives."""

    async def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


class AdvisoryWriterLock:
    """An advisory lock of PostgreSQL, held by a session of its own that says so every few seconds.

    session ends ─► lock is free ─► another service takes it and a higher epoch
    writer silent for 12 s (stopped, cut off) ─► the server ends the session
    server was restarted ─► taken again at the next write, and good where no higher epoch came in between
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._engine: AsyncEngine | None = None
        self._connection: AsyncConnection | None = None
        self._heartbeat: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()

    async def take(self) -> None:
        if self._heartbeat is not None and not self._heartbeat.done():
            return
        lost = self._heartbeat
        await self.release()
        self._engine = self._database.new_engine(pooled=False)
        try:
            self._connection = await self._engine.connect()
            await self._connection.execution_options(isolation_level="AUTOCOMMIT")
            await self._connection.execute(text(f"SET idle_session_timeout = '{_SILENCE_S:.0f}s'"))
            await self._require_free(self._connection)
        except BaseException:
            await self.release()
            self._heartbeat = lost  # still to be taken again
            raise
        self._heartbeat = asyncio.create_task(self._beat(self._connection), name="writer lock")

    async def keep(self) -> None:
        async with self._turn:
            if self._heartbeat is not None and self._heartbeat.done():
                with self._database.translated():
                    await self.take()

    async def release(self) -> None:
        heartbeat, self._heartbeat = self._heartbeat, None
        if heartbeat is not None:
            heartbeat.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await heartbeat
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(Exception):  # a session that is gone cannot be closed
                await connection.close()
        engine, self._engine = self._engine, None
        if engine is not None:
            await engine.dispose()

    async def _beat(self, connection: AsyncConnection) -> None:
        """Speak until the session fails; the end of this task is the sign that the lock is lost."""
        with contextlib.suppress(Exception):
            while True:
                await asyncio.sleep(_HEARTBEAT_S)
                await connection.execute(text("SELECT 1"))

    async def _require_free(self, connection: AsyncConnection) -> None:
        """Take the lock at once or raise WriterLockError with the name of the one who has it."""
        query = text("SELECT pg_try_advisory_lock(:key)")
        if await connection.scalar(query, {"key": _WRITER_KEY}):
            return
        known = await connection.scalar(text("SELECT to_regclass('writer_epoch') IS NOT NULL"))
        query = text("SELECT holder FROM writer_epoch ORDER BY epoch DESC LIMIT 1")
        holder = await connection.scalar(query) if known else None
        raise _held_by(holder or "Another process")


async def fence_shared(connection: AsyncConnection) -> None:
    """Keep new epochs out until this transaction ends, so that none slips in before its commit."""
    if connection.dialect.name != SQLITE:
        await connection.execute(text("SELECT pg_advisory_xact_lock_shared(:key)"), {"key": _FENCE_KEY})


async def fence(connection: AsyncConnection) -> None:
    """Wait for the transactions of an earlier writer, and keep its next ones waiting."""
    if connection.dialect.name != SQLITE:
        await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _FENCE_KEY})


def _held_by(holder: str) -> WriterLockError:
    return WriterLockError(
        f"{holder} already writes to this database; stop it first, or give this service another database."
    )
