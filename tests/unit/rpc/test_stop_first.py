"""A stop goes out before nodes are listened to again, and no slow node makes the others wait for long."""

from __future__ import annotations

import asyncio

import pytest

from vpp.adapters.rpc import stop_first
from vpp.adapters.rpc.outbox import Outbox
from vpp.adapters.rpc.stop_first import StopFirst


def taken(outbox):
    assert outbox.take() == [b"stop"]
    outbox.written()


def waiting(count):
    outboxes = [Outbox() for _ in range(count)]
    for outbox in outboxes:
        outbox.put_urgent(b"stop")
    return outboxes


async def test_readers_wait_until_the_stop_is_written_to_every_stream():
    first, outboxes = StopFirst(), waiting(3)
    await first.over()
    first.hold(outboxes)
    reader = asyncio.create_task(first.over())
    for outbox in outboxes:
        await asyncio.sleep(0.03)
        assert not reader.done()
        taken(outbox)
    async with asyncio.timeout(0.5):
        await reader


async def test_a_second_stop_is_waited_for_as_well():
    first, early, late = StopFirst(), waiting(1), waiting(1)
    first.hold(early)
    first.hold(late)
    taken(early[0])
    reader = asyncio.create_task(first.over())
    await asyncio.sleep(0.05)
    assert not reader.done()
    taken(late[0])
    await reader


async def test_a_node_that_takes_nothing_holds_nobody_up_for_long(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(stop_first, "LONGEST_S", 0.05)
    first = StopFirst()
    first.hold(waiting(1))
    async with asyncio.timeout(5.0):
        await first.over()
