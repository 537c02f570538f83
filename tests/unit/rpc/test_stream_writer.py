"""The only writer of a stream: one write at a time, in order, begun at once, and an end that is told."""

from __future__ import annotations

import asyncio

import grpc
import numpy as np
import pytest

from vpp.adapters.clock import WallClock
from vpp.adapters.rpc import limits
from vpp.adapters.rpc.errors import CallRefusedError
from vpp.adapters.rpc.fleet_service import FleetServicer
from vpp.adapters.rpc.gateway import Gateway
from vpp.adapters.rpc.outbox import Outbox
from vpp.adapters.rpc.session import NodeSession
from vpp.adapters.rpc.stream_writer import StreamWriter
from vpp.bench.server import ForgetfulStore, make_fleet
from vpp.rpcgen import fleet_pb2 as pb


class Stream:
    """A stream that takes one write at a time, as grpc's does, and as long as the test wants."""

    def __init__(self):
        self.written, self.under_way = [], None

    async def write(self, raw):
        assert self.under_way is None, "two writes at once"
        self.written.append(raw)
        self.under_way = asyncio.get_running_loop().create_future()
        await self.under_way
        self.under_way = None
        await asyncio.sleep(0)

    async def end_write(self):
        self.under_way.set_result(None)
        await asyncio.sleep(0.001)


def nobody():
    raise AssertionError("no write has failed")


def release(number):
    message = pb.ServerMessage(release=pb.Release(epoch=number))
    return message, message.SerializeToString()


async def test_a_stop_of_all_begins_in_the_step_that_puts_it():
    outbox, stream = Outbox(), Stream()
    writer = StreamWriter(outbox, stream.write, nobody)
    outbox.put_urgent(b"stop")
    assert stream.written == [b"stop"]
    assert outbox.busy
    await stream.end_write()
    assert not outbox.busy
    writer.close()


async def test_what_comes_while_a_write_is_under_way_waits_for_it():
    outbox, stream = Outbox(), Stream()
    outbox.put(release(1)[0])
    writer = StreamWriter(outbox, stream.write, nobody)
    await asyncio.sleep(0)
    outbox.put(release(2)[0])
    outbox.put_urgent(b"stop")
    outbox.put(release(3)[0])
    assert stream.written == [release(1)[1]]
    for _ in range(3):
        await asyncio.sleep(0.001)
        if stream.under_way is not None:
            await stream.end_write()
    assert stream.written == [release(1)[1], b"stop", release(3)[1]], "a stop ends what waited before it"
    writer.close()


async def test_a_write_that_fails_is_told_and_nothing_is_written_after_it():
    outbox, stream = Outbox(), Stream()
    broken = asyncio.Event()
    writer = StreamWriter(outbox, stream.write, broken.set)
    outbox.put_urgent(b"stop")
    stream.under_way.set_exception(ConnectionError("gone"))
    await broken.wait()
    assert str(writer.error) == "gone"
    outbox.put(release(1)[0])
    await asyncio.sleep(0.001)
    assert stream.written == [b"stop"]


async def test_a_writer_that_is_closed_begins_nothing():
    outbox, stream = Outbox(), Stream()
    writer = StreamWriter(outbox, stream.write, nobody)
    outbox.put(release(1)[0])
    writer.close()
    outbox.put_urgent(b"stop")
    await asyncio.sleep(0.001)
    assert stream.written == []
    assert writer.error is None


async def test_a_close_while_a_write_is_under_way_lets_it_end():
    outbox, stream = Outbox(), Stream()
    writer = StreamWriter(outbox, stream.write, nobody)
    outbox.put_urgent(b"stop")
    outbox.put(release(1)[0])
    writer.close()
    await stream.end_write()
    assert stream.written == [b"stop"]
    assert stream.under_way is None


@pytest.mark.parametrize(
    "error",
    [ConnectionError("gone"), asyncio.CancelledError(), grpc.aio.InternalError("execute_batch")],
    ids=["error", "cancelled", "gone for grpc"],
)
async def test_a_stream_that_is_dead_already_does_not_hurt_who_stops_the_fleet(error):
    told = []

    async def write(_raw):
        raise error

    outbox = Outbox()
    writer = StreamWriter(outbox, write, lambda: told.append(True))
    outbox.put_urgent(b"stop")
    outbox.put_urgent(b"stop")
    assert isinstance(writer.error, ConnectionError)
    assert told == [True], "once, and nothing is written any more"


async def test_a_full_outbox_goes_out_also_where_no_write_waits():
    written = []

    async def write(raw):
        written.append(raw)

    outbox = Outbox()
    messages = [release(number) for number in range(limits.MAX_OUTGOING_MESSAGES)]
    for message, _ in messages:
        outbox.put(message)
    writer = StreamWriter(outbox, write, nobody)
    await asyncio.sleep(0.001)
    assert written == [raw for _, raw in messages]
    assert not outbox.busy
    writer.close()


async def test_a_write_whose_wait_is_cancelled_ends_the_stream():
    outbox, stream, broken = Outbox(), Stream(), asyncio.Event()
    writer = StreamWriter(outbox, stream.write, broken.set)
    outbox.put_urgent(b"stop")
    stream.under_way.cancel()
    await broken.wait()
    assert isinstance(writer.error, ConnectionError)
    assert stream.written == [b"stop"]


class BrokenCall:
    """A call whose node is gone: nothing more comes, and a write fails."""

    def __init__(self, error):
        self._error = error

    async def read(self):
        await asyncio.Event().wait()

    async def write(self, _raw):
        raise self._error


@pytest.mark.parametrize(
    ("error", "told"),
    [(grpc.aio.InternalError("execute_batch"), CallRefusedError), (ValueError("ours"), ValueError)],
    ids=["the connection", "the service"],
)
async def test_a_broken_connection_is_no_failure_of_the_service(error, told):
    fleet = make_fleet(1, 1)
    gateway = Gateway(fleet=fleet, store=ForgetfulStore(), clock=WallClock(), epoch=1)
    session = NodeSession(node_id="node", slots=np.array([0]), feeder_id="", agent="")
    session.outbox.put(release(1)[0])
    with pytest.raises(told):
        await FleetServicer(gateway)._converse(session, BrokenCall(error))
