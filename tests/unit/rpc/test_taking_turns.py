"""What every node is told now and then goes out a few nodes at a time, and to each of them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from vpp.adapters.clock import WallClock
from vpp.adapters.rpc import limits
from vpp.adapters.rpc.gateway import Gateway
from vpp.adapters.rpc.gateway_settings import GatewaySettings
from vpp.adapters.rpc.session import NodeSession
from vpp.bench.server import ForgetfulStore, make_fleet
from vpp.rpcgen import fleet_pb2 as pb

NODES = 2 * limits.MAX_PINGED_AT_ONCE + 20


class EndOfTestError(Exception):
    """Ends a loop that has no end."""


class Turns:
    """A clock that stops at each wait until it is let go on, and notes for how long the waits were."""

    def __init__(self) -> None:
        self.waits_s, self._go, self.waiting = [], asyncio.Event(), asyncio.Event()

    def now(self) -> datetime:
        return datetime(2020, 5, 20, 10, tzinfo=UTC)

    def wall_seconds(self, plant: timedelta) -> float:
        return plant.total_seconds()

    async def sleep_until(self, at) -> None:
        self.waits_s.append(round((at - self.now()).total_seconds(), 3))
        self.waiting.set()
        await self._go.wait()
        self._go.clear()

    async def go_on(self) -> None:
        await self.waiting.wait()
        self.waiting.clear()
        self._go.set()
        await self.waiting.wait()


def gateway_with_nodes(clock, **settings):
    gateway = Gateway(
        fleet=make_fleet(NODES, 1),
        store=ForgetfulStore(),
        clock=clock,
        epoch=1,
        settings=GatewaySettings(**settings),
    )
    for number in range(NODES):
        session = NodeSession(node_id=f"node-{number}", slots=np.array([number]), feeder_id="", agent="")
        session.heard_at_s = asyncio.get_running_loop().time()
        gateway.sessions.add(session)
    return gateway


def told(gateway) -> int:
    return sum(session.outbox.filled for session in gateway.sessions.all())


async def test_pings_are_spread_over_their_period():
    clock = Turns()
    gateway = gateway_with_nodes(clock, ping_period_s=30.0)
    gone = gateway.sessions.of_node(f"node-{NODES - 1}")
    pinging = asyncio.create_task(gateway.turns.ping_forever())
    await clock.go_on()
    gateway.sessions.remove(gone)
    seen = [told(gateway)]
    for _ in range(2):
        await clock.go_on()
        seen.append(told(gateway))
    pinging.cancel()
    most = limits.MAX_PINGED_AT_ONCE
    assert seen == [most, 2 * most, NODES - 1]
    assert clock.waits_s == [30.0, 10.0, 10.0, 10.0], "the first round was of nobody yet"
    assert not gone.outbox.filled, "it ended before its turn came"
    kinds = {
        pb.ServerMessage.FromString(raw).WhichOneof("message")
        for session in gateway.sessions.all()
        for raw in session.outbox.take()
    }
    assert kinds == {"ping"}


async def test_what_is_durable_is_told_to_a_part_of_the_nodes_at_a_time(monkeypatch):
    gateway = gateway_with_nodes(WallClock(), stored_period_s=4 * limits.TELLING_PERIOD_S)
    for session in gateway.sessions.all():
        session.outbox.put_stored(7)
    seen = []

    async def turn(seconds):
        seen.append(told(gateway))
        if len(seen) == 5:
            raise EndOfTestError(seconds)

    monkeypatch.setattr(asyncio, "sleep", turn)
    with pytest.raises(EndOfTestError, match=str(limits.TELLING_PERIOD_S)):
        await gateway.turns.tell_stored_forever()
    assert seen == [NODES // 4, NODES // 2, 3 * NODES // 4, NODES, NODES]
