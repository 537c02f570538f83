"""`vpp node run`: simulated nodes from the command line; `vpp node enroll`: a certificate for one."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from vpp.node.__main__ import main as node_main
from vpp.node.simulation import SimulationSettings, load_simulation, make_clock, simulate

app = typer.Typer(help="The agent beside a battery or charger.", no_args_is_help=True, rich_markup_mode=None)


@app.command("run")
def run_command(
    fleet: Annotated[Path, typer.Option(help="Folder with assets.csv, as `vpp import` reads it.")],
    target: Annotated[str, typer.Option(help="The service, HOST:PORT.")] = "localhost:50051",
    certificates: Annotated[
        Path, typer.Option(help="Folder with authority.pem and node-<id>.pem, .key.")
    ] = Path("run/certificates"),
    count: Annotated[int, typer.Option(min=0, help="At most this many nodes; 0 means all.")] = 0,
    node: Annotated[list[str] | None, typer.Option(help="A node of the file; all when not given.")] = None,
    speed: Annotated[
        float, typer.Option(envvar="VPP_CLOCK__SPEED", help="Plant seconds in one second of the wall.")
    ] = 1.0,
    plant_start: Annotated[
        str, typer.Option(envvar="VPP_CLOCK__ORIGIN_PLANT", help="Plant's time at --wall-start, ISO 8601.")
    ] = "",
    wall_start: Annotated[
        float | None,
        typer.Option(envvar="VPP_CLOCK__ORIGIN_WALL", help="Unix time of --plant-start; now when not given."),
    ] = None,
    books: Annotated[
        Path | None, typer.Option(help="Write the devices' energy books here at the end.")
    ] = None,
    books_from: Annotated[str, typer.Option(help="Begin devices and books at this time, ISO 8601.")] = "",
) -> None:
    """Run nodes of simulated devices and feeder meters until told to stop (SIGTERM or Ctrl-C).

    Example: vpp node run --fleet config/demo --count 5 --target localhost:50051
    """
    settings = SimulationSettings(
        target=target,
        certificates=certificates,
        fleet=fleet,
        node_ids=node or (),
        count=count,
        speed=speed,
        plant_start=_time("plant-start", plant_start),
        wall_start=wall_start,
        books=books,
        books_from=_time("books-from", books_from),
    )
    simulation = load_simulation(settings, make_clock(settings, time.time()))
    nodes = len(simulation.agents)
    typer.echo(f"{nodes} nodes look for the service at {target}; a status line every 10 s, Ctrl-C ends them")
    uvloop.run(simulate(simulation, typer.echo, books))


@app.command("enroll")
def enroll_command(
    service: Annotated[str, typer.Option(help="Where the service enrols nodes, HOST:PORT.")],
    ca: Annotated[Path, typer.Option(help="Certificate of the service's authority, PEM.")],
    token_file: Annotated[
        Path | None, typer.Option(help="A file with the token; - reads standard input.")
    ] = None,
    token: Annotated[str, typer.Option(help="The token; others on this machine can see it.")] = "",
    out: Annotated[Path, typer.Option(help="Folder to write certificate and key to.")] = Path("run/node"),
) -> None:
    """Make a key, and get a certificate for it with a one-time token; the same as `vpp-node enroll`.

    Example: vpp node enroll --service localhost:50052 --ca run/certificates/authority.pem --token-file token
    """
    source = ["--token", token] if token else ["--token-file", str(token_file or "-")]
    code = node_main(["enroll", "--service", service, "--ca", str(ca), "--out", str(out), *source])
    raise typer.Exit(code)


def _time(option: str, text: str) -> datetime | None:
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{option}: {error}") from error
    if at.tzinfo is None:
        raise typer.BadParameter(
            f"{option}: got {text}, expected an offset too, such as 2020-05-20T10:00:00Z"
        )
    return at
