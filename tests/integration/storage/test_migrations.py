from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine

from tests.integration.storage.samples import NOON, fetch
from vpp.adapters.storage import migrate, open_store, tables
from vpp.adapters.storage.database import parse_url
from vpp.domain.readings import to_microseconds
from vpp.ports import StoreError, StoreUnavailableError, WriterLockError


async def on_connection(url: str, function: Any) -> Any:
    engine = create_async_engine(parse_url(url))
    try:
        async with engine.begin() as connection:
            return await connection.run_sync(function)
    finally:
        await engine.dispose()


async def test_the_revisions_build_exactly_the_tables(database_url: str) -> None:
    def differences(connection: Connection) -> list[Any]:
        return compare_metadata(
            MigrationContext.configure(connection, opts={"compare_server_default": True}), tables.metadata
        )

    assert await on_connection(database_url, differences) == []


async def test_an_empty_database_is_behind_until_it_is_upgraded(empty_database_url: str) -> None:
    behind = await migrate.pending(empty_database_url)

    await migrate.upgrade(empty_database_url)
    await migrate.upgrade(empty_database_url)

    assert behind[0] == "0001"
    assert await migrate.pending(empty_database_url) == []
    await migrate.require_current(empty_database_url, config_path="demo.toml")


def test_asking_for_the_revision_creates_nothing(tmp_path: Path) -> None:
    assert asyncio.run(migrate.pending(f"sqlite:///{tmp_path / 'none.sqlite'}"))

    assert list(tmp_path.iterdir()) == []


async def test_a_database_behind_is_refused_with_the_command_to_run(empty_database_url: str) -> None:
    newest = (await migrate.pending(empty_database_url))[-1]

    with pytest.raises(StoreError) as refused:
        await migrate.require_current(empty_database_url, config_path="config/demo.toml")

    assert str(refused.value) == (
        f"The database is at no revision and needs {newest}; run `vpp migrate --config config/demo.toml`."
    )


async def test_a_database_of_a_later_version_is_refused(database_url: str) -> None:
    await fetch(database_url, "UPDATE alembic_version SET version_num = '9999'")
    try:
        for step in (migrate.pending, migrate.upgrade):
            with pytest.raises(StoreError, match="at 9999, which this version does not know"):
                await step(database_url)
    finally:
        head = ScriptDirectory.from_config(migrate.new_config()).get_current_head()
        await fetch(database_url, f"UPDATE alembic_version SET version_num = '{head}'")


async def test_the_way_back_leaves_nothing(empty_database_url: str) -> None:
    await migrate.upgrade(empty_database_url)

    def downgrade(connection: Connection) -> None:
        config = migrate.new_config()
        config.attributes["connection"] = connection
        command.downgrade(config, "base")

    await on_connection(empty_database_url, downgrade)
    await migrate.upgrade(empty_database_url)

    assert await migrate.pending(empty_database_url) == []


async def test_no_migration_while_a_service_runs(database_url: str) -> None:
    store = open_store(database_url, clock_now=lambda: NOON)
    await store.next_epoch()
    try:
        with pytest.raises(WriterLockError, match="already writes to this database"):
            await migrate.upgrade(database_url)
    finally:
        await store.close()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("mysql://someone@host/base", "starts with mysql; expected sqlite:///FILE or postgresql://"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("nothing at all", "cannot be read; expected sqlite:///FILE"),
        ("postgresql+psycopg2://host/base", "starts with postgresql\\+psycopg2"),
    ],
)
def test_a_wrong_url_is_refused_in_a_sentence(url: str, words: str) -> None:
    with pytest.raises(StoreError, match=words) as refused:
        open_store(url, clock_now=lambda: NOON)

    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("step", [migrate.pending, migrate.upgrade], ids=["pending", "upgrade"])
async def test_an_unreachable_server_is_one_sentence_without_the_password(step: Any) -> None:
    url = "postgresql://vpp:a-secret@127.0.0.1:1/vpp"

    with pytest.raises(StoreUnavailableError) as refused:
        await asyncio.wait_for(step(url), 20)

    sentence = str(refused.value)
    assert sentence.startswith("The database postgresql://vpp:***@127.0.0.1:1/vpp cannot be used: ")
    assert "a-secret" not in sentence
    assert "\n" not in sentence


async def test_a_folder_in_place_of_a_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailableError, match="cannot be used: unable to open database file"):
        await migrate.upgrade(f"sqlite:///{tmp_path}")


async def test_a_store_without_tables_says_so(empty_database_url: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    store = open_store(empty_database_url, clock_now=lambda: NOON)
    try:
        with pytest.raises(StoreError, match=r"feeder.*; run `vpp migrate` on (sqlite|postgresql)://"):
            await store.load_fleet()
    finally:
        await store.close()


async def test_readings_from_before_the_days_find_theirs(empty_database_url: str) -> None:
    await migrate.upgrade(empty_database_url)  # makes the folder of SQLite
    await on_connection(empty_database_url, lambda connection: _to(connection, "0002_identity"))
    noon_us = to_microseconds(NOON)
    for slot, measured_us in ((0, noon_us), (1, noon_us - 86_400_000_000), (2, noon_us + 10**15)):
        columns = "measured_at_us, slot, received_at_us, soc, power_kw, connected, quality"
        values = f"{measured_us}, {slot}, {noon_us}, 0.5, 1.0, true, 0"
        await fetch(empty_database_url, f"INSERT INTO reading ({columns}) VALUES ({values})")

    await migrate.upgrade(empty_database_url)

    assert await fetch(empty_database_url, "SELECT slot FROM reading ORDER BY slot") == [(0,), (1,)]
    assert await fetch(empty_database_url, "SELECT slot FROM misdated_reading") == [(2,)]
    await on_connection(empty_database_url, lambda connection: _to(connection, "0002_identity"))
    assert await fetch(empty_database_url, "SELECT slot FROM reading ORDER BY slot") == [(0,), (1,), (2,)]


def _to(connection: Connection, revision: str) -> None:
    config = migrate.new_config()
    config.attributes["connection"] = connection
    command.downgrade(config, revision)
