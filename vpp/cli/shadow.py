"""`vpp shadow`: what plans beside live operation without sending, how it compares, its promotion."""

from __future__ import annotations

import json
from datetime import UTC
from typing import Annotated

import typer
from google.protobuf.json_format import MessageToDict
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
    parse_time,
)
from vpp.cli.shadow_try import try_command
from vpp.client import calls
from vpp.rpcgen import shadows_pb2 as pb

Name = Annotated[str, typer.Argument(help="The shadow, from `vpp shadow list`.")]
Start = Annotated[str, typer.Option("--from", help="From cycles that start then; left out: its first.")]
End = Annotated[str, typer.Option("--to", help="To cycles that start before; left out: its newest.")]
Seed = Annotated[int, typer.Option(help="Of the bootstrap.", min=0, max=2**32 - 1)]

RequestId = Annotated[str, typer.Option(help="Repeat a call safely: the same id counts once.")]

app = typer.Typer(
    help="What plans beside live operation. Nothing of a shadow is sent.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.command("try")(try_command)
_console = Console(highlight=False, soft_wrap=True)


@app.command("list")
def list_command(
    address: Address = DEFAULT_ADDRESS,
    certificates: Certificates = DEFAULT_CERTIFICATES,
    operator: Operator = "operator",
) -> None:
    """Show the configured shadows and how far they are.

    Example: vpp shadow list
    """
    table = Table("shadow", "what is other", "cycles", "metered", "newest (UTC)", box=None)
    with operator_client(address, certificates, operator) as client:
        for one in client.shadows():
            newest = f"{one.newest.ToDatetime(tzinfo=UTC):%Y-%m-%d %H:%M}" if one.HasField("newest") else ""
            table.add_row(one.shadow_id, one.change, str(one.cycles), str(one.settled), newest)
    _console.print(table)


@app.command("cycles")
def cycles_command(
    shadow_id: Name,
    page_size: Annotated[int, typer.Option(help="At most so many.")] = 20,
    page_token: Annotated[str, typer.Option(help="Continue where a list ended.")] = "",
    address: Address = DEFAULT_ADDRESS,
    certificates: Certificates = DEFAULT_CERTIFICATES,
    operator: Operator = "operator",
) -> None:
    """Show what a shadow planned beside each cycle, newest first.

    Example: vpp shadow cycles calmer
    """
    with operator_client(address, certificates, operator) as client:
        page = client.page(calls.shadows.shadow_cycles(shadow_id), page_size=page_size, page_token=page_token)
    for one in page.cycles:
        start = f"{one.cycle_start.ToDatetime(tzinfo=UTC):%Y-%m-%d %H:%M}"
        sides = f"in force {_side(one.in_force)}; shadow {_side(one.shadow)}"
        _console.print(f"{start} {one.run_id}: {sides}", markup=False)
    if page.next_page_token:
        _console.print(f"more: --page-token {page.next_page_token}")


def _side(side: pb.PlannedSide) -> str:
    cost = f", cost {side.cost:.2f}" if side.HasField("cost") else ""
    metered = f", metered {side.metered_cost:.3f}" if side.HasField("metered_cost") else ""
    return f"{side.rung}{cost}{metered}"


@app.command("report")
def report_command(
    shadow_id: Name,
    start: Start = "",
    end: End = "",
    seed: Seed = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    address: Address = DEFAULT_ADDRESS,
    certificates: Certificates = DEFAULT_CERTIFICATES,
    operator: Operator = "operator",
) -> None:
    """Say in money, limits, calm and forecasts how a shadow compares with what was in force.

    Example: vpp shadow report calmer --from 2026-11-01T00:00Z --to 2026-11-15T00:00Z
    """
    with operator_client(address, certificates, operator) as client:
        report = client.shadow_report(
            shadow_id,
            start=parse_time("--from", start) if start else None,
            end=parse_time("--to", end) if end else None,
            seed=seed,
        ).report
    if as_json:
        typer.echo(json.dumps(MessageToDict(report, preserving_proto_field_name=True), indent=2))
        return
    for sentence in report.sentences:
        _console.print(sentence, markup=False)


@app.command("propose")
def propose_command(
    shadow_id: Name,
    start: Start = "",
    end: End = "",
    seed: Seed = 0,
    comment: Annotated[str, typer.Option(help="Why, for people.")] = "",
    request_id: RequestId = "",
    address: Address = DEFAULT_ADDRESS,
    certificates: Certificates = DEFAULT_CERTIFICATES,
    operator: Operator = "operator",
) -> None:
    """Put a shadow before people, with its report; somebody else approves it with `vpp approvals approve`.

    Example: vpp shadow propose calmer --comment "four weeks, nothing against it"
    """
    with operator_client(address, certificates, operator) as client:
        item = client.propose_promotion(
            request_id or new_request_id(),
            shadow_id,
            start=parse_time("--from", start) if start else None,
            end=parse_time("--to", end) if end else None,
            seed=seed,
            comment=comment,
        ).approval
    until = f"{item.expires_at.ToDatetime(tzinfo=UTC):%Y-%m-%d %H:%M} UTC"
    _console.print(f"{item.approval_id}: {item.state}, {item.persons} needed until {until}", markup=False)
    for reason in item.reasons:
        _console.print(f"  {reason}", markup=False)


@app.command("revert")
def revert_command(
    reason: Annotated[str, typer.Option(help="Why, for people.")],
    request_id: RequestId = "",
    address: Address = DEFAULT_ADDRESS,
    certificates: Certificates = DEFAULT_CERTIFICATES,
    operator: Operator = "operator",
) -> None:
    """Put in force again what was so before the newest promotion, at once.

    Example: vpp shadow revert --reason "the feeder in the north was overloaded twice"
    """
    with operator_client(address, certificates, operator) as client:
        done = client.revert_promotion(request_id or new_request_id(), reason=reason).promotion
    _console.print(f"{done.shadow_id} taken back; in force: {done.in_force}", markup=False)


@app.command("promotions")
def promotions_command(
    page_size: Annotated[int, typer.Option(help="At most so many.")] = 20,
    page_token: Annotated[str, typer.Option(help="Continue where a list ended.")] = "",
    address: Address = DEFAULT_ADDRESS,
    certificates: Certificates = DEFAULT_CERTIFICATES,
    operator: Operator = "operator",
) -> None:
    """Show what was promoted and taken back, newest first, and what is in force.

    Example: vpp shadow promotions
    """
    with operator_client(address, certificates, operator) as client:
        page = client.page(calls.shadows.promotions(), page_size=page_size, page_token=page_token)
    for one in page.promotions:
        at, people = f"{one.at.ToDatetime(tzinfo=UTC):%Y-%m-%d %H:%M:%S}", " and ".join(one.people)
        _console.print(
            f"{at} {one.shadow_id} {one.kind} by {people}: {one.in_force} {one.reason}".rstrip(), markup=False
        )
    _console.print(f"in force: {page.in_force}", markup=False)
    if page.next_page_token:
        _console.print(f"more: --page-token {page.next_page_token}")
