"""`vpp replay`: a scenario through the loop of live operation, or recorded operation decided again."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

FIRST, LAST = "1970-01-01", "9999-01-01"
MANIFEST = "archive.json"  # of an export


class ForecasterChoice(StrEnum):
    """What the plans are made on."""

    NONE = "none"
    BASELINE = "baseline"
    AGGREGATED = "aggregated"
    PERFECT = "perfect"
    RECORDED = "recorded"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    out: Path
    start: str
    end: str
    forecaster: ForecasterChoice
    policy: Path | None
    assignments: list[str]
    regret: bool
    resolve: bool
    model: str
    seed: int
    resume: bool
    as_json: bool


def replay_command(
    source: Annotated[
        Path | None, typer.Argument(help="Folder of a scenario, or an archive of vpp export.")
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", help="Folder for figures, tables and the decision log.")
    ] = Path("run/replay"),
    database: Annotated[
        str,
        typer.Option("--database", help="Decide the recorded operation of this database again, and compare."),
    ] = "",
    start: Annotated[str, typer.Option("--from", help="First interval, UTC, such as 2026-11-20.")] = "",
    end: Annotated[str, typer.Option("--to", help="End of the last interval, UTC.")] = "",
    forecaster: Annotated[
        ForecasterChoice,
        typer.Option(
            help="none: the last metered value; baseline: similar days; aggregated: mixed with what learns, "
            "as in live operation; recorded: forecasts that were in force, or the model's recorded replies; "
            "perfect: what will come."
        ),
    ] = ForecasterChoice.BASELINE,
    policy: Annotated[
        Path | None, typer.Option(help="TOML with other settings, such as the [policy] of a service.")
    ] = None,
    assignments: Annotated[
        list[str] | None, typer.Option("--set", help="Another setting, key=value; repeat for more.")
    ] = None,
    regret: Annotated[
        bool, typer.Option(help="Replay once more with perfect foresight, and say what that was worth.")
    ] = True,
    resolve: Annotated[
        bool,
        typer.Option("--resolve", help="Solve recorded cycles anew, and say where that decides differently."),
    ] = False,
    model: Annotated[
        str,
        typer.Option(help="local: ask the small model of this machine, with --forecaster aggregated."),
    ] = "",
    seed: Annotated[int, typer.Option(help="Draws noise and faults.", min=0)] = 0,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where Ctrl-C or a crash stopped; give the same options.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what is there.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Replay a scenario with the loop of live operation; the same scenario and seed decide the same.

    Or decide recorded operation again from what each cycle knew; exit code 1 when a decision differs.

    Example: vpp replay config/scenarios/storm-week --out run/storm --set peak_price_per_kw=0.3

    Example: vpp replay --database sqlite:///run/vpp.sqlite --from 2026-11-20 --out run/again

    Example: vpp replay archive/november --out run/november

    Example: vpp replay archive/november --resolve --out run/solved-anew
    """
    from vpp.domain.errors import InvalidValueError  # noqa: PLC0415 - keeps `vpp --help` fast
    from vpp.service.files import FileError  # noqa: PLC0415

    if out.exists() and any(out.iterdir()) and not (overwrite or resume):
        raise FileError(f"{out}: is not empty; give another folder, or --overwrite")
    request = _Request(
        out=out,
        start=start,
        end=end,
        forecaster=forecaster,
        policy=policy,
        assignments=assignments or [],
        regret=regret,
        resolve=resolve,
        model=model,
        seed=seed,
        resume=resume,
        as_json=as_json,
    )
    if (source is None) == (not database):
        raise InvalidValueError("source", source or "", "a folder, or --database URL", "one of the two")
    if source is None or (source / MANIFEST).exists():
        _decide_again(source or database, request)
        return
    if resolve:
        raise InvalidValueError("resolve", str(source), "recorded operation", "a scenario is always solved")
    figures = _replay(source, request)
    if as_json:
        typer.echo(json.dumps(figures, indent=2, sort_keys=True))
        return
    _show(figures, out)


