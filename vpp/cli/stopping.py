"""`vpp stop` and `vpp release`: what an operator does when something must not run."""

from __future__ import annotations

from datetime import UTC
from typing import Annotated

import typer
from rich.console import Console

from vpp.cli.connecting import (
    DEFAULT_ADDRESS,
    DEFAULT_CERTIFICATES,
    Address,
    Certificates,
    Operator,
    new_request_id,
    operator_client,
)

Assets = Annotated[list[str] | None, typer.Argument(help="Assets, by name.")]
FeederName = Annotated[str, typer.Option(help="All assets of this feeder.")]
WholeFleet = Annotated[bool, typer.Option("--fleet", help="Everything.")]
Reason = Annotated[str, typer.Option(help="Why, for people.")]

_console = Console(highlight=False, soft_wrap=True)


def stop_command(
    assets: Assets = None,
    feeder: FeederName = "",
    fleet: WholeFleet = False,
    reason: Reason = "",
    address: Address = DEFAULT_ADDRESS,
    certificates: Certificates = DEFAULT_CERTIFICATES,
    operator: Operator = "operator",
) -> None:
    """Send assets into default control at once; they take no order before `vpp release`.

    Example: vpp stop grid-battery-01 --reason "work on the switchgear"
    """
    require_scope(assets, feeder, fleet=fleet)
    with operator_client(address, certificates, operator) as client:
        found = client.stop(new_request_id(), asset_ids=assets or (), feeder_id=feeder, reason=reason)
    last = f", the last after {found.last_s:.3f} s" if found.HasField("last_s") else ""
    _console.print(
        f"stopped: {found.told_assets} assets told, {found.away_assets} away, "
        f"{found.confirmed_assets} ended an order{last}"
    )


def release_command(
    assets: Assets = None,
    feeder: FeederName = "",
    fleet: WholeFleet = False,
    reason: Reason = "",
    address: Address = DEFAULT_ADDRESS,
    certificates: Certificates = DEFAULT_CERTIFICATES,
    operator: Operator = "operator",
) -> None:
    """End a stop; the next cycle may order these assets again.

    Example: vpp release --fleet --reason "work is done"
    """
    require_scope(assets, feeder, fleet=fleet)
    with operator_client(address, certificates, operator) as client:
        found = client.release(new_request_id(), asset_ids=assets or (), feeder_id=feeder, reason=reason)
    _console.print(f"released: {found.told_assets} assets told, {found.away_assets} away")


def stops_command(
    limit: Annotated[int, typer.Option(min=1, help="How many.")] = 20,
    address: Address = DEFAULT_ADDRESS,
    certificates: Certificates = DEFAULT_CERTIFICATES,
    operator: Operator = "operator",
) -> None:
    """Show stops and releases, newest first; the last minute may be in the service's journal alone.

    Example: vpp stops --limit 5
    """
    with operator_client(address, certificates, operator) as client:
        for stop in client.stops(limit=limit):
            target = ", ".join(stop.asset_ids) or (
                f"feeder {stop.feeder_id}" if stop.feeder_id else "the fleet"
            )
            word = "release" if stop.release else "stop"
            _console.print(
                f"{stop.at.ToDatetime(tzinfo=UTC):%Y-%m-%d %H:%M:%S} UTC  {word} of {target} "
                f"by {stop.author}: {stop.reason}",
                markup=False,
            )


def require_scope(assets: list[str] | None, feeder: str, *, fleet: bool) -> None:
    """Raise unless exactly one of assets, a feeder, the fleet is named: nobody stops a fleet by a slip."""
    if sum((bool(assets), bool(feeder), fleet)) != 1:
        raise typer.BadParameter("name assets, or --feeder NAME, or --fleet")
