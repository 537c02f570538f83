"""Readings of many nodes are judged together, and never overtaken by a later message of their own node."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import numpy as np
import pytest

from tests.fakes import ManualClock, MemoryStore
from tests.integration.rpc.plant import ORIGIN, make_fleet
from vpp.adapters.rpc import limits
from vpp.adapters.rpc.gateway import Gateway
from vpp.adapters.rpc.session import admit
from vpp.rpcgen import fleet_pb2 as pb


@pytest.fixture
def telemetry():
    return make_telemetry()


def make_telemetry():
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
    await asyncio.sleep(3 * limits.GATHERING_PERIOD_S)
    assert telemetry.counters.readings == 4
    assert len(telemetry.reading_queue.writer._waiting) == 1
    await telemetry.reading_queue.writer.flush()
    assert home.outbox._stored_number == depot.outbox._stored_number == 2


async def test_a_batch_does_not_overtake_a_single_reading_of_its_node(telemetry):
    home = node("home", "b1", "b2")
    telemetry.hear(home, single(0, 1))
    telemetry.hear(home, batch(1, 2))
    telemetry.flush_gathered()
    numbers = [owner[2] for item in telemetry.reading_queue.writer._waiting for owner in item.owners]
    assert numbers == [1, 2]


async def test_so_many_are_judged_at_once(telemetry, monkeypatch):
    monkeypatch.setattr(limits, "MAX_GATHERED_READINGS", 3)
    home = node("home", "b1", "b2")
    for number in (1, 2, 3):
        telemetry.hear(home, single(0, number))
    assert telemetry.counters.readings == 3


async def test_what_is_wrong_is_told_to_the_node_that_said_it(telemetry):
    home, depot = node("home", "b1", "b2"), node("depot", "b3")
    telemetry.hear(home, single(0, 1))
    telemetry.hear(depot, single(2, 1, soc=1.5))
    telemetry.hear(depot, single(0, 2))
    telemetry.flush_gathered()
    refused = [pb.ServerMessage.FromString(raw).refusal.field for raw in depot.outbox.take()]
    assert refused == ["b3.soc", "slot"]
    assert not home.outbox.busy


async def test_batches_judged_together_come_out_as_each_alone():
    """Random batches of two nodes, some rows wrong or late: the same live state, flags and refusals."""
    rng = np.random.default_rng(7)
    outcomes = []
    for together in (True, False):
        rng = np.random.default_rng(7)
        telemetry = make_telemetry()
        home, depot = node("home", "b1", "b2"), node("depot", "b3")
        for number in range(1, 41):
            for session, slots in ((home, [0, 1]), (depot, [2])):
                if rng.random() < 0.7:
                    telemetry.hear(session, random_batch(rng, slots, number))
                if not together:
                    telemetry.flush_gathered()
        telemetry.flush_gathered()
        live = telemetry._live
        refused = [
            [str(pb.ServerMessage.FromString(raw).refusal) for raw in session.outbox.take()]
            for session in (home, depot)
        ]
        columns = (live.soc, live.power_kw, live.measured_at_us, live.quality, live.quarantined)
        outcomes.append(([column.tolist() for column in columns], refused, telemetry.counters.readings))
    assert outcomes[0] == outcomes[1]
    assert any(outcomes[0][1])


def random_batch(rng, slots, number):
    count = len(slots)
    wrong = rng.random(count) < 0.1
    message = pb.ReadingBatch(
        slot=slots,
        offset_ms=[0] * count,
        soc=np.where(wrong, 1.5, rng.random(count)).tolist(),
        power_kw=rng.normal(size=count).tolist(),
        connected=[True] * count,
        reading_number=number,
    )
    late = timedelta(minutes=int(rng.integers(0, 3)))
    message.base_time.FromDatetime(ORIGIN - timedelta(seconds=60 - number) - late)
    return pb.NodeMessage(reading_batch=message).SerializeToString()


async def test_a_node_over_its_share_loses_its_own_readings_only(monkeypatch):
    monkeypatch.setattr(limits, "MAX_WAITING_READINGS_PER_NODE", 0)
    monkeypatch.setattr(limits, "MAX_WAITING_READINGS_PER_ASSET", 1)
    telemetry = make_telemetry()
    home, depot = node("home", "b1", "b2"), node("depot", "b3")
    for number in (1, 2, 3):
        telemetry.hear(home, batch(1, number))
    telemetry.hear(depot, batch(2, 1))
    telemetry.flush_gathered()
    assert home.lost_readings
    assert not depot.lost_readings
    assert telemetry.reading_queue.rows_over_share == 1
    assert telemetry.reading_queue.waiting_rows == 3
