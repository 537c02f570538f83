from __future__ import annotations

from dataclasses import replace

import pytest

from tests.integration.storage.samples import HOUR, NOON, assert_same, fetch, forecast, model_call
from vpp.domain.errors import InvalidValueError
from vpp.domain.forecasts import ReplyVerdict
from vpp.ports import Store, StoreError


async def test_a_forecast_and_its_model_call_come_back_bit_for_bit(store: Store) -> None:
    call, adjusted = model_call(), forecast(call_id="call-1")

    await store.save_forecast(adjusted, call)

    assert_same(await store.get_forecast("forecast-1"), adjusted)
    assert_same(await store.get_model_call("call-1"), replace(call, reason="a reason␀"))


async def test_a_forecast_without_a_model_comes_back(store: Store) -> None:
    await store.save_forecast(forecast(), None)

    assert_same(await store.get_forecast("forecast-1"), forecast())


async def test_a_forecast_that_is_not_there_is_none(store: Store) -> None:
    assert await store.get_forecast("nowhere") is None
    assert await store.get_model_call("nowhere") is None
    assert await store.newest_forecast(available_at=NOON) is None


async def test_a_cached_reply_is_shared_by_two_forecasts(store: Store, database_url: str) -> None:
    await store.save_forecast(forecast("first", call_id="call-1"), model_call())
    again = replace(forecast("second", call_id="call-1"), verdict=ReplyVerdict.CACHED)
    await store.save_forecast(again, model_call())
    await store.save_forecast(replace(again, forecast_id="third"), None)

    assert await fetch(database_url, "SELECT call_id FROM model_call") == [("call-1",)]
    assert await fetch(database_url, "SELECT count(*) FROM forecast") == [(3,)]


async def test_a_forecast_whose_call_is_missing_is_refused_with_everything(
    store: Store, database_url: str
) -> None:
    with pytest.raises(StoreError, match="refused a row"):
        await store.save_forecast(forecast(call_id="another-call"), model_call())

    assert await fetch(database_url, "SELECT call_id FROM model_call") == []


async def test_a_forecast_id_is_taken_once(store: Store) -> None:
    await store.save_forecast(forecast(), None)

    with pytest.raises(StoreError, match="Forecast forecast-1 is already stored"):
        await store.save_forecast(forecast(available_at=NOON + HOUR), None)

    assert_same(await store.get_forecast("forecast-1"), forecast())


async def test_the_newest_forecast_is_the_one_available_last_not_stored_last(store: Store) -> None:
    for name, hours in (("one", 1), ("three", 3), ("two", 2), ("another three", 3)):
        await store.save_forecast(forecast(name, available_at=NOON + hours * HOUR), None)

    async def newest(hours: float) -> str | None:
        found = await store.newest_forecast(available_at=NOON + hours * HOUR)
        return found.forecast_id if found else None

    assert [await newest(hours) for hours in (0.9, 1, 2.5, 9)] == [None, "one", "two", "another three"]


async def test_forecasts_are_listed_newest_first_and_stay_in_place(store: Store) -> None:
    for number in range(5):
        await store.save_forecast(forecast(f"f{number}"), None)

    first = await store.list_forecasts(page_size=2, page_token="")
    await store.save_forecast(forecast("f5"), None)
    second = await store.list_forecasts(page_size=2, page_token=first.next_token)
    third = await store.list_forecasts(page_size=2, page_token=second.next_token)

    pages = [[item.forecast_id for item in page.items] for page in (first, second, third)]
    assert pages == [["f4", "f3"], ["f2", "f1"], ["f0"]]
    assert third.next_token == ""


async def test_a_wrong_token_is_refused_by_name(store: Store) -> None:
    with pytest.raises(InvalidValueError) as refused:
        await store.list_forecasts(page_size=2, page_token="page two, please")

    assert refused.value.field == "page_token"
