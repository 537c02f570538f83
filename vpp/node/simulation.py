"""Nodes of simulated devices, run from the command line: `python -m vpp.node` and `vpp node`."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from vpp.node.agent import NodeAgent
from vpp.node.clock import NodeClock, ScaledNodeClock, WallNodeClock
from vpp.node.credentials import NodeCredentials
from vpp.node.files import NodeFileError, read_devices
from vpp.node.fleet import NodeSpecification, make_agents, run_agents

STATUS_PERIOD_S = 10.0  # of the wall


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationSettings:
    """What to run. The plant's time is `plant_start` at the Unix time `wall_start`, `speed` times as fast."""

    target: str
    certificates: Path
    assets: Path
    node_ids: Sequence[str] = ()  # empty: all of the file
    count: int = 0  # at most this many nodes; 0: all
    speed: float = 1.0
    plant_start: datetime | None = None
    wall_start: float | None = None
    noise_kw: float = 0.0


def make_clock(settings: SimulationSettings, wall_now: float) -> NodeClock:
    """Return the wall's clock, or a scaled one; raise NodeFileError when its start is not said."""
    if settings.speed == 1.0 and settings.plant_start is None:
        return WallNodeClock()
    if settings.plant_start is None:
        raise NodeFileError("speed: a plant that is faster than the wall needs plant-start as well")
    wall_start = wall_now if settings.wall_start is None else settings.wall_start
    return ScaledNodeClock(settings.plant_start, wall_start, settings.speed)


def load_agents(settings: SimulationSettings, clock: NodeClock) -> list[NodeAgent]:
    """Return the agents of the chosen nodes, each with its own certificate `node-<node_id>.pem`."""
    devices = read_devices(settings.assets, clock.now(), noise_kw=settings.noise_kw)
    node_ids = list(settings.node_ids) or list(devices)
    if unknown := [node_id for node_id in node_ids if node_id not in devices]:
        raise NodeFileError(f"{settings.assets}: there is no asset of node {unknown[0]}")
    node_ids = node_ids[: settings.count or None]
    specifications = [NodeSpecification(node_id=node_id, devices=devices[node_id]) for node_id in node_ids]
    try:
        credentials = {
            node_id: NodeCredentials.load(settings.certificates, f"node-{node_id}") for node_id in node_ids
        }
    except FileNotFoundError as error:
        raise NodeFileError(
            f"{error.filename}: there is no such file; `vpp certificates` creates it"
        ) from None
    return make_agents(specifications, settings.target, credentials, clock)


def status(agents: Sequence[NodeAgent]) -> str:
    """Return one line about many agents."""
    connected = sum(agent.connected.is_set() for agent in agents)
    waiting = sum(len(agent.buffer) for agent in agents)
    orders = sum(agent.counters.orders for agent in agents)
    rejected = sum(agent.counters.rejected_orders for agent in agents)
    return (
        f"{connected} of {len(agents)} nodes connected, {orders} orders ({rejected} refused), "
        f"{waiting} readings not stored yet"
    )


async def simulate(agents: Sequence[NodeAgent], show: Callable[[str], None]) -> None:
    """Run agents until SIGTERM or Ctrl-C; show a line of status now and then."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    nodes = asyncio.create_task(run_agents(agents))
    while not stop.is_set() and not nodes.done():
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STATUS_PERIOD_S):
                await stop.wait()
        show(status(agents))
    nodes.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await nodes
