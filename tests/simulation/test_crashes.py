"""Crash-safe: a service that is killed at any moment loses no order that it sent, and comes back."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import random
import shutil
import signal

import pytest

from tests.integration.conftest import migrated_sqlite  # noqa: F401 - a fixture
from tests.integration.service.test_closed_loop import load, serve_in_a_process, wait_for_orders
from tests.plants import make_plant
from vpp.adapters.storage import open_store
from vpp.node.fleet import running
from vpp.service.clock_and_store import make_clock

KILLS = 20


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(3))
async def test_killed_again_and_again(seed, tmp_path, migrated_sqlite):  # noqa: F811
    generator = random.Random(seed)
    database = tmp_path / "vpp.sqlite"
    shutil.copy(migrated_sqlite, database)
    plant = make_plant(tmp_path, f"sqlite:///{database}")
    await load(plant)
    agents = plant.agents()
    held: set[tuple[str, int, int]] = set()

    def remember() -> None:
        for agent, asset in itertools.product(agents, plant.portfolio.fleet.assets):
            with contextlib.suppress(KeyError):  # an asset of another node
                order = agent.leases.in_force(asset.asset_id)
                if order is not None:
                    held.add((asset.asset_id, order.epoch, order.sequence))

    async with running(*agents):
        for epoch in range(1, KILLS + 1):
            service = await serve_in_a_process(plant)
            try:
                run = await wait_for_orders(plant, epoch=epoch)
                assert run.epoch == epoch
                await asyncio.sleep(generator.uniform(0.0, 3.0))
                remember()
            finally:
                os.kill(service.pid, signal.SIGKILL)
                await service.wait()

    store = open_store(plant.settings.database.url, clock_now=make_clock(plant.settings).now)
    try:
        for asset_id, epoch, sequence in held:
            trail = await store.trail(asset_id=asset_id, epoch=epoch, sequence=sequence)
            assert trail is not None, f"seed {seed}: {asset_id} follows an order that was never stored"
    finally:
        await store.close()
    assert len(held) >= KILLS
