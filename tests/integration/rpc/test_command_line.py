"""Simulated nodes in a process of their own, as `vpp-node run` and `vpp node run` run them."""

from __future__ import annotations

import asyncio
import signal
import sys

import pytest

from tests.integration.rpc.plant import eventually, running_plant
from tests.unit.node.test_files import HEADER

ROWS = "b1,home,home_battery,10,0,10,5,5,0,0,1,1,0.4\nb2,home,home_battery,10,0,10,5,5,0,0,1,1,0.4\n"
COMMANDS = {"python -m vpp.node": ["-m", "vpp.node", "run"], "vpp node": ["-m", "vpp.cli", "node", "run"]}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
async def test_nodes_report_follow_orders_and_stop_when_told(certificates, tmp_path, command):
    assets = tmp_path / "assets.csv"
    assets.write_text(HEADER + ROWS)
    async with running_plant(certificates) as plant:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *command,
            *("--target", plant.server.target),
            *("--certificates", str(certificates)),
            *("--fleet", str(tmp_path)),
            *("--node", "home"),
            *("--speed", str(plant.clock.speed)),
            *("--plant-start", plant.clock.origin.isoformat()),
            *("--wall-start", str(plant.clock.origin_wall)),
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            await eventually(lambda: len(plant.gateway.connected_slots()) == 2, within_s=30.0)
            await plant.gateway.send(plant.orders({0: 2.0}))
            await eventually(lambda: plant.gateway.live.power_kw[0] == 2.0)
            process.send_signal(signal.SIGTERM)
            shown, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        await eventually(lambda: len(plant.gateway.connected_slots()) == 0)
    assert process.returncode == 0
    assert "1 of 1 nodes connected, 1 orders (0 refused)" in shown.decode()
