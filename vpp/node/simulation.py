"""Nodes of simulated devices, run from the command line: `vpp-node run` and `vpp node run`."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from vpp.node.agent import NodeAgent
from vpp.node.clock import NodeClock, ScaledNodeClock, WallNodeClock
from vpp.node.credentials import StoredCredentials
from vpp.node.files import NodeFileError, read_devices, read_meters
from vpp.node.fleet import NodeSpecification, make_agents, run_agents
from vpp.node.ledger import EnergyLedger

STATUS_PERIOD_S = 10.0  # of the wall


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationSettings:
    """What to run. The plant's time is `plant_start` at the Unix time `wall_start`, `speed` times as fast."""

    target: str
    certificates: Path
    fleet: Path  # folder with assets.csv, and sessions.csv and load.csv where there are any
    node_ids: Sequence[str] = ()  # empty: all of the file
    count: int = 0  # at most this many nodes; 0: all
    speed: float = 1.0
    plant_start: datetime | None = None
    wall_start: float | None = None
    noise_kw: float = 0.0
    interval: timedelta = timedelta(minutes=15)  # of metering and of the books
    books: Path | None = None  # where the devices' energy books are written at the end
    books_from: datetime | None = None  # start of the first interval of the books, and of the devices


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """Agents on one clock, and the books of their devices."""

    agents: list[NodeAgent]
    clock: NodeClock
    ledger: EnergyLedger


def make_clock(settings: SimulationSettings, wall_now: float) -> NodeClock:
    """Return the wall's clock, or a scaled one; raise NodeFileError when its start is not said."""
    if settings.speed == 1.0 and settings.plant_start is None:
        return WallNodeClock()
    if settings.plant_start is None:
        raise NodeFileError("speed: a plant that is faster than the wall needs plant-start as well")
    wall_start = wall_now if settings.wall_start is None else settings.wall_start
    return ScaledNodeClock(settings.plant_start, wall_start, settings.speed)


def load_simulation(settings: SimulationSettings, clock: NodeClock) -> Simulation:
    """Return the agents of the chosen nodes, each with its own certificate `node-<node_id>.pem`."""
    started_at = settings.books_from or clock.now()
    devices = read_devices(settings.fleet, started_at, noise_kw=settings.noise_kw)
    meters = read_meters(settings.fleet, started_at, interval=settings.interval)
    nodes = [NodeSpecification(node_id=node_id, devices=own) for node_id, own in devices.items()]
    nodes += [NodeSpecification(node_id=node_id, meter=meter) for node_id, meter in meters.items()]
    nodes = _chosen(settings, nodes)
    try:
        credentials = {
            node.node_id: StoredCredentials(settings.certificates, f"node-{node.node_id}") for node in nodes
        }
    except FileNotFoundError as error:
        raise NodeFileError(
            f"{error.filename}: there is no such file; `vpp certificates` creates it"
        ) from None
    ledger = EnergyLedger(
        [device for own in devices.values() for device in own], start=started_at, interval=settings.interval
    )
    return Simulation(
        agents=make_agents(nodes, settings.target, credentials, clock), clock=clock, ledger=ledger
    )


def _chosen(settings: SimulationSettings, nodes: list[NodeSpecification]) -> list[NodeSpecification]:
    known = {node.node_id for node in nodes}
    if unknown := [node_id for node_id in settings.node_ids if node_id not in known]:
        raise NodeFileError(f"{settings.fleet / 'assets.csv'}: there is no asset of node {unknown[0]}")
    chosen = [node for node in nodes if not settings.node_ids or node.node_id in settings.node_ids]
    return chosen[: settings.count or None]


def status(agents: Sequence[NodeAgent]) -> str:
    """Return one line about many agents."""
    connected = sum(agent.connected.is_set() for agent in agents)
    waiting = sum(len(agent.buffer) for agent in agents)
    orders = sum(agent.counters.orders for agent in agents)
    rejected = sum(agent.counters.rejected_orders for agent in agents)
    problems = [agent.problem for agent in agents if agent.problem and not agent.connected.is_set()]
    line = (
        f"{connected} of {len(agents)} nodes connected, {orders} orders ({rejected} refused), "
        f"{waiting} readings not stored yet"
    )
    return f"{line}; {problems[0]}" if problems else line


async def simulate(simulation: Simulation, show: Callable[[str], None], books: Path | None = None) -> None:
    """Run agents until SIGTERM or Ctrl-C, and show a line of status now and then; then write the books."""
    agents, stop = simulation.agents, asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)

    def carry_out_what_is_due() -> None:
        for agent in agents:
            agent.control.advance()

    tasks = [asyncio.create_task(run_agents(agents))]
    if books is not None:
        tasks.append(asyncio.create_task(simulation.ledger.follow(simulation.clock, carry_out_what_is_due)))
    while not stop.is_set() and not any(task.done() for task in tasks):
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STATUS_PERIOD_S):
                await stop.wait()
        show(status(agents))
    for task in tasks:
        task.cancel()
    for end in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(end, Exception):
            raise end
    if books is not None:
        simulation.ledger.write(books)
        show(f"{len(simulation.ledger.rows)} rows of device books in {books}")
