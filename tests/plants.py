"""A small plant as files and settings: two feeders, four assets, a week of metered load."""

from __future__ import annotations

import asyncio
import csv
import math
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from vpp.node.clock import ScaledNodeClock
from vpp.node.credentials import NodeCredentials
from vpp.node.files import meter_node_id, read_devices, read_meters
from vpp.node.fleet import NodeSpecification, make_agents
from vpp.node.simulated import SimulatedBattery
from vpp.service.certificates import create_authority, issue_node, issue_operator, issue_server
from vpp.service.files import PortfolioFiles, read_portfolio
from vpp.service.settings import Settings

QUARTER = timedelta(minutes=15)
START = datetime(2020, 5, 20, 10, tzinfo=UTC)  # plant time at the origin of the clock
SPEED = 120.0
ASSET_COLUMNS = (
    "asset_id,node_id,feeder_id,kind,capacity_kwh,energy_min_kwh,energy_max_kwh,max_charge_kw,max_discharge_kw,"
    "min_charge_kw,min_discharge_kw,charge_efficiency,discharge_efficiency,wear_cost_per_kwh,default_control,initial_soc"
)
ASSETS = (
    "battery-1,node-1,a,home_battery,10,1,10,5,5,0,0,0.95,0.95,0.01,zero,0.5",
    "battery-2,node-2,b,home_battery,10,1,10,5,5,0,0,0.95,0.95,0.01,zero,0.5",
    "car,node-3,a,ev_charger,50,0,50,11,0,1.4,0,0.92,0.92,0,zero,0.4",
    "grid-battery,node-4,b,grid_battery,100,5,100,50,50,0,0,0.95,0.95,0.01,zero,0.5",
)


def write_portfolio(folder: Path) -> Path:
    """Write the plant's CSV files; load from a week before START to two days after it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "assets.csv").write_text("\n".join([ASSET_COLUMNS, *ASSETS]) + "\n")
    (folder / "feeders.csv").write_text("feeder_id,import_limit_kw,export_limit_kw\na,40,40\nb,80,80\n")
    (folder / "context.jsonl").write_text("")
    times = [START - timedelta(days=7) + index * QUARTER for index in range(9 * 96)]
    with (folder / "load.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["feeder_id", "start", "consumption_kw", "pv_kw"])
        for feeder in "ab":
            for at in times:
                shape = 1.0 + 0.5 * math.sin(2 * math.pi * (at.hour * 4 + at.minute / 15) / 96)
                writer.writerow([feeder, at.isoformat(), round(15 * shape, 3), round(5 * (shape > 1), 3)])
    with (folder / "prices.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["start", "import_price_per_kwh", "export_price_per_kwh", "available_at"])
        for at in times:
            price = 0.15 + 0.10 * math.cos(2 * math.pi * at.hour / 24)
            writer.writerow(
                [at.isoformat(), round(price, 4), round(price - 0.1, 4), (at - timedelta(days=1)).isoformat()]
            )
    stay = [START - timedelta(hours=1), START + timedelta(hours=6)]
    (folder / "sessions.csv").write_text(
        "asset_id,connected_from,connected_until,departure_energy_kwh,trip_energy_kwh\n"
        f"car,{stay[0].isoformat()},{stay[1].isoformat()},40,8\n"
    )
    return folder


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Plant:
    """One plant in a folder: files, certificates, settings, simulated devices."""

    folder: Path
    settings: Settings
    portfolio: PortfolioFiles
    devices: dict[str, SimulatedBattery]

    @property
    def address(self) -> str:
        return self.settings.grpc.address

    @property
    def certificates(self) -> Path:
        return self.folder / "certificates"

    def agents(self):
        """Return one agent for each node, on the plant's clock."""
        clock = self.settings.clock
        by_node: dict[str, list[SimulatedBattery]] = {}
        for asset in self.portfolio.fleet.assets:
            by_node.setdefault(asset.node_id, []).append(self.devices[asset.asset_id])
        meters = read_meters(self.folder / "scenario", START, interval=QUARTER)
        nodes = [NodeSpecification(node_id=node_id, devices=own) for node_id, own in by_node.items()]
        nodes += [NodeSpecification(node_id=node_id, meter=meter) for node_id, meter in meters.items()]
        credentials = {
            node.node_id: NodeCredentials.load(self.certificates, f"node-{node.node_id}") for node in nodes
        }
        node_clock = ScaledNodeClock(clock.origin_plant, clock.origin_wall, clock.speed)
        return make_agents(nodes, self.address, credentials, node_clock, longest_pause_s=1.0)


def make_plant(folder: Path, database_url: str, *, speed: float = SPEED) -> Plant:
    """Return a plant whose clock starts now."""
    scenario = write_portfolio(folder / "scenario")
    portfolio = read_portfolio(scenario, interval=QUARTER)
    certificates = folder / "certificates"
    create_authority(certificates)
    issue_server(certificates, ["localhost", "127.0.0.1"])
    issue_operator(certificates, "operator")
    nodes = {asset.node_id for asset in portfolio.fleet.assets}
    for node_id in nodes | {meter_node_id(feeder.feeder_id) for feeder in portfolio.fleet.feeders}:
        issue_node(certificates, node_id)
    settings = Settings(
        database={"url": database_url},
        grpc={
            "address": f"127.0.0.1:{free_port()}",
            "certificate": certificates / "server.pem",
            "key": certificates / "server.key",
            "authority": certificates / "authority.pem",
            "report_period_s": 60,
            "max_order_age_s": 600,
        },
        clock={"speed": speed, "origin_plant": START, "origin_wall": time.time()},
        policy={
            "horizon_intervals": 24,
            "lead_s": 600,
            "solve_deadline_s": 3600,
            "setpoint_lifetime_s": 900,
            "renewal_period_s": 300,
            "reading_max_age_s": 1800,
            "peak_price_per_kw": 0.2,
        },
        forecast={"history_days": 7, "horizon_intervals": 96},
    )
    devices = {device.asset_id: device for own in read_devices(scenario, START).values() for device in own}
    return Plant(folder=folder, settings=settings, portfolio=portfolio, devices=devices)


async def until(
    condition: Callable[[], object], *, within_s: float = 30.0, what: str = "the condition"
) -> None:
    """Return when `condition` holds; fail the test after `within_s` seconds."""
    try:
        async with asyncio.timeout(within_s):
            while not condition():  # noqa: ASYNC110 - what is waited for has no event
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"{what} did not come about within {within_s:g} s") from None


def powers(devices: dict[str, SimulatedBattery], asset_ids: Sequence[str]) -> list[float]:
    return [devices[asset_id].power_kw() for asset_id in asset_ids]
