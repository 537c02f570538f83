"""`vpp forecast status`, `pause`, `resume`: what is known about the forecasters, and the operator's word."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from vpp.adapters.storage.forecast_memory import open_forecast_memory
from vpp.cli.options import DEFAULT_CONFIG, Config
from vpp.domain.errors import InvalidValueError
from vpp.forecasting.learning import MODEL, round_start
from vpp.ports import ForecasterPause, ForecastRound
from vpp.service.clock_and_store import make_clock
from vpp.service.settings import Settings, load_settings

MAXIMUM_DAYS = 400
PAUSABLE = (MODEL, "ridge", "lightgbm")


def status_command(
    config: Config = DEFAULT_CONFIG,
    days: Annotated[int, typer.Option(min=1, max=MAXIMUM_DAYS, help="Newest days to show.")] = 14,
    as_json: Annotated[bool, typer.Option("--json", help="Everything as one JSON object.")] = False,
) -> None:
    """Show whom the forecast believes, what each lost, and the excess against the proven bound.

    Example: vpp forecast status --config config/default.toml --days 30
    """
    rounds, pauses, version = asyncio.run(_read(load_settings(config), days))
    if as_json:
        typer.echo(
            json.dumps(
                {
                    "days": [_plain(one) for one in rounds],
                    "paused": [asdict(one) | {"at": one.at.isoformat()} for one in pauses if one.paused],
                    "version": version,
                },
                indent=2,
            )
        )
        return
    _print(rounds, pauses, version)


def pause_command(
    forecaster: Annotated[str, typer.Argument(help="model, ridge or lightgbm.")],
    reason: Annotated[str, typer.Option(help="Why, for whoever looks later.")],
    config: Config = DEFAULT_CONFIG,
) -> None:
    """Leave a forecaster out from the next forecast on, until `vpp forecast resume`.

    Example: vpp forecast pause model --reason "talks about last year's heat wave"
    """
    asyncio.run(_say(load_settings(config), forecaster, paused=True, reason=reason))
    Console(highlight=False).print(f"{forecaster} is left out from the next forecast on")


def resume_command(
    forecaster: Annotated[str, typer.Argument(help="model, ridge or lightgbm.")],
    reason: Annotated[str, typer.Option(help="Why, for whoever looks later.")] = "",
    config: Config = DEFAULT_CONFIG,
) -> None:
    """Let a forecaster take part again, from the next day that is not open yet.

    Example: vpp forecast resume model --reason "prompt corrected"
    """
    asyncio.run(_say(load_settings(config), forecaster, paused=False, reason=reason))
    Console(highlight=False).print(f"{forecaster} takes part again from the next day on")


async def _read(
    settings: Settings, days: int
) -> tuple[list[ForecastRound], list[ForecasterPause], dict[str, Any] | None]:
    memory = open_forecast_memory(settings.database.url)
    try:
        version = await memory.newest_version()
        shown = None
        if version is not None:
            shown = {
                "version": version.version,
                "trained_at": version.trained_at.isoformat(),
                **version.summary,
            }
        return await memory.rounds(newest=days), await memory.pauses(), shown
    finally:
        await memory.close()


async def _say(settings: Settings, forecaster: str, *, paused: bool, reason: str) -> None:
    if forecaster not in PAUSABLE:
        raise InvalidValueError("forecaster", forecaster, f"one of {', '.join(PAUSABLE)}")
    memory = open_forecast_memory(settings.database.url)
    try:
        await memory.pause(forecaster, paused=paused, at=make_clock(settings).now(), reason=reason)
    finally:
        await memory.close()


def _plain(one: ForecastRound) -> dict[str, Any]:
    plain = asdict(one) | {"opened_at": one.opened_at.isoformat()}
    return {"day": _day(one), **plain}


def _day(one: ForecastRound) -> str:
    return round_start(one.number).date().isoformat()


def _print(
    rounds: list[ForecastRound], pauses: list[ForecasterPause], version: dict[str, Any] | None
) -> None:
    console = Console(highlight=False, soft_wrap=True)
    if not rounds:
        console.print("no day has been forecast yet")
    table = Table("day (UTC)", "loss %", "baseline %", "excess", "bound", "share", "weights within it")
    for one in rounds:
        weights = ", ".join(f"{name} {weight:.2f}" for name, weight in one.weights.items() if weight >= 0.005)
        table.add_row(
            _day(one),
            "" if one.loss is None else f"{100 * one.loss:.2f}",
            "" if one.baseline_loss is None else f"{100 * one.baseline_loss:.2f}",
            "" if one.excess is None else f"{one.excess:+.3f}",
            "" if one.bound is None else f"{one.bound:.3f}",
            f"{one.share:.2f}",
            weights,
        )
    if rounds:
        console.print(table)
    for pause in pauses:
        if pause.paused:
            said = f": {pause.reason}" if pause.reason else ""
            console.print(
                f"{pause.forecaster} is paused since {pause.at:%Y-%m-%d %H:%M} UTC{said}", markup=False
            )
    if version is not None:
        console.print(f"fitted models: version {version['version']} of {version['trained_at']}")
