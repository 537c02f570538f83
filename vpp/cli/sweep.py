"""`vpp sweep`: one scenario under many settings, on all cores, as one table."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

FORECASTERS = ("none", "baseline", "aggregated", "recorded", "perfect")
SHOWN_ERRORS = 5


def sweep_command(
    scenario_dir: Annotated[Path, typer.Argument(help="Folder with scenario.toml and its tables.")],
    out: Annotated[Path, typer.Option("--out", help="Parquet file for the results, a row for each replay.")],
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", help="key=value,value,…: a setting and its values; repeat for more."),
    ] = None,
    seeds: Annotated[str, typer.Option(help="Seeds, such as 0..9 or 1,4,7.")] = "0",
    forecaster: Annotated[str, typer.Option(help="Forecasters, such as none,baseline,perfect.")] = "baseline",
    jobs: Annotated[int, typer.Option(help="Replays at a time; 0: one for each core.", min=0)] = 0,
    keep: Annotated[Path | None, typer.Option(help="Folder that keeps the files of every replay.")] = None,
    ray: Annotated[
        str, typer.Option(help="Address of a Ray cluster, such as 10.0.0.5:6379; needs the extra `ray`.")
    ] = "",
    retry: Annotated[bool, typer.Option("--retry", help="Replay again what failed before.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Begin anew.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a summary as JSON.")] = False,
) -> None:
    """Replay every combination of settings, seeds and forecasters; exit code 1 when any of them failed.

    Stopped, it goes on where it was: what is finished is in FILE.journal and is not replayed again.

    Example: vpp sweep config/scenarios/storm-week --set peak_price_per_kw=0.1,0.3 --seeds 0..9
    --forecaster baseline,perfect --out run/sweep.parquet

    Example: vpp sweep run/year --seeds 0..99 --ray 10.0.0.5:6379 --out run/year.parquet
    """
    from vpp.domain.errors import InvalidValueError  # noqa: PLC0415 - keeps `vpp --help` fast
    from vpp.replay.sweep.combinations import combinations, parse_seeds  # noqa: PLC0415
    from vpp.replay.sweep.executors import MAXIMUM_JOBS, Executor, ProcessPool  # noqa: PLC0415
    from vpp.replay.sweep.ray_cluster import RayCluster  # noqa: PLC0415
    from vpp.replay.sweep.sweeping import Sweep, run_sweep  # noqa: PLC0415

    names = [name.strip() for name in forecaster.split(",")]
    if unknown := [name for name in names if name not in FORECASTERS]:
        raise InvalidValueError("forecaster", unknown[0], f"one of {', '.join(FORECASTERS)}")
    sweep = Sweep(
        scenario=scenario_dir,
        combinations=combinations(assignments or [], parse_seeds(seeds), names),
        out=out,
        keep=keep,
        retry=retry,
    )
    if overwrite:
        sweep.journal.unlink(missing_ok=True)
    if ray and keep is not None:
        raise InvalidValueError("keep", str(keep), "nothing with --ray", "the files stay on other hosts")
    count = min(jobs or os.cpu_count() or 1, MAXIMUM_JOBS)
    executor: Executor = (
        RayCluster(address=ray, jobs=jobs or MAXIMUM_JOBS) if ray else ProcessPool(jobs=count)
    )
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task("sweep", total=len(sweep.combinations))
        outcomes = run_sweep(sweep, executor, lambda done, _all: bars.update(task, completed=done))
    wrong = [outcome for outcome in outcomes if outcome.error]
    if as_json:
        summary = {"out": str(out), "replays": len(outcomes), "failed": [one.key for one in wrong]}
        typer.echo(json.dumps(summary, indent=2))
    else:
        console = Console(highlight=False, markup=False, soft_wrap=True)
        for one in wrong[:SHOWN_ERRORS]:
            console.print(f"failed: {one.key}: {one.error}")
        console.print(f"{len(outcomes)} replays, {len(wrong)} failed; everything is in {out}")
    if wrong:
        raise typer.Exit(1)
