from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from tests.integration.storage.samples import (
    NOON,
    THIRD,
    acknowledgement,
    assert_same,
    fetch,
    fleet,
    forecast,
    model_call,
    plan,
    readings,
    run,
    setpoints,
    state,
)
from vpp.domain.errors import InvalidValueError
from vpp.domain.readings import to_microseconds
from vpp.domain.setpoints import AcknowledgementState
from vpp.ports import Page, Store, StoredSetpoint

RECEIVED, STARTED, COMPLETED = (
    AcknowledgementState.RECEIVED,
    AcknowledgementState.STARTED,
    AcknowledgementState.COMPLETED,
)


@pytest.fixture
async def fleet_store(store: Store) -> Store:
    await store.save_fleet(fleet())
    return store


async def save_runs(store: Store, *numbers: int) -> None:
    for number in numbers:
        name = f"run-{number}"
        await store.save_run(run(name), plan=None, state=state(), setpoints=setpoints(name, sequence=number))


async def listed(
    store: Store, *, run_id: str = "", asset_id: str = "", page_size: int = 0, page_token: str = ""
) -> Page[StoredSetpoint]:
    return await store.list_setpoints(
        run_id=run_id, asset_id=asset_id, page_size=page_size, page_token=page_token
    )


def keys(*pages: Page[StoredSetpoint]) -> list[tuple[str, str]]:
    return [(item.run_id, item.asset_id) for page in pages for item in page.items]


async def test_an_order_comes_back_bit_for_bit(fleet_store: Store) -> None:
    await save_runs(fleet_store, 1)

    page = await listed(fleet_store, asset_id="asset-2")

    expected = StoredSetpoint(
        asset_id="asset-2",
        feeder_id="west",
        run_id="run-1",
        epoch=1,
        sequence=1,
        power_kw=float(np.linspace(-5.0, 5.0, 3)[2] * THIRD),
        min_kw=-7.0 * THIRD,
        max_kw=7.0 * THIRD,
        valid_from=NOON,
        valid_until=NOON + timedelta(seconds=60),
        origin="optimizer",
        reason="plan",
        acknowledged="",
        acknowledged_at=None,
    )
    assert_same(page, Page(items=(expected,), next_token=""))


async def test_orders_are_listed_newest_run_first_then_by_slot(fleet_store: Store) -> None:
    await save_runs(fleet_store, 1, 2)

    assert keys(await listed(fleet_store)) == [
        (f"run-{number}", f"asset-{slot}") for number in (2, 1) for slot in range(3)
    ]


async def test_orders_are_filtered_by_run_and_asset(fleet_store: Store) -> None:
    await save_runs(fleet_store, 1, 2)

    by_run = keys(await listed(fleet_store, run_id="run-1"))
    by_asset = keys(await listed(fleet_store, asset_id="asset-1"))
    by_both = keys(await listed(fleet_store, run_id="run-2", asset_id="asset-0"))

    assert by_run == [("run-1", "asset-0"), ("run-1", "asset-1"), ("run-1", "asset-2")]
    assert by_asset == [("run-2", "asset-1"), ("run-1", "asset-1")]
    assert by_both == [("run-2", "asset-0")]
    assert keys(await listed(fleet_store, run_id="nowhere")) == []
    assert keys(await listed(fleet_store, asset_id="nowhere")) == []


@pytest.mark.parametrize("page_size", [1, 2, 4, 6])
@pytest.mark.parametrize("filters", [{}, {"run_id": "run-2"}, {"asset_id": "asset-1"}], ids=str)
async def test_pages_hold_every_order_once_while_new_ones_arrive(
    fleet_store: Store, page_size: int, filters: dict[str, str]
) -> None:
    await save_runs(fleet_store, 1, 2)
    everything = keys(await listed(fleet_store, **filters))

    pages = [await listed(fleet_store, page_size=page_size, **filters)]
    await save_runs(fleet_store, 3)
    while pages[-1].next_token:
        token = pages[-1].next_token
        pages.append(await listed(fleet_store, page_size=page_size, page_token=token, **filters))

    assert keys(*pages) == everything
    assert all(len(page.items) == page_size for page in pages[:-1])


@pytest.mark.parametrize("token", ["nonsense", "W10", "WyJ4IiwxLDJd", "☃", "A" * 5000])
async def test_a_wrong_token_is_refused_by_name(fleet_store: Store, token: str) -> None:
    with pytest.raises(InvalidValueError) as refused:
        await listed(fleet_store, page_token=token)

    assert refused.value.field == "page_token"


