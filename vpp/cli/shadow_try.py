"""`vpp shadow try`: what another policy or mix of forecasters would have done, over recorded cycles."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from vpp.cli.connecting import parse_time
from vpp.cli.options import DEFAULT_CONFIG, Config
from vpp.domain.errors import InvalidValueError
from vpp.domain.shadows import ShadowChange
from vpp.service.settings import load_settings

NICENESS = 10  # live operation goes first


def try_command(
    start: Annotated[str, typer.Option("--from", help="First interval, such as 2026-11-01T00:00Z.")],
    end: Annotated[str, typer.Option("--to", help="End of the last interval.")],
    policy: Annotated[
        list[str] | None, typer.Option(help="name=value of the policy; repeat for more.")
    ] = None,
    weight: Annotated[
        list[str] | None, typer.Option(help="forecaster=weight; those left out have none; repeat for more.")
    ] = None,
    config: Config = DEFAULT_CONFIG,
    seed: Annotated[int, typer.Option(help="Of the bootstrap.", min=0)] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Plan recorded cycles again with a change, and say in money, limits and calm what speaks against it.

    Example: vpp shadow try --from 2026-11-01T00:00Z --to 2026-11-15T00:00Z --weight baseline=1
    """
    change = ShadowChange(policy=_numbers("policy", policy), weights=_numbers("weight", weight))
    os.nice(NICENESS)
    asyncio.run(_report(config, start, end, change, seed, as_json=as_json))


async def _report(
    config: Path, start: str, end: str, change: ShadowChange, seed: int, *, as_json: bool
) -> None:
    from vpp.adapters.storage import open_store  # noqa: PLC0415 - keeps `vpp --help` fast
    from vpp.adapters.storage.operation import DatabaseOperation  # noqa: PLC0415
    from vpp.control.shadow_report import compare  # noqa: PLC0415
    from vpp.replay.shadowing import shadowed  # noqa: PLC0415
    from vpp.service.clock_and_store import make_clock  # noqa: PLC0415
    from vpp.service.solving import ProcessSolver  # noqa: PLC0415

    settings = load_settings(config)
    clock = make_clock(settings)
    begin, until = parse_time("--from", start), parse_time("--to", end)
    operation = DatabaseOperation(settings.database.url)
    store = open_store(settings.database.url, clock_now=clock.now)
    solver = ProcessSolver()
    screen = Console(stderr=True)
    try:
        await asyncio.to_thread(solver.warm_up)
        count = await operation.count(start=begin, end=until)
        with Progress(console=screen, transient=True, disable=not screen.is_terminal) as progress:
            task = progress.add_task("cycles", total=count)
            sides = await shadowed(
                operation,
                store,
                solver,
                change,
                start=begin,
                end=until,
                now=clock.now(),
                progress=lambda done: progress.update(task, completed=done),
            )
    finally:
        await asyncio.to_thread(solver.close)
        await operation.close()
        await store.close()
    report = compare(sides.in_force, sides.shadow, seed=seed)
    figures = report.figures() | {"unmetered": sides.unmetered, "cycles": count}
    typer.echo(json.dumps(figures, indent=2) if as_json else report.markdown(f"Shadow {_shown(change)}"))


def _numbers(option: str, assignments: list[str] | None) -> dict[str, float]:
    found = {}
    for text in assignments or []:
        name, _, value = text.partition("=")
        try:
            found[name] = float(value)
        except ValueError:
            raise InvalidValueError(f"--{option}", text, "name=number") from None
    return found


def _shown(change: ShadowChange) -> str:
    return ", ".join(f"{name}={value:g}" for name, value in {**change.policy, **change.weights}.items())
