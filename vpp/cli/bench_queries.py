"""`vpp bench queries`: what operators' questions cost, measured here and now."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table


def bench_queries_command(
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object per row instead of the table.")
    ] = False,
    assets: Annotated[int, typer.Option(min=1, max=1_000_000, help="Size of the fleet.")] = 100_000,
    feeders: Annotated[int, typer.Option(min=1, max=10_000, help="Number of feeders.")] = 100,
    count: Annotated[int, typer.Option(min=10, help="How often each question is asked.")] = 300,
) -> None:
    """Ask a fleet what operators ask, over mutual TLS, with the product's client.

    Example: vpp bench queries --assets 10000 --json
    """
    from vpp.bench.queries import measure  # noqa: PLC0415 - loads what no other command needs

    screen = Console(stderr=True, highlight=False)
    table = Table("question", "asked", "measured", "CPU s of the service", "wall s", "load")
    for row in measure(assets=assets, feeders=feeders, count=count, say=screen.print):
        if as_json:
            print(json.dumps(row.row()), flush=True)
        measured = ", ".join(f"{name} {value:,.3g}" for name, value in row.figures.items())
        table.add_row(
            row.name,
            row.asked,
            measured,
            f"{row.server_cpu_s:.1f}",
            f"{row.wall_s:.1f}",
            f"{row.load_average:.1f}",
        )
    if not as_json:
        Console().print(table)
