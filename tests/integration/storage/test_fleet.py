from __future__ import annotations

from dataclasses import replace

import pytest

from tests.integration.storage.samples import NOON, THIRD, assert_same, asset, fetch, fleet
from vpp.domain.assets import AssetKind, DefaultControl, Feeder, Fleet
from vpp.domain.readings import to_microseconds
from vpp.ports import Store


async def test_a_fleet_comes_back_bit_for_bit(store: Store) -> None:
    await store.save_fleet(fleet(5))

    assert_same(await store.load_fleet(), fleet(5))


async def test_an_empty_database_holds_an_empty_fleet(store: Store) -> None:
    assert await store.load_fleet() == Fleet(assets=(), feeders=())


async def test_an_asset_keeps_its_slot_and_takes_new_properties(store: Store) -> None:
    await store.save_fleet(fleet(3))
    changed = asset("asset-1", "west", kind=AssetKind.GRID_BATTERY, default_control=DefaultControl.HOLD)
    new = asset("a-new-one", "north")
    feeders = (
        Feeder(feeder_id="north", import_limit_kw=1.0, export_limit_kw=1.0),
        Feeder(feeder_id="west", import_limit_kw=2.0 * THIRD, export_limit_kw=3.0),
    )

    await store.save_fleet(Fleet(assets=(new, changed), feeders=feeders))

    before = fleet(3)
    assert_same(
        await store.load_fleet(),
        Fleet(
            assets=(before.assets[0], changed, before.assets[2], new),
            feeders=(feeders[1], before.feeders[1], feeders[0]),
        ),
    )


async def test_an_infinite_limit_stays_infinite(store: Store) -> None:
    endless = replace(fleet().feeders[0], import_limit_kw=float("inf"))
    await store.save_fleet(Fleet(assets=(), feeders=(endless,)))

    assert (await store.load_fleet()).feeders == (endless,)


async def test_every_epoch_is_higher_and_written_down(store: Store, database_url: str) -> None:
    assert [await store.next_epoch(), await store.next_epoch()] == [1, 2]

    rows = await fetch(database_url, "SELECT epoch, taken_at_us, holder FROM writer_epoch ORDER BY epoch")
    assert [row[:2] for row in rows] == [(1, to_microseconds(NOON)), (2, to_microseconds(NOON))]
    assert "process" in rows[0][2]


@pytest.mark.parametrize("times", [2, 3])
async def test_saving_the_same_fleet_again_changes_nothing(store: Store, times: int) -> None:
    for _ in range(times):
        await store.save_fleet(fleet(3))

    assert_same(await store.load_fleet(), fleet(3))
