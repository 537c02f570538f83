"""`vpp settle`: what was delivered of an event, why something is missing, and who is paid what."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.console import Console
from rich.progress import Progress

from vpp.cli.options import DEFAULT_CONFIG, Config
from vpp.domain.errors import InvalidValueError

if TYPE_CHECKING:
    from vpp.domain.settlement import EventSettlement
    from vpp.service.settling import Settling

MAX_EVENTS: Final = 1_000  # of one call
console = Console(highlight=False, soft_wrap=True)


def settle_command(
    event_id: Annotated[str, typer.Argument(help="The event; left out with --from and --to.")] = "",
    first: Annotated[str, typer.Option("--from", help="Events that end after this time, ISO 8601.")] = "",
    last: Annotated[str, typer.Option("--to", help="Events that end by this time, ISO 8601.")] = "",
    out: Annotated[Path | None, typer.Option(help="Folder for the tables, .parquet and .csv.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON for each event.")] = False,
    config: Config = DEFAULT_CONFIG,
) -> None:
    """Settle events that are over, from the readings and orders in the database. Changes nothing.

    Example: vpp settle evening-peak --out settled

    Example: vpp settle --from 2026-11-01T00:00:00Z --to 2026-12-01T00:00:00Z --out november --json
    """
    if bool(event_id) == bool(first or last) or bool(first) != bool(last):
        raise InvalidValueError("event_id", event_id, "either an event, or both --from and --to")
    asyncio.run(_settle(config, event_id, first, last, out, as_json=as_json))


async def _settle(
    config: Path, event_id: str, first: str, last: str, out: Path | None, *, as_json: bool
) -> None:
    from vpp.adapters.storage.settlement_files import SettlementFiles  # noqa: PLC0415 - keeps --help fast
    from vpp.service.clock_and_store import make_clock, make_store  # noqa: PLC0415
    from vpp.service.settings import load_settings  # noqa: PLC0415
    from vpp.service.settling import open_settling  # noqa: PLC0415

    settings = load_settings(config)
    clock = make_clock(settings)
    screen = Console(stderr=True)
    async with AsyncExitStack() as stack:
        store = make_store(settings, clock)
        stack.push_async_callback(store.close)
        settling = await open_settling(settings, store, await store.load_fleet(), clock, stack)
        names = [event_id] if event_id else await _events(settling, first, last)
        files = stack.enter_context(SettlementFiles(out)) if out is not None else None
        bar = stack.enter_context(Progress(console=screen, transient=True, disable=not screen.is_terminal))
        task = bar.add_task("settling", total=None)
        for number, name in enumerate(names, start=1):
            label = f"{name} ({number} of {len(names)})"
            settlement = await settling.settle(
                name,
                lambda what, done, total, label=label: bar.update(  # type: ignore[misc]
                    task, description=f"{label}: {what}", completed=done, total=total
                ),
            )
            if settlement is None:
                raise InvalidValueError("event_id", name, "an event; `vpp signals list` shows them")
            if files is not None:
                await asyncio.to_thread(files.add, settlement)
            _show(settlement, as_json=as_json)
        if not as_json:
            console.print(f"{len(names)} settled" + (f", tables in {out}" if out else ""))


async def _events(settling: Settling, first: str, last: str) -> list[str]:
    names = await settling.events_between(_time("from", first), _time("to", last))
    if len(names) > MAX_EVENTS:
        raise InvalidValueError("to", last, f"at most {MAX_EVENTS} events", "settle a shorter time")
    return names


def _time(field: str, text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidValueError(field, text, "a time such as 2026-11-20T17:00:00Z") from None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def _show(settlement: EventSettlement, *, as_json: bool) -> None:
    from vpp.adapters.storage.settlement_files import event_row  # noqa: PLC0415

    row = event_row(settlement)
    delivery, paid = settlement.delivery, settlement.compensation
    reasons = Counter(why.value for why in delivery.shortfall)
    if as_json:
        print(json.dumps(row | {"reasons": dict(reasons)}, default=_text))
        return
    console.print(
        f"{row['event_id']}: {row['settled_kwh']:.3f} of {row['requested_kwh']:.3f} kWh delivered, "
        f"{row['missing_kwh']:.3f} missing"
    )
    console.print(
        f"  income {paid.income:.2f} = payment {paid.payment:.2f} - penalty {paid.penalty:.2f}: "
        f"wear {row['wear']:.2f}, shares {row['shares']:.2f}, portfolio {paid.portfolio:.2f}"
    )
    for reason, assets in sorted(reasons.items()):
        console.print(f"  {reason}: {assets} assets")


def _text(value: Any) -> str:
    assert isinstance(value, datetime)
    return value.isoformat()
