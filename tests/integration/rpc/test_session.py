"""Nodes and the gateway over mutual TLS: greeting, orders, readings that survive a lost connection."""

from __future__ import annotations

import asyncio
import gc
from datetime import timedelta

import numpy as np
import pytest

from tests.integration.rpc.plant import (
    ORIGIN,
    Plant,
    channel,
    end_of,
    eventually,
    raw_session,
    read_kind,
    running_plant,
)
from vpp.adapters.rpc import limits
from vpp.adapters.rpc.fleet_service import FleetServicer
from vpp.node import limits as node_limits
from vpp.node.device import FeederMeasurement
from vpp.node.fleet import running
from vpp.node.simulated import FeederMeter
from vpp.rpcgen import fleet_pb2 as pb
from vpp.rpcgen import fleet_pb2_grpc


def states_of(plant, asset_id):
    return [str(item.state) for item in plant.store.acknowledgements if item.asset_id == asset_id]


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
        assert set(states_of(plant, "b1")) == {"received", "started"}
        await eventually(lambda: len(plant.gateway.connected_slots()) == 0)


async def test_welcome_answers_hello_with_slots_and_terms(certificates):
    async with running_plant(certificates, epoch=7) as plant, raw_session(plant) as (_, welcome):
        assert welcome.epoch == 7
        assert [(terms.asset_id, terms.slot) for terms in welcome.assets] == [("b1", 0), ("b2", 1)]
        assert welcome.assets[1].default_control == pb.DEFAULT_CONTROL_HOLD
        assert welcome.assets[0].max_charge_kw == 5.0
        assert welcome.report_period_s == plant.settings.report_period_s


REFUSED_HELLOS = {
    "foreign asset": ("node-home", ["b1", "b3"], "PERMISSION_DENIED", "not bound to the certificate"),
    "unknown asset": ("node-home", ["b9"], "INVALID_ARGUMENT", "asset_ids: got 'b9'"),
    "repeated asset": ("node-home", ["b1", "b1"], "INVALID_ARGUMENT", "every asset once"),
    "no asset": ("node-stranger", [], "PERMISSION_DENIED", "brings no asset"),
    "no asset, though it has some": ("node-home", [], "PERMISSION_DENIED", "brings no asset"),
    "too many assets": (
        "node-home",
        ["b1"] * (limits.MAX_ASSETS_PER_NODE + 1),
        "INVALID_ARGUMENT",
        "at most 10000",
    ),
}


@pytest.mark.parametrize(("name", "asset_ids", "code", "words"), REFUSED_HELLOS.values(), ids=REFUSED_HELLOS)
async def test_a_hello_must_agree_with_the_certificate_and_the_register(
    certificates, name, asset_ids, code, words
):
    async with running_plant(certificates) as plant, channel(plant, name) as opened:
        stream = fleet_pb2_grpc.FleetServiceStub(opened).Session()
        await stream.write(pb.NodeMessage(hello=pb.Hello(protocol_version=1, asset_ids=asset_ids)))
        got = await end_of(stream)
        assert got[0] == code
        assert words in got[1]
        assert len(plant.gateway.connected_slots()) == 0


@pytest.mark.parametrize(
    ("first", "words"),
    [
        (pb.NodeMessage(hello=pb.Hello(protocol_version=9, asset_ids=["b1"])), "protocol_version"),
        (pb.NodeMessage(reading=pb.Reading()), "a Hello as the first message"),
    ],
    ids=["other version", "no hello"],
)
async def test_a_session_begins_with_a_hello_of_this_version(certificates, first, words):
    async with running_plant(certificates) as plant, channel(plant, "node-home") as opened:
        stream = fleet_pb2_grpc.FleetServiceStub(opened).Session()
        await stream.write(first)
        assert words in (await end_of(stream))[1]


async def test_a_node_that_says_nothing_is_let_go(certificates, monkeypatch):
    monkeypatch.setattr(limits, "HELLO_TIMEOUT_S", 0.05)
    async with running_plant(certificates) as plant, channel(plant, "node-home") as opened:
        stream = fleet_pb2_grpc.FleetServiceStub(opened).Session()
        assert (await end_of(stream))[0] == "DEADLINE_EXCEEDED"


