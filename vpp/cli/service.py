"""Commands around the service: serve, migrate, import, certificates, doctor, cycle, trail."""

from __future__ import annotations

import asyncio
import json
import signal
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
import uvloop
from google.protobuf import json_format
from rich.console import Console
from rich.progress import Progress

from vpp.adapters.rpc.server import freeze_garbage
from vpp.adapters.storage import open_store
from vpp.adapters.storage.migrate import pending, upgrade
from vpp.cli.connecting import DEFAULT_CERTIFICATES, Certificates, new_request_id, operator_client
from vpp.node.files import meter_node_id
from vpp.service.bootstrap import running_service
from vpp.service.certificates import create_authority, issue_node, issue_operator, issue_server
from vpp.service.clock_and_store import make_clock
from vpp.service.doctor import examine
from vpp.service.files import PortfolioFiles, read_fleet, read_portfolio
from vpp.service.importing import import_portfolio
from vpp.service.logs import configure_logs
from vpp.service.settings import Settings, load_settings

Config = Annotated[Path, typer.Option(help="Settings, a TOML file.")]
DEFAULT_CONFIG = Path("config/default.toml")

console = Console(highlight=False, soft_wrap=True)


def serve_command(config: Config = DEFAULT_CONFIG) -> None:
    """Run the dispatch service until it is told to stop (SIGTERM or Ctrl-C).

    Example: vpp serve --config config/default.toml
    """
    settings = load_settings(config)
    configure_logs(make_clock(settings), settings.log_file)
    uvloop.run(_serve(settings, str(config)))


async def _serve(settings: Settings, config_path: str) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with running_service(settings, config_path=config_path) as service:
        freeze_garbage()
        assets = len(service.loop.fleet)
        console.print(f"serving {assets} assets on {service.server.target}, epoch {service.loop.epoch}")
        await stop.wait()
        console.print("stopping: sessions end, what waits is written, leases run out")


def migrate_command(config: Config = DEFAULT_CONFIG) -> None:
    """Bring the database to the tables this version needs.

    Example: vpp migrate --config config/default.toml
    """
    url = load_settings(config).database.url
    behind = asyncio.run(pending(url))
    asyncio.run(upgrade(url))
    console.print(f"applied {', '.join(behind)}" if behind else "nothing to do, the tables are current")


def import_command(
    directory: Annotated[
        Path, typer.Argument(help="Folder with assets.csv, feeders.csv, load.csv, prices.csv.")
    ],
    config: Config = DEFAULT_CONFIG,
    until: Annotated[
        str, typer.Option(help="Leave out load from this time on (ISO 8601 with offset); all when empty.")
    ] = "",
) -> None:
    """Load a portfolio from CSV files: assets, feeders, metered load, prices, context.

    Example: vpp import config/demo --config config/demo.toml --until 2020-05-19T22:00:00Z
    """
    settings = load_settings(config)
    portfolio = read_portfolio(directory, interval=timedelta(seconds=settings.policy.interval_s))
    if until:
        portfolio = portfolio.load_before(until)
    asyncio.run(_import(settings, portfolio))
    console.print(f"{len(portfolio.fleet)} assets on {len(portfolio.fleet.feeders)} feeders")
    counts = f"{len(portfolio.load)} load values, {len(portfolio.prices)} prices"
    console.print(f"{counts}, {len(portfolio.context)} context items")


async def _import(settings: Settings, portfolio: PortfolioFiles) -> None:
    store = open_store(settings.database.url, clock_now=make_clock(settings).now)
    try:
        screen = Console(stderr=True)
        with Progress(console=screen, transient=True, disable=not screen.is_terminal) as progress:
            task = progress.add_task("load", total=len(portfolio.load))
            await import_portfolio(store, portfolio, lambda rows: progress.advance(task, rows))
    finally:
        await store.close()


def certificates_command(
    fleet: Annotated[Path, typer.Argument(help="Folder with assets.csv and feeders.csv.")],
    out: Annotated[
        Path, typer.Option(help="Folder to write to; created when missing.")
    ] = DEFAULT_CERTIFICATES,
    host: Annotated[
        str, typer.Option(help="Name or address of the server, comma-separated.")
    ] = "localhost,127.0.0.1",
    operator: Annotated[str, typer.Option(help="Name of the operator.")] = "operator",
) -> None:
    """Make an authority, and certificates for the server, one operator and every node; for trials.

    Example: vpp certificates config/demo --out run/certificates
    """
    register = read_fleet(fleet)
    nodes = {asset.node_id for asset in register.assets}
    nodes |= {meter_node_id(feeder.feeder_id) for feeder in register.feeders}
    create_authority(out)
    issue_server(out, host.split(","))
    issue_operator(out, operator)
    for node_id in sorted(nodes):
        issue_node(out, node_id)
    console.print(f"an authority, the server, operator {operator} and {len(nodes)} nodes in {out}")


def doctor_command(config: Config = DEFAULT_CONFIG) -> None:
    """Say in words what is wrong: configuration, address, certificates, database, fleet, prices, model.

    Exit code 1 when something is. Example: vpp doctor --config config/default.toml
    """
    if not asyncio.run(_examine(config)):
        raise typer.Exit(1)


async def _examine(config: Path) -> bool:
    all_good = True
    async for finding in examine(config):
        all_good &= finding.good
        console.print(
            f"{'good ' if finding.good else 'WRONG'}  {finding.subject}: {finding.sentence}", markup=False
        )
    return all_good


def cycle_command(
    address: Annotated[str, typer.Option(help="Where the service listens.")] = "localhost:50051",
    certificates: Certificates = DEFAULT_CERTIFICATES,
    operator: Annotated[str, typer.Option(help="Whose certificate to use.")] = "operator",
    request_id: Annotated[str, typer.Option(help="Repeat a call safely: the same id runs once.")] = "",
    portfolio: Annotated[
        str, typer.Option(help="For its assets alone; the orders of all others stand.")
    ] = "",
) -> None:
    """Run one cycle now, and print the run as JSON.

    Example: vpp cycle --address localhost:50051
    """
    with operator_client(address, certificates, operator) as client:
        response = client.trigger_run(request_id or new_request_id(), portfolio=portfolio)
    typer.echo(
        json.dumps(json_format.MessageToDict(response.run, preserving_proto_field_name=True), indent=2)
    )


def trail_command(
    asset_id: Annotated[str, typer.Argument(help="The asset.")],
    address: Annotated[str, typer.Option(help="Where the service listens.")] = "localhost:50051",
    certificates: Certificates = DEFAULT_CERTIFICATES,
    operator: Annotated[str, typer.Option(help="Whose certificate to use.")] = "operator",
    sequence: Annotated[int, typer.Option(help="Number of the order; 0 takes the newest.")] = 0,
    epoch: Annotated[int, typer.Option(help="Epoch of the order; 0 takes the newest.")] = 0,
) -> None:
    """Show everything one setpoint rests on, from the order back to the reading.

    Example: vpp trail grid-battery-01 --address localhost:50051
    """
    with operator_client(address, certificates, operator) as client:
        if not (sequence and epoch):
            newest = list(client.setpoints(asset_id=asset_id, limit=1))
            if not newest:
                console.print(
                    f"{asset_id}: no cycle has ordered an asset of this name anything yet", markup=False
                )
                raise typer.Exit(1)
            sequence, epoch = newest[0].sequence, newest[0].epoch
        trail = client.trail(asset_id=asset_id, epoch=epoch, sequence=sequence)
    typer.echo(json.dumps(json_format.MessageToDict(trail, preserving_proto_field_name=True), indent=2))
