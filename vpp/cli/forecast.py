"""`vpp forecast`: forecasts on the bench."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import time as time_of_day
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from vpp.domain.errors import InvalidValueError
from vpp.service.backtest import DEFAULT_MODELS, BacktestSettings, run_backtest, write_results
from vpp.service.files import read_context
from vpp.service.model_settings import ModelSettings
from vpp.service.series_files import read_series, require_time_zone
from vpp.service.settings import load_settings

MAXIMUM_DAYS = 3660


def backtest_command(
    series: Annotated[
        Path, typer.Argument(help="CSV: start, value_kw (or value) [, temperature_c] [, holiday].")
    ],
    out: Annotated[Path, typer.Option("--out", help="Folder for scores, forecasts and the report.")],
    weather: Annotated[
        Path | None, typer.Option(help="CSV: start, available_at, temperature_c; forecasts as issued.")
    ] = None,
    models: Annotated[
        str,
        typer.Option(
            help="Comma-separated: models; scripted:BEHAVIOUR for simulated experts; endpoint for the "
            "reasoning model of [model] in --config; local for a small one that runs here."
        ),
    ] = ",".join(DEFAULT_MODELS),
    context: Annotated[
        Path | None,
        typer.Option(
            help="JSON Lines for the reasoning model: id, text, valid_from, valid_until, available_at."
        ),
    ] = None,
    config: Annotated[Path | None, typer.Option(help="Settings whose [model] is asked as endpoint.")] = None,
    issue_time: Annotated[
        str, typer.Option(help="When the next day is forecast, HH:MM in standard time.")
    ] = "12:00",
    days: Annotated[int, typer.Option(min=1, max=MAXIMUM_DAYS, help="Days that count, the last ones.")] = 364,
    timezone: Annotated[str, typer.Option(help="Where the consumers live.")] = "Europe/Berlin",
    country: Annotated[
        str, typer.Option(help="Whose public holidays, such as DE, DE-BY or AU-VIC; none when empty.")
    ] = "",
    regret_days: Annotated[
        int, typer.Option(min=0, max=MAXIMUM_DAYS, help="Days on which an example fleet is planned; 0: none.")
    ] = 14,
    seed: Annotated[int, typer.Option(help="Of scripted experts.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print what scores.json holds.")] = False,
) -> None:
    """Forecast the past as it would have been forecast, and say how good that was.

    Example: vpp forecast backtest series.csv --timezone Europe/Berlin --country DE --out run/backtest

    Example: vpp forecast backtest series.csv --models ridge,lightgbm,local --context context.jsonl --days 30
    --out run/advised
    """
    settings = BacktestSettings(
        models=tuple(name.strip() for name in models.split(",") if name.strip()),
        issue_time=_time_of_day(issue_time),
        days=days,
        regret_days=regret_days,
        seed=seed,
        reasoning=ModelSettings() if config is None else load_settings(config).model,
        context=() if context is None else tuple(read_context(context)),
    )
    history = read_series(series, timezone=require_time_zone(timezone), country=country, weather=weather)
    wall, cpu = time.perf_counter(), time.process_time()
    with _progress() as report_progress:
        evaluation = run_backtest(history, settings, report_progress)
    issued = "as issued." if weather is not None else "none."
    spent = f"{time.process_time() - cpu:.1f} CPU s, {time.perf_counter() - wall:.1f} s on the wall"
    facts = [
        f"Issued at {issue_time} standard time of {timezone} for the next day; weather {issued}",
        f"{spent}, load {os.getloadavg()[0]:.1f}.",
    ]
    scores = write_results(
        evaluation, out, title=f"Backtest of {series.name}", timezone=timezone, facts=facts
    )
    if as_json:
        typer.echo(json.dumps(scores, indent=2))
    else:
        _print(scores, out)


def _time_of_day(text: str) -> time_of_day:
    try:
        return time_of_day.fromisoformat(text)
    except ValueError:
        raise InvalidValueError("issue_time", text, "a time of day such as 12:00") from None


@contextmanager
def _progress() -> Iterator[Any]:
    """Show one bar per stage on a terminal, nothing otherwise."""
    screen = Console(stderr=True)
    with Progress(console=screen, transient=True, disable=not screen.is_terminal) as bars:
        tasks: dict[str, Any] = {}

        def advance(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=total)
            bars.update(tasks[what], completed=done)

        yield advance


def _print(scores: dict[str, Any], out: Path) -> None:
    table = Table("MAPE %", "holidays %", "CRPS %", "cover 90", "CPU s", "excess", "bound", "forecaster")
    for name, row in scores["forecasters"].items():
        chain = row.get("chain")
        holidays, cpu_s = row["holiday_mape_percent"], row["cpu_s_per_forecast"]
        table.add_row(
            f"{row['mape_percent']:.2f}",
            "" if holidays is None else f"{holidays:.2f}",
            f"{row['crps_percent']:.2f}",
            f"{100 * row['coverage_90']:.1f} %",
            "" if cpu_s is None else f"{cpu_s:.4f}",
            "" if chain is None else f"{chain['excess_loss']:+.3f}",
            "" if chain is None else f"{chain['proven_bound']:.3f}",
            name,
        )
    console = Console(soft_wrap=True, highlight=False)
    console.print(table)
    for name, row in scores["forecasters"].items():
        if row.get("usage", {}).get("verdicts"):
            console.print(f"{name}: {_asked(row['usage'])}")
    if scores["regret"] is not None:
        shown = ", ".join(f"{name} {value:.2f}" for name, value in scores["regret"]["regret_per_day"].items())
        console.print(f"regret per day of the example fleet over {scores['regret']['days']} days: {shown}")
    console.print(f"{scores['days']} days; scores.json, forecasts.parquet and report.html are in {out}")


def _asked(usage: dict[str, Any]) -> str:
    verdicts = ", ".join(f"{count} {verdict}" for verdict, count in usage["verdicts"].items())
    tokens = usage["prompt_tokens"] + usage["completion_tokens"]
    return (
        f"{usage['calls']} calls ({verdicts}), longest {usage['longest_s']:.1f} of "
        f"{usage['deadline_s']:g} s, {tokens} tokens, {usage['cost']:.4f} {usage['currency']}"
    )
