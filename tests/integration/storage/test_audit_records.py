"""What is stored brings its record with it, in one transaction and in one line."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from tests.integration.storage.samples import (
    NOON,
    acknowledgement,
    fetch,
    fleet,
    forecast,
    model_call,
    plan,
    run,
    setpoints,
    state,
)
from vpp.adapters.storage.audit import append
from vpp.adapters.storage.database import Database
from vpp.adapters.storage.sealing import ERASED, destroy_keys, open_sealed
from vpp.domain.audit import ORIGIN, AuditEntry, Sealed, chain_sha256, sha256
from vpp.domain.errors import InvalidValueError
from vpp.domain.forecasts import ContextItem
from vpp.domain.setpoints import AcknowledgementState
from vpp.ports import Store

RECEIVED = acknowledgement(AcknowledgementState.RECEIVED, seconds=1)
COLUMNS = "record_number, at_us, kind, subject, actor, payload_sha256, payload, chain_sha256"


async def records(url: str) -> list[Any]:
    return list(await fetch(url, f"SELECT {COLUMNS} FROM audit_record ORDER BY record_number"))


def assert_chained(rows: list[Any]) -> None:
    previous = ORIGIN
    for place, (number, at_us, kind, subject, actor, payload_sha256, payload, chain) in enumerate(rows, 1):
        assert number == place
        assert payload_sha256 == sha256(payload)
        previous = chain_sha256(previous, number, at_us, kind, subject, actor, payload_sha256)
        assert chain == previous


async def test_everything_of_a_cycle_has_its_record(store: Store, database_url: str) -> None:
    await store.save_fleet(fleet())
    epoch = await store.next_epoch()
    await store.save_forecast(forecast(call_id="call-1"), model_call())
    await store.save_run(
        run(forecast_id="forecast-1", epoch=epoch), plan=plan(), state=state(), setpoints=setpoints()
    )
    await store.append_acknowledgements([RECEIVED, RECEIVED])
    await store.append_acknowledgements([RECEIVED])

    rows = await records(database_url)

    assert_chained(rows)
    assert [row[2] for row in rows] == ["fleet", "epoch", "forecast", "run", "acknowledgements"]
    stored = json.loads(rows[3][6])
    assert stored["run"]["run_id"] == "run-1"
    assert stored["orders"]["count"] == 3
    assert json.loads(rows[2][6])["call"]["call_id"] == "call-1"
    assert json.loads(rows[4][6])["count"] == 1


async def test_what_is_not_stored_leaves_no_record(store: Store, database_url: str) -> None:
    await store.save_fleet(fleet())
    with pytest.raises(InvalidValueError):
        await store.append_acknowledgements([replace(RECEIVED, asset_id="nobody")])

    assert [row[2] for row in await records(database_url)] == ["fleet"]


async def test_many_who_append_at_once_make_one_line(database_url: str) -> None:
    databases = [Database(database_url) for _ in range(3)]

    async def write(database: Database, name: str) -> None:
        async with database.writing() as connection:
            entry = AuditEntry(kind="thing", subject=name, actor="test", at=NOON, payload={"name": name})
            await append(connection, entry)

    try:
        await asyncio.gather(
            *(write(database, f"{row}-{n}") for row, database in enumerate(databases) for n in range(20))
        )
    finally:
        for database in databases:
            await database.close()

    rows = await records(database_url)
    assert len(rows) == 60
    assert_chained(rows)


async def test_remarks_are_sealed_and_forgotten_with_their_key(store: Store, database_url: str) -> None:
    words = "Frau Beispiel is away until Sunday"
    for item_id in ("remark-1", "remark-2"):
        await store.save_context(
            [ContextItem(item_id=item_id, text=words, valid_from=NOON, valid_until=NOON, available_at=NOON)]
        )
    rows = await records(database_url)
    sealed = [json.loads(row[6])["words"]["sealed"] for row in rows]
    database = Database(database_url)
    try:
        async with database.writing() as connection:
            before = await open_sealed(connection, sealed)
            assert await destroy_keys(connection, "remark:remark-1", at_us=0) == 1
            after = await open_sealed(connection, sealed)
    finally:
        await database.close()

    assert words not in "".join(row[6] for row in rows)
    assert list(before.values()) == [words, words]
    assert list(after.values()) == [ERASED, words]
    assert_chained(await records(database_url))


async def test_a_field_cannot_reach_into_the_next(database_url: str) -> None:
    database = Database(database_url)
    try:
        async with database.writing() as connection:
            entry = AuditEntry(kind="thing", subject="a\nb\x00c", actor="d" * 500, at=NOON)
            await append(connection, entry)
            with pytest.raises(InvalidValueError, match="payload"):
                await append(
                    connection,
                    AuditEntry(kind="thing", subject="", actor="", at=NOON, payload={"words": "x" * 20_000}),
                )
            with pytest.raises(InvalidValueError, match="kind"):
                AuditEntry(kind="Not so", subject="", actor="", at=NOON)
            await append(connection, SEALING)
    finally:
        await database.close()

    rows = await records(database_url)
    assert_chained(rows)
    assert rows[0][3] == "a\ufffdb\ufffdc"
    assert len(rows[0][4]) == 200


SEALING = AuditEntry(
    kind="thing", subject="", actor="", at=NOON, payload={"list": [Sealed("asset:a", "x"), "half \ud800"]}
)
