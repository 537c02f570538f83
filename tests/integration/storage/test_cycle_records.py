"""Records of cycles in both databases: read back as they were, dropped when they are old."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from optimizer import solve
from tests.integration.storage.samples import fetch
from tests.integration.storage.samples import readings as sample_readings
from tests.unit.control.fleets import NOON, inputs
from vpp.adapters.storage import open_audit, open_store
from vpp.adapters.storage.archive import ReadingArchive
from vpp.adapters.storage.archived_operation import ArchivedOperation
from vpp.adapters.storage.exporting import Exporter
from vpp.adapters.storage.operation import DatabaseOperation
from vpp.control.cycle import decide, prepare
from vpp.control.cycle_values import SolveOutcome
from vpp.control.record import CycleRecord, summary_of
from vpp.domain.runs import Rung
from vpp.ports import StoreError
from vpp.replay.recorded import decide_again, replay_operation

DAY = timedelta(days=1)


MINUTE = timedelta(minutes=1)


async def save_cycles(store, count: int) -> None:
    """Decide and store cycles a minute apart, each from the plan and the orders of the one before."""
    first = inputs()
    await store.save_fleet(first.fleet)
    await store.save_forecast(first.forecast, None)
    previous, orders = None, first.orders
    for number in range(count):
        now = first.now + number * MINUTE
        given = replace(first, run_id=f"run-{number}", now=now, previous=previous, orders=orders)
        prepared = prepare(given)
        solved = number != 1
        outcome = SolveOutcome(plan=solve(prepared.problem) if solved else None, killed=not solved)
        decision = decide(given, prepared, outcome)
        record = CycleRecord(inputs=given, outcome=outcome)
        run = summary_of(record, prepared, decision, finished_at=now, trigger="test")
        await store.save_run(
            run, plan=decision.plan, state=prepared.state, setpoints=decision.setpoints, record=record
        )
        previous, orders = decision.plan, orders.with_orders(decision.setpoints, now)


@pytest.fixture
async def recorded(database_url):
    store = open_store(database_url, clock_now=lambda: NOON + 10 * DAY - MINUTE, keep_records_days=10)
    await save_cycles(store, 4)
    yield store
    await store.close()


async def test_cycles_come_back_in_their_order_and_are_decided_again(recorded, database_url):
    operation = DatabaseOperation(database_url)
    try:
        assert await operation.count(start=NOON, end=NOON + DAY) == 4
        assert await operation.count(start=NOON + DAY, end=NOON + 2 * DAY) == 0
        cycles = [cycle async for cycle in operation.cycles(start=NOON, end=NOON + DAY)]
        comparison = await decide_again(
            operation, start=NOON, end=NOON + DAY, on_run=lambda _cycle, _run, _decision: None
        )
    finally:
        await operation.close()
    assert [cycle.run.run_id for cycle in cycles] == [f"run-{number}" for number in range(4)]
    assert cycles[1].record.outcome == SolveOutcome(plan=None, killed=True)
    assert [cycle.run.rung for cycle in cycles] == [Rung.OPTIMAL, Rung.SHIFTED, Rung.OPTIMAL, Rung.OPTIMAL]
    assert cycles[3].record.inputs.previous.run_id == "run-2"
    assert (comparison.cycles, comparison.differing) == (4, 0)
    assert comparison.live_sha256 == comparison.replayed_sha256


async def test_a_changed_bit_is_found_and_named(recorded, database_url):
    orders = await recorded.list_setpoints(run_id="run-2", asset_id="", page_size=1, page_token="")
    changed = float(np.nextafter(orders.items[0].power_kw, np.inf))
    await fetch(
        database_url,
        f"UPDATE setpoint SET power_kw = {changed!r} WHERE slot = 2 "
        "AND run_number = (SELECT run_number FROM run WHERE run_id = 'run-2') RETURNING slot",
    )
    operation = DatabaseOperation(database_url)
    try:
        comparison = await decide_again(
            operation, start=NOON, end=NOON + DAY, on_run=lambda _cycle, _run, _decision: None
        )
    finally:
        await operation.close()
    assert comparison.differences == ["run-2: power_kw of the orders differs"]
    assert comparison.live_sha256 != comparison.replayed_sha256


async def test_old_records_are_dropped_and_their_runs_stay(recorded, database_url):
    assert await recorded.keep_records() == 2
    assert await recorded.keep_records() == 0
    assert await fetch(database_url, "SELECT count(*) FROM cycle_record") == [(2,)]
    assert len((await recorded.list_runs(page_size=10, page_token="")).items) == 4


async def test_a_flipped_byte_in_a_record_is_found_and_dropped_ones_are_not_missed(recorded, database_url):
    audit = open_audit(database_url)
    try:
        assert [str(fault) for fault in (await audit.verify(deep=True)).faults] == []
        where = "run_number = (SELECT run_number FROM run WHERE run_id = 'run-3')"
        ((content,),) = await fetch(database_url, f"SELECT content FROM cycle_record WHERE {where}")
        changed = bytes([content[0] ^ 1]) + bytes(content[1:])
        hexadecimal = f"X'{changed.hex()}'" if database_url.startswith("sqlite") else f"'\\x{changed.hex()}'"
        await fetch(
            database_url,
            f"UPDATE cycle_record SET content = {hexadecimal} WHERE {where} RETURNING run_number",
        )
        (fault,) = (await audit.verify(deep=True)).faults
        assert fault.field == "run run-3, record_sha256"

        original = f"X'{content.hex()}'" if database_url.startswith("sqlite") else f"'\\x{content.hex()}'"
        await fetch(
            database_url, f"UPDATE cycle_record SET content = {original} WHERE {where} RETURNING run_number"
        )
        assert await recorded.keep_records() == 2
        assert (await audit.verify(deep=True)).whole, "what was dropped for its age is not missed"
        await fetch(database_url, f"DELETE FROM cycle_record WHERE {where} RETURNING run_number")
        (fault,) = (await audit.verify(deep=True)).faults
        assert fault.field == "run run-3, record_sha256"
    finally:
        await audit.close()


async def test_a_fleet_is_stored_once(recorded, database_url):
    assert await fetch(database_url, "SELECT count(*) FROM fleet_register") == [(1,)]


async def test_recorded_operation_leaves_the_files_of_a_replay(recorded, database_url, tmp_path):
    operation = DatabaseOperation(database_url)
    try:
        comparison = await replay_operation(
            operation, tmp_path / "out", start=NOON, end=NOON + DAY, progress=lambda _what, _done, _all: None
        )
        with pytest.raises(StoreError, match="No cycle that plans from 2020-05-21"):
            await replay_operation(
                operation, tmp_path / "none", start=NOON + DAY, end=NOON + 2 * DAY, progress=lambda *_: None
            )
    finally:
        await operation.close()
    log = (tmp_path / "out" / "decision_log.jsonl").read_bytes()
    digest = (tmp_path / "out" / "decision_log.sha256").read_text().strip()
    assert digest == hashlib.sha256(log).hexdigest() == comparison.live_sha256
    assert json.loads((tmp_path / "out" / "comparison.json").read_text())["differing"] == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} >= {"cycles.parquet", "setpoints.parquet"}


async def exported(recorded, database_url, out):
    readings = sample_readings((0, 0, 0.5, 1.25), (1, 30, 0.25, -3.5))
    await recorded.append_readings(readings)
    exporter = Exporter(database_url, out)
    try:
        return await exporter.write(start=NOON, end=NOON + DAY, progress=lambda *_: None)
    finally:
        await exporter.close()


async def test_an_archive_is_decided_again_as_its_database(recorded, database_url, tmp_path):
    rows = await exported(recorded, database_url, tmp_path / "archive")
    assert (rows["run"], rows["cycle_record"], rows["fleet_register"], rows["readings"]) == (4, 4, 1, 2)
    assert rows["setpoint"] == 12
    operation = ArchivedOperation(tmp_path / "archive")
    there = DatabaseOperation(database_url)
    try:
        comparison = await replay_operation(
            operation, tmp_path / "out", start=NOON, end=NOON + DAY, progress=lambda *_: None
        )
        same = await replay_operation(
            there, tmp_path / "same", start=NOON, end=NOON + DAY, progress=lambda *_: None
        )
    finally:
        await there.close()
    assert (comparison.cycles, comparison.differing) == (4, 0)
    assert comparison.figures() == same.figures()
    archived = ReadingArchive(tmp_path / "archive" / "readings")
    assert [archived.problem(entry) for entry in archived.days()] == [""]


async def test_what_an_archive_lacks_is_named(recorded, database_url, tmp_path):
    await exported(recorded, database_url, tmp_path)
    (tmp_path / "plan.parquet").unlink()
    with pytest.raises(StoreError, match=r"plan\.parquet cannot be read"):
        await replay_operation(
            ArchivedOperation(tmp_path),
            tmp_path / "out",
            start=NOON,
            end=NOON + DAY,
            progress=lambda *_: None,
        )
    (tmp_path / "archive.json").write_text('{"version": 99}')
    with pytest.raises(StoreError, match="archive of version 99, expected 1"):
        ArchivedOperation(tmp_path)
