"""A chain that was touched says so, at the row and by the field."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from pathlib import Path

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
from vpp.adapters.storage import audit_log, open_audit, open_consents, open_identities
from vpp.adapters.storage.audit_file import verify_file
from vpp.adapters.storage.audit_spans import verdict_by_spans
from vpp.domain.audit import AuditEntry
from vpp.domain.audit_check import AuditVerdict
from vpp.domain.consent import ConsentChange
from vpp.domain.errors import InvalidValueError
from vpp.domain.forecasts import ContextItem
from vpp.domain.identity import IdentityEvent
from vpp.domain.setpoints import AcknowledgementState
from vpp.ports import AuditFilter, AuditLog, Store

RUNS = 4


@pytest.fixture
async def chain(store: Store, database_url: str) -> AsyncIterator[AuditLog]:
    """A chain over a few runs, with a forecast, acknowledgements, a remark and an identity event."""
    await store.save_fleet(fleet())
    epoch = await store.next_epoch()
    await store.save_forecast(forecast(call_id="call-1"), model_call())
    for number in range(1, RUNS + 1):
        name = f"run-{number}"
        await store.save_run(
            run(name, forecast_id="forecast-1", epoch=epoch),
            plan=plan(name),
            state=state(),
            setpoints=setpoints(name, epoch=epoch, sequence=number),
        )
        await store.append_acknowledgements(
            [acknowledgement(AcknowledgementState.RECEIVED, seconds=number, sequence=number)]
        )
    item = ContextItem(
        item_id="remark-1", text="Herr Muster", valid_from=NOON, valid_until=NOON, available_at=NOON
    )
    await store.save_context([item])
    identities = open_identities(database_url)
    event = IdentityEvent(at=NOON, kind="enrolled", node_id="node:1", actor="node:1", detail="by token")
    await identities.append_event(event)
    await identities.close()
    audit = open_audit(database_url)
    yield audit
    await audit.close()


async def faults(chain: AuditLog, *, deep: bool = False) -> list[str]:
    verdict = await chain.verify(deep=deep)
    return [str(fault) for fault in verdict.faults]


async def flip(url: str, table: str, column: str, where: str) -> None:
    """Change one byte of one column, and its type not."""
    ((value,),) = await fetch(url, f"SELECT {column} FROM {table} WHERE {where}")
    sqlite = url.startswith("sqlite")
    if isinstance(value, bool) or (sqlite and column.strip('"') in {"killed", "granted"}):
        literal = "false" if value else "true"
    elif isinstance(value, int):
        literal = str(value ^ 1024)
    elif isinstance(value, float):
        literal = repr(value + 1.0)
    elif isinstance(value, bytes):
        changed = bytes([value[0] ^ 1]) + value[1:]
        literal = f"X'{changed.hex()}'" if sqlite else f"'\\x{changed.hex()}'"
    else:
        place = len(value) // 2
        swapped = "b" if value[place] != "b" else "c"
        literal = "'" + (value[:place] + swapped + value[place + 1 :]).replace("'", "''") + "'"
    literal = literal.replace(":", "\\:")  # no parameter
    await fetch(url, f"UPDATE {table} SET {column} = {literal} WHERE {where}")


async def test_an_untouched_chain_is_whole(chain: AuditLog) -> None:
    verdict = await chain.verify(deep=True, anchors=[str(await chain.head())])

    assert verdict.faults == ()
    assert verdict.whole
    assert verdict.records == verdict.head.number == 2 + 1 + 2 * RUNS + 2
    assert verdict.things == 1 + 2 * RUNS
    assert verdict.anchors == 1


@pytest.mark.parametrize("number", [1, 6, 13])
@pytest.mark.parametrize(
    ("column", "named"),
    [
        ("at_us", "at_us, kind"),
        ("kind", "at_us, kind"),
        ("subject", "at_us, kind"),
        ("actor", "at_us, kind"),
        ("payload_sha256", "payload_sha256"),
        ("payload", "payload"),
        ("chain_sha256", "chain_sha256"),
    ],
)
async def test_a_flipped_byte_is_found_at_its_row(
    chain: AuditLog, database_url: str, column: str, named: str, number: int
) -> None:
    await flip(database_url, "audit_record", column, f"record_number = {number}")

    found = await faults(chain)

    assert len(found) == 1
    last = number == 13 and column == "chain_sha256"  # nothing follows that could tell which of the two
    assert found[0].startswith(f"record {number}, {'at_us, kind' if last else named}")
    assert re.search(r"expected (SHA-256 )?[0-9a-f]{64}, found (SHA-256 )?\S{64}$", found[0])


async def test_a_changed_number_a_missing_and_a_swapped_row_are_found(
    chain: AuditLog, database_url: str
) -> None:
    await fetch(database_url, "UPDATE audit_record SET record_number = 77 WHERE record_number = 5")
    assert [line.split(":")[0] for line in await faults(chain)] == [
        "record 5, record_number",
        "record 14, record_number",
    ]

    await fetch(database_url, "DELETE FROM audit_record WHERE record_number = 77")
    assert await faults(chain) == ["record 5, record_number: expected 5, found 6"]

    for before, after in ((8, 99), (9, 8), (99, 9)):
        await fetch(
            database_url, f"UPDATE audit_record SET record_number = {after} WHERE record_number = {before}"
        )
    assert any(line.startswith("record 8, at_us") for line in await faults(chain))


async def test_an_inserted_row_is_found(chain: AuditLog, database_url: str) -> None:
    await fetch(database_url, "UPDATE audit_record SET record_number = 14 WHERE record_number = 13")
    await fetch(
        database_url,
        "INSERT INTO audit_record SELECT 13, at_us, kind, subject, actor, payload_sha256, payload, "
        "chain_sha256 FROM audit_record WHERE record_number = 12",
    )

    assert [line.split(",")[0] for line in await faults(chain)] == ["record 13", "record 14"]


async def test_a_cut_end_is_found_by_an_anchor_and_by_what_it_was_about(
    chain: AuditLog, database_url: str
) -> None:
    head = await chain.head()
    await fetch(database_url, "DELETE FROM audit_record WHERE record_number > 9")

    assert await faults(chain) == []
    for anchor in (str(head), head.chain_sha256):
        verdict = await chain.verify(anchors=[anchor])
        assert not verdict.whole
        assert "the end was cut off" in str(verdict.faults[0])
    assert [line.split(":")[0] for line in await faults(chain, deep=True)] == [
        "record 0, run run-4",
        "record 0, acknowledgement",
    ]


async def test_a_wrong_anchor_is_refused(chain: AuditLog) -> None:
    for wrong in ("", "1:", "x" * 64, "0:" + "a" * 64, "1:" + "A" * 64):
        with pytest.raises(InvalidValueError, match="anchor"):
            await chain.verify(anchors=[wrong])


DEEP = {
    "run": (
        "run_id = 'run-2'",
        """cycle_start_us started_at_us finished_at_us cause rung reason input_sha256 objective lower_bound
        gap setpoint_count solve_duration_s killed epoch""",
    ),
    "fleet_snapshot": ("run_number = 2", "state"),
    "plan": ("run_number = 2", "schedule"),
    "setpoint": (
        "run_number = 2 AND slot = 1",
        "epoch sequence power_kw min_kw max_kw valid_from_us valid_until_us origin reason",
    ),
    "forecast": ("forecast_id = 'forecast-1'", "available_at_us source verdict quantiles"),
    "model_call": (
        "call_id = 'call-1'",
        """asked_at_us model endpoint verdict reason prompt_tokens completion_tokens cached_tokens cost
        currency duration_s exchange""",
    ),
    "acknowledgement": ("acknowledgement_number = 2", "epoch sequence state at_us detail"),
}
RECORD_OF = {"forecast": 3, "model_call": 3, "acknowledgement": 7}  # the others: 6, that of run-2


@pytest.mark.parametrize("table", DEEP)
async def test_a_flipped_byte_in_what_a_record_is_about_is_found(
    chain: AuditLog, database_url: str, table: str
) -> None:
    where, columns = DEEP[table]
    for column in columns.split():
        ((before,),) = await fetch(database_url, f"SELECT {column} FROM {table} WHERE {where}")
        if before is None or before == "":
            continue
        await flip(database_url, table, column, where)
        found = await faults(chain, deep=True)

        assert found, column
        assert found[0].startswith(f"record {RECORD_OF.get(table, 6)}, "), column
        assert (await chain.verify()).whole
        await undo(database_url, table, column, where, before)
        assert await faults(chain, deep=True) == [], column


async def undo(url: str, table: str, column: str, where: str, value: object) -> None:
    if isinstance(value, bytes):
        literal = f"X'{value.hex()}'" if url.startswith("sqlite") else f"'\\x{value.hex()}'"
    else:
        literal = repr(value) if not isinstance(value, bool) else str(value)
    literal = literal.replace(":", "\\:")  # no parameter
    await fetch(url, f"UPDATE {table} SET {column} = {literal} WHERE {where}")


async def test_an_export_is_checked_on_its_own(chain: AuditLog, tmp_path: Path) -> None:
    out = tmp_path / "audit.jsonl"
    head = await chain.export(out)
    lines = out.read_text().splitlines()

    assert verify_file(out, anchors=[str(head)]).whole
    assert json.loads(lines[0])["format"] == "vpp audit"
    assert len(lines) == head.number + 1

    def changed(*new: str) -> AuditVerdict:
        other = tmp_path / "changed.jsonl"
        other.write_text("\n".join(new) + "\n")
        return verify_file(other)

    assert not changed(*lines[:-1]).whole
    assert not changed(lines[0], *lines[2:]).whole
    assert changed(*lines[:4], "{}", *lines[5:]).faults[0].field == "line 5"
    touched = json.loads(lines[4])
    touched["payload"] = touched["payload"].replace("run-1", "run-9")
    found = changed(*lines[:4], json.dumps(touched), *lines[5:])
    assert [(fault.number, fault.field) for fault in found.faults] == [(4, "payload")]


async def test_old_records_go_and_the_rest_still_verifies(chain: AuditLog, database_url: str) -> None:
    later = NOON + timedelta(days=400)
    await chain.append(AuditEntry(kind="thing", subject="late", actor="test", at=later))
    before = await chain.head()

    assert await chain.cut(older_than=NOON + timedelta(days=100), now=later) == 13
    assert await chain.cut(older_than=NOON + timedelta(days=100), now=later) == 0
    verdict = await chain.verify(anchors=[str(before)])

    assert verdict.faults == ()
    assert (verdict.first, verdict.records, verdict.anchors) == (14, 2, 1)
    with pytest.raises(InvalidValueError, match="184 days"):
        await chain.cut(older_than=later - timedelta(days=183), now=later)
    await fetch(database_url, "DELETE FROM audit_record WHERE record_number = 14")
    assert (await faults(chain))[0] == (
        "record 1, record_number: expected 1, or a checkpoint that says what was cut off, found neither"
    )


async def test_erased_words_are_gone_and_the_chain_is_whole(
    chain: AuditLog, store: Store, database_url: str
) -> None:
    done = await chain.erase("remark:remark-1", reason="asked for", actor="test", now=NOON)

    assert (done.keys, done.live_rows) == (1, 1)
    (record,) = (await chain.records(AuditFilter(kind="remark"), page_size=1, page_token="")).items
    assert json.loads(record.payload)["words"] == "(erased)"
    item = await store.get_context("remark-1")
    assert item is not None
    assert item.text == "(erased)"
    assert await faults(chain, deep=True) == []
    keys = await fetch(database_url, "SELECT about, secret FROM audit_key WHERE destroyed_at_us IS NOT NULL")
    assert [(about, bytes(secret)) for about, secret in keys] == [("", b"")]
    for wrong in ("remark:remark-1", "nobody", "asset:", "house:1"):
        with pytest.raises(InvalidValueError, match="subject"):
            await chain.erase(wrong, reason="", actor="test", now=NOON)


async def test_records_are_listed_by_page_and_filter(chain: AuditLog) -> None:
    numbers: list[int] = []
    token = ""
    while True:
        page = await chain.records(AuditFilter(kind="run"), page_size=3, page_token=token)
        numbers += [record.number for record in page.items]
        if not (token := page.next_token):
            break
    assert numbers == [10, 8, 6, 4]
    by_subject = await chain.records(AuditFilter(subject="run-2"), page_size=9, page_token="")
    assert [record.number for record in by_subject.items] == [6]
    none = await chain.records(AuditFilter(start=NOON + timedelta(days=9)), page_size=9, page_token="")
    assert none.items == ()
    assert await chain.has("run", "run-1")
    assert not await chain.has("stop", "run-1")


async def test_a_long_chain_is_checked_side_by_side_and_a_fault_is_named_as_ever(
    chain: AuditLog, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_log, "LEAST_RECORDS", 10)
    monkeypatch.setattr(audit_log, "verdict_by_spans", partial(verdict_by_spans, span=4))
    anchors = [str(await chain.head()), (await chain.head()).chain_sha256]
    seen: list[tuple[int, int]] = []

    async def verdicts() -> list[AuditVerdict]:
        return [
            await chain.verify(
                anchors=anchors,
                first=2,
                processes=processes,
                progress=lambda done, total: seen.append((done, total)),
            )
            for processes in (1, 2)
        ]

    one, two = await verdicts()
    assert one == two
    assert (two.first, two.records, two.anchors) == (2, 12, 2)
    assert seen == [(12, 12), *seen[1:4]]
    assert [total for _, total in seen[1:]] == [12] * 3, "span by span"
    await flip(database_url, "audit_record", "chain_sha256", "record_number = 8")
    one, two = await verdicts()
    assert one == two
    assert [(fault.number, fault.field) for fault in one.faults] == [(8, "chain_sha256")]


async def test_a_consent_that_was_changed_or_slipped_in_is_found(chain: AuditLog, database_url: str) -> None:
    consents = open_consents(database_url)
    change = ConsentChange(granted=False, at=NOON, by="clerk", reason="letter of 3 May")
    await consents.change(change, asset_ids=["asset-1"])
    await consents.close()
    await chain.erase("asset:asset-1", reason="asked for", actor="clerk", now=NOON)
    assert await faults(chain, deep=True) == [], "a reason that was forgotten is none"
    for column in ("granted", "at_us", "by"):
        ((before,),) = await fetch(database_url, f'SELECT "{column}" FROM consent')
        await flip(database_url, "consent", f'"{column}"', "consent_number = 1")
        (found,) = await faults(chain, deep=True)
        assert found.startswith(f"record 14, consent asset-1, {column}"), found
        await undo(database_url, "consent", f'"{column}"', "consent_number = 1", before)
    copied = 'slot, NOT granted, at_us, "by", reason FROM consent'
    await fetch(database_url, f'INSERT INTO consent (slot, granted, at_us, "by", reason) SELECT {copied}')
    (found,) = await faults(chain, deep=True)
    assert "consent" in found
    assert "1 rows after number 1" in found
    assert (await chain.verify(deep=True, last=14)).whole, "of a part, what came later is not looked at"
