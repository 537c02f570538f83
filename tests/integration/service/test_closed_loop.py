"""From a battery's reading to its acknowledged setpoint, through every real part."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import asynccontextmanager

import numpy as np
import pytest

from tests.plants import QUARTER, make_plant, until
from vpp.adapters.storage import open_store
from vpp.client import Client
from vpp.domain.runs import Rung
from vpp.node.fleet import running
from vpp.ports import WriterLockError
from vpp.rpcgen import operator_pb2 as pb
from vpp.service.bootstrap import running_service
from vpp.service.clock_and_store import make_clock
from vpp.service.errors import ServiceError
from vpp.service.importing import import_portfolio

CONFIG = "test.toml"


async def load(plant) -> None:
    store = open_store(plant.settings.database.url, clock_now=make_clock(plant.settings).now)
    try:
        await import_portfolio(store, plant.portfolio)
    finally:
        await store.close()


@asynccontextmanager
async def closed_loop(plant):
    """A service and its nodes, all connected and all heard of."""
    await load(plant)
    agents = plant.agents()
    async with running_service(plant.settings, config_path=CONFIG) as service, running(*agents):
        await until(lambda: len(service.gateway.connected_slots()) == 4, what="a session of every node")
        for agent in agents:
            agent.report()  # by themselves they spread over a report period: 15 s where the plant is slow
        await until(lambda: len(service.gateway.latest_readings()) == 4, what="a reading of every asset")
        await service.forecasts.issue()
        yield service


async def ask(plant, question):
    """Ask as an operator would, from a thread: the client is synchronous."""

    def call():
        with Client.connect(plant.address, certificates=plant.certificates) as client:
            return question(client)

    return await asyncio.to_thread(call)


async def test_a_reading_becomes_an_acknowledged_setpoint(tmp_path, database_url):
    plant = make_plant(tmp_path, database_url)
    async with closed_loop(plant) as service:
        run = await service.loop.run_cycle("test")
        assert run.rung is Rung.OPTIMAL, run.reason
        assert run.setpoints == 4
        assert 0.0 <= run.gap <= service.loop.policy.accepted_gap

        async def acknowledged() -> bool:
            page = await service.loop.store.list_setpoints(
                run_id=run.run_id, asset_id="", page_size=10, page_token=""
            )
            return len(page.items) == 4 and all(item.acknowledged for item in page.items)

        for _ in range(200):
            if await acknowledged():
                break
            await asyncio.sleep(0.05)
        assert await acknowledged()

        # The trail goes from the order back to the reading, over the wire.
        orders = await ask(plant, lambda client: list(client.setpoints(run_id=run.run_id)))
        order = next(item for item in orders if item.asset_id == "grid-battery")
        trail = await ask(
            plant,
            lambda client: client.trail(asset_id="grid-battery", epoch=order.epoch, sequence=order.sequence),
        )
        assert trail.run.run_id == run.run_id
        assert trail.run.input_sha256 == run.input_sha256
        assert trail.forecast.forecast_id == run.forecast_id
        assert trail.reading_measured_at.seconds > 0
        assert trail.acknowledgements[0].state == "received"

        # The plan that was stored is the plan that was sent.
        plan = await ask(plant, lambda client: client.plan(run.run_id))
        planned = {item.asset_id: item.power_kw[0] for item in plan.schedules}
        for item in orders:
            assert item.power_kw == pytest.approx(planned[item.asset_id], abs=1e-5)


async def test_devices_follow_their_orders_when_their_time_comes(tmp_path, database_url):
    plant = make_plant(tmp_path, database_url)
    async with closed_loop(plant) as service:
        await service.loop.run_cycle("test")
        begin = service.loop.followed.run.cycle_start
        await service.loop.clock.sleep_until(begin + QUARTER / 5)
        held, power_kw = service.loop.orders.power_at(begin)  # by now of a second cycle for the same interval
        assert held.all()
        measured = [device.power_kw() for device in plant.devices.values()]
        assert measured == pytest.approx(power_kw.tolist(), abs=1e-6)
        assert np.abs(power_kw).max() > 0.1, "a test at rest would show nothing"


async def test_an_operator_triggers_a_run_once(tmp_path, database_url):
    plant = make_plant(tmp_path, database_url)
    async with closed_loop(plant):
        first, second = [await ask(plant, lambda client: client.trigger_run("once").run) for _ in range(2)]
        assert first.run_id == second.run_id
        assert first.rung == pb.RUNG_OPTIMAL
        state = await ask(plant, lambda client: list(client.assets()))
        assert sum(asset.node_connected for asset in state) == 4


async def test_a_second_service_on_the_same_database_is_refused(tmp_path, database_url):
    plant = make_plant(tmp_path, database_url)
    async with closed_loop(plant):
        with pytest.raises(WriterLockError):
            async with running_service(plant.settings, config_path=CONFIG):
                pass


async def test_a_database_without_assets_is_refused(tmp_path, database_url):
    plant = make_plant(tmp_path, database_url)
    with pytest.raises(ServiceError, match=r"no assets; run `vpp import"):
        async with running_service(plant.settings, config_path=CONFIG):
            pass


async def serve_in_a_process(plant):
    """Start `vpp serve` as an operating system would, with its settings in the environment."""
    settings = plant.settings
    config = plant.folder / "service.toml"
    policy = "\n".join(
        f"{name} = {value}" for name, value in settings.policy.model_dump(exclude_defaults=True).items()
    )
    config.write_text(
        f'[database]\nurl = "{settings.database.url}"\n[grpc]\naddress = "{settings.grpc.address}"\n'
        f'certificate = "{settings.grpc.certificate}"\nkey = "{settings.grpc.key}"\n'
        f'authority = "{settings.grpc.authority}"\nreport_period_s = 60\nmax_order_age_s = 600\n'
        f"[clock]\nspeed = {settings.clock.speed}\norigin_plant = {settings.clock.origin_plant.isoformat()}\n"
        f"origin_wall = {settings.clock.origin_wall}\n[policy]\n{policy}\n"
        "[forecast]\nhistory_days = 7\nhorizon_intervals = 96\n"
    )
    with (plant.folder / "service.log").open("ab") as log:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "vpp.cli", "serve", "--config", str(config), stdout=log, stderr=log
        )


async def newest_run(plant):
    try:
        runs = await ask(plant, lambda client: list(client.runs(limit=1)))
    except Exception:  # the service is not there yet
        return None
    return runs[0] if runs else None


async def wait_for_orders(plant, *, epoch: int):
    for _ in range(400):
        run = await newest_run(plant)
        if run is not None and run.epoch >= epoch and run.setpoints > 0:
            return run
        await asyncio.sleep(0.1)
    raise AssertionError((plant.folder / "service.log").read_text()[-2000:])


async def test_a_killed_service_leaves_the_fleet_in_default_control_and_comes_back(tmp_path, migrated_sqlite):
    database = tmp_path / "vpp.sqlite"
    database.write_bytes(migrated_sqlite.read_bytes())
    plant = make_plant(tmp_path, f"sqlite:///{database}")
    await load(plant)
    agents = plant.agents()
    service = await serve_in_a_process(plant)
    try:
        async with running(*agents):
            first = await wait_for_orders(plant, epoch=1)
            await until(
                lambda: any(abs(device.power_kw()) > 0.1 for device in plant.devices.values()),
                what="a device that follows an order",
            )
            os.kill(service.pid, signal.SIGKILL)
            await service.wait()
            # Nobody speaks to the nodes any more: their leases run out, and default control is zero.
            await until(
                lambda: all(device.power_kw() == 0.0 for device in plant.devices.values()),
                within_s=2.5 * 900 / plant.settings.clock.speed,
                what="default control",
            )
            service = await serve_in_a_process(plant)
            second = await wait_for_orders(plant, epoch=first.epoch + 1)
            assert second.epoch == first.epoch + 1
            known = await ask(plant, lambda client: {run.run_id for run in client.runs(limit=100)})
            assert first.run_id in known, "what was dispatched before the crash is still known"
    finally:
        if service.returncode is None:
            service.terminate()
        await service.wait()
