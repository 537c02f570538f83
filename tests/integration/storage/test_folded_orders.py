"""Orders of a large run are on disk as one object before their rows are; nobody can tell the difference."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from tests.integration.storage.samples import NOON, assert_same, fetch, fleet, run, setpoints, state
from vpp.adapters.storage import open_audit, open_evidence, open_store, order_unfolder, run_writer
from vpp.adapters.storage.database import Database
from vpp.adapters.storage.event_orders import open_order_archive
from vpp.adapters.storage.operation import DatabaseShelf
from vpp.ports import Store, StoredSetpoint, StoreError, WriterLockError


@pytest.fixture(autouse=True)
def _three_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_writer, "FOLDED_FROM", 3)
    monkeypatch.setattr(order_unfolder, "PAUSE_S", 1000.0)


@pytest.fixture
async def epoch(store: Store) -> int:
    await store.save_fleet(fleet())
    return await store.next_epoch()


async def save(store: Store, number: int, epoch: int, *, sequence: int = 0) -> None:
    name = f"run-{number}"
    orders = setpoints(name, epoch=epoch, sequence=sequence or number)
    await store.save_run(run(name, epoch=epoch), plan=None, state=state(), setpoints=orders)


async def counted(url: str) -> tuple[int, int]:
    """Return how many objects and how many rows there are, seen by nobody's code."""
    ((objects,),) = await fetch(url, "SELECT count(*) FROM folded_orders")
    ((rows,),) = await fetch(url, "SELECT count(*) FROM setpoint")
    return objects, rows


async def until_unfolded(url: str) -> None:
    async with asyncio.timeout(20):
        while (await counted(url))[0]:  # noqa: ASYNC110 - what is looked at is the database
            await asyncio.sleep(0.02)


async def listed(store: Store) -> tuple[StoredSetpoint, ...]:
    return (await store.list_setpoints(run_id="", asset_id="", page_size=50, page_token="")).items


@pytest.fixture
async def reader(database_url: str) -> AsyncIterator[Store]:
    """Another process' store, as far as the database can tell."""
    opened = open_store(database_url, clock_now=lambda: NOON)
    yield opened
    await opened.close()


