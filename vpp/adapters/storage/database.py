"""The connection to SQLite or PostgreSQL: settings, transactions, and errors in one sentence."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import asyncpg
from sqlalchemy import URL, event, make_url
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from vpp.adapters.storage.codec import CodecError
from vpp.domain.errors import InvalidValueError
from vpp.ports import StoreError, StoreUnavailableError

SQLITE, POSTGRESQL = "sqlite", "postgresql"
DRIVERS = {SQLITE: "sqlite+aiosqlite", POSTGRESQL: "postgresql+asyncpg"}
CONNECT_TIMEOUT_S = 5.0
COMMAND_TIMEOUT_S = 60.0
SQLITE_BUSY_TIMEOUT_S = 30.0
POOL_SIZE = 6  # connections; the loop, the gateway, the jobs and the page each hold one at a time

_SQLITE_PRAGMAS = (
    "PRAGMA journal_mode = WAL",  # readers and the writer do not wait for each other
    # NORMAL would lose the last acknowledged transactions when the power fails; FULL syncs each commit.
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA cache_size = -65536",  # KiB
    "PRAGMA temp_store = MEMORY",
)
_POSTGRESQL_SETTINGS = {
    "application_name": "vpp",
    "timezone": "UTC",
    "synchronous_commit": "on",  # a commit that has returned is on disk, whatever the server's default
    "jit": "off",  # costs more than it gains on short queries
}
# What a driver raises for the rows themselves; trying again would not help.
_REFUSALS = (
    IntegrityError,
    DataError,
    sqlite3.IntegrityError,
    sqlite3.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.DataError,
    OverflowError,
)
_WRITES = "vpp_writes"


def parse_url(url: str) -> URL:
    """Return the URL with its asynchronous driver; raises StoreError when it is not one of ours."""
    expected = "expected sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE"
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise StoreError(f"The database URL cannot be read; {expected}.") from None
    backend = parsed.get_backend_name()
    if backend not in DRIVERS or parsed.drivername not in (backend, DRIVERS[backend]):
        raise StoreError(f"The database URL starts with {parsed.drivername}; {expected}.")
    if backend == SQLITE and parsed.database in (None, "", ":memory:"):
        raise StoreError(f"The database URL names no file, and nothing in memory is durable; {expected}.")
    return parsed.set(drivername=DRIVERS[backend])


def shown(url: URL) -> str:
    """Return what may be printed of a URL."""
    return url.set(drivername=url.get_backend_name()).render_as_string(hide_password=True)


def sqlite_path(url: URL) -> Path:
    return Path(str(url.database))


class Database:
    """One database: `reading` and `writing` give a connection inside a transaction."""

    def __init__(self, url: str) -> None:
        self.url = parse_url(url)
        self.backend = self.url.get_backend_name()
        self._engine = self.new_engine()
        self._writers = self._engine.execution_options(**{_WRITES: True})
        # SQLite lets one connection write at a time. Waiting here is in order and costs nothing;
        # waiting inside SQLite is a sleep and a retry.
        self._turn = asyncio.Lock()

    @property
    def address(self) -> str:
        """Where another process finds the same database; holds the password."""
        return self.url.set(drivername=self.backend).render_as_string(hide_password=False)

    def new_engine(self, *, pooled: bool = True) -> AsyncEngine:
        pool: dict[str, Any] = {"pool_size": POOL_SIZE, "max_overflow": 0, "pool_timeout": COMMAND_TIMEOUT_S}
        if not pooled:
            pool = {"poolclass": NullPool}
        if self.backend == SQLITE:
            arguments: dict[str, Any] = {"timeout": SQLITE_BUSY_TIMEOUT_S}
        else:
            arguments = {
                "timeout": CONNECT_TIMEOUT_S,
                "command_timeout": COMMAND_TIMEOUT_S,
                "server_settings": _POSTGRESQL_SETTINGS,
            }
            pool["pool_pre_ping"] = True  # a server that came back is found without an error in between
        engine = create_async_engine(self.url, connect_args=arguments, **pool)
        if self.backend == SQLITE:
            _own_transactions(engine)
        return engine

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """Give a connection in a transaction that only reads."""
        with self.translated():
            async with self._engine.connect() as connection, connection.begin():
                yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """Give a connection in a transaction that is on disk when the block has ended without error."""
        with self.translated():
            if self.backend == POSTGRESQL:
                async with self._engine.begin() as connection:
                    yield connection
                return
            async with self._turn, self._writers.begin() as connection:
                yield connection

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[Any]:
        """Give PostgreSQL's driver outside of any transaction, for what refuses to run in one."""
        with self.translated():
            async with self._engine.connect() as connection:
                await connection.execution_options(isolation_level="AUTOCOMMIT")
                yield (await connection.get_raw_connection()).driver_connection

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Turn every error of a driver into a StoreError of one sentence."""
        try:
            yield
        except (StoreError, InvalidValueError):
            raise
        except _REFUSALS as error:
            raise StoreError(f"The database refused a row: {_first_line(error)}.") from error
        except CodecError as error:
            raise StoreError(f"{error}.") from error
        except (SQLAlchemyError, sqlite3.Error, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            if _lacks_table(error):
                raise StoreError(f"{_first_line(error)}; run `vpp migrate` on {shown(self.url)}.") from error
            raise self._unavailable(error) from error
        except (OSError, TimeoutError) as error:
            raise self._unavailable(error) from error

    def _unavailable(self, error: Exception) -> StoreUnavailableError:
        reason = _first_line(error) or type(error).__name__
        return StoreUnavailableError(f"The database {shown(self.url)} cannot be used: {reason}.")

    async def close(self) -> None:
        await self._engine.dispose()


def _own_transactions(engine: AsyncEngine) -> None:
    """Begin transactions ourselves: the driver would begin late, and turn a read into a write midway."""

    def on_connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in _SQLITE_PRAGMAS:
            cursor.execute(pragma)
        cursor.close()

    def on_begin(connection: Any) -> None:
        writes = connection.get_execution_options().get(_WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    event.listen(engine.sync_engine, "connect", on_connect)
    event.listen(engine.sync_engine, "begin", on_begin)


def _lacks_table(error: Exception) -> bool:
    words = _first_line(error)
    return words.startswith("no such table") or (words.startswith("relation") and "does not exist" in words)


def _first_line(error: Exception) -> str:
    """Return the driver's own words without SQL, parameters and class names."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    inner = cause.__cause__ or cause
    lines = str(inner).splitlines()
    return lines[0].rstrip(".") if lines else ""
