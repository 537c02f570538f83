"""`vpp demo`: one published day of dispatch, live, with every part of the product at work."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.console import Console

from vpp.adapters.storage import open_store
from vpp.adapters.storage.migrate import upgrade
from vpp.cli.demo.following import DayFollower
from vpp.cli.demo.processes import answers, free_port, require_running, running, wait_until
from vpp.cli.demo.screen import CycleScreen
from vpp.cli.demo.summary import summarise
from vpp.client import Client
from vpp.domain.intervals import IntervalGrid
from vpp.node.files import meter_node_id
from vpp.service.certificates import create_authority, issue_node, issue_operator, issue_server
from vpp.service.clock_and_store import make_clock
from vpp.service.files import PortfolioFiles, read_portfolio
from vpp.service.importing import import_portfolio
from vpp.service.settings import Settings, load_settings

ROOT = Path(__file__).resolve().parents[3]
DAY = IntervalGrid(start=datetime(2020, 5, 19, 22, tzinfo=UTC), length=timedelta(minutes=15), count=96)
ZONE = ZoneInfo("Europe/Berlin")
START_UP_S = 11.0  # on the wall, from the first process to the start of the interval before the day
READY_WITHIN_S = 30.0
POLL_S = 0.5
LINE_WIDTH = 110


def demo_command(
    out: Annotated[
        Path, typer.Option(help="Folder for the database, logs and books of this demonstration.")
    ] = Path("run/demo"),
    scenario: Annotated[Path, typer.Option(help="Folder with the published day.")] = ROOT / "config/demo",
    config: Annotated[Path, typer.Option(help="Settings of the demonstration.")] = ROOT / "config/demo.toml",
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Run one day of 96 cycles on real input, in under six minutes.

    Starts the service on SQLite, a small language model behind an OpenAI-compatible server, and one
    simulated node for each asset, connected over gRPC with mTLS. Exit code 1 when the day was not good
    enough: too few cycles on the first rung, or too few forecasts with an accepted reply.

    Example: vpp demo --out run/demo
    """
    signal.signal(signal.SIGTERM, _end)
    console = Console(stderr=as_json, width=None if sys.stdout.isatty() else LINE_WIDTH)
    begun = time.monotonic()
    portfolio = read_portfolio(scenario, interval=DAY.length)
    folder = _new_folder(out)
    _make_certificates(folder / "certificates", portfolio)
    fleet = portfolio.fleet
    console.print(f"{len(fleet)} assets on {len(fleet.feeders)} feeders; everything is recorded in {folder}")
    with _plant(folder, scenario, config) as (client, settings, check):
        follower = DayFollower(client=client, day=DAY, zone=ZONE, currency=settings.policy.currency)
        date = f"{DAY.start.astimezone(ZONE):%A %d %B %Y}"
        title = f"{date}: bill, peak and loading as planned for the next 24 h"
        with CycleScreen(console, title) as screen:
            _follow_day(follower, screen, check, settings.clock.speed)
        follower.finish()
    summary = summarise(
        folder=folder,
        scenario=scenario,
        portfolio=portfolio,
        follower=follower,
        day=DAY,
        policy=settings.policy,
        seconds=time.monotonic() - begun,
    )
    if as_json:
        typer.echo(json.dumps(summary.as_json(), indent=2))
    else:
        summary.show(console)
    if summary.failures:
        raise typer.Exit(1)


def _end(number: int, frame: object) -> None:
    """End as Ctrl-C does, so that the child processes are stopped."""
    raise KeyboardInterrupt


def _new_folder(out: Path) -> Path:
    """Return a new folder below `out`, named for the time on the wall."""
    folder = out / f"{datetime.now(UTC):%Y%m%d-%H%M%S}"
    folder.mkdir(parents=True)
    return folder


def _make_certificates(folder: Path, portfolio: PortfolioFiles) -> None:
    create_authority(folder)
    issue_server(folder, ["localhost", "127.0.0.1"])
    issue_operator(folder, "demo")
    nodes = {asset.node_id for asset in portfolio.fleet.assets}
    for node_id in sorted(nodes | {meter_node_id(feeder.feeder_id) for feeder in portfolio.fleet.feeders}):
        issue_node(folder, node_id)


