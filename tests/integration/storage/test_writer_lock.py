from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.integration.storage.samples import NOON, fetch, fleet, readings, run, state
from vpp.adapters.storage import open_store, writer_lock
from vpp.ports import Store, WriterLockError

# A service in a process of its own: takes the lock, says its epoch, and lives until it is killed.
HOLDER = """
import asyncio, sys
from datetime import UTC, datetime
from vpp.adapters.storage import open_store

async def main():
    store = open_store(sys.argv[1], clock_now=lambda: datetime(2020, 5, 20, tzinfo=UTC))
    print(await store.next_epoch(), flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


@asynccontextmanager
async def holder(url: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLDER, url, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        assert (await asyncio.wait_for(process.stdout.readline(), 20)).strip().isdigit()
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        process._transport.close()  # type: ignore[attr-defined]


async def epoch_within(store: Store, timeout_s: float) -> int:
    """Take an epoch as soon as the lock is free."""
    async with asyncio.timeout(timeout_s):
        while True:
            try:
                return await store.next_epoch()
            except WriterLockError:
                await asyncio.sleep(0.1)


async def test_a_second_process_is_refused_until_the_first_is_dead(store: Store, database_url: str) -> None:
    async with holder(database_url) as process:
        with pytest.raises(WriterLockError) as refused:
            await store.next_epoch()
        process.send_signal(signal.SIGKILL)
        await process.wait()

        assert await epoch_within(store, 10) == 2

    assert str(refused.value).endswith(
        f"process {process.pid} already writes to this database; "
        "stop it first, or give this service another database."
    )


async def test_a_closed_store_lets_the_next_one_write(store: Store, database_url: str) -> None:
    await store.next_epoch()
    second = open_store(database_url, clock_now=lambda: NOON)
    try:
        with pytest.raises(WriterLockError):
            await second.next_epoch()
        await store.close()
        assert await epoch_within(second, 10) == 2
    finally:
        await second.close()


async def test_readers_need_no_lock(store: Store, database_url: str) -> None:
    await store.save_fleet(fleet())
    await store.next_epoch()
    page = open_store(database_url, clock_now=lambda: NOON)
    try:
        assert await page.load_fleet() == fleet()
    finally:
        await page.close()


@pytest.mark.postgres
@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
async def test_a_lost_connection_is_a_lost_lock_and_the_next_writer_fences(
    store: Store, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_lock, "_HEARTBEAT_S", 0.05)
    await store.save_fleet(fleet())
    first = await store.next_epoch()
    await fetch(
        database_url,
        "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted",
    )
    second = open_store(database_url, clock_now=lambda: NOON)
    try:
        assert await epoch_within(second, 10) == first + 1
        await asyncio.sleep(0.2)
        with pytest.raises(WriterLockError, match="already writes"):
            await store.save_run(run(epoch=first), plan=None, state=state(), setpoints=None)
        with pytest.raises(WriterLockError, match="already writes"):
            await store.next_epoch()
    finally:
        await second.close()
    assert await epoch_within(store, 10) == first + 2
    await store.save_run(run(epoch=first + 2), plan=None, state=state(), setpoints=None)


@pytest.mark.postgres
@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
@pytest.mark.parametrize("overtaken", [False, True])
async def test_a_lost_lock_is_taken_again_unless_somebody_wrote_in_between(
    store: Store, database_url: str, monkeypatch: pytest.MonkeyPatch, overtaken: bool
) -> None:
    monkeypatch.setattr(writer_lock, "_HEARTBEAT_S", 0.05)
    await store.save_fleet(fleet())
    epoch = await store.next_epoch()
    await fetch(
        database_url,
        "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted",
    )
    await asyncio.sleep(0.2)
    if overtaken:
        second = open_store(database_url, clock_now=lambda: NOON)
        assert await epoch_within(second, 10) == epoch + 1
        await second.close()
        with pytest.raises(WriterLockError, match=f"{epoch + 1}"):
            await store.save_run(run(epoch=epoch), plan=None, state=state(), setpoints=None)
        return
    await store.save_run(run(epoch=epoch), plan=None, state=state(), setpoints=None)
    third = open_store(database_url, clock_now=lambda: NOON)
    try:
        with pytest.raises(WriterLockError, match="already writes"):
            await third.next_epoch()
    finally:
        await third.close()


@pytest.mark.postgres
@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
async def test_a_silent_writer_is_cut_off_by_the_server(
    store: Store, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stopped process keeps its sockets open: only the server can tell that it is silent."""
    monkeypatch.setattr(writer_lock, "_SILENCE_S", 1.0)
    monkeypatch.setattr(writer_lock, "_HEARTBEAT_S", 60.0)  # says nothing, as if stopped
    await store.next_epoch()
    second = open_store(database_url, clock_now=lambda: NOON)
    try:
        with pytest.raises(WriterLockError):
            await second.next_epoch()
        assert await epoch_within(second, 10) == 2
    finally:
        await second.close()


@pytest.mark.postgres
@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
async def test_a_server_that_dropped_all_connections_is_used_again(store: Store, database_url: str) -> None:
    await store.save_fleet(fleet())
    await fetch(
        database_url,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )

    await store.append_readings(readings((0, 1.0, 0.5, 2.0)))

    assert len(await store.latest_readings()) == 1