def _decide_again(source: str | Path, request: _Request) -> None:
    """Replay recorded operation; no setting may be changed, since the outcomes are those of then."""
    from vpp.adapters.storage.archived_operation import ArchivedOperation  # noqa: PLC0415
    from vpp.adapters.storage.operation import DatabaseOperation  # noqa: PLC0415
    from vpp.domain.errors import InvalidValueError  # noqa: PLC0415
    from vpp.replay.period import parse_time  # noqa: PLC0415
    from vpp.replay.recorded import Comparison, replay_operation  # noqa: PLC0415

    if request.policy is not None or request.assignments:
        raise InvalidValueError(
            "set",
            ", ".join(request.assignments),
            "nothing with recorded operation",
            "recorded outcomes fit no other policy; make a scenario with vpp scenario from-export",
        )
    if request.forecaster not in {ForecasterChoice.BASELINE, ForecasterChoice.RECORDED}:
        raise InvalidValueError(
            "forecaster",
            str(request.forecaster),
            "recorded, with recorded operation",
            "for other forecasts make a scenario with vpp scenario from-export",
        )
    first, last = parse_time("from", request.start or FIRST), parse_time("to", request.end or LAST)

    async def run(progress: Callable[[str, int, int], None]) -> Comparison:
        operation = DatabaseOperation(source) if isinstance(source, str) else ArchivedOperation(source)
        try:
            return await replay_operation(
                operation, request.out, start=first, end=last, progress=progress, resolve=request.resolve
            )
        finally:
            await operation.close()

    with progress_bars() as progress:
        comparison = asyncio.run(run(progress))
    if request.as_json:
        typer.echo(json.dumps(comparison.figures(), indent=2, sort_keys=True))
    else:
        console = Console(highlight=False, soft_wrap=True)
        for line in comparison.differences:
            console.print(line)
        same = comparison.cycles - comparison.differing
        console.print(f"{same} of {comparison.cycles} cycles decide the same, to the bit")
        if comparison.resolved is not None:
            console.print(_resolved(comparison.resolved))
        console.print(f"decision log {comparison.replayed_sha256}; everything is in {request.out}")
    if comparison.differing and not request.resolve:
        raise typer.Exit(1)


def _resolved(figures: dict[str, Any]) -> str:
    return (
        f"solved anew: {figures['cycles_with_other_orders']} cycles give other orders, at most "
        f"{figures['largest_kw']:,.2f} kW for one asset; the plans' cost changes by "
        f"{figures['objective_change']:+,.4f}; each cycle is in differences.parquet"
    )


def _replay(folder: Path, request: _Request) -> dict[str, Any]:
    from vpp.replay.asked_model import asked_model  # noqa: PLC0415
    from vpp.replay.changes import read_changes  # noqa: PLC0415
    from vpp.replay.checkpoint import ReplayStoppedError  # noqa: PLC0415
    from vpp.replay.period import parse_time  # noqa: PLC0415
    from vpp.replay.run import ReplayOptions  # noqa: PLC0415
    from vpp.replay.whole import Asked, replay_folder  # noqa: PLC0415

    asked = Asked(
        start=parse_time("from", request.start) if request.start else None,
        end=parse_time("to", request.end) if request.end else None,
        changes=read_changes(request.policy, request.assignments),
    )
    options = ReplayOptions(forecaster=request.forecaster.value, seed=request.seed)
    with progress_bars() as progress, _interruptible() as asked_to_stop:

        async def work() -> dict[str, Any]:
            async with asked_model(request.model, request.forecaster) as model:
                return await replay_folder(
                    folder,
                    request.out,
                    replace(options, model=model),
                    regret=request.regret,
                    progress=progress,
                    asked=asked,
                    resume=request.resume,
                    asked_to_stop=asked_to_stop,
                )

        try:
            return asyncio.run(work())
        except ReplayStoppedError as stopped:
            message = str(stopped)
    Console(stderr=True, highlight=False, soft_wrap=True).print(message)
    raise typer.Exit(130)


@contextmanager
def _interruptible() -> Iterator[Callable[[], bool]]:
    """Give what says whether Ctrl-C was pressed; pressed twice, it interrupts at once."""
    pressed: list[int] = []

    def press(number: int, _frame: object) -> None:
        pressed.append(number)
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, press)
    try:
        yield lambda: bool(pressed)
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def progress_bars() -> Iterator[Callable[[str, int, int], None]]:
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
