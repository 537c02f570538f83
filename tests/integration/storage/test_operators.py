"""Overrides and stops: superseded, never changed; what was stored comes back as it was."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from tests.integration.storage.samples import HOUR, NOON
from vpp.adapters.storage.operators import open_operator_register
from vpp.domain.overrides import Override, OverrideKind
from vpp.domain.target import Target
from vpp.ports import OverrideCost, StopRecord, StopTimes, StoreError


@pytest.fixture
async def register(database_url):
    opened = open_operator_register(database_url)
    yield opened
    await opened.close()


def override(number, *, until=NOON + HOUR, **changes):
    values = {
        "override_id": f"o-{number}",
        "kind": OverrideKind.POWER,
        "target": Target(asset_ids=("asset-1",)),
        "author": "anna",
        "reason": "работа",
        "created_at": NOON,
        "valid_until": until,
        "slot": np.array([1]),
        "power_kw": np.array([1.0 / 3.0]),
        "min_kw": np.array([-np.inf]),
        "max_kw": np.array([np.inf]),
    }
    return Override(**(values | changes))


async def test_an_override_comes_back_with_its_end_and_its_cost(register):
    await register.save_override(override(1))
    for _ in range(2):
        await register.clear_override("o-1", at=NOON + HOUR / 2, author="berta", reason="done")
        await register.save_override_cost(
            "o-1", OverrideCost(cost=1.5, least=None, most=2.0, computed_at=NOON)
        )
    stored = await register.get_override("o-1")
    assert stored.cost == OverrideCost(cost=1.5, least=None, most=2.0, computed_at=NOON)
    found = stored.override
    assert (found.cleared_at, found.cleared_by, found.reason) == (NOON + HOUR / 2, "berta", "работа")
    assert found.power_kw.tolist() == [1.0 / 3.0]
    assert found.max_kw.tolist() == [np.inf]
    assert not found.in_force(NOON)


async def test_an_id_is_taken_once_and_an_unknown_one_cannot_be_ended(register):
    await register.save_override(override(1))
    with pytest.raises(StoreError, match="already stored"):
        await register.save_override(override(1))
    with pytest.raises(StoreError, match="not stored"):
        await register.clear_override("o-2", at=NOON, author="berta", reason="")
    assert await register.get_override("o-2") is None


async def test_lists_are_paged_newest_first_and_leave_out_what_is_over(register):
    for number in range(4):
        await register.save_override(override(number, until=NOON + timedelta(minutes=10 * (number + 1))))
    await register.clear_override("o-3", at=NOON, author="anna", reason="")
    at = NOON + timedelta(minutes=15)
    first = await register.list_overrides(ending_after=at, page_size=1, page_token="")
    second = await register.list_overrides(ending_after=at, page_size=1, page_token=first.next_token)
    assert [item.override.override_id for item in first.items + second.items] == ["o-2", "o-1"]
    assert second.next_token == ""
    everything = await register.list_overrides(ending_after=None, page_size=9, page_token="")
    assert len(everything.items) == 4
    after = await register.overrides_ending_after(at)
    assert [item.override_id for item in after] == ["o-1", "o-2", "o-3"]


async def test_stops_are_merged_once_and_times_are_added_later(register):
    stop = StopRecord(
        request_id="s-1",
        action="stop",
        operator="anna",
        reason="fire",
        at=NOON,
        asset_ids=("a",),
        feeder_id="",
    )
    assert await register.save_stops([stop]) == 1
    times = StopTimes(told=3, away=1, confirmed=2, p50_s=0.1, p99_s=0.4, last_s=0.5)
    timed = StopRecord(**{name: getattr(stop, name) for name in stop.__slots__} | {"times": times})
    assert await register.save_stops([timed, stop]) == 0
    page = await register.list_stops(page_size=5, page_token="")
    assert page.items == (timed,)
