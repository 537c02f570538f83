"""Bring a database to the tables this version needs, and tell how far behind it is.

The revisions are a package of their own, so that an installed tree can migrate as well as a repository.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.script.revision import RevisionError
from alembic.util import CommandError
from sqlalchemy import Connection

import migrations
from vpp.adapters.storage.database import SQLITE, Database, sqlite_path
from vpp.adapters.storage.writer_lock import new_writer_lock
from vpp.ports import StoreError

_FOLDER = Path(migrations.__file__).parent


async def upgrade(url: str) -> None:
    """Create or update all tables, holding the writer's lock; changes nothing when there is nothing to do.

    Raises WriterLockError while a service runs on the database, StoreUnavailableError when it cannot
    be reached, StoreError when it was made by a later version.
    """
    database = Database(url)
    if database.backend == SQLITE:
        await asyncio.to_thread(sqlite_path(database.url).parent.mkdir, parents=True, exist_ok=True)
    lock = new_writer_lock(database)
    try:
        with database.translated():
            await lock.take()
        async with database.writing() as connection:
            await connection.run_sync(_upgrade)
    finally:
        await lock.release()
        await database.close()


async def pending(url: str) -> list[str]:
    """Return the revisions the database is behind, oldest first; empty when it is up to date.

    Raises StoreError when the database was made by a later version.
    """
    database = Database(url)
    if database.backend == SQLITE and not await asyncio.to_thread(sqlite_path(database.url).exists):
        return _revisions_after(None)
    try:
        async with database.reading() as connection:
            return _revisions_after(await connection.run_sync(_revision))
    finally:
        await database.close()


async def require_current(url: str, *, config_path: str) -> None:
    """Raise StoreError, with the command to run, when the database is behind."""
    behind = await pending(url)
    if behind:
        revisions = [revision.revision for revision in _scripts().walk_revisions()][::-1]
        before = revisions.index(behind[0])
        found = revisions[before - 1] if before else "no revision"
        raise StoreError(
            f"The database is at {found} and needs {behind[-1]}; run `vpp migrate --config {config_path}`."
        )


def new_config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    return config


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(new_config())


def _upgrade(connection: Connection) -> None:
    _revisions_after(_revision(connection))
    config = new_config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _revisions_after(revision: str | None) -> list[str]:
    try:
        later = list(_scripts().iterate_revisions("head", revision or "base"))
    except (CommandError, RevisionError):
        raise StoreError(
            f"The database is at {revision}, which this version does not know; install the newer version."
        ) from None
    return [script.revision for script in reversed(later)]
