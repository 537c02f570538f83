"""Many agents in one process: for `vpp node run --count N`, for the demo, for load tests."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass

from vpp.node.agent import NodeAgent, NodeSettings
from vpp.node.clock import NodeClock
from vpp.node.credentials import ChannelCredentials
from vpp.node.device import DevicePort, FeederMeterPort


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSpecification:
    """One node of many: its devices, or the meter it reads."""

    node_id: str
    devices: Sequence[DevicePort] = ()
    meter: FeederMeterPort | None = None


def make_agents(
    specifications: Sequence[NodeSpecification],
    target: str,
    credentials: Mapping[str, ChannelCredentials],
    clock: NodeClock,
    *,
    report_period_s: float = 60.0,
    longest_pause_s: float = 30.0,
) -> list[NodeAgent]:
    """Return one agent for each specification; `credentials` by node id."""
    return [
        NodeAgent(
            NodeSettings(
                node_id=item.node_id,
                target=target,
                report_period_s=report_period_s,
                longest_pause_s=longest_pause_s,
            ),
            credentials[item.node_id],
            item.devices,
            meter=item.meter,
            clock=clock,
        )
        for item in specifications
    ]


async def run_agents(agents: Sequence[NodeAgent], *, start_within_s: float = 1.0, seed: int = 0) -> None:
    """Run agents until cancelled; they start at random within `start_within_s` seconds of the wall."""
    generator = random.Random(seed)  # noqa: S311 - a stagger, not a secret

    async def start_late(agent: NodeAgent, delay_s: float) -> None:
        await asyncio.sleep(delay_s)
        await agent.run()

    async with asyncio.TaskGroup() as group:
        for agent in agents:
            group.create_task(start_late(agent, generator.uniform(0.0, start_within_s)))


async def run_nodes(
    specifications: Sequence[NodeSpecification],
    target: str,
    credentials: Mapping[str, ChannelCredentials],
    clock: NodeClock,
    *,
    report_period_s: float = 60.0,
    start_within_s: float = 1.0,
    seed: int = 0,
) -> None:
    """Run one agent for each specification until cancelled; one TLS connection each."""
    agents = make_agents(specifications, target, credentials, clock, report_period_s=report_period_s)
    await run_agents(agents, start_within_s=start_within_s, seed=seed)


@contextlib.asynccontextmanager
async def running(*agents: NodeAgent, start_within_s: float = 0.0) -> AsyncIterator[None]:
    """Run agents for the length of a block; what makes one fail is raised at its end."""
    task = asyncio.create_task(run_agents(agents, start_within_s=start_within_s))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
