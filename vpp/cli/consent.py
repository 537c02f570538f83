"""`vpp consent`: whose readings may be exported for training."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from vpp.cli.options import DEFAULT_CONFIG, Config

Assets = Annotated[list[str] | None, typer.Argument(help="Assets; any number.")]
Feeder = Annotated[str, typer.Option(help="All assets of this feeder.")]

console = Console(highlight=False, soft_wrap=True, markup=False)
app = typer.Typer(
    help="Consent to export readings for training: by asset, the newest word counts.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("grant")
def grant_command(
    assets: Assets = None,
    feeder: Feeder = "",
    reason: Annotated[str, typer.Option(help="Where the consent is kept.")] = "",
    config: Config = DEFAULT_CONFIG,
) -> None:
    """Note that the household agreed. Without it no reading of an asset is exported for training.

    Example: vpp consent grant battery-01 car-01 --reason "signed form 12"
    """
    count = asyncio.run(_change(config, assets or [], feeder, reason, granted=True))
    console.print(f"consent of {count:,} assets is noted")


@app.command("withdraw")
def withdraw_command(
    assets: Assets = None,
    feeder: Feeder = "",
    reason: Annotated[str, typer.Option(help="Where the withdrawal is kept.")] = "",
    config: Config = DEFAULT_CONFIG,
) -> None:
    """Note that the household agrees no more. Exports from now on leave it out.

    What was exported before stays where it went: nobody can tell any more which rows were its own.

    Example: vpp consent withdraw car-01 --reason "letter of 3 May"
    """
    count = asyncio.run(_change(config, assets or [], feeder, reason, granted=False))
    console.print(f"consent of {count:,} assets is withdrawn; exports from now on leave them out")


@app.command("list")
def list_command(
    granted: Annotated[
        bool | None, typer.Option("--granted/--withdrawn", help="Only those; all when left out.")
    ] = None,
    page_size: Annotated[int, typer.Option(min=1, max=1000, help="At most this many.")] = 50,
    page_token: Annotated[str, typer.Option(help="Where the page before ended.")] = "",
    config: Config = DEFAULT_CONFIG,
) -> None:
    """List what holds for each asset; assets that are not listed have not consented.

    `vpp audit list --kind consent --subject ASSET` shows what was said before.

    Example: vpp consent list --granted --page-size 20
    """
    from vpp.adapters.storage import open_consents  # noqa: PLC0415 - keeps `vpp --help` fast
    from vpp.service.settings import load_settings  # noqa: PLC0415

    async def load() -> None:
        register = open_consents(load_settings(config).database.url)
        try:
            page = await register.newest(granted=granted, page_size=page_size, page_token=page_token)
        finally:
            await register.close()
        for item in page.items:
            word = "granted" if item.change.granted else "withdrawn"
            console.print(
                f"{item.asset_id:<24} {word:<10} {item.change.at:%Y-%m-%d %H:%M:%S} UTC  "
                f"by {item.change.by}: {item.change.reason}"
            )
        if page.next_token:
            console.print(f"more: --page-token {page.next_token}")

    asyncio.run(load())


async def _change(config: Path, assets: list[str], feeder: str, reason: str, *, granted: bool) -> int:
    from vpp.adapters.storage import open_consents  # noqa: PLC0415
    from vpp.domain.consent import ConsentChange  # noqa: PLC0415
    from vpp.service.identity import operating_user, wall_now  # noqa: PLC0415
    from vpp.service.settings import load_settings  # noqa: PLC0415

    settings = load_settings(config)
    change = ConsentChange(granted=granted, at=wall_now(), by=operating_user(), reason=reason)
    register, screen = open_consents(settings.database.url), Console(stderr=True)
    try:
        with Progress(console=screen, transient=True, disable=not screen.is_terminal) as progress:
            task = progress.add_task("assets", total=None)
            return await register.change(
                change,
                asset_ids=assets,
                feeder_id=feeder,
                progress=lambda done, total: progress.update(task, completed=done, total=total),
            )
    finally:
        await register.close()
