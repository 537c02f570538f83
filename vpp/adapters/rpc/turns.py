"""What every node is told now and then, a few nodes at a time: all at once would hold up what others say."""

from __future__ import annotations

import asyncio
import math
from datetime import timedelta

from vpp.adapters.rpc import limits
from vpp.adapters.rpc.dispatch_messages import timestamp
from vpp.adapters.rpc.gateway_settings import GatewayCounters, GatewaySettings
from vpp.adapters.rpc.session import NodeSession, SessionRegistry
from vpp.ports import Clock
from vpp.rpcgen import fleet_pb2 as pb


class Turns:
    """Pings, and words of what is durable, in turns over all sessions."""

    def __init__(
        self, sessions: SessionRegistry, counters: GatewayCounters, clock: Clock, settings: GatewaySettings
    ) -> None:
        self._sessions, self._counters = sessions, counters
        self._clock, self._settings = clock, settings

    async def tell_stored_forever(self) -> None:
        """Tell nodes what is durable, a part of them at a time: all at once would hold up what others say."""
        period_s = max(self._settings.stored_period_s, limits.TELLING_PERIOD_S)
        while True:
            sessions = self._sessions.all()
            at_once = max(1, math.ceil(len(sessions) * limits.TELLING_PERIOD_S / period_s))
            for first in range(0, max(1, len(sessions)), at_once):
                for session in sessions[first : first + at_once]:
                    session.outbox.tell_stored_when_due()
                await asyncio.sleep(limits.TELLING_PERIOD_S)

    async def ping_forever(self) -> None:
        """Ask each node for a sign of life once a period."""
        period, rounds = timedelta(seconds=self._settings.ping_period_s), 1
        while True:
            await self._clock.sleep_until(self._clock.now() + period / rounds)
            sessions = self._sessions.all()
            rounds = max(1, math.ceil(len(sessions) / limits.MAX_PINGED_AT_ONCE))
            for first in range(0, len(sessions), limits.MAX_PINGED_AT_ONCE):
                if first:
                    await self._clock.sleep_until(self._clock.now() + period / rounds)
                self._ping(sessions[first : first + limits.MAX_PINGED_AT_ONCE], period)

    def _ping(self, sessions: list[NodeSession], period: timedelta) -> None:
        """Ask nodes for a sign of life, and close the streams of those that gave none for too long."""
        ping = pb.ServerMessage(ping=pb.Ping(sent_at=timestamp(self._clock.now()))).SerializeToString()
        silence_s = limits.SILENCE_PERIODS * self._clock.wall_seconds(period)
        spoken_by_s = asyncio.get_running_loop().time() - max(silence_s, limits.SHORTEST_SILENCE_S)
        for session in sessions:
            if self._sessions.of_node(session.node_id) is not session:
                continue  # it ended while others were asked
            if session.heard_at_s < spoken_by_s:
                self._counters.sessions_silent += 1
                session.close("nothing was heard of the node for too long, not even a Pong")
            session.outbox.put_ping(ping)
