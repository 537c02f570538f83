"""Versions of the protocol, resuming, stops that hold, limits of a stream, a goodbye."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta

import numpy as np
import pytest

from tests.integration.rpc.plant import Plant, channel, end_of, eventually, read_kind, running_plant
from vpp.adapters.rpc import limits
from vpp.node.fleet import running
from vpp.node.orders import LeaseState
from vpp.rpcgen import fleet_pb2 as pb

# What a node of protocol 1 said, byte for byte: Hello, a reading, a batch, that order 1 is followed.
_COLUMNS = "22080000003f0000003f2a080000803f0000803f320201013803"
OLD_NODE = [
    bytes.fromhex(message)
    for message in (
        "0a14080112026231120262321a087670702d6e6f6465",
        "121e12060881e691f60519000000000000e03f21000000000000f83f28013001",
        "1a360a08000000000100000012060882e691f6051a080000000000000000" + _COLUMNS,
        "221c080112060882e691f60518022a040000000032080100000000000000",
    )
]


@contextlib.asynccontextmanager
async def session_of(plant, hello, name="node-home"):
    """Open a stream by hand, in bytes going out; yields (stream, first answer)."""
    async with channel(plant, name) as opened:
        call = opened.stream_stream(
            "/vpp.v1.FleetService/Session", response_deserializer=pb.ServerMessage.FromString
        )
        stream = call()
        await stream.write(hello if isinstance(hello, bytes) else hello.SerializeToString())
        try:
            yield stream
        finally:
            stream.cancel()


def hello_of(**fields):
    return pb.NodeMessage(hello=pb.Hello(asset_ids=["b1", "b2"], **({"protocol_version": 2} | fields)))


def reading_of(plant, number):
    message = pb.Reading(slot=0, soc=0.5, power_kw=1.0, connected=True, reading_number=number)
    message.measured_at.FromDatetime(plant.clock.now() - timedelta(milliseconds=number))
    return pb.NodeMessage(reading=message).SerializeToString()


async def test_an_old_node_keeps_working(certificates):
    async with running_plant(certificates) as plant, session_of(plant, OLD_NODE[0]) as stream:
        welcome = await read_kind(stream, "welcome")
        assert welcome.protocol_version == 1
        for message in OLD_NODE[1:]:
            await stream.write(message)
        assert (await read_kind(stream, "readings_stored")).reading_number in {1, 3}
        await plant.gateway.send(plant.orders({0: 2.0}))
        assert list((await read_kind(stream, "setpoints")).power_kw) == [2.0]
        await plant.gateway.stop(None, "test", until_released=True)
        await read_kind(stream, "stop")
        await plant.gateway.release(None, "test")
        plant.clock.origin += timedelta(seconds=60)
        await plant.gateway.send(plant.orders({0: 1.0}, sequence=2))
        assert list((await read_kind(stream, "setpoints")).power_kw) == [1.0], "and no Release before it"
        await eventually(lambda: len(plant.store.readings) == 3)
        await eventually(lambda: len(plant.store.acknowledgements) == 1)


@pytest.mark.parametrize(
    ("lowest", "highest", "agreed"), [(0, 1, 1), (0, 2, 2), (1, 9, 2), (2, 2, 2), (3, 9, None), (0, 0, None)]
)
async def test_the_highest_version_that_both_speak_is_used(certificates, lowest, highest, agreed):
    hello = hello_of(protocol_version=highest, min_protocol_version=lowest)
    async with running_plant(certificates) as plant, session_of(plant, hello) as stream:
        if agreed is None:
            code, words = await end_of(stream)
            assert code == "INVALID_ARGUMENT"
            assert "1 to 2" in words
        else:
            assert (await read_kind(stream, "welcome")).protocol_version == agreed


async def test_a_node_resumes_after_what_is_durable(certificates):
    async with running_plant(certificates) as plant:
        async with session_of(plant, hello_of(buffer_id="a1", resume_from=1)) as stream:
            assert (await read_kind(stream, "welcome")).stored_reading_number == 0
            for number in (1, 2, 3):
                await stream.write(reading_of(plant, number))
            await eventually(lambda: len(plant.store.readings) == 3)
        for buffer_id, stored in (("a1", 3), ("b2", 0), ("", 0)):
            async with session_of(plant, hello_of(buffer_id=buffer_id)) as stream:
                assert (await read_kind(stream, "welcome")).stored_reading_number == stored


async def test_what_an_ended_session_had_sent_is_told_to_the_next_one_when_it_is_durable(certificates):
    async with running_plant(certificates) as plant:
        plant.store.broken = True
        async with session_of(plant, hello_of(buffer_id="a1")) as stream:
            await read_kind(stream, "welcome")
            await stream.write(reading_of(plant, 1))
            await eventually(lambda: plant.gateway.telemetry.counters.readings == 1)
        async with session_of(plant, hello_of(buffer_id="a1")) as stream:
            assert (await read_kind(stream, "welcome")).stored_reading_number == 0
            plant.store.broken = False
            assert (await read_kind(stream, "readings_stored")).reading_number == 1


async def test_a_buffer_id_is_an_identifier(certificates):
    hello = hello_of(buffer_id="no spaces")
    async with running_plant(certificates) as plant, session_of(plant, hello) as stream:
        assert "buffer_id" in (await end_of(stream))[1]


async def test_a_stop_holds_on_both_sides_until_the_release(certificates):
    async with running_plant(certificates) as plant:
        agent = plant.agent("home", ["b1", "b2"])
        async with running(agent):
            await eventually(agent.connected.is_set)
            await plant.gateway.send(plant.orders({0: 2.0, 1: 1.0}))
            await eventually(lambda: agent.control.applied_kw("b1") == 2.0)
            await plant.gateway.stop(np.array([0]), "maintenance", until_released=True)
            await eventually(lambda: agent.control.applied_kw("b1") == 0.0)
            # The node's word ends what the plan counts; no later order leaves the service.
            await eventually(lambda: not plant.gateway.book.table.power_at(plant.clock.now())[0][0])
            plant.clock.origin += timedelta(seconds=60)
            report = await plant.gateway.send(plant.orders({0: 3.0, 1: 3.0}, sequence=2))
            assert report.held_back_slots == (0,)
            assert report.sent == 1
            # One that comes back is told again, and then released.
            plant.gateway.sessions.of_node("home").close("test")
            await eventually(lambda: agent.counters.sessions == 2)
            assert agent.leases._leases["b1"].until_released
            await plant.gateway.release(np.array([0]), "done")
            await eventually(lambda: not agent.leases._leases["b1"].until_released)
            plant.clock.origin += timedelta(seconds=60)
            await plant.gateway.send(plant.orders({0: 4.0}, sequence=3))
            await eventually(
                lambda: plant.store.acknowledgements[-1].state == LeaseState.STARTED.name.lower()
            )


async def test_a_node_that_says_too_much_is_read_more_slowly_and_loses_nothing(certificates, monkeypatch):
    monkeypatch.setattr(limits, "MESSAGE_BURST", 5.0)
    monkeypatch.setattr(limits, "MESSAGES_PER_S", 100.0)
    async with running_plant(certificates) as plant, session_of(plant, hello_of()) as stream:
        await read_kind(stream, "welcome")
        plant.gateway.sessions.of_node("home").budget.left = 5.0
        for number in range(1, 31):
            await stream.write(reading_of(plant, number))
        await eventually(lambda: len(plant.store.readings) == 30)
        assert plant.gateway.counters.throttled_messages > 0


async def test_a_certificate_has_only_so_many_streams_without_a_hello(certificates, monkeypatch):
    monkeypatch.setattr(limits, "MAX_UNGREETED_PER_NODE", 2)
    async with running_plant(certificates) as plant, channel(plant, "node-home") as opened:
        call = opened.stream_stream("/vpp.v1.FleetService/Session")
        streams = [call() for _ in range(3)]
        ends = [asyncio.create_task(stream.code()) for stream in streams]
        done, waiting = await asyncio.wait(ends, timeout=5, return_when=asyncio.FIRST_COMPLETED)
        assert [task.result().name for task in done] == ["RESOURCE_EXHAUSTED"]
        assert len(waiting) == 2
        for stream in streams:
            stream.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


async def test_a_message_has_a_largest_size(certificates):
    async with running_plant(certificates) as plant, session_of(plant, hello_of()) as stream:
        await read_kind(stream, "welcome")
        await stream.write(b"\x00" * (limits.MAX_MESSAGE_BYTES + 1))
        assert (await end_of(stream))[0] in {"RESOURCE_EXHAUSTED", "CANCELLED"}


async def test_a_node_that_falls_silent_is_let_go(certificates, monkeypatch):
    monkeypatch.setattr(limits, "SHORTEST_SILENCE_S", 0.2)
    async with (
        running_plant(certificates, ping_period_s=5.0) as plant,
        session_of(plant, hello_of()) as stream,
    ):
        assert "nothing was heard" in (await end_of(stream))[1]
        assert plant.gateway.counters.sessions_silent == 1


async def test_a_service_that_stops_says_goodbye_after_its_last_words(certificates):
    plant = Plant(certificates, write_period_s=60.0)
    await plant.start()
    async with session_of(plant, hello_of()) as stream:
        await read_kind(stream, "welcome")
        await stream.write(reading_of(plant, 1))
        await eventually(lambda: plant.gateway.telemetry.counters.readings == 1)
        stopping = asyncio.create_task(plant.server.stop(1.0))
        assert (await read_kind(stream, "readings_stored")).reading_number == 1
        assert (await read_kind(stream, "goodbye")).reconnect_within_s >= limits.SHORTEST_RECONNECT_S
        await stopping


async def test_an_asset_is_not_given_two_changes_within_the_change_period(certificates):
    async with running_plant(certificates, speed=1.0) as plant, session_of(plant, hello_of()) as stream:
        await read_kind(stream, "welcome")
        await plant.gateway.send(plant.orders({0: 1.0, 1: 1.0}))
        report = await plant.gateway.send(plant.orders({0: 2.0, 1: 1.0}, sequence=2))
        assert report.held_back_slots == (0,)
        assert plant.gateway.counters.orders_too_soon == 1


async def test_orders_are_not_given_again_without_end(certificates):
    async with running_plant(certificates) as plant:
        await plant.gateway.send(plant.orders({0: 1.0, 1: 1.0}))
        for _ in range(4):
            async with session_of(plant, hello_of()) as stream:
                await read_kind(stream, "welcome")
        counters = plant.gateway.counters
        assert counters.orders_given_again <= 3, "there are three assets"
        assert counters.orders_over_retry_budget > 0
