from __future__ import annotations

import math
from datetime import timedelta

import numpy as np
import pytest

from tests.integration.storage.samples import (
    HOUR,
    NOON,
    QUARTER,
    THIRD,
    assert_same,
    feeder_reading,
    fetch,
    fleet,
    grid,
    readings,
)
from vpp.domain.errors import InvalidValueError
from vpp.domain.intervals import IntervalGrid
from vpp.domain.readings import Quality, ReadingColumns, to_microseconds
from vpp.ports import Store, StoreError

ALL = "SELECT slot, soc, power_kw, quality FROM reading ORDER BY measured_at_us, slot"


@pytest.fixture
async def fleet_store(store: Store) -> Store:
    await store.save_fleet(fleet())
    return store


async def test_readings_come_back_bit_for_bit(fleet_store: Store) -> None:
    sent = readings((0, 0.000001, THIRD, -5.0 * THIRD), (1, 0.0, 1.0, 0.1), (2, 3.0, 0.0, 1e-300))

    await fleet_store.append_readings(sent)

    assert_same(await fleet_store.latest_readings(), sent)


async def test_no_readings_are_no_error(fleet_store: Store) -> None:
    await fleet_store.append_readings(readings())

    assert_same(await fleet_store.latest_readings(), readings())


async def test_a_repeated_reading_changes_nothing(fleet_store: Store, database_url: str) -> None:
    await fleet_store.append_readings(readings((0, 1.0, 0.5, 2.0), (1, 1.0, 0.6, 3.0)))
    await fleet_store.append_readings(
        readings((0, 1.0, 0.9, 9.0), (1, 1.0, 0.6, 3.0), (2, 1.0, 0.7, 4.0), (0, 2.0, 0.4, 1.0))
    )

    stored = [(0, 0.5, 2.0, 0), (1, 0.6, 3.0, 0), (2, 0.7, 4.0, 0), (0, 0.4, 1.0, 0)]
    assert await fetch(database_url, ALL) == stored
    assert (await fleet_store.latest_readings()).soc.tolist() == [0.4, 0.6, 0.7]


async def test_of_a_reading_twice_in_one_batch_the_first_counts(
    fleet_store: Store, database_url: str
) -> None:
    await fleet_store.append_readings(readings((0, 1.0, 0.5, 2.0), (0, 1.0, 0.9, 9.0)))

    assert await fetch(database_url, ALL) == [(0, 0.5, 2.0, 0)]
    assert (await fleet_store.latest_readings()).soc.tolist() == [0.5]


async def test_late_readings_are_stored_and_the_newest_stays_the_latest(
    fleet_store: Store, database_url: str
) -> None:
    await fleet_store.append_readings(readings((0, 10.0, 0.5, 2.0)))
    await fleet_store.append_readings(
        readings((0, 5.0, 0.4, 1.0), (0, -600.0, 0.3, 0.5), (0, 7.0, 0.45, 1.5))
    )

    assert [row[1] for row in await fetch(database_url, ALL)] == [0.3, 0.4, 0.45, 0.5]
    assert (await fleet_store.latest_readings()).soc.tolist() == [0.5]


async def test_a_batch_in_any_order_leaves_its_newest_as_the_latest(fleet_store: Store) -> None:
    rows = [(slot, second, 0.01 * second, 0.0) for slot in (2, 0, 1) for second in (3.0, 9.0, 1.0)]
    await fleet_store.append_readings(readings(*rows))

    latest = await fleet_store.latest_readings()
    assert latest.slot.tolist() == [0, 1, 2]
    assert set(latest.measured_at_us.tolist()) == {to_microseconds(NOON) + 9_000_000}


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf])
async def test_numbers_that_are_none_are_kept_as_bad(
    fleet_store: Store, database_url: str, wrong: float
) -> None:
    good, bad = (0, 1.0, 0.5, 2.0), Quality.NOT_FINITE
    await fleet_store.append_readings(
        readings(good, (0, 2.0, wrong, 3.0, bad), (0, 3.0, 0.6, wrong, bad), (1, 1.0, wrong, wrong, bad))
    )

    stored = await fetch(database_url, ALL)
    assert stored == [(0, 0.5, 2.0, 0), (1, None, None, 1), (0, None, 3.0, 1), (0, 0.6, None, 1)]
    assert (await fleet_store.latest_readings()).soc.tolist() == [0.5]


async def test_bad_readings_are_kept_with_their_flags_and_never_the_latest(
    fleet_store: Store, database_url: str
) -> None:
    flags = Quality.OUT_OF_RANGE | Quality.FUTURE
    await fleet_store.append_readings(
        readings((0, 99.0, 1.5, 2.0, flags), (1, 99.0, 0.5, 2.0, Quality.STALE))
    )

    assert await fetch(database_url, ALL) == [(0, 1.5, 2.0, 6), (1, 0.5, 2.0, 8)]
    assert len(await fleet_store.latest_readings()) == 0


