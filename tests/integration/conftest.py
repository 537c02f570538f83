"""Real databases for the tests: SQLite in a file, PostgreSQL from a wheel; a fresh one for each test."""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgresql import PostgresqlMissingError, PostgresqlServer, running_postgresql
from vpp.adapters.storage import migrate, tables

_MIGRATED = "migrated"
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgresqlServer]:
    """A server for the whole session. In CI its absence is a failure, elsewhere a skip with the reason."""
    try:
        with running_postgresql() as server:
            yield server
    except PostgresqlMissingError as error:
        if os.environ.get("CI") == "true":
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def migrated_postgresql(postgresql_server: PostgresqlServer) -> str:
    """The name of a database with all tables, emptied before each test."""
    asyncio.run(migrate.upgrade(asyncio.run(postgresql_server.create_database(_MIGRATED))))
    return _MIGRATED


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file with all tables, to be copied."""
    path = tmp_path_factory.mktemp("sqlite") / "migrated.sqlite"
    asyncio.run(migrate.upgrade(f"sqlite:///{path}"))
    return path


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def database_url(backend: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A fresh database with all tables."""
    if backend == "sqlite":
        path = tmp_path / "vpp.sqlite"
        shutil.copy(request.getfixturevalue("migrated_sqlite"), path)
        return f"sqlite:///{path}"
    name = request.getfixturevalue("migrated_postgresql")
    server: PostgresqlServer = request.getfixturevalue("postgresql_server")
    asyncio.run(server.empty_tables(name, [*tables.metadata.tables, "reading_days.mark"]))
    return server.url(name)


@pytest.fixture
def empty_database_url(backend: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A fresh database without any table; the file of SQLite does not exist yet."""
    if backend == "sqlite":
        return f"sqlite:///{tmp_path / 'folder' / 'empty.sqlite'}"
    server: PostgresqlServer = request.getfixturevalue("postgresql_server")
    return asyncio.run(server.create_database(f"empty_{next(_numbers)}"))
