"""`vpp shadow`: what plans beside live operation without sending, and how it compares."""

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
    table = Table(
        "interval (UTC)", "run", "in force", "planned", "metered", "shadow", "planned", "metered", box=None
    )
    for one in page.cycles:
        start = f"{one.cycle_start.ToDatetime(tzinfo=UTC):%Y-%m-%d %H:%M}"
        table.add_row(start, one.run_id, *_side(one.in_force), *_side(one.shadow))
    _console.print(table)
    if page.next_page_token:
        _console.print(f"more: --page-token {page.next_page_token}")


def _side(side: pb.PlannedSide) -> tuple[str, str, str]:
    cost = f"{side.cost:.2f}" if side.HasField("cost") else ""
    metered = f"{side.metered_cost:.3f}" if side.HasField("metered_cost") else ""
    return side.rung, cost, metered


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
