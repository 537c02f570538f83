"""Nodes and the gateway over mutual TLS: greeting, readings, orders."""

from __future__ import annotations

from tests.integration.rpc.plant import eventually, running_plant
from vpp.node.fleet import running


async def test_readings_become_durable_and_orders_reach_the_devices(certificates):
    async with running_plant(certificates) as plant:
        home, depot = plant.agent("home", ["b1", "b2"]), plant.agent("depot", ["b3"])
        async with running(home, depot):
            await eventually(lambda: len(plant.gateway.connected_slots()) == 3)
            report = await plant.gateway.send(plant.orders({0: 2.0, 1: -3.0, 2: 1.0}))
            await eventually(lambda: home.control.applied_kw("b1") == 2.0)
            await eventually(lambda: depot.control.applied_kw("b3") == 1.0)
            await eventually(lambda: len(plant.store.readings_of(0)) >= 2)
            await eventually(lambda: len(home.buffer) == 0)
            await eventually(lambda: len(plant.store.acknowledgements) >= 6)

        assert report.sent == 3
        assert report.unreachable_slots == ()
        assert home.control.applied_kw("b2") == -3.0
        assert home.counters.rejected_orders == 0
        states = {item.state for item in plant.store.acknowledgements}
        assert states == {"received", "started"}
