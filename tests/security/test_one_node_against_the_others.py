"""A node that floods or lies hurts itself, not the others."""

from __future__ import annotations

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
def store():
    return MemoryStore(fleet=make_fleet())


@pytest.fixture
def telemetry(store):
    return Gateway(fleet=make_fleet(), store=store, clock=ManualClock(ORIGIN), epoch=1).telemetry


def node(node_id, *asset_ids):
    fleet = make_fleet()
    hello = pb.Hello(protocol_version=1, asset_ids=asset_ids)
    return admit(fleet, fleet.slots(), node_id, hello)


def flood(rows):
    """Return a batch with one reading after the other of the same battery."""
    batch = pb.ReadingBatch(
        slot=[0] * rows,
        offset_ms=range(rows),
        soc=[0.5] * rows,
        power_kw=[0.0] * rows,
        connected=[True] * rows,
        reading_number=rows,
    )
    batch.base_time.FromDatetime(ORIGIN - timedelta(seconds=60))
    return pb.NodeMessage(reading_batch=batch)


def stay(hour):
    one = pb.ChargingSession(slot=2, departure_energy_kwh=5.0)
    one.connected_from.FromDatetime(ORIGIN + timedelta(hours=hour))
    one.connected_until.FromDatetime(ORIGIN + timedelta(hours=hour + 1))
    return pb.NodeMessage(charging_sessions=pb.ChargingSessions(sessions=[one]))


async def test_a_flood_of_readings_leaves_the_readings_of_others_in_the_queue(store, telemetry, monkeypatch):
    monkeypatch.setattr(telemetry.reading_queue, "capacity_rows", 100_000)
    store.broken = True
    quiet = node("depot", "b3")
    reading = pb.Reading(slot=2, soc=0.4, connected=True, reading_number=1)
    reading.measured_at.FromDatetime(ORIGIN)
    telemetry.take(quiet, pb.NodeMessage(reading=reading))
    for _ in range(20):
        flooding = node("home", "b1", "b2")  # coming back as a new session does not help
        telemetry.take(flooding, flood(limits.MAX_BATCH_ROWS))
    assert telemetry.reading_queue.waiting_rows <= 1 + flooding.share_rows
    assert not quiet.lost_readings
    assert flooding.lost_readings

    store.broken = False
    assert await telemetry.reading_queue.writer.flush()
    assert store.has_reading(2, ORIGIN)
    telemetry.take(flooding := node("home", "b1", "b2"), flood(10))
    assert not flooding.lost_readings, "what is written makes room again"


async def test_a_flood_of_acknowledgements_leaves_those_of_others_in_the_queue(store, telemetry):
    store.broken = True
    depot, home = node("depot", "b3"), node("home", "b1", "b2")
    word = pb.Acknowledgement(epoch=1, state="ACKNOWLEDGEMENT_STATE_STARTED", slot=[2], sequence=[1])
    word.at.FromDatetime(ORIGIN)
    telemetry.take(depot, pb.NodeMessage(acknowledgement=word))
    forged = pb.Acknowledgement(epoch=1, state="ACKNOWLEDGEMENT_STATE_REJECTED")
    forged.at.FromDatetime(ORIGIN)
    forged.slot.extend([0] * limits.MAX_BATCH_ROWS)
    forged.sequence.extend(range(limits.MAX_BATCH_ROWS))
    for _ in range(20):
        telemetry.take(home, pb.NodeMessage(acknowledgement=forged))
    assert telemetry.acknowledgement_writer.waiting_rows == 1 + limits.MAX_WAITING_WORDS_PER_NODE
    store.broken = False
    assert await telemetry.acknowledgement_writer.flush()
    assert ("b3", 1) in {(item.asset_id, item.sequence) for item in store.acknowledgements}
    telemetry.take(home, pb.NodeMessage(acknowledgement=forged))
    assert telemetry.acknowledgement_writer.waiting_rows == limits.MAX_BATCH_ROWS


async def test_a_stay_that_was_dropped_is_taken_when_it_is_announced_again(telemetry, store, monkeypatch):
    monkeypatch.setattr(telemetry.stay_writer, "capacity_rows", 1)
    depot = node("depot", "b3")
    for message in (stay(1), stay(2), stay(1)):
        telemetry.take(depot, message)
    await telemetry.stay_writer.flush()
    telemetry.take(depot, stay(2))
    await telemetry.stay_writer.flush()
    announced = {item.connected_from for item in store.sessions}
    assert announced == {ORIGIN + timedelta(hours=1), ORIGIN + timedelta(hours=2)}


def test_stays_that_are_over_make_room_for_new_ones(monkeypatch):
    monkeypatch.setattr(limits, "MAX_STAYS_PER_ASSET", 2)
    clock = ManualClock(ORIGIN)
    telemetry = Gateway(
        fleet=make_fleet(), store=MemoryStore(fleet=make_fleet()), clock=clock, epoch=1
    ).telemetry
    depot = node("depot", "b3")
    for hour in (0, 1, 2):
        telemetry.take(depot, stay(hour))
    assert telemetry.counters.refusals == 1
    clock.advance(3_700)
    telemetry.take(depot, stay(2))
    assert telemetry.counters.refusals == 1


@pytest.mark.parametrize("consumption_kw", [1e9, 60_000.0, np.nan])
def test_a_meter_that_says_a_thousand_times_the_truth_moves_nothing(telemetry, consumption_kw):
    meter = node("meter-f1")
    message = pb.FeederReading(feeder_id="f1", consumption_kw=consumption_kw, reading_number=1)
    message.start.FromDatetime(ORIGIN - timedelta(minutes=15))
    telemetry.take(meter, pb.NodeMessage(feeder_reading=message))
    assert telemetry.counters.feeder_readings == 0
    assert telemetry.counters.refusals == 1
