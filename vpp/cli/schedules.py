"""`vpp schedule`: when runs are scheduled, pauses, and what came of each firing."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from google.protobuf.timestamp_pb2 import Timestamp
from rich.console import Console

from vpp.cli.connecting import (
    DEFAULT_ADDRESS,
    DEFAULT_CERTIFICATES,
    Address,
    Certificates,
    Operator,
    new_request_id,
    operator_client,
    parse_time,
)
from vpp.rpcgen import operator_pb2
from vpp.rpcgen import schedules_pb2 as pb

console = Console(highlight=False, soft_wrap=True, markup=False)
app = typer.Typer(help="Schedules of runs.", no_args_is_help=True, rich_markup_mode=None)
Id = Annotated[str, typer.Argument(help="The schedule, from `vpp schedule list`.")]
Reason = Annotated[str, typer.Option(help="Why, for people.")]


@app.command("list")
def list_command(
    config: Annotated[
        Path | None, typer.Option(help="Read this settings file instead of asking the service.")
    ] = None,
    count: Annotated[int, typer.Option(min=1, max=1_000, help="So many times of each.")] = 3,
    after: Annotated[str, typer.Option(help="After this time, with an offset; empty: now.")] = "",
    address: Address = DEFAULT_ADDRESS,
    certificates: Certificates = DEFAULT_CERTIFICATES,
    operator: Operator = "operator",
) -> None:
    """List the schedules, when each runs next, and which are paused, by the plant's clock.

    Example: vpp schedule list --count 100 --after 2026-10-25T00:00+02:00
    """
    begin = parse_time("--after", after) if after else None
    if config is not None:
        _list_file(config, count, begin)
        return
    with operator_client(address, certificates, operator) as client:
        found = list(client.schedules(next_times=count, after=begin))
    if not found:
        console.print("the service has no [[schedules]]")
    for schedule in found:
        _print(schedule)


@app.command("pause")
def pause_command(
    schedule_id: Id,
    reason: Reason,
    address: Address = DEFAULT_ADDRESS,
    certificates: Certificates = DEFAULT_CERTIFICATES,
    operator: Operator = "operator",
) -> None:
    """Let a schedule fire no more until it is resumed, also over a restart of the service.

    Example: vpp schedule pause before-the-market --reason "the market is closed"
    """
    with operator_client(address, certificates, operator) as client:
        _print(client.pause_schedule(new_request_id(), schedule_id, reason=reason).schedule)


@app.command("resume")
def resume_command(
    schedule_id: Id,
    reason: Reason,
    address: Address = DEFAULT_ADDRESS,
    certificates: Certificates = DEFAULT_CERTIFICATES,
    operator: Operator = "operator",
) -> None:
    """End a pause; what would have fired meanwhile is not made up for.

    Example: vpp schedule resume before-the-market --reason "the market is open again"
    """
    with operator_client(address, certificates, operator) as client:
        _print(client.resume_schedule(new_request_id(), schedule_id, reason=reason).schedule)


@app.command("history")
def history_command(
    schedule_id: Annotated[str, typer.Argument(help="Only this schedule.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="How many.")] = 20,
    address: Address = DEFAULT_ADDRESS,
    certificates: Certificates = DEFAULT_CERTIFICATES,
    operator: Operator = "operator",
) -> None:
    """Show when schedules fired and with which run, newest first.

    Example: vpp schedule history before-the-market --limit 5
    """
    with operator_client(address, certificates, operator) as client:
        for firing in client.firings(schedule_id=schedule_id, limit=limit):
            came = firing.run_id or f"failed: {firing.failure}"
            console.print(f"{_utc(firing.fired_at)}  {firing.schedule_id}  {came}")


def _print(schedule: pb.Schedule) -> None:
    kind = operator_pb2.RunKind.Name(schedule.kind).removeprefix("RUN_KIND_").lower()
    whose = f", portfolio {schedule.portfolio}" if schedule.portfolio else ""
    console.print(f"{schedule.schedule_id}: {kind}, {schedule.timezone}{whose}")
    if schedule.paused:
        console.print(f"  paused since {_utc(schedule.since)} by {schedule.author}: {schedule.reason}")
    for at in schedule.next_times:
        local = at.ToDatetime(tzinfo=UTC).astimezone(ZoneInfo(schedule.timezone))
        console.print(f"  {local:%a %Y-%m-%d %H:%M %Z}")
    if schedule.HasField("last_firing"):
        last = schedule.last_firing
        console.print(f"  last: {_utc(last.fired_at)}  {last.run_id or last.failure}")


def _utc(at: Timestamp) -> str:
    return f"{at.ToDatetime(tzinfo=UTC):%Y-%m-%d %H:%M:%S} UTC"


def _list_file(config: Path, count: int, begin: datetime | None) -> None:
    from vpp.service.clock_and_store import make_clock  # noqa: PLC0415 - asking a service needs none of it
    from vpp.service.forecasting_parts import holidays_of  # noqa: PLC0415
    from vpp.service.schedules import schedules_of  # noqa: PLC0415
    from vpp.service.settings import load_settings  # noqa: PLC0415

    settings = load_settings(config)
    clock = make_clock(settings)
    schedules = schedules_of(settings, holidays_of(settings, clock))
    if not schedules:
        console.print(f"{config} has no [[schedules]]")
    for schedule in schedules:
        whose = f", portfolio {schedule.portfolio}" if schedule.portfolio else ""
        console.print(f"{schedule.schedule_id}: {schedule.kind}, {schedule.times.timezone}{whose}")
        for at in schedule.next_times(begin or clock.now(), count):
            local = at.astimezone(schedule.times.zone)
            remark = schedule.times.said_of(at)
            console.print(f"  {local:%a %Y-%m-%d %H:%M %Z}{f'  ({remark})' if remark else ''}")
