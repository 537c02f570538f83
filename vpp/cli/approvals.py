"""`vpp approvals`: what waits for people, and their word."""

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
from vpp.client import calls
from vpp.rpcgen import approvals_pb2 as pb
from vpp.rpcgen import operator_pb2

Name = Annotated[str, typer.Argument(help="The approval.")]
Comment = Annotated[str, typer.Option(help="Why, for people.")]
RequestId = Annotated[str, typer.Option(help="Repeat a call safely: the same id counts once.")]
SHOWN_CHANGES = 20

app = typer.Typer(
    help="Decisions that wait for people. Nothing that waits has been sent.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
_console = Console(highlight=False, soft_wrap=True)


@app.command("list")
def list_command(
    everything: Annotated[bool, typer.Option("--all", help="Also what is over.")] = False,
    page_size: Annotated[int, typer.Option(help="At most so many.")] = 20,
    page_token: Annotated[str, typer.Option(help="Continue where a list ended.")] = "",
    address: Address = DEFAULT_ADDRESS,
    certificates: Certificates = DEFAULT_CERTIFICATES,
    operator: Operator = "operator",
) -> None:
    """Show what waits, newest first.

    Example: vpp approvals list --all
    """
    with operator_client(address, certificates, operator) as client:
        listing = calls.approvals.approvals(waiting=not everything)
        page = client.page(listing, page_size=page_size, page_token=page_token)
    for item in page.approvals:
        until = f"until {item.expires_at.ToDatetime(tzinfo=UTC):%Y-%m-%d %H:%M:%S}"
        change = f", {item.change_kw:.1f} kW change" if item.subject == "plan" else ""
        said = f"{len(item.approvers)} of {item.persons} persons"
        _console.print(
            f"{item.approval_id} {item.state} {until}, {said}: {_what(item)}{change}", markup=False
        )
        for reason in item.reasons:
            _console.print(f"  {reason}", markup=False)
    if page.alarms:
        _console.print(f"{page.alarms} times nothing could be sent without a person")
    if page.next_page_token:
        _console.print(f"more: --page-token {page.next_page_token}")


@app.command("show")
def show_command(
    approval_id: Name,
    address: Address = DEFAULT_ADDRESS,
    certificates: Certificates = DEFAULT_CERTIFICATES,
    operator: Operator = "operator",
) -> None:
    """Show what would change, what it costs, why it is asked and what was said.

    Example: vpp approvals show approval-20200520T115700Z-1-1
    """
    with operator_client(address, certificates, operator) as client:
        found = client.approval(approval_id)
    item = found.approval
    _console.print(f"{item.approval_id}: {_what(item)}, {item.state}, asked by {item.requester}")
    for reason in item.reasons:
        _console.print(f"  because {reason}", markup=False)
    _console.print(f"  verifier: {item.verdict}", markup=False)
    if item.HasField("cost_with") and item.HasField("cost_without"):
        _console.print(f"  expected cost {item.cost_with:.2f} with it, {item.cost_without:.2f} without it")
    if item.detail_json:
        _console.print_json(item.detail_json)
    if found.changes:
        _console.print(_changes(found))
    for event in found.events:
        who = f" {event.person}" if event.person else ""
        _console.print(
            f"  {event.at.ToDatetime(tzinfo=UTC):%H:%M:%S} {event.kind}{who}: {event.detail}", markup=False
        )


def _changes(found: pb.GetApprovalResponse) -> Table:
    table = Table("asset", "feeder", "in force", "stands meanwhile", "planned")
    for change in found.changes[:SHOWN_CHANGES]:
        standing = f"{change.standing_kw:.2f} kW" if change.HasField("standing_kw") else "nothing"
        table.add_row(
            change.asset_id,
            change.feeder_id,
            f"{change.in_force_kw:.2f} kW",
            standing,
            f"{change.planned_kw:.2f} kW",
        )
    if len(found.changes) > SHOWN_CHANGES:
        table.caption = f"and {len(found.changes) - SHOWN_CHANGES} assets more"
    return table


@app.command("approve")
def approve_command(
    approval_id: Name,
    comment: Comment = "",
    request_id: RequestId = "",
    address: Address = DEFAULT_ADDRESS,
    certificates: Certificates = DEFAULT_CERTIFICATES,
    operator: Operator = "operator",
) -> None:
    """Say yes. The last yes that is needed has it verified again and carried out.

    Example: vpp approvals approve approval-20200520T115700Z-1-1 --comment "agreed with the grid operator"
    """
    with operator_client(address, certificates, operator) as client:
        item = client.approve(request_id or new_request_id(), approval_id, comment=comment).approval
    _console.print(_standing(item), markup=False)
    if item.state == "stale":
        raise typer.Exit(1)


@app.command("reject")
def reject_command(
    approval_id: Name,
    comment: Comment = "",
    request_id: RequestId = "",
    address: Address = DEFAULT_ADDRESS,
    certificates: Certificates = DEFAULT_CERTIFICATES,
    operator: Operator = "operator",
) -> None:
    """Say no. The next rung of the ladder follows.

    Example: vpp approvals reject approval-20200520T115700Z-1-1 --comment "work on feeder b"
    """
    with operator_client(address, certificates, operator) as client:
        item = client.reject(request_id or new_request_id(), approval_id, comment=comment).approval
    _console.print(_standing(item), markup=False)


@app.command("watch")
def watch_command(
    after: Annotated[int, typer.Option(help="Also what happened after this event; -1: from now on.")] = -1,
    count: Annotated[int, typer.Option(help="End after so many events; 0: never.")] = 0,
    address: Address = DEFAULT_ADDRESS,
    certificates: Certificates = DEFAULT_CERTIFICATES,
    operator: Operator = "operator",
) -> None:
    """Print what happens to approvals, until Ctrl-C. A connection that breaks is taken up again.

    Example: vpp approvals watch --after 0
    """
    with operator_client(address, certificates, operator) as client:
        shown = 0
        for answer in client.watch_approvals(after=None if after < 0 else after):
            if not answer.HasField("event"):
                continue
            event, shown = answer.event, shown + 1
            line = f"{event.number} {event.at.ToDatetime(tzinfo=UTC):%Y-%m-%d %H:%M:%S} {event.approval_id}"
            _console.print(f"{line} {event.kind} {event.person} {event.detail}".rstrip(), markup=False)
            if shown == count:
                return


def _what(item: pb.Approval) -> str:
    if item.subject != "plan":
        return item.subject
    rung, standing = (
        operator_pb2.Rung.Name(value).removeprefix("RUNG_").lower()
        for value in (item.rung, item.standing_rung)
    )
    return f"plan on rung {rung}; meanwhile {standing}"


def _standing(item: pb.Approval) -> str:
    who = " and ".join(item.approvers) or "nobody"
    run = f", carried out as {item.approved_run_id}" if item.approved_run_id else ""
    return f"{item.approval_id}: {item.state}, approved by {who} ({item.persons} needed){run}"
