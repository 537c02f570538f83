"""`vpp node`: simulated nodes from the command line."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from vpp.node.files import NodeFileError
from vpp.node.simulation import SimulationSettings, load_agents, make_clock, simulate


def node_command(
    fleet: Annotated[Path, typer.Option(help="assets.csv, as `vpp import` reads it.")],
    target: Annotated[str, typer.Option(help="The service, HOST:PORT.")] = "localhost:50051",
    certificates: Annotated[
        Path, typer.Option(help="Folder with authority.pem and node-<id>.pem, .key.")
    ] = Path("run/certificates"),
    count: Annotated[int, typer.Option(min=0, help="At most this many nodes; 0 means all.")] = 0,
    node: Annotated[list[str] | None, typer.Option(help="A node of the file; all when not given.")] = None,
    speed: Annotated[float, typer.Option(help="Plant seconds in one second of the wall.")] = 1.0,
    plant_start: Annotated[str, typer.Option(help="Plant's time at --wall-start, ISO 8601.")] = "",
    wall_start: Annotated[
        float | None, typer.Option(help="Unix time of --plant-start; now when not given.")
    ] = None,
) -> None:
    """Run nodes of simulated devices until told to stop (SIGTERM or Ctrl-C).

    Example: vpp node --count 5 --target localhost:50051 --certificates run/certificates
    --fleet config/demo/assets.csv
    """
    settings = SimulationSettings(
        target=target,
        certificates=certificates,
        assets=fleet,
        node_ids=node or (),
        count=count,
        speed=speed,
        plant_start=_time(plant_start) if plant_start else None,
        wall_start=wall_start,
    )
    try:
        agents = load_agents(settings, make_clock(settings, time.time()))
    except NodeFileError as error:
        raise typer.BadParameter(str(error)) from error
    uvloop.run(simulate(agents, typer.echo))


def _time(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"plant-start: {error}") from error
    if at.tzinfo is None:
        raise typer.BadParameter(
            f"plant-start: got {text}, expected an offset too, such as 2020-05-20T10:00:00Z"
        )
    return at