async def test_a_reader_sees_orders_whose_rows_are_missing_bit_for_bit(
    store: Store, reader: Store, epoch: int, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await save(store, 1, epoch)
    assert await counted(database_url) == (1, 0)
    found = await listed(reader)
    assert await counted(database_url) == (0, 3)
    monkeypatch.setattr(run_writer, "FOLDED_FROM", 4)
    await save(store, 2, epoch)
    assert await counted(database_url) == (0, 6)

    as_rows = [item for item in await listed(reader) if item.run_id == "run-2"]

    for kept, row in zip(found, as_rows, strict=True):
        for name in ("asset_id", "epoch", "power_kw", "min_kw", "max_kw", "valid_from", "valid_until"):
            assert_same(getattr(kept, name), getattr(row, name))
        assert (kept.origin, kept.reason, kept.sequence) == ("optimizer", "plan", 1)


@pytest.mark.parametrize("way", ["trail", "answers", "evidence", "archive"])
async def test_every_way_to_orders_finds_them_before_their_rows(
    store: Store, reader: Store, epoch: int, database_url: str, way: str
) -> None:
    await save(store, 1, epoch)

    if way == "trail":
        found = await reader.trail(asset_id="asset-1", epoch=epoch, sequence=1)
        assert found is not None
    elif way == "answers":
        assert await reader.acknowledged_orders("run-1") == 0
    elif way == "evidence":
        evidence = open_evidence(database_url)
        assert await evidence.evidence(asset_id="asset-1") is not None
        await evidence.close()
    else:
        archive = open_order_archive(database_url)
        history = await archive.orders_between(start=NOON, end=datetime(2020, 5, 21, tzinfo=UTC))
        assert history.slot.tolist() == [0, 1, 2]
        await archive.close()

    assert await counted(database_url) == (0, 3)


async def test_recorded_orders_are_read_without_writing(store: Store, epoch: int, database_url: str) -> None:
    await save(store, 1, epoch)
    database = Database(database_url)

    async with database.reading() as connection:
        found = await DatabaseShelf(connection).setpoints(1, "run-1")

    assert_same(found, setpoints(epoch=epoch))
    assert await counted(database_url) == (1, 0)
    await database.close()


async def test_readers_at_once_write_each_row_once(store: Store, epoch: int, database_url: str) -> None:
    for number in (1, 2, 3):
        await save(store, number, epoch)
    readers = [open_store(database_url, clock_now=lambda: NOON) for _ in range(4)]

    found = await asyncio.gather(*(listed(reader) for reader in readers))

    assert [len(items) for items in found] == [9] * 4
    assert await counted(database_url) == (0, 9)
    for reader in readers:
        await reader.close()


async def test_the_chain_holds_before_and_after(store: Store, epoch: int, database_url: str) -> None:
    log = open_audit(database_url)
    await save(store, 1, epoch)

    before = await log.verify(deep=True)
    still = await counted(database_url)
    await listed(store)
    after = await log.verify(deep=True)

    assert (before.faults, after.faults, still) == ((), (), (1, 0))
    await fetch(database_url, "UPDATE setpoint SET power_kw = 9.0 WHERE slot = 1")
    assert any("power_kw" in fault.field for fault in (await log.verify(deep=True)).faults)
    await log.close()


@pytest.mark.parametrize("second_is_small", [False, True], ids=["many", "few"])
async def test_a_number_is_not_given_twice_while_the_first_is_an_object(
    store: Store, epoch: int, database_url: str, second_is_small: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await save(store, 1, epoch, sequence=5)
    if second_is_small:
        monkeypatch.setattr(run_writer, "FOLDED_FROM", 4)

    with pytest.raises(StoreError, match="The database refused a row"):
        await save(store, 2, epoch, sequence=5)

    assert [item.run_id for item in await listed(store)] == ["run-1"] * 3
    await save(store, 3, epoch, sequence=4)  # lower, and never given
    await save(store, 4, epoch, sequence=6)
    assert [item.sequence for item in await listed(store)] == [6] * 3 + [4] * 3 + [5] * 3


async def test_with_too_many_objects_orders_are_rows_at_once(
    store: Store, epoch: int, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vpp.adapters.storage.folded_orders.MOST_FOLDED", 1)
    await save(store, 1, epoch)
    await save(store, 2, epoch)

    assert await counted(database_url) == (1, 3)


async def test_a_changed_object_is_refused_by_name_and_holds_up_no_new_orders(
    store: Store, epoch: int, database_url: str
) -> None:
    await save(store, 1, epoch)
    await fetch(database_url, "UPDATE folded_orders SET content_sha256 = 'abc'")

    with pytest.raises(StoreError, match="stored orders of run number 1 have the hash"):
        await listed(store)
    await save(store, 2, epoch)

    assert await counted(database_url) == (2, 0)


async def test_an_order_to_no_asset_is_refused_as_rows_are(store: Store, epoch: int) -> None:
    orders = setpoints("run-1", epoch=epoch, count=4)

    with pytest.raises(StoreError, match="slot 3 is no asset of the register"):
        await store.save_run(run(epoch=epoch), plan=None, state=state(), setpoints=orders)


async def test_rows_follow_by_themselves(
    store: Store, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(order_unfolder, "PAUSE_S", 0.01)
    await store.save_fleet(fleet())
    epoch = await store.next_epoch()

    await save(store, 1, epoch)

    await until_unfolded(database_url)
    assert await counted(database_url) == (0, 3)


async def test_a_store_that_closes_leaves_no_row_missing(store: Store, epoch: int, database_url: str) -> None:
    await save(store, 1, epoch)
    await store.close()

    assert await counted(database_url) == (0, 3)


# Stores runs whose rows never follow, and says each number once it may be sent.
WRITER = """
import asyncio, sys
from tests.integration.storage.samples import NOON, run, setpoints, state
from vpp.adapters.storage import open_audit, open_evidence, open_store, order_unfolder, run_writer
from vpp.adapters.storage.database import Database

async def main():
    run_writer.FOLDED_FROM, order_unfolder.PAUSE_S = 3, float(sys.argv[2])
    store = open_store(sys.argv[1], clock_now=lambda: NOON)
    epoch = await store.next_epoch()
    for number in range(1, 10_000):
        name = f"run-{epoch}-{number}"
        orders = setpoints(name, epoch=epoch, sequence=number)
        await store.save_run(run(name, epoch=epoch), plan=None, state=state(), setpoints=orders)
        print(name, flush=True)

asyncio.run(main())
"""


async def said_before_kill_9(url: str, pause_s: float, after: int) -> list[str]:
    """Return the runs that a writer said were stored; it is killed after the first few."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WRITER, url, str(pause_s), stdout=asyncio.subprocess.PIPE
    )
    said: list[str] = []
    assert process.stdout is not None
    while line := await asyncio.wait_for(process.stdout.readline(), 60):
        said.append(line.decode().strip())
        if len(said) == after:
            process.kill()
    await process.wait()
    assert len(said) >= after
    return said


async def start_again(store: Store) -> None:
    """Take a new epoch; PostgreSQL may need a moment to see that a killed writer is gone."""
    async with asyncio.timeout(20):
        while True:
            try:
                await store.next_epoch()
            except WriterLockError:
                await asyncio.sleep(0.05)
            else:
                return


@pytest.mark.parametrize(
    ("pause_s", "after"), [(1000.0, 3), (0.01, 12)], ids=["before the rows", "among the rows"]
)
async def test_what_was_said_to_be_stored_has_its_rows_after_kill_9(
    store: Store, database_url: str, pause_s: float, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.save_fleet(fleet())
    said = await said_before_kill_9(database_url, pause_s, after)

    monkeypatch.setattr(order_unfolder, "PAUSE_S", 0.01)
    await start_again(store)  # and nobody asks for orders
    await until_unfolded(database_url)

    rows = await fetch(
        database_url,
        "SELECT run.run_id, count(*), count(DISTINCT slot) FROM setpoint "
        "JOIN run ON run.run_number = setpoint.run_number GROUP BY run.run_id",
    )
    ((runs,),) = await fetch(database_url, "SELECT count(*) FROM run")
    assert {name for name, _, _ in rows} >= set(said)
    assert [(count, assets) for _, count, assets in rows] == [(3, 3)] * runs
