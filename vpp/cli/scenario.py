"""`vpp scenario`: the scenarios that ship, how they are made, and whether one can be replayed."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

scenario = typer.Typer(
    help="Scenarios to replay: list what ships, make them longer, check your own.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
console = Console(highlight=False, soft_wrap=True)
FOLDER = Path("config/scenarios")


@scenario.command("list")
def list_command(
    folder: Annotated[Path, typer.Option(help="Folder with one folder for each scenario.")] = FOLDER,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """List the scenarios of a folder: what they show, how long they are, how many assets they have.

    Example: vpp scenario list
    """
    from vpp.replay.scenario_files import read_scenario  # noqa: PLC0415 - keeps `vpp --help` fast
    from vpp.service.files import FileError  # noqa: PLC0415

    paths = sorted(folder.glob("*/scenario.toml"))
    if not paths:
        raise FileError(f"{folder}: has no folder with a scenario.toml; give another with --folder")
    rows = []
    for path in paths:
        one = read_scenario(path.parent)
        rows.append(
            {
                "name": path.parent.name,
                "title": one.header.title,
                "start": one.header.start.isoformat(),
                "days": one.header.days,
                "interval_minutes": one.header.interval_minutes,
                "cycles": one.header.grid().count,
                "assets": len(one.fleet),
                "feeders": len(one.fleet.feeders),
            }
        )
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    table = Table("name", "days", "minutes", "cycles", "assets", "feeders", "what it shows", box=None)
    for row in rows:
        figures = [f"{row[key]:g}" for key in ("days", "interval_minutes", "cycles", "assets", "feeders")]
        table.add_row(str(row["name"]), *figures, str(row["title"]))
    console.print(table)


@scenario.command("build")
def build_command(
    name: Annotated[str, typer.Argument(help="A name of `vpp scenario list`.")],
    out: Annotated[Path, typer.Option("--out", help="Folder to write.")],
    days: Annotated[int | None, typer.Option(help="To replay; as shipped unless given.", min=1)] = None,
    start: Annotated[datetime | None, typer.Option(help="First day, UTC; as shipped unless given.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of all that is made up.", min=0)] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what is there.")] = False,
) -> None:
    """Make a scenario anew, for any number of days up to a year.

    `lv-feeders` needs the data files of the package `simbench`: pip install --no-deps simbench==1.6.3

    Example: vpp scenario build storm-week --days 28 --out run/four-storms
    """
    from vpp.replay.check import check_folder  # noqa: PLC0415 - keeps `vpp --help` fast
    from vpp.replay.shipped.catalogue import build_scenario  # noqa: PLC0415
    from vpp.service.files import FileError  # noqa: PLC0415

    if out.exists() and any(out.iterdir()) and not overwrite:
        raise FileError(f"{out}: is not empty; give another folder, or --overwrite")
    begin = None if start is None else start.replace(tzinfo=UTC)
    span = build_scenario(name, out, days=days, start=begin, seed=seed)
    made, findings = check_folder(out)
    for finding in findings:
        console.print(str(finding))
    size_kb = sum(path.stat().st_size for path in out.iterdir()) / 1000
    console.print(
        f"{out}: {span.days} days from {span.start.date()}, {len(made.fleet)} assets, {size_kb:,.0f} kB"
    )


@scenario.command("from-export")
def from_export_command(
    archive: Annotated[Path, typer.Argument(help="Archive of vpp export.")],
    out: Annotated[Path, typer.Option("--out", help="Folder to write; new or empty.")],
    timezone: Annotated[str, typer.Option(help="Where the consumers live.")] = "Europe/Berlin",
) -> None:
    """Make a scenario of recorded operation, to replay it with other forecasts or settings.

    Example: vpp scenario from-export archive/november --out run/november

    Example: vpp replay run/november --forecaster recorded --out run/as-forecast
    """
    from vpp.replay.check import check_folder  # noqa: PLC0415 - keeps `vpp --help` fast
    from vpp.replay.exported import write_exported  # noqa: PLC0415
    from vpp.service.files import FileError  # noqa: PLC0415
    from vpp.service.series_files import require_time_zone  # noqa: PLC0415

    if out.exists() and any(out.iterdir()):
        raise FileError(f"{out}: is not empty; give another folder")
    left_out = asyncio.run(write_exported(archive, out, timezone=require_time_zone(timezone)))
    made, findings = check_folder(out)
    for finding in findings:
        console.print(str(finding))
    for words in left_out:
        console.print(f"left out, a scenario cannot hold it: {words}")
    console.print(f"{out}: {made.header.grid().count} intervals, {len(made.fleet)} assets")


@scenario.command("check")
def check_command(
    scenario_dir: Annotated[Path, typer.Argument(help="Folder with scenario.toml and its tables.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Read every file of a scenario and say what is missing, known too early, or in a wrong unit.

    Exit code 1 when the scenario should not be replayed.

    Example: vpp scenario check config/scenarios/storm-week
    """
    from vpp.replay.check import check_folder  # noqa: PLC0415 - keeps `vpp --help` fast

    found, findings = check_folder(scenario_dir)
    refused = [finding for finding in findings if finding.refused]
    if as_json:
        rows = [
            {"place": f.place, "found": f.found, "expected": f.expected, "refused": f.refused}
            for f in findings
        ]
        typer.echo(json.dumps(rows, indent=2))
    else:
        for finding in findings:
            console.print(("" if finding.refused else "note: ") + str(finding))
        if not refused:
            grid = found.header.grid()
            console.print(
                f"{scenario_dir}: {grid.count} intervals of {found.header.interval_minutes:g} min, "
                f"{len(found.fleet)} assets, {len(found.sessions)} stays; can be replayed"
            )
    raise typer.Exit(1 if refused else 0)
