"""The stop journal joins the chain, anchors stand in the log, and a killed writer leaves a valid chain."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
import structlog

from tests.fakes import ManualClock
from tests.integration.storage.samples import fetch
from vpp.adapters.storage import open_audit
from vpp.domain.audit import AuditEntry
from vpp.service.audit_keeping import AuditKeeping
from vpp.service.settings import SettingsError, load_settings
from vpp.service.stop_journal import StopEntry, StopJournal

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
WRITER = """
import asyncio, sys
from datetime import UTC, datetime
from vpp.adapters.storage import open_audit
from vpp.domain.audit import AuditEntry

async def main() -> None:
    chain = open_audit(sys.argv[1])
    for number in range(1_000_000):
        at = datetime(2026, 1, 1, tzinfo=UTC)
        head = await chain.append(AuditEntry(kind="thing", subject=str(number), actor="test", at=at))
        print(head, flush=True)

asyncio.run(main())
"""


def entry(number: int, action: str = "stop") -> StopEntry:
    return StopEntry(
        request_id=f"request-{number}",
        action=action,
        operator="alice",
        reason="smoke in hall 3",
        at=NOON,
        asset_ids=("battery-01",),
    )


def keeping(url: str, folder: Path, clock: ManualClock) -> AuditKeeping:
    return AuditKeeping(
        chain=open_audit(url), journal=StopJournal(folder / "stops.jsonl"), clock=clock, keep_days=400
    )


async def test_every_stop_of_the_journal_gets_its_record_once(database_url: str, tmp_path: Path) -> None:
    clock = ManualClock(NOON)
    first = keeping(database_url, tmp_path, clock)
    assert await first.take_up_stops() == 0
    first.journal.append(entry(1))
    first.journal.append(entry(2))
    assert await first.take_up_stops() == 2
    first.journal.append(entry(1, "release"))
    assert await first.take_up_stops() == 1
    assert await first.take_up_stops() == 0
    await first.close()
    again = keeping(database_url, tmp_path, clock)  # after a restart
    again.journal.append(entry(4))
    assert await again.take_up_stops() == 1
    rows = await fetch(database_url, "SELECT kind, subject, payload FROM audit_record ORDER BY record_number")
    assert (await again.chain.verify()).whole
    await again.close()

    assert [row[:2] for row in rows] == [
        ("stop", "request-1"),
        ("stop", "request-2"),
        ("release", "request-1"),
        ("stop", "request-4"),
    ]
    assert all("smoke" not in row[2] for row in rows)


async def test_the_head_is_named_each_day_and_at_the_end(database_url: str, tmp_path: Path) -> None:
    clock = ManualClock(NOON)
    kept = keeping(database_url, tmp_path, clock)
    kept.journal.append(entry(1))
    with structlog.testing.capture_logs() as lines:
        await kept.step()
        await kept.step()
        clock.advance(86_400)
        await kept.step()
        await kept.close()

    anchors = [(line["occasion"], line["anchor"]) for line in lines if line["event"] == "audit anchor"]
    assert [occasion for occasion, _ in anchors] == ["day", "day", "shutdown"]
    chain = open_audit(database_url)
    verdict = await chain.verify(anchors=[anchor for _, anchor in anchors])
    await chain.close()
    assert verdict.whole


def test_records_are_kept_for_six_months_at_least(tmp_path: Path) -> None:
    path = tmp_path / "vpp.toml"
    path.write_text("[audit]\nkeep_days = 183\n")

    with pytest.raises(SettingsError, match=r"audit\.keep_days: got 183, expected: .*184"):
        load_settings(path)


async def test_a_killed_writer_leaves_a_chain_that_verifies_and_goes_on(database_url: str) -> None:
    writer = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WRITER, database_url, stdout=asyncio.subprocess.PIPE, env=dict(os.environ)
    )
    assert writer.stdout is not None
    acknowledged = [(await writer.stdout.readline()).decode().strip() for _ in range(25)]
    writer.send_signal(signal.SIGKILL)
    await writer.wait()
    chain = open_audit(database_url)
    killed = await chain.verify(anchors=acknowledged)
    await chain.append(AuditEntry(kind="thing", subject="after", actor="test", at=NOON))
    after = await chain.verify(anchors=acknowledged)
    await chain.close()

    assert killed.whole
    assert killed.anchors == 25  # nothing that was acknowledged is lost
    assert after.whole
    assert after.head.number == killed.head.number + 1
