"""The wire on a real database: what nodes say, good and bad, becomes rows."""

from __future__ import annotations

import math

import pytest

from tests.integration.rpc.plant import eventually, make_fleet, raw_session, read_kind, running_plant
from tests.integration.rpc.test_readings import batch, reading, stay
from vpp.adapters.storage import open_store
from vpp.rpcgen import fleet_pb2 as pb


@pytest.fixture
def backend():
    return "sqlite"


async def test_all_that_a_node_says_is_stored_and_told_to_be(certificates, database_url):
    async with running_plant(certificates) as plant:
        await plant.server.stop(0.0)
        store = open_store(database_url, clock_now=plant.clock.now)
        await store.save_fleet(make_fleet())
        plant.epoch = await store.next_epoch()
        plant.store = store
        await plant.start()
        async with raw_session(plant) as (stream, welcome):
            assert welcome.epoch == plant.epoch
            await stream.write(reading(plant, soc=0.25, number=1))
            await stream.write(
                batch(plant, [(0, math.nan, math.inf, 0.0), (1, 0.75, -1.0, 0.0), (1, 1.5, 0.0, 9_999.0)], 2)
            )
            await stream.write(pb.NodeMessage(charging_sessions=pb.ChargingSessions(sessions=[stay(plant)])))
            while (await read_kind(stream, "readings_stored")).reading_number < 2:
                pass
            await eventually(lambda: plant.gateway.telemetry.stay_writer.waiting_rows == 0)
        assert plant.gateway.telemetry.reading_queue.writer.refused_rows == 0
        latest = await store.latest_readings()
        await plant.server.stop(0.0)

        # A service that starts again knows what was last measured before any node is back.
        await plant.start()
        assert plant.gateway.latest_readings().soc.tolist() == [0.25, 0.75]
        await plant.server.stop(0.0)
        await store.close()
    assert sorted(zip(latest.slot.tolist(), latest.soc.tolist(), strict=True)) == [(0, 0.25), (1, 0.75)]
