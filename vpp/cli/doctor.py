"""`vpp doctor`: what is wrong, in words."""

from __future__ import annotations

import asyncio
from pathlib import Path

import typer
from rich.console import Console

from vpp.cli.options import DEFAULT_CONFIG, Config
from vpp.service.doctor import examine

console = Console(highlight=False, soft_wrap=True)


def doctor_command(config: Config = DEFAULT_CONFIG) -> None:
    """Say in words what is wrong: configuration, address, certificates, database, fleet, prices, model.

    Exit code 1 when something is. Example: vpp doctor --config config/default.toml
    """
    if not asyncio.run(_examine(config)):
        raise typer.Exit(1)


async def _examine(config: Path) -> bool:
    all_good = True
    async for finding in examine(config):
        all_good &= finding.good
        console.print(
            f"{'good ' if finding.good else 'WRONG'}  {finding.subject}: {finding.sentence}", markup=False
        )
    return all_good
