"""`vpp replay`: a scenario through the loop of live operation, with a simulated fleet."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn


class ForecasterChoice(StrEnum):
    """What the plans are made on."""

    NONE = "none"
    BASELINE = "baseline"
    PERFECT = "perfect"


def replay_command(
    scenario_dir: Annotated[Path, typer.Argument(help="Folder with scenario.toml and its tables.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for figures, tables and the decision log.")],
    forecaster: Annotated[
        ForecasterChoice, typer.Option(help="none: the last metered value; perfect: what will come.")
    ] = ForecasterChoice.BASELINE,
    regret: Annotated[
        bool, typer.Option(help="Replay once more with perfect foresight, and say what that was worth.")
    ] = True,
    seed: Annotated[int, typer.Option(help="Draws noise and faults.", min=0)] = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what is there.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Replay a scenario with the loop of live operation; the same scenario and seed decide the same.

    Example: vpp replay config/scenarios/evening --out run/evening
    """
    from vpp.service.files import FileError  # noqa: PLC0415 - keeps `vpp --help` fast

    if out.exists() and any(out.iterdir()) and not overwrite:
        raise FileError(f"{out}: is not empty; give another folder, or --overwrite")
    figures = _replay(scenario_dir, out, forecaster.value, regret=regret, seed=seed)
    if as_json:
        typer.echo(json.dumps(figures, indent=2, sort_keys=True))
        return
    _show(figures, out)


def _replay(folder: Path, out: Path, forecaster: str, *, regret: bool, seed: int) -> dict[str, Any]:
    from vpp.replay.run import ReplayOptions  # noqa: PLC0415
    from vpp.replay.whole import replay_folder  # noqa: PLC0415

    options = ReplayOptions(forecaster=forecaster, seed=seed)  # type: ignore[arg-type]
    with _bars() as progress:
        return asyncio.run(replay_folder(folder, out, options, regret=regret, progress=progress))


@contextmanager
def _bars() -> Iterator[Callable[[str, int, int], None]]:
    """Show one bar with the time left for each part of the work."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def advance(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=total)
            bars.update(tasks[what], completed=done)

        yield advance


def _show(figures: dict[str, Any], out: Path) -> None:
    console = Console(highlight=False)
    currency = figures["currency"]
    rows = [
        ("cost", "cost", currency),
        ("  without control", "cost_without_control", currency),
        ("  with perfect foresight", "cost_perfect_foresight", currency),
        ("peak import", "peak_kw", "kW"),
        ("  without control", "peak_without_control_kw", "kW"),
        ("feeder overload", "feeder_overload_kwh", "kWh"),
        ("EV energy unmet", "ev_energy_unmet_kwh", "kWh"),
        ("lost in conversion", "lost_in_conversion_kwh", "kWh"),
    ]
    for name, key, unit in rows:
        if figures[key] is not None:
            console.print(f"{name:<28}{figures[key]:>14,.2f} {unit}")
    rungs = ", ".join(f"{count} {rung}" for rung, count in figures["rungs"].items())
    console.print(f"{'cycles':<28}{figures['cycles']:>14} {rungs}")
    console.print(f"took {figures['seconds']:.1f} s; everything is in {out}, drawn in report.html")
