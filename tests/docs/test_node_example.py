"""The examples of docs/node.md run as they stand."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from vpp.node.agent import NodeAgent, NodeSettings
from vpp.node.device import Measurement
from vpp.node.fleet import running
from vpp.node.guard import GuardedDevice, LocalLimits
from vpp.node.journal import DiskBuffer
from vpp.node.orders import LeaseState
from vpp.node.testing import FakeService, LoopbackCredentials

DOCUMENT = Path(__file__).resolve().parents[2] / "docs/node.md"
VENDOR, TEST = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), flags=re.DOTALL)
NAMES = {
    "DiskBuffer": DiskBuffer,
    "FakeService": FakeService,
    "LeaseState": LeaseState,
    "LocalLimits": LocalLimits,
    "LoopbackCredentials": LoopbackCredentials,
    "Measurement": Measurement,
    "NodeAgent": NodeAgent,
    "NodeSettings": NodeSettings,
    "Path": Path,
    "running": running,
}


class Ran:
    """In the place of asyncio: takes what the example would run for ever."""

    def run(self, work):
        self.work = work


async def test_the_vendors_program_runs_against_a_service_and_the_vendors_test_holds(tmp_path):
    async with FakeService() as service:
        ran = Ran()
        names = {**NAMES, "asyncio": ran, "StoredCredentials": lambda *_: LoopbackCredentials()}
        program = VENDOR.replace("vpp.example:50051", service.target)
        exec(program.replace("/var/lib/vpp-node", str(tmp_path)), names)
        task = asyncio.create_task(ran.work)
        session = await service.session()
        session.order("battery-1", 99.0)
        await session.acknowledged("battery-1", LeaseState.STARTED)
        agent = names["agent"]
        guarded = agent._devices[0]
        assert isinstance(guarded, GuardedDevice)
        assert guarded.device.power_kw == 5.0
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    exec(TEST, names)
    await names["test_my_battery_follows_an_order"]()
