"""`vpp schedule list`: the schedules of the configuration and when they run next."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from vpp.cli.connecting import parse_time
from vpp.service.bootstrap import make_clock
from vpp.service.forecasting_parts import holidays_of
from vpp.service.schedules import schedules_of
from vpp.service.settings import load_settings

console = Console(highlight=False, soft_wrap=True, markup=False)
app = typer.Typer(help="Schedules of runs.", no_args_is_help=True, rich_markup_mode=None)


@app.command("list")
def list_command(
    config: Annotated[Path, typer.Option(help="Settings, a TOML file.")] = Path("config/default.toml"),
    count: Annotated[int, typer.Option(min=1, max=1_000, help="So many times of each.")] = 3,
    after: Annotated[str, typer.Option(help="After this time, with an offset; empty: now.")] = "",
) -> None:
    """List the schedules and when each runs next, by the plant's clock.

    Example: vpp schedule list --count 100 --after 2026-10-25T00:00+02:00
    """
    settings = load_settings(config)
    clock = make_clock(settings)
    begin: datetime = parse_time("--after", after) if after else clock.now()
    schedules = schedules_of(settings, holidays_of(settings, clock))
    if not schedules:
        console.print(f"{config} has no [[schedules]]")
    for schedule in schedules:
        whose = f", portfolio {schedule.portfolio}" if schedule.portfolio else ""
        console.print(f"{schedule.schedule_id}: {schedule.kind}, {schedule.times.timezone}{whose}")
        for at in schedule.next_times(begin, count):
            local = at.astimezone(schedule.times.zone)
            remark = schedule.times.said_of(at)
            console.print(f"  {local:%a %Y-%m-%d %H:%M %Z}{f'  ({remark})' if remark else ''}")
