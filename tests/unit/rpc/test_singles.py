"""Single readings are judged together, and never overtaken by a later message of their own node."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from tests.fakes import ManualClock, MemoryStore
from tests.integration.rpc.plant import ORIGIN, make_fleet
from vpp.adapters.rpc import limits
from vpp.adapters.rpc.gateway import Gateway
from vpp.adapters.rpc.session import admit
from vpp.rpcgen import fleet_pb2 as pb


@pytest.fixture
def telemetry():
    return Gateway(
        fleet=make_fleet(), store=MemoryStore(fleet=make_fleet()), clock=ManualClock(ORIGIN), epoch=1
    ).telemetry


def node(node_id, *asset_ids):
    fleet = make_fleet()
    return admit(fleet, fleet.slots(), node_id, pb.Hello(protocol_version=2, asset_ids=asset_ids))


def single(slot, number, soc=0.5):
    reading = pb.Reading(slot=slot, soc=soc, connected=True, reading_number=number)
    reading.measured_at.FromDatetime(ORIGIN - timedelta(milliseconds=100 - number))
    return pb.NodeMessage(reading=reading).SerializeToString()


def batch(slot, number):
    message = pb.ReadingBatch(
        slot=[slot], offset_ms=[0], soc=[0.9], power_kw=[0.0], connected=[True], reading_number=number
    )
    message.base_time.FromDatetime(ORIGIN)
    return pb.NodeMessage(reading_batch=message).SerializeToString()


async def test_readings_of_many_nodes_become_one_write(telemetry):
    home, depot = node("home", "b1", "b2"), node("depot", "b3")
    for number in (1, 2):
        telemetry.hear(home, single(0, number))
        telemetry.hear(depot, single(2, number))
    assert telemetry.counters.readings == 0
    await asyncio.sleep(3 * limits.SINGLES_PERIOD_S)
    assert telemetry.counters.readings == 4
    assert len(telemetry.reading_writer._waiting) == 1
    await telemetry.reading_writer.flush()
    assert home.outbox._stored_number == depot.outbox._stored_number == 2


async def test_a_batch_does_not_overtake_a_single_reading_of_its_node(telemetry):
    home = node("home", "b1", "b2")
    telemetry.hear(home, single(0, 1))
    telemetry.hear(home, batch(1, 2))
    numbers = [owner[2] for item in telemetry.reading_writer._waiting for owner in item.owners]
    assert numbers == [1, 2]


async def test_so_many_are_judged_at_once(telemetry, monkeypatch):
    monkeypatch.setattr(limits, "MAX_WAITING_SINGLES", 3)
    home = node("home", "b1", "b2")
    for number in (1, 2, 3):
        telemetry.hear(home, single(0, number))
    assert telemetry.counters.readings == 3


async def test_what_is_wrong_is_told_to_the_node_that_said_it(telemetry):
    home, depot = node("home", "b1", "b2"), node("depot", "b3")
    telemetry.hear(home, single(0, 1))
    telemetry.hear(depot, single(2, 1, soc=1.5))
    telemetry.hear(depot, single(0, 2))
    telemetry.flush_singles()
    refused = [message.refusal.field for message in await depot.outbox.take()]
    assert refused == ["slot", "b3.soc"]
    assert not home.outbox.busy
