"""The database dies or drags under load: sent and acknowledged is stored, and nothing twice."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import shutil
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from tests.integration.rpc.plant import eventually, make_fleet, raw_session, running_plant
from tests.integration.storage.samples import NOON, fetch, fleet, readings
from tests.postgresql import PostgresqlMissingError, RestartablePostgresql, restartable_postgresql
from vpp.adapters.storage import migrate, open_store
from vpp.ports import StoreUnavailableError
from vpp.rpcgen import fleet_pb2 as pb

MESSAGES, ROWS = 60, 200


@pytest.fixture
def own_server() -> Iterator[RestartablePostgresql]:
    try:
        with restartable_postgresql() as server:
            yield server
    except PostgresqlMissingError as error:
        if os.environ.get("CI") == "true":
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))


async def new_database(server: RestartablePostgresql) -> str:
    url = await server.server.create_database("outage")
    await migrate.upgrade(url)
    return url


def message(at: datetime, number: int) -> pb.NodeMessage:
    """Return readings of two assets, one every millisecond from `at` on; no two messages share a time."""
    columns = pb.ReadingBatch(
        slot=[row % 2 for row in range(ROWS)],
        offset_ms=range(ROWS),
        soc=[0.5] * ROWS,
        power_kw=[0.0] * ROWS,
        connected=[True] * ROWS,
        reading_number=number,
    )
    columns.base_time.FromDatetime(at)
    return pb.NodeMessage(reading_batch=columns)


async def killed(server: RestartablePostgresql, url: str) -> None:
    """Kill the server twice, at moments when it is at work, and start it again."""
    for _ in range(2):
        await asyncio.sleep(0.4)
        await asyncio.to_thread(server.kill)
        await asyncio.sleep(0.5)
        await asyncio.to_thread(server.start)


async def slow(server: RestartablePostgresql, url: str) -> None:
    """Let every commit wait for half a second."""
    connection = await asyncpg.connect(host=str(server.server.socket_folder), user="vpp", database="outage")
    try:
        for _ in range(4):
            async with connection.transaction():
                await connection.execute("LOCK TABLE reading_days.mark")
                await asyncio.sleep(0.5)
            await asyncio.sleep(0.02)
    finally:
        await connection.close()


@pytest.mark.postgres
@pytest.mark.parametrize("fault", [killed, slow])
async def test_what_was_acknowledged_is_stored_once(certificates, own_server, fault) -> None:
    url = await new_database(own_server)
    async with running_plant(certificates, speed=1.0) as plant:
        await plant.server.stop(0.0)
        plant.store = open_store(url, clock_now=plant.clock.now)
        await plant.store.save_fleet(make_fleet())
        await plant.start()
        acknowledged, began = 0, plant.clock.now() - timedelta(seconds=MESSAGES)
        async with raw_session(plant) as (stream, _):
            trouble = asyncio.create_task(fault(own_server, url))
            for number in range(1, MESSAGES + 1):
                await stream.write(message(began + timedelta(seconds=0.5 * number), number))
                await asyncio.sleep(0.03)
            await trouble
            async with asyncio.timeout(30):
                while acknowledged < MESSAGES:
                    answer = await stream.read()
                    assert isinstance(answer, pb.ServerMessage), "the session ended"
                    if answer.WhichOneof("message") == "readings_stored":
                        acknowledged = answer.readings_stored.reading_number
        queue = plant.gateway.telemetry.reading_queue
        writer = queue.writer
        assert (queue.rows_over_capacity, writer.refused_rows) == (0, 0)
        assert fault is not killed or writer.failed_writes > 0, "the fault was not felt"
        await plant.server.stop(0.0)
        await plant.store.close()
    counts = await fetch(url, "SELECT count(*), count(DISTINCT (slot, measured_at_us)) FROM reading")
    assert counts == [(MESSAGES * ROWS, MESSAGES * ROWS)]


@contextlib.asynccontextmanager
async def lagging(folder: Path, far_folder: Path, lag_s: float):
    """Listen in `folder` for a server whose socket is in `far_folder`; what is said arrives `lag_s` later."""

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        on_the_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        async def deliver() -> None:
            while True:
                due_s, data = await on_the_way.get()
                await asyncio.sleep(due_s - loop.time())
                if not data:
                    writer.close()
                    return
                writer.write(data)

        async with asyncio.TaskGroup() as group:
            group.create_task(deliver())
            data = b"?"
            while data:
                data = await reader.read(65_536)
                on_the_way.put_nowait((loop.time() + lag_s, data))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_unix_connection(str(far_folder / ".s.PGSQL.5432"))
        try:
            with contextlib.suppress(OSError, ExceptionGroup, asyncio.CancelledError):
                await asyncio.gather(carry(reader, far_writer), carry(far_reader, writer))
        finally:
            writer.close()
            far_writer.close()

    server = await asyncio.start_unix_server(serve, str(folder / ".s.PGSQL.5432"))
    try:
        yield
    finally:
        server.close()


@pytest.mark.soak  # it waits, for half a minute
@pytest.mark.postgres
async def test_half_a_second_to_the_database_and_back_delays_and_loses_nothing(
    certificates, own_server, tmp_path_factory
) -> None:
    url = await new_database(own_server)
    near = tmp_path_factory.mktemp("pg")
    async with (
        lagging(near, own_server.server.socket_folder, 0.25),
        running_plant(certificates, speed=1.0) as plant,
    ):
        await plant.server.stop(0.0)
        plant.store = open_store(f"postgresql://vpp@/outage?host={near}", clock_now=plant.clock.now)
        await plant.store.save_fleet(make_fleet())
        await plant.start()
        began, most_ms = plant.clock.now() - timedelta(seconds=MESSAGES), 0.0
        async with raw_session(plant) as (stream, _):
            for number in range(1, MESSAGES + 1):
                said_s = time.monotonic()
                await stream.write(message(began + timedelta(seconds=0.5 * number), number))
                await eventually(
                    lambda number=number: plant.gateway.telemetry.counters.readings >= number * ROWS
                )
                most_ms = max(most_ms, 1e3 * (time.monotonic() - said_s))
            acknowledged = 0
            async with asyncio.timeout(90):
                while acknowledged < MESSAGES:
                    answer = await stream.read()
                    assert isinstance(answer, pb.ServerMessage), "the session ended"
                    if answer.WhichOneof("message") == "readings_stored":
                        acknowledged = answer.readings_stored.reading_number
        queue = plant.gateway.telemetry.reading_queue
        writer = queue.writer
        assert (queue.rows_over_capacity, writer.refused_rows, writer.failed_writes) == (0, 0, 0)
        assert most_ms < 250.0, "the live state waited for the database"
        await plant.server.stop(0.0)
        await plant.store.close()
    counts = await fetch(url, "SELECT count(*), count(DISTINCT (slot, measured_at_us)) FROM reading")
    assert counts == [(MESSAGES * ROWS, MESSAGES * ROWS)]


@pytest.mark.postgres
async def test_a_deadlock_costs_a_try_and_no_reading(own_server) -> None:
    url = await new_database(own_server)
    store = open_store(url, clock_now=lambda: NOON)
    await store.save_fleet(fleet())
    await store.append_readings(readings((0, 0.0, 0.5, 0.0)))
    other = await asyncpg.connect(host=str(own_server.server.socket_folder), user="vpp", database="outage")
    try:
        transaction = other.transaction()
        await transaction.start()
        await other.execute("LOCK TABLE reading_days.reading_20200520")
        appending = asyncio.create_task(store.append_readings(readings((0, 1.0, 0.5, 0.0))))
        await asyncio.sleep(0.05)
        with contextlib.suppress(asyncpg.DeadlockDetectedError):
            await other.execute("LOCK TABLE reading_days.mark")
        await transaction.rollback()
        with contextlib.suppress(StoreUnavailableError):
            await appending
        await store.append_readings(readings((0, 1.0, 0.5, 0.0)))
    finally:
        await other.close()
        await store.close()
    assert await fetch(url, "SELECT count(*) FROM reading") == [(2,)]


async def test_a_full_disk_costs_no_reading_and_heals(migrated_sqlite: Path, tmp_path: Path) -> None:
    path = tmp_path / "full.sqlite"
    shutil.copy(migrated_sqlite, path)
    room = 150_000  # bytes of a file; the journal that a batch goes into first is a file, too
    store = open_store(f"sqlite:///{path}", clock_now=lambda: NOON)
    rows = [(slot, 0.01 * second, 0.5, 0.0) for second in range(4_000) for slot in range(3)]
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        await store.save_fleet(fleet())
        await store.append_readings(readings(*rows[:30]))
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
        with pytest.raises(StoreUnavailableError):
            await store.append_readings(readings(*rows))
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        await store.append_readings(readings(*rows))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        await store.close()
    assert await fetch(f"sqlite:///{path}", "SELECT count(*) FROM reading") == [(len(rows),)]
