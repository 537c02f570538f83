"""`vpp bench replay`: how long a day takes to replay, measured here and now."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from vpp.cli.replay import progress_bars

MOST_ASSETS = 100_000


def bench_replay_command(
    assets: Annotated[int, typer.Option(min=3, max=MOST_ASSETS, help="Batteries and cars.")] = 1_000,
    days: Annotated[int, typer.Option(min=1, max=366, help="Of 96 cycles each.")] = 1,
    seed: Annotated[int, typer.Option(min=0, help="Of all that is made up.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Make a day of homes with batteries, PV and cars, and replay it with the loop of live operation.

    Example: vpp bench replay --assets 10000
    """
    from vpp.bench.replay import measure  # noqa: PLC0415 - loads what no other command needs

    with tempfile.TemporaryDirectory(prefix="vpp-bench-") as folder, progress_bars() as bars:
        found = measure(
            Path(folder),
            assets=assets,
            days=days,
            seed=seed,
            progress=lambda done, of: bars("replay", done, of),
        )
    if as_json:
        typer.echo(json.dumps(found.row()))
        return
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"{found.assets:,} assets, {found.cycles} cycles, load {found.load:.1f}")
    console.print(f"{found.wall_s:.1f} s, {found.cpu_s:.1f} CPU s, of it {found.solve_s:.1f} s in solves")
    console.print(f"a cycle takes {found.cycle_s_median:.3f} s, the slowest {found.cycle_s_worst:.2f} s")
    rungs = ", ".join(f"{count} {rung}" for rung, count in found.rungs.items())
    console.print(f"cost {found.cost:,.2f}, widest gap {found.gap_worst:.3%}, {rungs}")
    console.print(f"checksum of the decisions {found.checksum}")
