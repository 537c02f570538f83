"""`vpp event`: ask the fleet for power; `vpp signals`: what was signalled, as it was known at any time."""

from __future__ import annotations

from typing import Annotated

import typer
from google.protobuf import json_format
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
from vpp.rpcgen import signals_pb2 as pb

console = Console(highlight=False, soft_wrap=True, markup=False)
event = typer.Typer(
    help="Events: requests for power from the fleet.", no_args_is_help=True, rich_markup_mode=None
)
signals = typer.Typer(
    help="Signals: prices, envelopes, events, reserve, maintenance.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
RequestId = Annotated[str, typer.Option(help="Repeat a call safely: the same id acts once.")]


@event.command("announce")
def announce_command(
    event_id: Annotated[str, typer.Argument(help="A name for the event.")],
    target: Annotated[float, typer.Option(help="Power to deliver, kW, above 0.")],
    valid_from: Annotated[str, typer.Option("--from", help="From when, with an offset.")],
    valid_until: Annotated[str, typer.Option("--until", help="Until when, with an offset.")],
    down: Annotated[bool, typer.Option("--down", help="Charge more instead of discharging more.")] = False,
    payment: Annotated[float, typer.Option(help="Money for a kWh delivered.")] = 0.0,
    penalty: Annotated[float, typer.Option(help="Money for a kWh missing.")] = 0.0,
    baseline: Annotated[
        bool, typer.Option("--baseline", help="Count from the mean of ten like days, not from zero.")
    ] = False,
    request_id: RequestId = "",
    address: Address = DEFAULT_ADDRESS,
    certificates: Certificates = DEFAULT_CERTIFICATES,
    operator: Operator = "operator",
) -> None:
    """Ask the fleet for power; the next cycle plans for it. The same name again supersedes the earlier one.

    Example: vpp event announce peak-1 --target 50 --from 2026-07-01T16:00Z --until 2026-07-01T18:00Z
    """
    times = parse_time("--from", valid_from), parse_time("--until", valid_until)
    with operator_client(address, certificates, operator) as client:
        stored = client.announce_event(
            request_id or new_request_id(),
            event_id=event_id,
            valid_from=times[0],
            valid_until=times[1],
            target_kw=target,
            up=not down,
            payment_per_kwh=payment,
            penalty_per_kwh=penalty,
            ten_of_ten=baseline,
        )
    for signal in stored.signals:
        console.print(line(signal))


@event.command("withdraw")
def withdraw_command(
    event_id: Annotated[str, typer.Argument(help="The event, or any other signal.")],
    request_id: RequestId = "",
    address: Address = DEFAULT_ADDRESS,
    certificates: Certificates = DEFAULT_CERTIFICATES,
    operator: Operator = "operator",
) -> None:
    """End an event from now on; it stays readable.

    Example: vpp event withdraw peak-1
    """
    with operator_client(address, certificates, operator) as client:
        console.print(line(client.withdraw_signal(request_id or new_request_id(), event_id).signal))


@event.command("opt-out")
def opt_out_command(
    event_id: Annotated[str, typer.Argument(help="The event.")],
    assets: Annotated[list[str], typer.Argument(help="Assets that take no part.")],
    request_id: RequestId = "",
    address: Address = DEFAULT_ADDRESS,
    certificates: Certificates = DEFAULT_CERTIFICATES,
    operator: Operator = "operator",
) -> None:
    """Take assets out of an event.

    Example: vpp event opt-out peak-1 home-battery-07
    """
    with operator_client(address, certificates, operator) as client:
        stored = client.opt_out(request_id or new_request_id(), event_id=event_id, asset_ids=assets)
    for signal in stored.signals:
        console.print(line(signal))


@signals.command("list")
def list_command(
    as_of: Annotated[str, typer.Option(help="As known at this time, with an offset; empty: now.")] = "",
    superseded: Annotated[
        bool, typer.Option("--superseded", help="Also what was put in place of by then.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most this many.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    address: Address = DEFAULT_ADDRESS,
    certificates: Certificates = DEFAULT_CERTIFICATES,
    operator: Operator = "operator",
) -> None:
    """List signals as they were known at a time, announced last first.

    Example: vpp signals list --as-of 2026-07-01T12:00Z
    """
    known_at = parse_time("--as-of", as_of) if as_of else None
    with operator_client(address, certificates, operator) as client:
        for signal in client.signals(as_of=known_at, with_superseded=superseded, limit=limit):
            if as_json:
                typer.echo(json_format.MessageToJson(signal, indent=None, preserving_proto_field_name=True))
            else:
                console.print(line(signal))


def line(signal: pb.Signal) -> str:
    """Return a signal in one line."""
    content = signal.WhichOneof("content") or "nothing"
    said = json_format.MessageToDict(getattr(signal, content), preserving_proto_field_name=True)
    words = " ".join(f"{name}={value}" for name, value in said.items())
    ended = "; withdrawn" if signal.withdrawn else ""
    ended += "; superseded" if signal.superseded_by else ""
    times = f"{signal.valid_from.ToJsonString()} to {signal.valid_until.ToJsonString()}"
    return f"{signal.signal_id}  {content}  {times}  {words}  by {signal.author}{ended}"
