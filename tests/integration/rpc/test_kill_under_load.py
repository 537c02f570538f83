"""kill -9 of the gateway under load: what was measured is stored, all of it, once."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sqlite3
import sys

from tests.integration.rpc.plant import eventually
from tests.plants import free_port
from tests.simulation.seeds import sampled
from vpp.bench.processes import issue_nodes
from vpp.node.agent import NodeAgent, NodeSettings
from vpp.node.credentials import NodeCredentials
from vpp.node.fleet import running
from vpp.node.simulated import BatterySpecification, SimulatedBattery

NODES, KILLS = 6, 3


async def serve(folder, database, port):
    """Start a gateway in a process of its own and wait until it listens."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "vpp.bench.server", folder, str(NODES), "1", database, str(port),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert await process.stdout.readline(), "the gateway did not start"
    return process


def agent(folder, number, port):
    credentials = NodeCredentials(
        authority=(folder / "authority.pem").read_bytes(),
        certificate=(folder / f"node-{number}.pem").read_bytes(),
        private_key=(folder / "nodes.key").read_bytes(),
    )
    specification = BatterySpecification(
        asset_id=f"asset-{number}",
        capacity_kwh=10.0,
        energy_min_kwh=0.0,
        energy_max_kwh=10.0,
        max_charge_kw=5.0,
        max_discharge_kw=5.0,
    )
    settings = NodeSettings(
        node_id=f"node-{number}",
        target=f"localhost:{port}",
        first_pause_s=0.05,
        longest_pause_s=0.2,
        report_period_s=3600.0,
    )
    made = NodeAgent(settings, credentials, [], uniform=lambda low, high: high)
    device = SimulatedBattery(specification, energy_kwh=5.0, started_at=made.clock.now())
    return NodeAgent(settings, credentials, [device], uniform=lambda low, high: high)


async def kill_again_and_again(generator, folder, database, port, agents):
    """Report at a rate, kill the gateway in the middle, start it again, until nothing is left to send."""
    process = await serve(folder, f"sqlite:///{database}", port)
    try:
        async with running(*agents):
            for _ in range(KILLS):
                await eventually(lambda: all(one.connected.is_set() for one in agents), within_s=60)
                for _ in range(generator.randint(20, 60)):
                    for one in agents:
                        one.report()
                    await asyncio.sleep(generator.uniform(0.002, 0.01))
                os.kill(process.pid, signal.SIGKILL)
                await process.wait()
                for one in agents:
                    one.report()  # while nobody listens
                process = await serve(folder, f"sqlite:///{database}", port)
            await eventually(lambda: not any(len(one.buffer) for one in agents), within_s=60)
    finally:
        process.stdin.close()
        await process.wait()


@sampled(1, 20)
async def test_what_was_measured_is_stored_once_whatever_was_killed(seeds, tmp_path):
    issue_nodes(tmp_path, NODES)
    for seed in seeds:
        database, port = tmp_path / f"{seed}.sqlite", free_port()
        agents = [agent(tmp_path, number, port) for number in range(NODES)]
        await kill_again_and_again(random.Random(seed), tmp_path, database, port, agents)
        measured = sum(one.buffer._last_number for one in agents)
        connection = sqlite3.connect(database)
        (stored,) = connection.execute("SELECT count(*) FROM reading").fetchone()
        connection.close()
        assert stored == measured, f"seed {seed}: {measured} measured, {stored} stored"
        assert sum(one.buffer.dropped for one in agents) == 0
