"""`vpp export-training`: readings of those who agreed, without names and dates."""

from __future__ import annotations

import asyncio
import secrets
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress

from vpp.cli.options import DEFAULT_CONFIG, Config
from vpp.domain.errors import InvalidValueError

if TYPE_CHECKING:
    from vpp.service.settings import Settings
    from vpp.service.training_export import TrainingExport


def export_training_command(
    out: Annotated[Path, typer.Option("--out", help="Folder; new or empty.")],
    start: Annotated[str, typer.Option("--from", help="First local day, such as 2026-11-01.")],
    end: Annotated[str, typer.Option("--to", help="Local day after the last.")],
    k: Annotated[int, typer.Option("--k", help="Households that must be alike, at least 3.")] = 5,
    weeks: Annotated[
        bool, typer.Option("--weeks/--no-weeks", help="Keep the week of the year; without it nothing dates.")
    ] = True,
    config: Config = DEFAULT_CONFIG,
) -> None:
    """Write readings of assets whose consent holds (`vpp consent`): no ids, feeders, positions or dates.

    Example: vpp export-training --from 2026-10-01 --to 2026-11-01 --out training --no-weeks
    """
    from vpp.service.settings import load_settings  # noqa: PLC0415 - keeps `vpp --help` fast

    settings = load_settings(config)
    asked = _asked(settings, _day("from", start), _day("to", end), k, weeks)
    manifest = asyncio.run(_export(settings, asked, out))
    console = Console(highlight=False, soft_wrap=True, markup=False)
    for group in manifest["groups"]:
        console.print(
            f"{group['kind']:<14}{group['rating_class']:<16}{group['assets']:>9,} assets of "
            f"{group['households']:,} households, {group['rows']:,} rows"
        )
    for name, count in manifest["left_out"].items():
        if count:
            console.print(f"left out: {count:,} {name.replace('_', ' ')}")
    console.print(f"{manifest['rows']:,} rows in {out}, sha256 {manifest['readings_sha256']}")


def _asked(settings: Settings, start: date, end: date, k: int, weeks: bool) -> TrainingExport:
    from datetime import timedelta  # noqa: PLC0415
    from zoneinfo import ZoneInfo  # noqa: PLC0415

    from vpp.forecasting.public_holidays import public_holidays  # noqa: PLC0415
    from vpp.service.training_export import TrainingExport  # noqa: PLC0415

    years = range(start.year, end.year + 1)
    return TrainingExport(
        start=start,
        end=end,
        interval=timedelta(seconds=settings.policy.interval_s),
        zone=ZoneInfo(settings.forecast.timezone),
        holidays=frozenset(settings.forecast.holidays) | public_holidays(settings.forecast.country, years),
        least_households=k,
        keep_weeks=weeks,
    )


async def _export(settings: Settings, asked: TrainingExport, out: Path) -> dict[str, Any]:
    from vpp.adapters.storage import open_consents  # noqa: PLC0415
    from vpp.domain.anonymity import KEY_BYTES  # noqa: PLC0415
    from vpp.service.clock_and_store import make_clock, make_store  # noqa: PLC0415
    from vpp.service.identity import operating_user, wall_now  # noqa: PLC0415
    from vpp.service.training_export import export_training  # noqa: PLC0415

    store, consents = make_store(settings, make_clock(settings)), open_consents(settings.database.url)
    screen = Console(stderr=True)
    try:
        with Progress(console=screen, transient=True, disable=not screen.is_terminal) as progress:
            task = progress.add_task("days", total=None)
            return await export_training(
                store,
                consents,
                asked,
                out,
                key=secrets.token_bytes(KEY_BYTES),
                now=wall_now(),
                actor=operating_user(),
                progress=lambda done, total: progress.update(task, completed=done, total=total),
            )
    finally:
        await consents.close()
        await store.close()


def _day(field: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidValueError(field, text, "a day such as 2026-11-20") from None
