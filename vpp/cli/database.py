"""`vpp migrate` and `vpp import`: the tables, and a portfolio in them."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from vpp.adapters.storage import open_store
from vpp.adapters.storage.migrate import pending, upgrade
from vpp.cli.options import DEFAULT_CONFIG, Config
from vpp.service.clock_and_store import make_clock
from vpp.service.files import PortfolioFiles, read_portfolio
from vpp.service.importing import import_portfolio
from vpp.service.settings import Settings, load_settings

console = Console(highlight=False, soft_wrap=True)


def migrate_command(config: Config = DEFAULT_CONFIG) -> None:
    """Bring the database to the tables this version needs.

    Example: vpp migrate --config config/default.toml
    """
    url = load_settings(config).database.url
    behind = asyncio.run(pending(url))
    asyncio.run(upgrade(url))
    console.print(f"applied {', '.join(behind)}" if behind else "nothing to do, the tables are current")


def import_command(
    directory: Annotated[
        Path, typer.Argument(help="Folder with assets.csv, feeders.csv, load.csv, prices.csv.")
    ],
    config: Config = DEFAULT_CONFIG,
    until: Annotated[
        str, typer.Option(help="Leave out load from this time on (ISO 8601 with offset); all when empty.")
    ] = "",
) -> None:
    """Load a portfolio from CSV files: assets, feeders, metered load, prices, context.

    Example: vpp import config/demo --config config/demo.toml --until 2020-05-19T22:00:00Z
    """
    settings = load_settings(config)
    portfolio = read_portfolio(directory, interval=timedelta(seconds=settings.policy.interval_s))
    if until:
        portfolio = portfolio.load_before(until)
    asyncio.run(_import(settings, portfolio))
    console.print(f"{len(portfolio.fleet)} assets on {len(portfolio.fleet.feeders)} feeders")
    counts = f"{len(portfolio.load)} load values, {len(portfolio.prices)} prices"
    console.print(f"{counts}, {len(portfolio.context)} context items")


async def _import(settings: Settings, portfolio: PortfolioFiles) -> None:
    store = open_store(settings.database.url, clock_now=make_clock(settings).now)
    try:
        screen = Console(stderr=True)
        with Progress(console=screen, transient=True, disable=not screen.is_terminal) as progress:
            task = progress.add_task("load", total=len(portfolio.load))
            await import_portfolio(store, portfolio, lambda rows: progress.advance(task, rows))
    finally:
        await store.close()
