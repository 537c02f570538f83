"""`vpp archive`: readings of closed days, in files."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from vpp.cli.options import DEFAULT_CONFIG, Config
from vpp.domain.assets import Fleet
from vpp.domain.errors import InvalidValueError

_PAGE = 100_000

archive = typer.Typer(help="Readings of closed days, in files.", no_args_is_help=True, rich_markup_mode=None)
console = Console(highlight=False, soft_wrap=True)


def _folder(config: Path) -> Path:
    from vpp.service.settings import load_settings  # noqa: PLC0415 - keeps `vpp --help` fast

    folder = load_settings(config).telemetry.archive
    if folder is None:
        raise InvalidValueError("telemetry.archive", "", "a folder")
    return folder


@archive.command("list")
def list_command(config: Config = DEFAULT_CONFIG) -> None:
    """List the archived days: readings, size and checksum.

    Example: vpp archive list
    """
    from vpp.adapters.storage.archive import ReadingArchive  # noqa: PLC0415

    table = Table("day", "readings", "MB", "bytes a reading", "sha256")
    for entry in ReadingArchive(_folder(config)).days():
        each = entry.size / max(1, entry.rows)
        table.add_row(
            str(entry.date), f"{entry.rows:,}", f"{entry.size / 1e6:.1f}", f"{each:.1f}", entry.sha256[:16]
        )
    console.print(table)


@archive.command("verify")
def verify_command(config: Config = DEFAULT_CONFIG) -> None:
    """Read every file and compare it with its manifest; exit code 1 when one is not whole.

    Example: vpp archive verify
    """
    from vpp.adapters.storage.archive import ReadingArchive  # noqa: PLC0415

    files = ReadingArchive(_folder(config))
    entries = files.days()
    with Progress(console=Console(stderr=True), transient=True) as progress:
        looked_at = progress.track(entries, description="verifying")
        problems = [problem for entry in looked_at if (problem := files.problem(entry))]
    for problem in problems:
        console.print(f"{problem}; restore it from a copy")
    console.print(f"{len(entries) - len(problems)} of {len(entries)} days are whole")
    if problems:
        raise typer.Exit(1)


@archive.command("run")
def run_command(config: Config = DEFAULT_CONFIG) -> None:
    """Make days ahead, archive closed ones, drop those older than kept: what the service does every hour.

    Example: vpp archive run
    """
    from vpp.service.clock_and_store import make_clock, make_store  # noqa: PLC0415
    from vpp.service.settings import load_settings  # noqa: PLC0415

    settings = load_settings(config)

    async def run() -> None:
        store = make_store(settings, make_clock(settings))
        try:
            report = await store.keep_readings()
        finally:
            await store.close()
        console.print(
            f"{report.created} days made ahead, {report.indexed} indexed, {len(report.archived)} archived "
            f"({report.archived_rows:,} readings), {len(report.dropped)} dropped, in {report.seconds:.1f} s"
        )
        for problem in report.problems:
            console.print(problem)
        if report.problems:
            raise typer.Exit(1)

    asyncio.run(run())


@archive.command("export")
def export_command(
    first: Annotated[str, typer.Argument(help="First UTC day, such as 2026-11-20.")],
    last: Annotated[str, typer.Argument(help="Last UTC day, included.")],
    out: Annotated[Path, typer.Option(help="File to write: .parquet or .csv.")],
    asset: Annotated[
        list[str] | None, typer.Option(help="Asset; repeat for more. All when left out.")
    ] = None,
    feeder: Annotated[str, typer.Option(help="Only the assets of this feeder.")] = "",
    config: Config = DEFAULT_CONFIG,
) -> None:
    """Write the readings of a period to one file, out of the database and the archive alike.

    Example: vpp archive export 2026-11-01 2026-11-20 --feeder north --out north.parquet
    """
    if out.suffix not in {".parquet", ".csv"}:
        raise InvalidValueError("out", out, "a file that ends in .parquet or .csv")
    start, end = _midnight("first", first), _midnight("last", last) + timedelta(days=1)
    rows = asyncio.run(_export(config, start, end, out, tuple(asset or ()), feeder))
    console.print(f"{rows:,} readings in {out}")


def _midnight(field: str, text: str) -> datetime:
    try:
        return datetime.combine(date.fromisoformat(text), time(0), UTC)
    except ValueError:
        raise InvalidValueError(field, text, "a day such as 2026-11-20") from None


async def _export(
    config: Path, start: datetime, end: datetime, out: Path, assets: tuple[str, ...], feeder: str
) -> int:
    from vpp.adapters.storage.export import ReadingFile  # noqa: PLC0415
    from vpp.service.clock_and_store import make_clock, make_store  # noqa: PLC0415
    from vpp.service.settings import load_settings  # noqa: PLC0415

    settings = load_settings(config)
    store = make_store(settings, make_clock(settings))
    screen = Console(stderr=True)
    try:
        fleet = await store.load_fleet()
        with (
            ReadingFile(out, [item.asset_id for item in fleet.assets]) as file,
            Progress(console=screen, transient=True, disable=not screen.is_terminal) as progress,
        ):
            task, token, rows = progress.add_task("readings", total=None), "", 0
            while True:
                page = await store.readings_between(
                    start=start,
                    end=end,
                    slots=_slots(fleet, assets, feeder),
                    page_size=_PAGE,
                    page_token=token,
                )
                await asyncio.to_thread(file.add, page.readings)
                rows += len(page.readings)
                progress.update(task, completed=rows)
                token = page.next_token
                if not token:
                    return rows
    finally:
        await store.close()


def _slots(fleet: Fleet, assets: tuple[str, ...], feeder: str) -> NDArray[np.int64] | None:
    if not assets and not feeder:
        return None
    known = fleet.slots()
    if unknown := [name for name in assets if name not in known]:
        raise InvalidValueError("asset", unknown[0], "an asset of the fleet")
    chosen = {known[name] for name in assets}
    if feeder:
        if feeder not in {item.feeder_id for item in fleet.feeders}:
            raise InvalidValueError("feeder", feeder, "a feeder of the fleet")
        chosen |= {known[item.asset_id] for item in fleet.assets if item.feeder_id == feeder}
    return np.array(sorted(chosen), dtype=np.int64)
