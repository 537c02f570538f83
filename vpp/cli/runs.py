"""`vpp runs`: what was planned, and what would be."""

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
    parse_time,
)
from vpp.cli.run_steps import sentence_of
from vpp.client import calls
from vpp.domain.runs import Rung, RunKind
from vpp.rpcgen import dispatch_pb2 as pb
from vpp.rpcgen import operator_pb2

runs = typer.Typer(help="Runs: made, rehearsed, compared.", no_args_is_help=True, rich_markup_mode=None)
SHOWN_ASSETS = 10
Scale = Annotated[float, typer.Option(min=0.0, max=100.0, help="Factor.")]
OfPortfolio = Annotated[str, typer.Option(help="Plan its assets alone; the orders of all others stand.")]
LimitKw = Annotated[float | None, typer.Option(help="Of the portfolio, kW.")]

_console = Console(highlight=False, soft_wrap=True)


@runs.command("list")
def list_command(
    limit: Annotated[int, typer.Option(min=1, help="How many.")] = 20,
    rung: Annotated[list[Rung] | None, typer.Option(help="Only on this rung; may be given again.")] = None,
    kind: Annotated[list[RunKind] | None, typer.Option(help="Only of this kind; may be given again.")] = None,
    trigger: Annotated[str, typer.Option(help="Only set off by this, such as operator or schedule.")] = "",
    portfolio: Annotated[str, typer.Option(help="Only for this portfolio.")] = "",
    since: Annotated[
        str, typer.Option("--from", help="Only begun then or later, such as 2020-05-20T06:00Z.")
    ] = "",
    before: Annotated[str, typer.Option("--to", help="Only begun before.")] = "",
    address: Address = DEFAULT_ADDRESS,
    certificates: Certificates = DEFAULT_CERTIFICATES,
    operator: Operator = "operator",
) -> None:
    """Show runs, newest first.

    Example: vpp runs list --kind dispatch --rung shifted --rung greedy --from 2020-05-20T00:00Z
    """
    found = calls.runs.runs(
        limit=limit,
        rungs=[f"RUNG_{name.upper()}" for name in rung or ()],
        kinds=[f"RUN_KIND_{name.upper()}" for name in kind or ()],
        trigger=trigger,
        portfolio=portfolio,
        started_from=parse_time("--from", since) if since else None,
        started_before=parse_time("--to", before) if before else None,
    )
    table = Table("run", "started (UTC)", "kind", "trigger", "rung", "cost", "gap", "orders", box=None)
    with operator_client(address, certificates, operator) as client:
        for run in client.pages(found):
            table.add_row(
                run.run_id,
                f"{run.started_at.ToDatetime(tzinfo=UTC):%Y-%m-%d %H:%M:%S}",
                operator_pb2.RunKind.Name(run.kind).removeprefix("RUN_KIND_").lower(),
                run.trigger,
                _rung(run),
                f"{run.objective:.2f}" if run.HasField("objective") else "",
                f"{run.gap:.2%}" if run.HasField("gap") else "",
                str(run.setpoints),
            )
    _console.print(table)


@runs.command("show")
def show_command(
    run_id: Annotated[str, typer.Argument(help="The run, from `vpp runs list`.")],
    address: Address = DEFAULT_ADDRESS,
    certificates: Certificates = DEFAULT_CERTIFICATES,
    operator: Operator = "operator",
) -> None:
    """Show everything that is said of one run.

    Example: vpp runs show run-20200520T094500Z-1-42
    """
    with operator_client(address, certificates, operator) as client:
        _console.print(str(client.run(run_id).run).rstrip(), markup=False)


@runs.command("dry-run")
def dry_run_command(
    portfolio: OfPortfolio = "",
    address: Address = DEFAULT_ADDRESS,
    certificates: Certificates = DEFAULT_CERTIFICATES,
    operator: Operator = "operator",
) -> None:
    """Plan as a cycle would now, send nothing, and show what would change.

    Example: vpp runs dry-run
    """
    with operator_client(address, certificates, operator) as client:
        found = client.dry_run(new_request_id(), max_assets=SHOWN_ASSETS, portfolio=portfolio)
    _print(found.run, found.difference, "the plan in force", known=found.HasField("difference"))


@runs.command("what-if")
def what_if_command(
    price_scale: Scale = 1.0,
    load_scale: Scale = 1.0,
    price_added_per_kwh: Annotated[float, typer.Option(help="Added to all prices, money per kWh.")] = 0.0,
    import_limit_kw: LimitKw = None,
    export_limit_kw: LimitKw = None,
    portfolio: OfPortfolio = "",
    exclude: Annotated[list[str] | None, typer.Option(help="An asset that cannot be ordered.")] = None,
    address: Address = DEFAULT_ADDRESS,
    certificates: Certificates = DEFAULT_CERTIFICATES,
    operator: Operator = "operator",
) -> None:
    """Plan under other circumstances, send nothing, and show what that would change.

    Example: vpp runs what-if --load-scale 1.2 --exclude grid-battery-01
    """
    request = pb.WhatIfRequest(
        request_id=new_request_id(),
        max_assets=SHOWN_ASSETS,
        price_scale=price_scale,
        load_scale=load_scale,
        price_added_per_kwh=price_added_per_kwh,
        import_limit_kw=import_limit_kw,
        export_limit_kw=export_limit_kw,
        excluded_assets=exclude or (),
        portfolio=portfolio,
    )
    with operator_client(address, certificates, operator) as client:
        found = client.what_if(request)
    _print(found.run, found.difference, "a plan as things are", known=found.HasField("difference"))


@runs.command("watch")
def watch_command(
    run_id: Annotated[str, typer.Argument(help="The run; empty: the one under way, or the next.")] = "",
    request_id: Annotated[str, typer.Option(help="Of the request that triggers it.")] = "",
    address: Address = DEFAULT_ADDRESS,
    certificates: Certificates = DEFAULT_CERTIFICATES,
    operator: Operator = "operator",
) -> None:
    """Show what a run comes to, step by step, until it ends.

    Example: vpp runs watch
    """
    with operator_client(address, certificates, operator) as client:
        for step in client.watch_run(run_id=run_id, request_id=request_id):
            _console.print(sentence_of(step), markup=False)


def _print(run: operator_pb2.Run, found: pb.PlanDifference, reference: str, *, known: bool) -> None:
    _console.print(f"{run.run_id}: {_rung(run)}{f' ({run.reason})' if run.reason else ''}")
    if not known:
        _console.print("there is no plan to compare")
        return
    table = Table("", "this plan", reference, "difference", box=None)
    rows = [
        ("cost", found.cost, found.reference_cost),
        *(
            (name, found.bill[name], found.reference_bill[name])
            for name in sorted(found.bill)
            if found.bill[name]
        ),
        ("peak, kW", found.peak_kw, found.reference_peak_kw),
        ("intervals at a limit", found.intervals_at_limit, found.reference_intervals_at_limit),
    ]
    for name, value, before in rows:
        table.add_row(name, f"{value:.2f}", f"{before:.2f}", f"{value - before:+.2f}")
    _console.print(table)
    _console.print(f"{found.changed_assets} assets would do something else; most of all:")
    for asset in found.assets:
        _console.print(f"  {asset.asset_id}: {asset.moved_kwh:.2f} kWh, now {asset.change_kw[0]:+.2f} kW")


def _rung(run: operator_pb2.Run) -> str:
    return operator_pb2.Rung.Name(run.rung).removeprefix("RUNG_").lower()
