"""`vpp override` and `vpp freeze`: what an operator orders past the plan."""

from __future__ import annotations

from datetime import UTC
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from vpp.cli.connecting import (
    DEFAULT_ADDRESS,
    DEFAULT_CERTIFICATES,
    Address,
    Certificates,
    Operator,
    new_request_id,
    operator_client,
)
from vpp.cli.stopping import Assets, FeederName, WholeFleet, require_scope
from vpp.rpcgen import dispatch_pb2 as pb

override = typer.Typer(
    help="Powers and envelopes that outrank the plan until they end.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
PowerKw = Annotated[float | None, typer.Option(help="Power of all of them together, kW; discharging > 0.")]
LowestKw = Annotated[
    float | None, typer.Option(help="Envelope: lowest power of all together, kW, at most 0.")
]
HighestKw = Annotated[float | None, typer.Option(help="Envelope: highest power, kW, at least 0.")]
Minutes = Annotated[float, typer.Option("--for", help="How long, minutes; 0.5 to 1440.")]
NeededReason = Annotated[str, typer.Option(help="Why, for people; needed.")]

_console = Console(highlight=False, soft_wrap=True)


@override.command("set")
def set_command(
    assets: Assets = None,
    feeder: FeederName = "",
    fleet: WholeFleet = False,
    power_kw: PowerKw = None,
    min_kw: LowestKw = None,
    max_kw: HighestKw = None,
    minutes: Minutes = 60.0,
    reason: NeededReason = ...,  # type: ignore[assignment]
    address: Address = DEFAULT_ADDRESS,
    certificates: Certificates = DEFAULT_CERTIFICATES,
    operator: Operator = "operator",
) -> None:
    """Have assets do this until it ends, whatever the plan says; refused where a limit would be broken.

    Example: vpp override set grid-battery-01 --power-kw -20 --for 90 --reason "test of the transformer"
    """
    require_scope(assets, feeder, fleet=fleet)
    envelope = min_kw is not None or max_kw is not None
    if (power_kw is None) != envelope:
        raise typer.BadParameter("give --power-kw, or --min-kw and --max-kw")
    request = pb.SetOverrideRequest(
        request_id=new_request_id(),
        asset_ids=assets or (),
        feeder_id=feeder,
        kind=pb.OVERRIDE_KIND_ENVELOPE if envelope else pb.OVERRIDE_KIND_POWER,
        power_kw=power_kw or 0.0,
        min_kw=min_kw or 0.0,
        max_kw=max_kw or 0.0,
        duration_s=60.0 * minutes,
        reason=reason,
    )
    with operator_client(address, certificates, operator) as client:
        _print(client.set_override(request).override)


def freeze_command(
    assets: Assets = None,
    feeder: FeederName = "",
    fleet: WholeFleet = False,
    minutes: Minutes = 60.0,
    reason: NeededReason = ...,  # type: ignore[assignment]
    address: Address = DEFAULT_ADDRESS,
    certificates: Certificates = DEFAULT_CERTIFICATES,
    operator: Operator = "operator",
) -> None:
    """Hold assets at what they were ordered last; the optimizer orders them nothing until it ends.

    Example: vpp freeze --feeder feeder-01 --for 30 --reason "looking at a fault"
    """
    require_scope(assets, feeder, fleet=fleet)
    request = pb.SetOverrideRequest(
        request_id=new_request_id(),
        asset_ids=assets or (),
        feeder_id=feeder,
        kind=pb.OVERRIDE_KIND_HOLD,
        duration_s=60.0 * minutes,
        reason=reason,
    )
    with operator_client(address, certificates, operator) as client:
        _print(client.set_override(request).override)


@override.command("list")
def list_command(
    over: Annotated[bool, typer.Option("--all", help="Also those that are over.")] = False,
    address: Address = DEFAULT_ADDRESS,
    certificates: Certificates = DEFAULT_CERTIFICATES,
    operator: Operator = "operator",
) -> None:
    """Show overrides, newest first, with what they cost.

    Example: vpp override list --all
    """
    table = Table("override", "for", "kind", "kW", "until (UTC)", "cost", "by", "why", box=None)
    with operator_client(address, certificates, operator) as client:
        for item in client.overrides(include_over=over):
            ends = item.cleared_at if item.HasField("cleared_at") else item.valid_until
            table.add_row(
                item.override_id,
                _target(item),
                _kind(item),
                f"{item.power_kw:g}" if item.HasField("power_kw") else "",
                f"{ends.ToDatetime(tzinfo=UTC):%Y-%m-%d %H:%M:%S}",
                _cost(item),
                item.author,
                item.reason,
            )
    _console.print(table)


@override.command("clear")
def clear_command(
    override_id: Annotated[str, typer.Argument(help="The override, from `vpp override list`.")],
    reason: Annotated[str, typer.Option(help="Why, for people.")] = "",
    address: Address = DEFAULT_ADDRESS,
    certificates: Certificates = DEFAULT_CERTIFICATES,
    operator: Operator = "operator",
) -> None:
    """End an override before its time; its assets go back to the plan.

    Example: vpp override clear cli-0a1b2c3d4e5f6071 --reason "work is done"
    """
    with operator_client(address, certificates, operator) as client:
        _print(client.clear_override(override_id, reason=reason).override)


def _print(item: pb.Override) -> None:
    ends = item.cleared_at if item.HasField("cleared_at") else item.valid_until
    _console.print(
        f"{item.override_id}: {_kind(item)} for {_target(item)} ({len(item.assets)} assets) until "
        f"{ends.ToDatetime(tzinfo=UTC):%Y-%m-%d %H:%M:%S} UTC; cost {_cost(item) or 'not known yet'}"
    )


def _target(item: pb.Override) -> str:
    if item.feeder_id:
        return f"feeder {item.feeder_id}"
    return ", ".join(item.asset_ids[:3]) + (" …" if len(item.asset_ids) > 3 else "") or "the fleet"


def _kind(item: pb.Override) -> str:
    return pb.OverrideKind.Name(item.kind).removeprefix("OVERRIDE_KIND_").lower()


def _cost(item: pb.Override) -> str:
    if not item.HasField("cost"):
        return ""
    if not (item.HasField("cost_least") and item.HasField("cost_most")):
        return f"{item.cost:.2f}"
    return f"{item.cost:.2f} ({item.cost_least:.2f} to {item.cost_most:.2f})"
