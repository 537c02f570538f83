"""`vpp bench gateway`: nodes by the thousand against the gateway, measured here and now."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

ROWS = ("connect", "singles", "orders", "reconnect", "columns", "fanout", "durable", "sustained")


def bench_gateway_command(
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object per row instead of the table.")
    ] = False,
    rows: Annotated[str, typer.Option(help=f"Of {', '.join(ROWS)}; comma-separated, all when empty.")] = "",
    nodes: Annotated[int, typer.Option(min=1, max=15_000, help="Nodes with a connection each.")] = 10_000,
    seconds: Annotated[float, typer.Option(min=1, help="Length of each row.")] = 20.0,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds of reconnects.")] = 3,
    readings_per_s: Annotated[float, typer.Option(min=1, help="Single readings.")] = 10_000,
    columns_per_s: Annotated[float, typer.Option(min=1, help="Samples in columns of 1,000.")] = 1_000_000,
    durable_per_s: Annotated[
        float | None,
        typer.Option(min=1, help="Samples into the database; 200,000 or, for SQLite, 50,000 if left out."),
    ] = None,
    sustained_per_s: Annotated[
        float, typer.Option(min=1, help="Single readings of the row `sustained`.")
    ] = 2_000,
    connection_age_s: Annotated[
        float, typer.Option(min=1, help="Wall seconds after which the service ends a connection.")
    ] = 3_600,
    database: Annotated[
        str,
        typer.Option(
            help="For the durable rows, left out without one: `sqlite` for a file of the measurement's own, "
            "or the URL of an EMPTY database. `sustained` runs only when named, in a database of its own."
        ),
    ] = "memory",
) -> None:
    """Measure the gateway over mutual TLS, one connection for each node; the load has its own process.

    Example: vpp bench gateway --rows connect,singles --nodes 1000 --json
             vpp bench gateway --rows sustained --database sqlite --seconds 3600
    """
    from vpp.bench.gateway import Size, measure  # noqa: PLC0415 - loads what no other command needs

    chosen = {name for name in rows.split(",") if name}
    if unknown := sorted(chosen - set(ROWS)):
        raise typer.BadParameter(f"{unknown[0]}: expected some of {', '.join(ROWS)}", param_hint="--rows")
    size = Size(
        nodes=nodes,
        seconds=seconds,
        rounds=rounds,
        readings_per_s=readings_per_s,
        columns_per_s=columns_per_s,
        durable_per_s=durable_per_s,
        sustained_per_s=sustained_per_s,
        connection_age_s=connection_age_s,
    )
    screen = Console(stderr=True, highlight=False)
    table = Table("row", "asked", "measured", "CPU s, server / load / machine", "wall s", "load")
    for row in measure(size, chosen, database, screen.print):
        if as_json:
            print(json.dumps(row.row()), flush=True)
        measured = ", ".join(f"{name} {value:,.4g}" for name, value in row.figures.items())
        cpu = f"{row.server_cpu_s:.1f} / {row.load_cpu_s:.1f} / {row.machine_cpu_s:.1f}"
        table.add_row(row.name, row.asked, measured, cpu, f"{row.wall_s:.1f}", f"{row.load_average:.1f}")
    if not as_json:
        Console().print(table)
