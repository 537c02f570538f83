"""Plans and forecasts of fleets that do not fit one message, over real gRPC."""

from __future__ import annotations

import itertools
from datetime import timedelta

import numpy as np
import pytest

from tests.integration.client.test_client import asking, in_thread, plant  # noqa: F401
from tests.integration.rpc.conftest import certificates  # noqa: F401
from tests.unit.rpc.runs import AT, make_run
from vpp.adapters.rpc import limits
from vpp.adapters.rpc.plan_pages import SeenRows, forecast_page, plan_page
from vpp.client import InvalidRequestError, calls
from vpp.domain.assets import Feeder
from vpp.domain.forecasts import ForecastSource, LoadForecast, ReplyVerdict
from vpp.domain.intervals import IntervalGrid
from vpp.domain.runs import DispatchPlan
from vpp.rpcgen import operator_pb2 as pb

GRID = IntervalGrid(start=AT, length=timedelta(minutes=15), count=96)


def large_plan(assets=10_000, feeders=2) -> DispatchPlan:
    values = np.random.default_rng(3).normal(size=(assets, GRID.count)).astype(np.float32).astype(np.float64)
    return DispatchPlan(
        run_id="run-large",
        grid=GRID,
        asset_ids=tuple(f"a-{number:05}" for number in range(assets)),
        power_kw=values,
        energy_end_kwh=values[::-1],
        net_load_kw=np.ones((feeders, GRID.count)),
        certificate={"bound": 1.0},
    )


def large_forecast(number: int, feeders: int) -> LoadForecast:
    series = np.full((feeders, GRID.count), 1.5)
    return LoadForecast(
        forecast_id=f"forecast-{number}",
        feeder_ids=tuple(f"f{row}" for row in range(feeders)),
        grid=GRID,
        available_at=AT,
        consumption_p10_kw=series,
        consumption_p50_kw=series,
        consumption_p90_kw=series,
        pv_kw=series,
        source=ForecastSource.BASELINE,
        verdict=ReplyVerdict.NOT_ASKED,
        reason="",
        model_call_id=None,
    )


async def test_a_plan_of_ten_thousand_assets_comes_whole_to_both_clients(plant):  # noqa: F811
    made = large_plan(feeders=len(plant.fleet.feeders))
    await plant.store.save_run(make_run("run-large"), plan=made, state=None, setpoints=None)
    blocking = await in_thread(plant, lambda client: client.plan("run-large"))
    async with asking(plant) as client:
        assert await client.plan("run-large") == blocking
        page = await client.page(calls.runs.plan("run-large"), page_size=5)
    assert [row.asset_id for row in blocking.schedules] == list(made.asset_ids)
    assert np.array_equal(np.array([row.power_kw for row in blocking.schedules]), made.power_kw)
    assert [row.feeder_id for row in blocking.feeders] == ["f1", "f2"]
    assert (blocking.certificate_json, blocking.next_page_token) == ('{"bound": 1.0}', "")
    assert (len(page.feeders), len(page.schedules), page.next_page_token) == (2, 3, "5")
    with pytest.raises(InvalidRequestError, match="page_token"):
        await in_thread(plant, lambda client: client.page(calls.runs.plan("run-large"), page_token="10002"))


def test_every_page_of_a_plan_fits_a_message_and_none_is_small():
    made, token, sizes = large_plan(feeders=3_000), "", []
    feeders = [Feeder(feeder_id=f"f{row}", import_limit_kw=1.0, export_limit_kw=1.0) for row in range(3_000)]
    whole = pb.GetPlanResponse()
    for _ in itertools.count():
        page = plan_page(
            made, feeders, seen=SeenRows.all_of(made), page_size=limits.MAX_PAGE_SCHEDULES, page_token=token
        )
        sizes.append(page.ByteSize())
        whole.MergeFrom(page)
        token = page.next_page_token
        if not token:
            break
    assert max(sizes) < limits.MAX_MESSAGE_BYTES
    assert min(sizes[:-1]) > limits.MAX_MESSAGE_BYTES // 2
    assert (len(whole.feeders), len(whole.schedules)) == (3_000, 10_000)


class Shelf:
    """Forecasts in pages; the token is the place of the next."""

    def __init__(self, forecasts):
        self._forecasts = forecasts

    async def list_forecasts(self, *, page_size, page_token):
        from vpp.ports import Page  # noqa: PLC0415

        first = int(page_token or 0)
        items = tuple(self._forecasts[first : first + page_size])
        end = first + len(items)
        return Page(items=items, next_token=str(end) if end < len(self._forecasts) else "")


async def test_forecasts_of_many_feeders_come_in_pages_that_fit():
    shelf, token, found = Shelf([large_forecast(number, 500) for number in range(12)]), "", []
    while True:
        page = await forecast_page(shelf, page_size=200, page_token=token, seen=lambda _: True)
        assert page.ByteSize() < limits.MAX_MESSAGE_BYTES
        found += [(item.forecast_id, len(item.feeders)) for item in page.forecasts]
        token = page.next_page_token
        if not token:
            break
    assert found == [(f"forecast-{number}", 500) for number in range(12)]


async def test_a_forecast_that_does_not_fit_says_what_is_left_out_and_gives_it_by_feeder():
    shelf = Shelf([large_forecast(0, 4_000)])
    whole = await forecast_page(shelf, page_size=1, page_token="", seen=lambda _: True)
    (cut,) = whole.forecasts
    assert whole.ByteSize() < limits.MAX_MESSAGE_BYTES
    assert cut.feeders_left_out == 4_000 - len(cut.feeders) > 0
    one = await forecast_page(shelf, page_size=1, page_token="", seen=lambda name: name == "f3999")
    assert [row.feeder_id for row in one.forecasts[0].feeders] == ["f3999"]
    assert one.forecasts[0].feeders_left_out == 0
