"""A signal by an operator, through a real service, to the power of real nodes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.integration.service.test_closed_loop import ask, closed_loop
from tests.plants import QUARTER, make_plant
from vpp.adapters.rpc.dispatch_messages import timestamp
from vpp.rpcgen import signals_pb2 as pb


def event(start, hours=1.0, target_kw=5.0):
    """A request for 5 kW out of the fleet."""
    return pb.SignalDraft(
        signal_id="evening",
        valid_from=timestamp(start),
        valid_until=timestamp(start + timedelta(hours=hours)),
        event=pb.DispatchEvent(direction=pb.DIRECTION_UP, target_kw=target_kw, payment_per_kwh=3.0),
    )


def rest(start, asset_id):
    return pb.SignalDraft(
        signal_id="work",
        valid_from=timestamp(start),
        valid_until=timestamp(start + timedelta(hours=12)),  # beyond the horizon, however late the run
        maintenance=pb.MaintenanceWindow(asset_ids=[asset_id]),
    )


async def test_an_event_of_5_kw_is_announced_and_the_fleet_delivers_it(tmp_path, database_url):
    # Slow enough that a delay of the machine is not taken for a node whose clock is wrong.
    plant = make_plant(tmp_path, database_url, speed=40.0)
    async with closed_loop(plant) as service:
        before = await service.loop.run_cycle("before")
        drafts = [event(before.cycle_start), rest(before.cycle_start, "battery-1")]
        stored = await ask(plant, lambda client: client.put_signals("announce", drafts).signals)
        assert [one.author for one in stored] == ["operator", "operator"]

        run = await service.loop.run_cycle("event")

        plan = await ask(plant, lambda client: client.plan(run.run_id))
        powers = {row.asset_id: list(row.power_kw) for row in plan.schedules}
        in_event = range((before.cycle_start + timedelta(hours=1) - run.cycle_start) // QUARTER)
        assert len(in_event) >= 3
        for interval in in_event:
            assert sum(series[interval] for series in powers.values()) >= 5.0 - 1e-4
        assert set(powers["battery-1"]) == {0.0}
        orders = await ask(plant, lambda client: list(client.setpoints(run_id=run.run_id)))
        assert sum(order.power_kw for order in orders) >= 5.0 - 1e-6

        await service.loop.clock.sleep_until(run.cycle_start + QUARTER / 5)
        delivered_kw = sum(device.power_kw() for device in plant.devices.values())
        assert delivered_kw == pytest.approx(sum(order.power_kw for order in orders), abs=1e-6)
        held = (await service.loop.store.last_plan()).limits
        assert held.signal_ids == ("evening", "work")

        known = await ask(plant, lambda client: list(client.signals(as_of=before.finished_at)))
        assert list(known) == []
