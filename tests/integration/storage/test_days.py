"""Days of readings: made ahead, indexed, archived when closed, dropped when old, and read all the same."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from tests.integration.storage.samples import assert_same, fetch, fleet
from vpp.adapters.storage import open_store
from vpp.adapters.storage.archive import ReadingArchive
from vpp.adapters.storage.database import Database
from vpp.adapters.storage.reading_scan import stream
from vpp.domain.errors import InvalidValueError
from vpp.domain.readings import ReadingColumns, to_microseconds
from vpp.ports import Store, StoreError

FIRST = datetime(2020, 5, 20, tzinfo=UTC)
DAY = timedelta(days=1)
ALL = {"start": FIRST - DAY, "end": FIRST + 5 * DAY, "slots": None}


class Calendar:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.at = FIRST

    def now(self) -> datetime:
        return self.at


@pytest.fixture
def calendar() -> Calendar:
    return Calendar()


@pytest.fixture
async def kept(database_url: str, tmp_path: Path, calendar: Calendar) -> AsyncIterator[Store]:
    store = open_store(database_url, clock_now=calendar.now, archive=tmp_path / "archive", keep_days=12)
    await store.save_fleet(fleet())
    yield store
    await store.close()


def three_days(rows: int = 900) -> ReadingColumns:
    """Return readings of three assets over three days, NaN among them, in the order of time."""
    generator = np.random.default_rng(5)
    at_us = to_microseconds(FIRST) + np.sort(generator.choice(3 * 86_400, rows, replace=False)) * 1_000_000
    soc = generator.random(rows)
    soc[::50] = np.nan
    return ReadingColumns(
        slot=generator.integers(0, 3, rows),
        measured_at_us=at_us,
        received_at_us=at_us + generator.integers(0, 10**6, rows),
        soc=soc,
        power_kw=generator.normal(size=rows),
        connected=generator.random(rows) > 0.1,
        quality=np.where(np.isnan(soc), 1, 0),
        clock_ahead_ms=generator.integers(-3, 4, rows) * 10_000 * (generator.random(rows) > 0.9),
    )


async def everything(store: Store, *, page_size: int = 100_000, **period) -> ReadingColumns:
    parts, token = [], ""
    while True:
        page = await store.readings_between(**(ALL | period), page_size=page_size, page_token=token)
        parts.append(page.readings)
        assert len(page.readings) <= page_size
        token = page.next_token
        if not token:
            return ReadingColumns.concatenate(parts)


async def test_a_period_reads_the_same_from_the_database_the_archive_and_both(
    kept: Store, calendar: Calendar
) -> None:
    sent = three_days()
    await kept.append_readings(sent)
    assert_same(await everything(kept), sent)

    for days, archived, dropped in ((9, 0, 0), (10, 1, 0), (13, 2, 1), (14, 0, 1), (20, 0, 1), (21, 0, 0)):
        calendar.at = FIRST + days * DAY + timedelta(hours=2)
        report = await kept.keep_readings()
        assert report.problems == ()
        assert (
            len(report.archived),
            sum(day >= FIRST.date() for day in report.dropped if day < (FIRST + 3 * DAY).date()),
        ) == (archived, dropped)
        assert_same(await everything(kept), sent)
        assert_same(await everything(kept, page_size=70), sent)
        assert_same(await everything(kept, slots=np.array([1])), sent.take(sent.slot == 1))


async def test_late_readings_keep_a_day_open_and_closed_days_come_back_to_the_bit(
    kept: Store, calendar: Calendar, tmp_path: Path
) -> None:
    sent = three_days()
    held_back = np.arange(len(sent)) % 7 == 0
    await kept.append_readings(sent.take(~held_back))
    calendar.at = FIRST + 7 * DAY
    await kept.keep_readings()
    late = sent.take(held_back)
    late.received_at_us[:] = to_microseconds(FIRST + 7 * DAY)
    await kept.append_readings(late)
    calendar.at = FIRST + 30 * DAY
    report = await kept.keep_readings()

    assert [day.rows for day in ReadingArchive(tmp_path / "archive").days()] == [
        int(((sent.measured_at_us - to_microseconds(FIRST)) // 86_400_000_000 == day).sum())
        for day in range(3)
    ]
    assert report.archived_rows == len(sent)
    found = await everything(kept)
    assert found.soc.tobytes() == sent.soc.tobytes()
    assert found.power_kw.tobytes() == sent.power_kw.tobytes()


async def test_a_damaged_file_keeps_its_day_in_the_database(
    kept: Store, calendar: Calendar, tmp_path: Path, database_url: str
) -> None:
    sent = three_days()
    await kept.append_readings(sent)
    calendar.at = FIRST + 12 * DAY + timedelta(hours=2)
    await kept.keep_readings()
    path = tmp_path / "archive" / "readings-2020-05-20.parquet"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)

    calendar.at = FIRST + 20 * DAY
    report = await kept.keep_readings()

    assert len(report.problems) == 1
    assert "2020-05-20 is kept" in report.problems[0]
    assert "checksum differs" in report.problems[0]
    rows = await fetch(database_url, "SELECT count(*) FROM reading")
    first = (sent.measured_at_us < to_microseconds(FIRST + DAY)).sum()
    assert rows == [(int(first),)]


async def test_a_file_that_was_cut_off_does_not_count(
    kept: Store, calendar: Calendar, tmp_path: Path
) -> None:
    await kept.append_readings(three_days())
    folder = tmp_path / "archive"
    folder.mkdir()
    (folder / "readings-2020-05-20.parquet.part").write_bytes(b"PAR1 half of")
    (folder / "readings-2020-05-20.parquet").write_bytes(b"written, and its manifest was not")

    calendar.at = FIRST + 30 * DAY
    report = await kept.keep_readings()

    assert (len(report.archived), report.problems) == (3, ())
    assert_same(await everything(kept), three_days())


async def test_days_are_made_ahead_and_indexed_when_over(
    backend: str, kept: Store, calendar: Calendar, database_url: str
) -> None:
    if backend == "sqlite":
        assert (await kept.keep_readings()).created == 0
        return
    await kept.append_readings(three_days())
    calendar.at = FIRST + 2 * DAY + timedelta(hours=3)
    await kept.keep_readings()

    days = await kept.reading_days()
    assert (days.ahead, days.overdue) == (3, ())
    query = (
        "SELECT indexname FROM pg_indexes WHERE schemaname = 'reading_days' "
        "AND indexname LIKE 'reading_2020052_%_by_asset' ORDER BY 1"
    )
    indexed = [row[0] for row in await fetch(database_url, query)]
    assert "reading_20200520_by_asset" in indexed
    assert "reading_20200522_by_asset" not in indexed


async def test_two_writers_may_need_the_same_new_day_at_once(kept: Store, database_url: str) -> None:
    others = [open_store(database_url, clock_now=lambda: FIRST) for _ in range(4)]
    rows = three_days().take(np.arange(10))
    try:
        await asyncio.gather(
            *(store.append_readings(rows) for store in (kept, *others)), kept.keep_readings()
        )
    finally:
        for store in others:
            await store.close()
    assert await fetch(database_url, "SELECT count(*) FROM reading") == [(10,)]


async def test_without_an_archive_old_days_are_gone(
    database_url: str, calendar: Calendar, kept: Store
) -> None:
    await kept.append_readings(three_days())
    store = open_store(database_url, clock_now=calendar.now, keep_days=12)
    try:
        calendar.at = FIRST + 14 * DAY
        await store.keep_readings()
        left = await everything(store)
    finally:
        await store.close()
    assert left.measured_at_us.min() >= to_microseconds(FIRST + 2 * DAY)


async def test_pages_are_bounded_and_periods_may_be_empty(kept: Store) -> None:
    assert len(await everything(kept)) == 0
    with pytest.raises(InvalidValueError, match="page_size"):
        await everything(kept, page_size=100_001)
    with pytest.raises(InvalidValueError, match="page_token"):
        await kept.readings_between(**ALL, page_size=10, page_token="nonsense")


async def test_a_stream_comes_in_groups_by_asset_and_time(kept: Store, database_url: str) -> None:
    sent = three_days()
    await kept.append_readings(sent)
    groups: list[ReadingColumns] = []

    async def take(group: ReadingColumns) -> None:
        groups.append(group)

    database = Database(database_url)
    try:
        start_us = to_microseconds(FIRST)
        end_us = to_microseconds(FIRST + 3 * DAY)
        rows = await stream(database, start_us=start_us, end_us=end_us, rows_per_group=100, take=take)
    finally:
        await database.close()
    assert rows == len(sent)
    assert_same(ReadingColumns.concatenate(groups), sent.take(np.lexsort((sent.measured_at_us, sent.slot))))


def test_a_manifest_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "readings-2020-05-20.json").write_text("{}")
    with pytest.raises(StoreError, match=r"readings-2020-05-20\.json cannot be read"):
        ReadingArchive(tmp_path).days()
    later = {"day": 1, "rows": 1, "size": 1, "sha256": "", "version": 2}
    (tmp_path / "readings-2020-05-20.json").write_text(json.dumps(later))
    with pytest.raises(StoreError, match="version 2, expected 1"):
        ReadingArchive(tmp_path).days()