async def test_a_service_that_does_not_greet_is_tried_again(certificates, monkeypatch):
    monkeypatch.setattr(node_limits, "WELCOME_TIMEOUT_S", 0.05)

    async def silence(self, request_iterator, context):
        await asyncio.Event().wait()

    async with running_plant(certificates) as plant:
        await plant.server.stop(0.0)
        with monkeypatch.context() as patched:
            patched.setattr(FleetServicer, "Session", silence)
            await plant.start()
        agent = plant.agent("home", ["b1", "b2"])
        async with running(agent):
            await eventually(lambda: agent.counters.lost_sessions >= 2)
        assert agent.counters.sessions == 0


async def test_a_newer_session_of_a_node_takes_the_place_of_the_older(certificates):
    async with (
        running_plant(certificates) as plant,
        raw_session(plant) as (older, _),
        raw_session(plant) as (newer, _),
    ):
        code, words = await end_of(older)
        assert code == "UNAVAILABLE"
        assert "newer session" in words
        assert plant.gateway.counters.sessions_replaced == 1
        report = await plant.gateway.send(plant.orders({0: 1.0}))
        assert report.sent == 1
        assert list((await read_kind(newer, "setpoints")).slot) == [0]


def open_streams():
    """Return how many objects there are that hold a call of grpc, and with it its memory."""
    return sum(type(found).__name__ in {"StreamWriter", "_ServicerContext"} for found in gc.get_objects())


async def test_a_session_that_ends_leaves_nothing_to_the_garbage_collector(certificates):
    async with running_plant(certificates) as plant:
        gc.collect()
        before, enabled = open_streams(), gc.isenabled()
        gc.disable()
        try:
            async with raw_session(plant):
                assert open_streams() == before + 2
            await eventually(lambda: len(plant.gateway.sessions) == 0)
            await eventually(lambda: open_streams() <= before)
        finally:
            if enabled:
                gc.enable()


async def test_there_is_a_most_of_sessions(certificates, monkeypatch):
    monkeypatch.setattr(limits, "MAX_SESSIONS", 1)
    async with (
        running_plant(certificates) as plant,
        raw_session(plant),
        channel(plant, "node-depot") as opened,
    ):
        second = fleet_pb2_grpc.FleetServiceStub(opened).Session()
        await second.write(pb.NodeMessage(hello=pb.Hello(protocol_version=1, asset_ids=["b3"])))
        assert (await end_of(second))[0] == "RESOURCE_EXHAUSTED"


async def test_unacknowledged_readings_are_sent_again_and_nothing_is_stored_twice(certificates):
    async with running_plant(certificates) as plant:
        agent = plant.agent("home", ["b1", "b2"])
        async with running(agent):
            await eventually(lambda: len(plant.store.readings_of(0)) >= 2)
            plant.store.broken = True
            held = len(plant.store.readings)
            await eventually(lambda: len(agent.buffer) >= 4)
            # The connection breaks while nothing is durable; the gateway itself keeps what it holds.
            plant.gateway.sessions.of_node("home").close("test")
            await eventually(lambda: agent.counters.sessions == 2)
            assert len(plant.store.readings) == held
            plant.store.broken = False
            await eventually(lambda: len(agent.buffer) <= 2)
        times = [row[1] for row in plant.store.readings_of(0)]
        assert len(times) == len(set(times))
        measured = agent.buffer._last_number // 2
        assert len(times) >= measured - 1 - len(agent.buffer)


async def test_readings_for_which_there_was_no_room_are_asked_for_again(certificates, monkeypatch):
    async with running_plant(certificates) as plant:
        plant.gateway.telemetry.reading_queue.capacity_rows = 4
        agent = plant.agent("home", ["b1", "b2"])
        async with running(agent):
            await eventually(agent.connected.is_set)
            plant.store.broken = True
            await eventually(lambda: plant.gateway.telemetry.reading_queue.rows_over_capacity >= 4)
            first = agent.buffer._readings[0]
            plant.store.broken = False
            await eventually(lambda: agent.counters.sessions >= 2)
            await eventually(lambda: len(agent.buffer) <= 2)
        assert plant.store.has_reading(0, first.reading.measured_at)


