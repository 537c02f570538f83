"""`vpp bench optimizer`: the decomposed method over families and sizes, measured here and now."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

_COLUMNS = (
    "family",
    "N / F / T",
    "prices",
    "s",
    "CPU s",
    "gap",
    "of savings",
    "overload kWh",
    "MB",
    "load",
    "MILP s",
)


def bench_optimizer_command(
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object per run instead of the table.")
    ] = False,
    largest: Annotated[int, typer.Option(help="Leave out fleets with more assets than this.")] = 10_000,
    seeds: Annotated[int, typer.Option(help="Seeds per case.")] = 1,
) -> None:
    """Measure the optimizer: time, gap, gap of savings, overload, memory and the machine's load.

    Example: vpp bench optimizer --largest 1000 --seeds 2
    """
    from dataclasses import replace  # noqa: PLC0415 - the imports below load numba

    from optimizer.bench import QUICK, Case, measure  # noqa: PLC0415

    large = tuple(
        Case(family="cars", assets=assets, feeders=100, negative=negative)
        for assets in (100_000, 1_000_000)
        for negative in (False, True)
    )
    cases = [case for case in (*QUICK, *large) if case.assets <= largest]
    runs = tuple(replace(case, seed=seed) for case in cases for seed in range(seeds))
    figures = []
    with Progress(console=Console(stderr=True), transient=True) as progress:
        for figure in progress.track(measure(runs), total=len(runs), description="measuring"):
            figures.append(figure)
            if as_json:
                print(json.dumps(figure.row()), flush=True)
    if as_json:
        return
    table = Table(*_COLUMNS)
    for f in figures:
        table.add_row(
            f.family, f"{f.assets:,} / {f.feeders} / {f.intervals}", "negative" if f.negative else "ordinary",
            f"{f.seconds:.2f}", f"{f.cpu_seconds:.2f}", f"{f.gap:.4%}", f"{f.gap_of_savings:.3%}",
            f"{f.overload_kwh:.2f}", f"{f.peak_rss_mb:.0f}", f"{f.load_average:.1f}",
            "" if f.monolith_seconds is None else f"{f.monolith_seconds:.1f}",
        )  # fmt: skip
    Console().print(table)
