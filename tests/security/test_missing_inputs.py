"""Inputs that are missing or absurd cost a plan, never the record of it nor the cycles after it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.fakes import ManualClock, MemoryStore
from tests.fakes_reasoning import GRID, NOW, make_forecaster
from tests.integration.rpc.plant import make_fleet
from tests.security.test_renewals import make_loop
from tests.unit.control.fleets import QUARTER
from vpp.domain.runs import Rung
from vpp.service.forecast_job import ForecastJob


@pytest.mark.parametrize("price", [None, float("nan"), 1e308, float("inf")])
async def test_without_a_usable_price_a_run_says_so_and_the_next_one_goes_on(price):
    loop, _, link, store = await make_loop()
    good = store.prices
    store.prices = [] if price is None else [replace(one, import_price_per_kwh=price) for one in good]
    run = await loop.run_cycle("schedule")
    assert (run.rung, run.reason) == (
        Rung.NOTHING,
        "no usable price is published for this time or the days before",
    )
    assert not link.sent
    assert await store.get_run(run.run_id) == run

    store.prices = good
    assert (await loop.run_cycle("schedule")).rung is Rung.GREEDY


async def test_one_absurd_price_is_passed_over():
    loop, _, link, store = await make_loop()
    store.prices[3] = replace(store.prices[3], export_price_per_kwh=-1e308)
    assert (await loop.run_cycle("schedule")).rung is Rung.GREEDY
    assert len(link.sent) == 1


async def test_a_forecast_that_could_not_be_stored_is_due_again_at_the_next_check():
    store, clock = MemoryStore(fleet=make_fleet()), ManualClock(NOW)
    job = ForecastJob(
        forecaster=make_forecaster(None),
        store=store,
        clock=clock,
        interval=QUARTER,
        history=timedelta(days=7),
        horizon_intervals=GRID.count,
        issue_period=timedelta(hours=3),
    )
    store.broken = True
    with pytest.raises(ConnectionError):
        await job.check()
    store.broken = False
    clock.advance(900)
    await job.check()
    assert len(store.forecasts) == 1
    clock.advance(900)
    await job.check()
    assert len(store.forecasts) == 1, "and it is not issued at every check"