async def test_a_lost_service_leaves_every_node_in_default_control(certificates):
    """Kill the server in the middle of a lease; nodes fall back, come back, and say what happened."""
    async with running_plant(certificates) as plant:
        agent = plant.agent("home", ["b1", "b2"])
        async with running(agent):
            await eventually(agent.connected.is_set)
            await plant.gateway.send(plant.orders({0: 2.0, 1: 3.0}, lifetime_s=60.0))
            await eventually(lambda: agent.control.applied_kw("b1") == 2.0)
            await plant.server.kill()
            await eventually(lambda: agent.leases.in_force("b1") is None)
            assert agent.control.applied_kw("b1") == 0.0  # ZERO
            assert agent.control.applied_kw("b2") == 3.0  # HOLD

            await plant.gateway.drain()
            plant.epoch = 2
            await plant.start()
            await eventually(lambda: len(plant.gateway.connected_slots()) == 2)
            await eventually(lambda: states_of(plant, "b1")[-1:] == ["expired"])
            assert agent.leases.epoch == 2


async def test_a_dispatcher_with_a_lower_epoch_is_not_followed(certificates):
    async with running_plant(certificates, epoch=5) as plant:
        agent = plant.agent("home", ["b1", "b2"])
        async with running(agent):
            await eventually(agent.connected.is_set)
            await plant.server.stop(0.0)
            plant.epoch = 4
            await plant.start()
            await eventually(lambda: agent.counters.lost_sessions >= 3)
            assert not agent.connected.is_set()
            assert agent.counters.sessions == 1
            assert agent.leases.epoch == 5


async def test_a_node_that_was_away_is_given_what_holds_and_told_of_stops(certificates):
    async with running_plant(certificates) as plant:
        report = await plant.gateway.send(plant.orders({0: 1.0, 1: 1.5}))
        assert report.unreachable_slots == (0, 1)
        in_force_kw, _ = plant.gateway.book.shown(plant.clock.now())
        assert np.isnan(in_force_kw).all()
        await plant.gateway.send(plant.orders({0: 2.0}, sequence=2, start_s=300.0))
        await plant.gateway.stop(np.array([1]), "maintenance")
        async with raw_session(plant) as (stream, _):
            stop = await read_kind(stream, "stop")
            now, later = await read_kind(stream, "setpoints"), await read_kind(stream, "setpoints")
        in_force_kw, _ = plant.gateway.book.shown(plant.clock.now())
        assert in_force_kw[0] == 1.0
        assert list(stop.slot) == [1]
        assert (list(now.slot), list(now.sequence)) == ([0], [1])
        assert (list(later.slot), list(later.sequence)) == ([0], [2])


async def test_stop_and_renewal_reach_the_node(certificates):
    async with running_plant(certificates) as plant:
        agent = plant.agent("home", ["b1", "b2"])
        async with running(agent):
            await eventually(agent.connected.is_set)
            await plant.gateway.send(plant.orders({0: 2.0, 1: 3.0}, lifetime_s=300.0))
            await eventually(lambda: agent.control.applied_kw("b2") == 3.0)
            end_s = agent.leases.lease_end_s("b1")
            await plant.gateway.renew(np.array([0]), np.array([1]), timedelta(seconds=900))
            await eventually(lambda: agent.leases.lease_end_s("b1") > end_s + 500.0)
            report = await plant.gateway.stop(None, "test")
            assert report.unreachable_slots == (2,)
            await eventually(lambda: agent.control.applied_kw("b1") == 0.0)
            await eventually(lambda: states_of(plant, "b1")[-1:] == ["cancelled"])
            again = await plant.gateway.send(plant.orders({0: 2.0}, sequence=1))
            assert again.sent == 1
            await eventually(lambda: states_of(plant, "b1")[-1:] == ["rejected"])
            assert agent.control.applied_kw("b1") == 0.0