async def test_a_stored_bad_reading_sent_again_as_good_stays_bad(fleet_store: Store) -> None:
    """A repeat changes nothing, and the good reading beside it must still be found."""
    await fleet_store.append_readings(readings((0, 5.0, 0.9, 2.0, Quality.FUTURE)))
    await fleet_store.append_readings(readings((0, 3.0, 0.4, 2.0), (0, 5.0, 0.9, 2.0)))

    assert (await fleet_store.latest_readings()).soc.tolist() == [0.4]


async def test_a_good_reading_of_an_unknown_asset_is_refused_with_its_batch(
    fleet_store: Store, database_url: str
) -> None:
    with pytest.raises(StoreError, match="The database refused a row"):
        await fleet_store.append_readings(readings((0, 1.0, 0.5, 2.0), (77, 1.0, 0.5, 2.0)))

    assert await fetch(database_url, ALL) == []


async def test_many_readings_in_random_batches_end_as_one_set(fleet_store: Store, database_url: str) -> None:
    """Seeded: batches that overlap, in any order, store each (asset, time) once, first come."""
    generator = np.random.default_rng(20200520)
    first: dict[tuple[int, int], float] = {}
    for _ in range(12):
        count = int(generator.integers(1, 200))
        slot, second = generator.integers(0, 3, count), generator.integers(0, 90, count)
        soc = generator.random(count)
        rows = [(int(s), float(t), float(v), 0.0) for s, t, v in zip(slot, second, soc, strict=True)]
        for row in rows:
            first.setdefault((row[0], int(row[1])), row[2])
        await fleet_store.append_readings(readings(*rows))

    newest = {slot: max(second for s, second in first if s == slot) for slot in range(3)}
    stored = await fetch(database_url, ALL)
    assert sorted((row[0], row[1]) for row in stored) == sorted((s, v) for (s, _), v in first.items())
    expected = [first[slot, newest[slot]] for slot in range(3)]
    assert (await fleet_store.latest_readings()).soc.tolist() == expected


# feeders ---------------------------------------------------------------------------------------------

START = NOON.replace(microsecond=0)


async def test_feeder_history_shows_what_was_known_then(fleet_store: Store) -> None:
    await fleet_store.append_feeder_readings(
        [
            feeder_reading("east", START, 3.0 * THIRD, START + QUARTER),
            feeder_reading("west", START + QUARTER, 5.0, START + 2 * QUARTER),
            feeder_reading("east", START, 4.0, START + HOUR),  # corrected an hour later
        ]
    )

    early = await fleet_store.feeder_history(grid=grid(3), known_at=START + QUARTER)
    late = await fleet_store.feeder_history(grid=grid(3), known_at=START + HOUR)
    before = await fleet_store.feeder_history(
        grid=grid(3), known_at=START + QUARTER - timedelta(microseconds=1)
    )

    nan = np.nan
    assert early.feeder_ids == ("west", "east")
    assert_same(early.consumption_kw, np.array([[nan] * 3, [3.0 * THIRD, nan, nan]]))
    assert_same(late.consumption_kw, np.array([[nan, 5.0, nan], [4.0, nan, nan]]))
    assert_same(late.pv_kw, np.array([[nan, 5.0 * THIRD, nan], [4.0 * THIRD, nan, nan]]))
    assert np.isnan(before.consumption_kw).all()


async def test_repeated_feeder_rows_change_nothing(fleet_store: Store, database_url: str) -> None:
    await fleet_store.append_feeder_readings([feeder_reading("east", START, 3.0, NOON)])
    await fleet_store.append_feeder_readings(
        [feeder_reading("east", START, 9.0, NOON), feeder_reading("west", START, 1.0, NOON)]
    )

    rows = await fetch(database_url, "SELECT consumption_kw FROM feeder_reading ORDER BY feeder_slot")
    assert rows == [(1.0,), (3.0,)]


async def test_feeder_history_over_longer_intervals_is_the_mean(fleet_store: Store) -> None:
    values = [1.0, 2.0, 4.0, math.nan]
    rows = [feeder_reading("west", START + k * QUARTER, value, NOON) for k, value in enumerate(values)]
    rows.append(feeder_reading("west", START + 8 * QUARTER, 100.0, NOON))  # after the grid
    await fleet_store.append_feeder_readings(rows)

    half_hours = IntervalGrid(start=START, length=2 * QUARTER, count=3)
    history = await fleet_store.feeder_history(grid=half_hours, known_at=NOON)

    assert_same(history.consumption_kw, np.array([[1.5, 4.0, np.nan], [np.nan] * 3]))


async def test_a_meter_of_an_unknown_feeder_is_refused_by_name(fleet_store: Store) -> None:
    with pytest.raises(InvalidValueError, match="feeder_id: got 'south'"):
        await fleet_store.append_feeder_readings([feeder_reading("south", START, 1.0, NOON)])


async def test_a_fleet_saved_later_is_known_at_once(fleet_store: Store) -> None:
    await fleet_store.append_feeder_readings([feeder_reading("west", START, 1.0, NOON)])
    grown = fleet(4)
    await fleet_store.save_fleet(grown)

    await fleet_store.append_readings(readings((3, 1.0, 0.5, 2.0)))

    latest: ReadingColumns = await fleet_store.latest_readings()
    assert latest.slot.tolist() == [3]
