"""`vpp export`: recorded operation into files, with everything that a replay needs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from vpp.cli.replay import FIRST, LAST, progress_bars


def export_command(
    database: Annotated[str, typer.Option("--database", help="URL of the database; it may be in use.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for the archive; new or empty.")],
    start: Annotated[
        str, typer.Option("--from", help="First planned interval, UTC, such as 2026-11-20.")
    ] = "",
    end: Annotated[str, typer.Option("--to", help="End, UTC.")] = "",
    archive: Annotated[
        Path | None, typer.Option(help="Folder of the archived readings, telemetry.archive of the settings.")
    ] = None,
) -> None:
    """Write runs, plans, orders, forecasts, signals, metering and readings as Parquet files.

    `vpp replay DIR` decides the cycles of an archive again and compares them bit by bit.

    Example: vpp export --database sqlite:///run/vpp.sqlite --from 2026-11-20 --to 2026-11-21 --out day
    """
    from vpp.adapters.storage.exporting import Exporter  # noqa: PLC0415 - keeps `vpp --help` fast
    from vpp.replay.period import parse_time  # noqa: PLC0415
    from vpp.service.files import FileError  # noqa: PLC0415

    if out.exists() and any(out.iterdir()):
        raise FileError(f"{out}: is not empty; give another folder")
    first, last = parse_time("from", start or FIRST), parse_time("to", end or LAST)

    async def write(progress: Callable[[str, int, int], None]) -> dict[str, int]:
        exporter = Exporter(database, out, archive=archive)
        try:
            return await exporter.write(start=first, end=last, progress=progress)
        finally:
            await exporter.close()

    with progress_bars() as progress:
        rows = asyncio.run(write(progress))
    console = Console(highlight=False, soft_wrap=True)
    for name, count in rows.items():
        console.print(f"{name:<20}{count:>14,}")
    size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    console.print(f"{size / 1e6:,.1f} MB in {out}")