async def test_a_present_order_does_not_run_out_while_the_next_one_is_renewed(certificates):
    async with running_plant(certificates) as plant:
        agent = plant.agent("home", ["b1", "b2"])
        async with running(agent):
            await eventually(agent.connected.is_set)
            await plant.gateway.send(plant.orders({0: 2.0}, sequence=1, lifetime_s=100.0))
            await plant.gateway.send(plant.orders({0: 1.0}, sequence=2, start_s=200.0))
            await eventually(lambda: agent.control.applied_kw("b1") == 2.0)
            end_s = agent.leases.lease_end_s("b1")
            await plant.gateway.renew(np.array([0]), np.array([1]), timedelta(seconds=300))
            await eventually(lambda: agent.leases.lease_end_s("b1") > end_s)
            await eventually(lambda: agent.control.applied_kw("b1") == 1.0)
        assert "expired" not in states_of(plant, "b1")


async def test_a_meter_reports_its_feeder_and_no_other(certificates):
    rows = [
        FeederMeasurement(start=ORIGIN + timedelta(minutes=n), consumption_kw=5.0 + n, pv_kw=1.0)
        for n in range(3)
    ]
    async with running_plant(certificates) as plant:
        meter = plant.agent("meter-f1", [])
        meter._meter = FeederMeter("f1", rows, interval=timedelta(minutes=1))
        async with running(meter):
            await eventually(lambda: len(plant.store.feeder_readings) == 3)
            await eventually(lambda: len(meter.buffer) == 0)
        async with raw_session(plant, "node-meter-f1", []) as (stream, _):
            foreign = pb.FeederReading(feeder_id="f2", consumption_kw=1.0)
            foreign.start.FromDatetime(ORIGIN)
            await stream.write(pb.NodeMessage(feeder_reading=foreign))
            refusal = await read_kind(stream, "refusal")
            assert (refusal.field, refusal.value) == ("feeder_id", "f2")
        assert {feeder_id for feeder_id, _ in plant.store.feeder_readings} == {"f1"}


async def test_pings_are_answered_and_keep_the_time(certificates):
    async with running_plant(certificates, ping_period_s=5.0) as plant, raw_session(plant) as (stream, _):
        ping = await read_kind(stream, "ping")
        assert ping.sent_at.ToDatetime(tzinfo=ORIGIN.tzinfo) > ORIGIN
        await stream.write(pb.NodeMessage(pong=pb.Pong(ping_sent_at=ping.sent_at)))
        await read_kind(stream, "ping")


async def test_a_slow_consumer_keeps_its_newest_order_and_every_stop(certificates):
    async with running_plant(certificates) as plant, raw_session(plant) as (stream, _):
        reason = "x" * limits.MAX_TEXT_LENGTH
        sent = 3_000
        for sequence in range(1, sent + 1):
            orders = plant.orders({0: 1.0, 1: 1.0}, sequence=sequence)
            await plant.gateway.send(orders)
            if sequence == sent // 2:
                await plant.gateway.stop(np.array([0]), reason)
            if sequence % 100 == 0:
                await asyncio.sleep(0)
        assert plant.gateway.counters.slow_consumer_drops > 0
        got, stops = [], 0
        while not got or got[-1] < sent:
            message = await stream.read()
            stops += message.HasField("stop")
            if message.HasField("setpoints"):
                got.append(message.setpoints.sequence[0])
        assert stops == 1
        assert got == sorted(got)
        assert len(got) < sent


async def test_nothing_of_a_server_runs_on_when_it_has_stopped(certificates):
    async with running_plant(certificates) as plant:
        tasks = plant.server.tasks
        assert tasks
        await plant.server.stop(0.0)
        assert all(task.done() for task in tasks), "the database is closed after this"


async def test_draining_ends_sessions_in_words_and_writes_what_waits(certificates):
    plant = Plant(certificates, write_period_s=60.0)
    await plant.start()
    async with raw_session(plant) as (stream, _):
        reading = pb.Reading(slot=0, soc=0.5, power_kw=1.0, connected=True, reading_number=1)
        reading.measured_at.FromDatetime(plant.clock.now())
        await stream.write(pb.NodeMessage(reading=reading))
        await eventually(lambda: plant.gateway.telemetry.counters.readings == 1)
        assert plant.store.readings == {}
        await plant.server.stop(1.0)
        assert len(plant.store.readings) == 1
        code, words = await end_of(stream)
        assert code == "UNAVAILABLE"
        assert "stopping" in words
