"""No reading is stored twice: sent again, sent by two, cut off between COPY and commit."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from tests.integration.storage.samples import NOON, fetch, fleet, readings
from vpp.adapters.storage import open_store, readings_postgresql
from vpp.adapters.storage.readings_postgresql import MAX_SPANS, spans_of
from vpp.domain.readings import Quality, ReadingColumns, to_microseconds
from vpp.ports import Store

COUNT = "SELECT count(*), count(DISTINCT (slot, measured_at_us)) FROM reading"
COUNT_SQLITE = "SELECT count(*), count(DISTINCT slot || ' ' || measured_at_us) FROM reading"


async def counts(url: str) -> tuple[int, int]:
    ((rows, distinct),) = await fetch(url, COUNT_SQLITE if url.startswith("sqlite") else COUNT)
    return rows, distinct


async def test_two_writers_in_turn_store_each_reading_once(store: Store, database_url: str) -> None:
    """Each remembers what it stored; what the other one stored since makes it forget."""
    await store.save_fleet(fleet())
    other = open_store(database_url, clock_now=lambda: NOON)
    generator = np.random.default_rng(7)
    sent: set[tuple[int, int]] = set()
    try:
        for turn in range(30):
            slot, second = generator.integers(0, 3, 40), turn + generator.integers(0, 20, 40)
            sent |= set(zip(slot.tolist(), second.tolist(), strict=True))
            rows = [(int(s), float(t), 0.5, 0.0) for s, t in zip(slot, second, strict=True)]
            await (store, other)[int(generator.integers(0, 2))].append_readings(readings(*rows))
    finally:
        await other.close()

    assert await counts(database_url) == (len(sent), len(sent))


async def test_a_restart_stores_nothing_again(store: Store, database_url: str) -> None:
    await store.save_fleet(fleet())
    rows = [(slot, 10.0 * second, 0.5, 0.0) for second in range(100) for slot in range(3)]
    await store.append_readings(readings(*rows))
    again = open_store(database_url, clock_now=lambda: NOON)
    try:
        await again.append_readings(readings(*rows[150:], (0, 2000.0, 0.6, 0.0), (1, 995.0, 0.6, 0.0)))
        assert (await again.latest_readings()).soc.tolist() == [0.6, 0.6, 0.5]
    finally:
        await again.close()

    assert await counts(database_url) == (302, 302)


async def test_a_day_that_nobody_prepared_gets_its_place(store: Store, database_url: str) -> None:
    """Readings over midnight, and late ones of days before, each in the partition of its day."""
    await store.save_fleet(fleet())
    hours = [-150, -60, -13, 11.5, 12.5, 20]
    sent = readings(*[(0, 3600.0 * hour, 0.5, 0.0) for hour in hours])
    sent = _received(sent, NOON + timedelta(hours=21))
    await store.append_readings(sent)

    assert await counts(database_url) == (6, 6)


@pytest.mark.parametrize("off", [timedelta(days=-9), timedelta(seconds=31), timedelta(days=30_000)])
async def test_a_time_that_cannot_be_right_is_kept_apart_and_once(
    store: Store, database_url: str, off: timedelta
) -> None:
    await store.save_fleet(fleet())
    sent = _received(readings((0, off.total_seconds(), 0.5, 0.0), (1, 0.0, 0.5, 0.0)), NOON)
    for _ in range(2):
        await store.append_readings(sent)

    assert await counts(database_url) == (1, 1)
    assert await fetch(database_url, "SELECT slot FROM misdated_reading") == [(0,)]


def _received(columns: ReadingColumns, at) -> ReadingColumns:
    columns.received_at_us[:] = to_microseconds(at)
    return columns


def test_spans_hold_all_times_and_are_few() -> None:
    assert spans_of(np.array([], dtype=np.int64)) == []
    assert spans_of(np.array([5])) == [(5, 5)]
    minute = 60_000_000
    assert spans_of(np.array([0, 1, 3 * minute, 3 * minute + 9])) == [(0, 1), (3 * minute, 3 * minute + 9)]
    generator = np.random.default_rng(3)
    times = np.sort(generator.integers(0, 10_000 * minute, 5_000))
    spans = spans_of(times)
    assert len(spans) <= MAX_SPANS
    assert all(any(first <= at <= last for first, last in spans) for at in times.tolist())
    apart = np.arange(500) * 2 * minute
    assert len(spans_of(apart)) <= MAX_SPANS


@pytest.mark.parametrize("period_s", [0.0, 3600.0], ids=["saved at once", "not saved yet"])
async def test_the_latest_readings_are_known_whenever_they_were_saved(
    store: Store, database_url: str, monkeypatch: pytest.MonkeyPatch, period_s: float
) -> None:
    """Also after a crash: what was not brought up to date is found among the readings."""
    monkeypatch.setattr(readings_postgresql, "LATEST_PERIOD_S", period_s)
    await store.save_fleet(fleet())
    for second in range(5):
        await store.append_readings(
            readings(*[(slot, float(second), 0.1 * slot + 0.01 * second, -1.5) for slot in range(3)])
        )
    await store.append_readings(readings((0, 2.5, 0.9, 0.0), (1, 9.0, 1.5, 0.0, Quality.OUT_OF_RANGE)))
    again = open_store(database_url, clock_now=lambda: NOON)
    try:
        expected = readings(*[(slot, 4.0, 0.1 * slot + 0.04, -1.5) for slot in range(3)])
        for opened in (store, again):
            found = await opened.latest_readings()
            for name in ("slot", "measured_at_us", "received_at_us", "soc", "power_kw", "connected"):
                assert getattr(found, name).tolist() == getattr(expected, name).tolist()
        await again.append_readings(readings((2, 20.0, 0.7, 0.0)))
        assert (await again.latest_readings()).soc.tolist() == [0.04, 0.14, 0.7]
    finally:
        await again.close()