async def test_a_token_of_another_filter_is_refused(fleet_store: Store) -> None:
    await save_runs(fleet_store, 1)
    token = (await listed(fleet_store, page_size=1)).next_token

    with pytest.raises(InvalidValueError, match="with the same filter"):
        await listed(fleet_store, run_id="run-1", page_token=token)
    with pytest.raises(InvalidValueError):
        await fleet_store.list_runs(page_size=1, page_token=token)


async def test_the_last_word_of_the_node_is_shown(fleet_store: Store) -> None:
    await save_runs(fleet_store, 1)
    await fleet_store.append_acknowledgements([acknowledgement(STARTED, seconds=2)])
    await fleet_store.append_acknowledgements(
        [acknowledgement(RECEIVED, seconds=1), acknowledgement(COMPLETED, seconds=2)]
    )

    one = {item.asset_id: item for item in (await listed(fleet_store)).items}

    assert await fleet_store.acknowledged_orders("run-1") == 1, "an order with two words counts once"
    assert (one["asset-1"].acknowledged, one["asset-1"].acknowledged_at) == (
        "completed",
        NOON + timedelta(seconds=2),
    )
    assert (one["asset-0"].acknowledged, one["asset-0"].acknowledged_at) == ("", None)


async def test_words_repeated_or_of_unknown_orders_do_no_harm(fleet_store: Store, database_url: str) -> None:
    words = [acknowledgement(RECEIVED, seconds=1), acknowledgement(RECEIVED, seconds=1, sequence=77)]
    await fleet_store.append_acknowledgements(words)
    await fleet_store.append_acknowledgements(words)

    rows = await fetch(database_url, "SELECT sequence FROM acknowledgement ORDER BY sequence")
    assert rows == [(1,), (77,)]
    with pytest.raises(InvalidValueError, match="asset_id: got 'stranger'"):
        await fleet_store.append_acknowledgements([acknowledgement(RECEIVED, seconds=1, asset_id="stranger")])


async def test_the_trail_leads_from_an_order_to_its_reading(fleet_store: Store) -> None:
    await fleet_store.append_readings(readings((1, -3.0, THIRD, -2.5), (1, -2.0, 0.9, -2.0)))
    await fleet_store.save_forecast(forecast(call_id="call-1"), model_call())
    measured_at = NOON - timedelta(seconds=3)
    snapshot = state(measured_at_us=(0, to_microseconds(measured_at), 0))
    summary = run(forecast_id="forecast-1")
    await fleet_store.save_run(summary, plan=plan(), state=snapshot, setpoints=setpoints())
    words = [acknowledgement(RECEIVED, seconds=1), acknowledgement(STARTED, seconds=2)]
    await fleet_store.append_acknowledgements(words[::-1])

    found = await fleet_store.trail(asset_id="asset-1", epoch=1, sequence=1)

    assert found is not None
    assert (found.setpoint.asset_id, found.setpoint.acknowledged) == ("asset-1", "started")
    assert_same(found.run, summary)
    assert_same(found.forecast, forecast(call_id="call-1"))
    assert found.model_call is not None
    assert found.model_call.replies == model_call().replies
    assert (found.state_at, found.energy_kwh) == (NOON, 2.0 * THIRD)
    assert (found.reading_measured_at, found.reading_soc, found.reading_power_kw) == (
        measured_at,
        THIRD,
        -2.5,
    )
    assert_same(found.acknowledgements, tuple(words))


async def test_the_trail_of_an_asset_without_reading_or_forecast_says_so(fleet_store: Store) -> None:
    await save_runs(fleet_store, 1)

    found = await fleet_store.trail(asset_id="asset-1", epoch=1, sequence=1)

    assert found is not None
    assert (found.forecast, found.model_call) == (None, None)
    assert (found.reading_measured_at, found.reading_soc, found.reading_power_kw) == (None, None, None)
    assert found.acknowledgements == ()


async def test_an_order_that_was_never_issued_has_no_trail(fleet_store: Store) -> None:
    await save_runs(fleet_store, 1)

    assert await fleet_store.trail(asset_id="asset-1", epoch=1, sequence=2) is None
    assert await fleet_store.trail(asset_id="stranger", epoch=1, sequence=1) is None