@contextmanager
def _plant(
    folder: Path, scenario: Path, config: Path
) -> Iterator[tuple[Client, Settings, Callable[[], None]]]:
    """Run model server, service and nodes for the length of a block, in processes of their own."""
    service_port, model_port = free_port(), free_port()
    os.environ.update(_overrides(folder, service_port, model_port))
    settings = load_settings(config)
    with ExitStack() as stack:
        children: dict[str, subprocess.Popen[bytes]] = {}

        def start(name: str, module: str, arguments: list[str], niceness: int) -> None:
            log = folder / f"{name}.log"
            children[name] = stack.enter_context(running(module, arguments, log, niceness=niceness))

        def check() -> None:
            for name, child in children.items():
                require_running(child, f"the {name} process", folder / f"{name}.log")

        def ready(condition: Callable[[], bool]) -> Callable[[], bool]:
            def alive_and_ready() -> bool:
                check()
                return condition()

            return alive_and_ready

        model_arguments = ["--exit-with-parent", "--port", str(model_port), "--threads", "1"]
        start("model", "vpp.adapters.reasoning.local_server", model_arguments, 15)
        asyncio.run(_prepare_database(settings, scenario))
        start("service", "vpp.cli", ["serve", "--config", str(config)], 0)
        wait_until(ready(lambda: answers(model_port)), within_s=READY_WITHIN_S, what="the model server")
        wait_until(ready(lambda: answers(service_port)), within_s=READY_WITHIN_S, what="the service")
        start("nodes", "vpp.cli", _node_arguments(folder, scenario, service_port, settings), 5)
        opened = Client.connect(
            f"127.0.0.1:{service_port}", certificates=folder / "certificates", name="demo"
        )
        client = stack.enter_context(opened)
        yield client, settings, check


def _overrides(folder: Path, service_port: int, model_port: int) -> dict[str, str]:
    """Return what the settings file cannot know: addresses, paths, and the clock's origin."""
    certificates = folder / "certificates"
    return {
        "VPP_DATABASE__URL": f"sqlite:///{(folder / 'vpp.sqlite').resolve()}",
        "VPP_GRPC__ADDRESS": f"127.0.0.1:{service_port}",
        "VPP_GRPC__CERTIFICATE": str(certificates / "server.pem"),
        "VPP_GRPC__KEY": str(certificates / "server.key"),
        "VPP_GRPC__AUTHORITY": str(certificates / "authority.pem"),
        "VPP_CLOCK__ORIGIN_PLANT": (DAY.start - DAY.length).isoformat(),
        "VPP_CLOCK__ORIGIN_WALL": str(time.time() + START_UP_S),
        "VPP_MODEL__BASE_URL": f"http://127.0.0.1:{model_port}/v1",
        "VPP_MODEL__API_KEY_VARIABLE": "",
        "VPP_LOG_FILE": str(folder / "service-events.log"),
    }


async def _prepare_database(settings: Settings, scenario: Path) -> None:
    """Make the tables, and load what is known before the day; the day itself comes from the nodes."""
    await upgrade(settings.database.url)
    store = open_store(settings.database.url, clock_now=make_clock(settings).now)
    try:
        portfolio = read_portfolio(scenario, interval=DAY.length)
        await import_portfolio(store, portfolio.load_before(DAY.start.isoformat()))
    finally:
        await store.close()


def _node_arguments(folder: Path, scenario: Path, port: int, settings: Settings) -> list[str]:
    clock = settings.clock
    assert clock.origin_plant is not None
    return [
        *("node", "run", "--fleet", str(scenario), "--target", f"127.0.0.1:{port}"),
        *("--certificates", str(folder / "certificates")),
        *("--speed", str(clock.speed), "--wall-start", str(clock.origin_wall)),
        *("--plant-start", clock.origin_plant.isoformat()),
        *("--books", str(folder / "device-books.csv"), "--books-from", DAY.start.isoformat()),
    ]


def _follow_day(follower: DayFollower, screen: CycleScreen, check: Callable[[], None], speed: float) -> None:
    """Show every cycle as it comes, until the last interval of the day has passed."""
    day_s = DAY.count * DAY.length.total_seconds() / speed
    deadline = time.monotonic() + START_UP_S + day_s + READY_WITHIN_S
    while not follower.is_complete():
        check()
        if time.monotonic() > deadline:
            break
        for run_id, row in follower.poll():
            screen.show(run_id, row)
        time.sleep(POLL_S)
    # The last interval is dispatched now; let the fleet live through it.
    time.sleep(2.2 * DAY.length.total_seconds() / speed)
    for run_id, row in follower.poll():
        screen.show(run_id, row)
