"""`vpp bench optimizer`: the optimizer over sizes, families and features, measured here and now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

if TYPE_CHECKING:
    from optimizer.bench import Case, Figure

MOST_SEEDS = 100


def bench_optimizer_command(
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object per run, as soon as it is done.")
    ] = False,
    rows: Annotated[str, typer.Option(help="Rows of the table, comma-separated; --list names them.")] = "",
    families: Annotated[str, typer.Option(help="Families, comma-separated; all unless told.")] = "",
    seeds: Annotated[int, typer.Option(help="Seeds per case.", min=1, max=MOST_SEEDS)] = 1,
    everything: Annotated[
        bool, typer.Option("--all", help="Every row; without it what takes about ten minutes.")
    ] = False,
    references: Annotated[bool, typer.Option(help="Run the monoliths, too, where they can finish.")] = True,
    limit: Annotated[float, typer.Option(help="Kill a run after this many seconds.", min=1.0)] = 1_200.0,
    listing: Annotated[bool, typer.Option("--list", help="Name the rows and end.")] = False,
) -> None:
    """Measure the optimizer: time, gap, gap of savings, overload, memory and the machine's load.

    Example: vpp bench optimizer --rows 40,1000 --seeds 5 --json > rows.jsonl
    """
    from optimizer.bench import ROWS, measure  # noqa: PLC0415 - keeps `vpp --help` fast

    if listing:
        for row in ROWS:
            print(f"{row.name:>10}  {row.assets:,} assets, {row.feeders} feeders, {row.intervals} intervals")
        return
    runs = _chosen(rows, families, seeds, everything=everything, references=references)
    figures: list[Figure] = []
    with _progress() as progress:
        task = progress.add_task("", total=len(runs), doing=_words(runs[0]))
        for k, figure in enumerate(measure(runs, limit_s=limit)):
            figures.append(figure)
            progress.update(task, advance=1, doing=_words(runs[min(k + 1, len(runs) - 1)]))
            if as_json:
                print(figure.line(), flush=True)
    if not as_json:
        _print_table(figures)


def _chosen(rows: str, families: str, seeds: int, *, everything: bool, references: bool) -> list[Case]:
    from optimizer.bench import FAMILY_NAMES, ROWS, cases_of  # noqa: PLC0415 - keeps `vpp --help` fast

    known = {row.name: row for row in ROWS}
    names = _names(rows, tuple(known), "--rows")
    groups = _names(families, FAMILY_NAMES, "--families") or FAMILY_NAMES
    wanted = [known[name] for name in names] or [row for row in ROWS if everything or row.quick]
    return [
        case for row in wanted for case in cases_of(row, seeds=seeds, families=groups, references=references)
    ]


def _names(text: str, known: tuple[str, ...], option: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    for name in names:
        if name not in known:
            raise typer.BadParameter(f"{name!r} is none of {', '.join(known)}", param_hint=option)
    return names


def _progress() -> Progress:
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.fields[doing]}"))
    return Progress(*columns, console=Console(stderr=True), transient=True)


def _words(case: Case) -> str:
    prices = "negative" if case.negative else "ordinary"
    return f"{case.row} {case.family} {prices} seed {case.seed} {case.method}"


def _print_table(figures: list[Figure]) -> None:
    from optimizer.bench import summaries  # noqa: PLC0415 - keeps `vpp --help` fast
    from optimizer.bench.table import HEADINGS  # noqa: PLC0415

    table = Table(*HEADINGS)
    for line in summaries(figures):
        table.add_row(*line)
    Console(width=220).print(table)
