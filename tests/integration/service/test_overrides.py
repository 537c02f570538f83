"""An override outranks the plan: sent at once, planned around, kept over a restart, over at its end."""

from __future__ import annotations

from datetime import timedelta

import grpc
import pytest

from tests.integration.service.test_closed_loop import CONFIG, ask, closed_loop, load
from tests.plants import QUARTER, make_plant, until
from vpp.client import ClientError
from vpp.node.fleet import running
from vpp.rpcgen import dispatch_pb2 as pb
from vpp.service.bootstrap import running_service

BATTERY = "grid-battery"


def request(number, **values):
    said = {"request_id": f"o-{number}", "kind": pb.OVERRIDE_KIND_POWER, "reason": "work", "duration_s": 3600}
    return pb.SetOverrideRequest(**(said | {"asset_ids": [BATTERY]} | values))


async def override(plant, asked):
    return (await ask(plant, lambda client: client.set_override(asked))).override


def does(plant, power_kw, asset_id=BATTERY):
    return lambda: abs(plant.devices[asset_id].power_kw() - power_kw) < 1e-6


@pytest.mark.parametrize(
    "backend", ["sqlite"]
)  # waits for leases; what is stored, the last test sees on both
async def test_an_override_outranks_the_plan_is_planned_around_and_ends_by_itself(tmp_path, database_url):
    plant = make_plant(tmp_path, database_url)
    async with closed_loop(plant) as service:
        await service.loop.run_cycle("test")
        made = await override(plant, request(1, power_kw=-12.5, duration_s=1800))
        assert (made.author, made.assets[0].power_kw) == ("operator", -12.5)
        await until(does(plant, -12.5), what="the battery to do what the operator said")

        run = await service.loop.run_cycle("test")
        orders = await ask(plant, lambda client: list(client.setpoints(run_id=run.run_id)))
        assert BATTERY not in {order.asset_id for order in orders}
        planned = await ask(plant, lambda client: client.plan(run.run_id))
        row = next(item for item in planned.schedules if item.asset_id == BATTERY)
        assert row.power_kw[0] == pytest.approx(-12.5)
        newest = await ask(plant, lambda client: next(client.setpoints(asset_id=BATTERY, limit=1)))
        assert (newest.origin, newest.reason, newest.acknowledged != "") == ("operator", "work", True)

        # Renewed beyond one lease, and over at its end, without anybody saying so.
        ends = made.valid_until.ToDatetime(tzinfo=service.loop.clock.now().tzinfo)
        await service.loop.clock.sleep_until(ends - QUARTER / 3)
        assert does(plant, -12.5)()
        await service.loop.clock.sleep_until(ends + timedelta(minutes=1))
        await service.loop.run_cycle("test")
        assert service.loop.overrides.columns(service.loop.clock.now()) is None
        listed = await ask(plant, lambda client: list(client.overrides(include_over=True)))
        assert [item.override_id for item in listed] == ["o-1"]


async def test_what_would_break_a_limit_is_refused_and_the_same_request_is_one_override(
    tmp_path, database_url
):
    plant = make_plant(tmp_path, database_url)
    async with closed_loop(plant) as service:
        with pytest.raises(ClientError) as refused:
            await override(plant, request(1, power_kw=-60.0))
        assert refused.value.code is grpc.StatusCode.FAILED_PRECONDITION
        assert "grid-battery in interval 0: charges above its limit by 10 kW" in str(refused.value)
        assert not await ask(plant, lambda client: list(client.overrides()))
        assert service.gateway.counters.orders_sent == 0

        first = await override(plant, request(2, power_kw=3.0))
        again = await override(plant, request(2, power_kw=-3.0))
        assert first == again
        with pytest.raises(ClientError) as unknown:
            await override(plant, request(3, asset_ids=["nobody"]))
        assert unknown.value.code is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize(
    "backend", ["sqlite"]
)  # waits for leases; what is stored, the last test sees on both
async def test_a_freeze_keeps_present_orders_and_lets_no_plan_in_until_it_is_cleared(tmp_path, database_url):
    plant = make_plant(tmp_path, database_url)
    async with closed_loop(plant) as service:
        await service.loop.run_cycle("test")
        begin = service.loop.followed.run.cycle_start
        await service.loop.clock.sleep_until(begin + QUARTER / 5)
        frozen = await override(plant, request(1, asset_ids=[], kind=pb.OVERRIDE_KIND_HOLD))
        kept = {item.asset_id: item.power_kw for item in frozen.assets}
        assert any(abs(power_kw) > 0.1 for power_kw in kept.values()), "a freeze at rest would show nothing"
        assert (await service.loop.run_cycle("test")).setpoints == 0

        def goes_on():
            return all(does(plant, power_kw, asset_id)() for asset_id, power_kw in kept.items())

        await until(goes_on, what="the orders that were frozen")
        await service.loop.clock.sleep_until(begin + 1.5 * QUARTER)
        await until(goes_on, what="the orders that were frozen, an interval later")

        cleared = (await ask(plant, lambda client: client.clear_override("o-1", reason="done"))).override
        assert cleared.cleared_by == "operator"
        assert (await service.loop.run_cycle("test")).setpoints > 0


async def test_an_override_survives_a_restart(tmp_path, database_url):
    plant = make_plant(tmp_path, database_url)
    await load(plant)
    async with running(*plant.agents()):
        async with running_service(plant.settings, config_path=CONFIG) as service:
            await until(lambda: len(service.gateway.latest_readings()) == 4, what="a reading of every asset")
            await until(lambda: len(service.gateway.connected_slots()) == 4, what="a session of every node")
            await service.forecasts.issue()
            await service.loop.run_cycle("test")
            await override(plant, request(1, power_kw=-7.0, duration_s=7200))
            await until(does(plant, -7.0), what="the override")
        async with running_service(plant.settings, config_path=CONFIG) as service:
            await until(lambda: len(service.gateway.connected_slots()) == 4, what="a session of every node")
            await until(does(plant, -7.0), what="the override again")
            await until(
                lambda: service.loop.overrides.owns(service.loop.orders)[3], what="a new order for it"
            )
