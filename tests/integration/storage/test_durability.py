"""What was acknowledged is stored, whatever happens to the process that wrote it."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress

import pytest

from tests.integration.storage.samples import fetch, fleet, readings
from vpp.ports import Store

# Writes a batch of readings and a run in turn, and says its number once each call has returned.
WRITER = """
import asyncio, sys
from tests.integration.storage.samples import NOON, readings, run, plan, setpoints, state
from vpp.adapters.storage import open_store

async def main():
    store = open_store(sys.argv[1], clock_now=lambda: NOON)
    epoch, number = await store.next_epoch(), 0
    while True:
        number += 1
        rows = [(slot, number + k / 100, 0.5, 1.0) for slot in range(3) for k in range(50)]
        await store.append_readings(readings(*rows))
        print("readings", number, flush=True)
        name = f"run-{number}"
        orders = setpoints(name, epoch=epoch, sequence=number)
        await store.save_run(run(name, epoch=epoch), plan=plan(name), state=state(), setpoints=orders)
        print("run", number, flush=True)

asyncio.run(main())
"""
ROWS_OF_A_BATCH, ORDERS_OF_A_RUN = 150, 3


async def said_before_the_kill(url: str, after: int) -> dict[str, int]:
    """Return the last number the writer said of each kind; it is killed once `after` lines are there."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WRITER, url, stdout=asyncio.subprocess.PIPE
    )
    said = {"readings": 0, "run": 0}
    lines = 0
    try:
        assert process.stdout is not None
        while line := await asyncio.wait_for(process.stdout.readline(), 30):
            kind, number = line.split()
            said[kind.decode()] = int(number)
            lines += 1
            if lines == after:
                process.kill()
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    assert lines >= after
    return said


@pytest.mark.parametrize("after", [1, 8, 21])
async def test_a_killed_writer_leaves_all_it_acknowledged_and_nothing_by_halves(
    store: Store, database_url: str, after: int
) -> None:
    await store.save_fleet(fleet())

    said = await said_before_the_kill(database_url, after)

    ((rows,),) = await fetch(database_url, "SELECT count(*) FROM reading")
    ((orders,),) = await fetch(database_url, "SELECT count(*) FROM setpoint")
    stored = [
        (await fetch(database_url, f"SELECT count(*) FROM {table}"))[0][0]
        for table in ("run", "plan", "fleet_snapshot")
    ]
    # What was under way when the process died may have been stored, whole; nothing else may.
    assert rows in (said["readings"] * ROWS_OF_A_BATCH, (said["readings"] + 1) * ROWS_OF_A_BATCH)
    assert stored[0] in (said["run"], said["run"] + 1)
    assert stored == [stored[0]] * 3
    assert orders == stored[0] * ORDERS_OF_A_RUN
    assert len(await store.latest_readings()) == (3 if rows else 0)


@pytest.mark.parametrize("after_ms", [0, 1, 3, 10, 30])
async def test_a_cancelled_write_is_stored_whole_or_not_at_all_and_harms_no_later_one(
    store: Store, database_url: str, after_ms: int
) -> None:
    await store.save_fleet(fleet())
    rows = [(slot, second, 0.5, 1.0) for second in range(2000) for slot in range(3)]
    writing = asyncio.create_task(store.append_readings(readings(*rows)))

    await asyncio.sleep(after_ms / 1000.0)
    writing.cancel()
    with suppress(asyncio.CancelledError):
        await writing

    ((stored,),) = await fetch(database_url, "SELECT count(*) FROM reading")
    assert stored in (0, len(rows))
    await store.append_readings(readings((0, 5000.0, 0.7, 1.0)))
    assert 0.7 in (await store.latest_readings()).soc.tolist()
