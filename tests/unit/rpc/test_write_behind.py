"""Durable before acknowledged; bounded while the database is away; one bad row harms no other."""

from __future__ import annotations

import asyncio

import pytest

from tests.integration.rpc.plant import eventually
from vpp.adapters.rpc import limits, write_behind
from vpp.adapters.rpc.write_behind import WriteBehind
from vpp.ports import StoreError, StoreUnavailableError, WriterLockError


class Database:
    """Takes lists of numbers; refuses those in `poison`, fails with `error` when it is set."""

    def __init__(self, poison=()) -> None:
        self.rows: list[int] = []
        self.batches: list[int] = []
        self.poison, self.error = set(poison), None

    async def write(self, items):
        self.batches.append(len(items))
        if self.error is not None:
            raise self.error
        if self.poison & set(items):
            raise StoreError("the row does not fit")
        self.rows += items


def queue(database, **options):
    told, dropped = [], []
    made = WriteBehind(
        "numbers", database.write, on_written=told.extend, on_dropped=dropped.append, **options
    )
    return made, told, dropped


async def test_a_batch_is_told_only_after_it_is_written():
    database = Database()
    made, told, _ = queue(database)
    for number in range(5):
        made.put(number)
    assert told == []
    assert await made.flush()
    assert database.batches == [5]
    assert told == database.rows == [0, 1, 2, 3, 4]
    assert made.waiting_rows == 0


@pytest.mark.parametrize(
    "error", [StoreUnavailableError("away"), WriterLockError("taken"), OSError("disk full")]
)
async def test_while_the_database_is_away_rows_wait_in_their_order(error):
    database = Database()
    made, told, _ = queue(database)
    database.error = error
    made.put(1)
    assert not await made.flush()
    made.put(2)
    database.error = None
    assert await made.flush()
    assert told == [1, 2]
    assert made.failed_writes == 1


async def test_a_full_queue_drops_the_oldest_and_says_which():
    made, _, dropped = queue(Database(), capacity_rows=3)
    for number in range(5):
        made.put(number)
    assert dropped == [0, 1]
    assert (made.dropped_rows, made.waiting_rows) == (2, 3)


async def test_the_bound_holds_for_what_is_put_back_as_well():
    database = Database()
    made, _, dropped = queue(database, capacity_rows=3)
    database.error = StoreUnavailableError("away")
    for number in range(3):
        made.put(number)
    waiting = asyncio.create_task(made.flush())
    made.put(3)
    await waiting
    assert made.waiting_rows == 3
    assert dropped == [0]


async def test_a_row_that_the_database_refuses_is_left_out_and_counted():
    database = Database(poison={3})
    made, told, _ = queue(database)
    for number in range(6):
        made.put(number)
    assert await made.flush()
    assert sorted(database.rows) == [0, 1, 2, 4, 5]
    assert made.refused_rows == 1
    assert 3 in told  # else its node would send it again for ever


async def test_one_write_has_a_most_of_rows(monkeypatch):
    monkeypatch.setattr(limits, "MAX_ROWS_PER_WRITE", 4)
    database = Database()
    made, _, _ = queue(database)
    for number in range(10):
        made.put(number)
    await made.flush()
    assert database.batches == [4, 4, 2]


async def test_it_writes_by_itself_and_comes_back_after_an_outage(monkeypatch):
    monkeypatch.setattr(write_behind, "FIRST_PAUSE_S", 0.001)
    database = Database()
    made, told, _ = queue(database, period_s=0.001)
    task = asyncio.create_task(made.run())
    database.error = StoreUnavailableError("away")
    made.put(1)
    await eventually(lambda: made.failed_writes >= 2)
    database.error = None
    await eventually(lambda: told == [1])
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
