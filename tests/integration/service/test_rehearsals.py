"""Dry runs and what-ifs: stored, compared, never sent, and out of the way of live cycles."""

from __future__ import annotations

import pytest

from tests.integration.service.test_closed_loop import ask, closed_loop
from tests.plants import make_plant
from vpp.client import ClientError
from vpp.domain.runs import RunKind
from vpp.rpcgen import dispatch_pb2 as pb


async def test_a_dry_run_is_stored_and_compared_and_changes_nothing(tmp_path, database_url):
    plant = make_plant(tmp_path, database_url, speed=20.0)  # a solver starts meanwhile
    async with closed_loop(plant) as service:
        await service.loop.run_cycle("test")
        sent, before, stored = (
            service.gateway.counters.orders_sent,
            service.loop.followed.plan,
            service.loop.store,
        )
        found = await ask(plant, lambda client: client.dry_run("d-1"))
        live = (await stored.list_runs(page_size=50, page_token="")).items
        run = next(item for item in live if item.kind is RunKind.DRY_RUN)
        assert (run.run_id, run.trigger, run.setpoints) == (found.run.run_id, "dry-run:d-1", 0)
        cycles = [item for item in live if item.trigger == "schedule"]
        assert service.loop.followed.plan is before or cycles, "only a live cycle changes what is in force"
        assert service.gateway.counters.orders_sent == sent or cycles
        assert (await stored.last_plan()).run_id != run.run_id
        plan = await ask(plant, lambda client: client.plan(run.run_id))
        assert len(plan.schedules) == 4
        difference = found.difference
        assert difference.cost <= difference.reference_cost + 0.05 * abs(difference.reference_cost)
        assert {item.feeder_id for item in difference.feeders} == {"a", "b"}
        assert sum(difference.bill.values()) == pytest.approx(difference.cost)

        other = await ask(
            plant, lambda client: client.what_if(pb.WhatIfRequest(request_id="w-1", load_scale=2))
        )
        assert other.difference.cost > other.difference.reference_cost
        assert other.difference.peak_kw > other.difference.reference_peak_kw

        with pytest.raises(ClientError) as refused:
            await ask(plant, lambda client: client.what_if(pb.WhatIfRequest(request_id="w", load_scale=-1)))
        assert "load_scale" in str(refused.value)


async def test_an_override_says_what_it_costs(tmp_path, database_url):
    plant = make_plant(tmp_path, database_url, speed=20.0)  # a solver starts meanwhile
    async with closed_loop(plant) as service:
        await service.loop.run_cycle("test")
        request = pb.SetOverrideRequest(
            request_id="o-1",
            asset_ids=["grid-battery"],
            kind=pb.OVERRIDE_KIND_POWER,
            power_kw=0.0,
            duration_s=4 * 3600,
            reason="inspection",
        )
        made = (await ask(plant, lambda client: client.set_override(request))).override
        assert made.HasField("cost")
        assert made.cost_least - 1e-6 <= made.cost <= made.cost_most + 1e-6
        listed = await ask(plant, lambda client: next(client.overrides()))
        assert listed.cost == made.cost
