"""`vpp context`: remarks for the forecaster; `vpp forecast explain`: what became of them."""

from __future__ import annotations

import json
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
    operator_client,
    parse_time,
)
from vpp.client import calls
from vpp.rpcgen import forecasting_pb2 as pb

console = Console(highlight=False, soft_wrap=True)
context = typer.Typer(help="Remarks for the forecaster.", no_args_is_help=True, rich_markup_mode=None)


@context.command("add")
def add_command(
    item_id: Annotated[str, typer.Argument(help="A name for the remark; 1 to 64 of A-Z a-z 0-9 . _ : -")],
    text: Annotated[str, typer.Argument(help="The remark, without names of customers.")],
    valid_from: Annotated[str, typer.Option("--from", help="From when it holds, with an offset.")],
    valid_until: Annotated[str, typer.Option("--until", help="Until when it holds, with an offset.")],
    address: Address = DEFAULT_ADDRESS,
    certificates: Certificates = DEFAULT_CERTIFICATES,
    operator: Operator = "operator",
) -> None:
    """Tell the forecaster something that statistics cannot know.

    Example: vpp context add heat-1 "Heat warning" --from 2026-07-01T10:00Z --until 2026-07-01T20:00Z
    """
    times = parse_time("--from", valid_from), parse_time("--until", valid_until)
    with operator_client(address, certificates, operator) as client:
        item = client.add_context(item_id=item_id, text=text, valid_from=times[0], valid_until=times[1]).item
    console.print(f"{item.item_id}: known since {item.available_at.ToJsonString()}", markup=False)


@context.command("list")
def list_command(
    page_size: Annotated[int, typer.Option(help="At most this many at once.", min=1, max=1000)] = 100,
    page_token: Annotated[str, typer.Option(help="Where the page before ended.")] = "",
    address: Address = DEFAULT_ADDRESS,
    certificates: Certificates = DEFAULT_CERTIFICATES,
    operator: Operator = "operator",
) -> None:
    """List the remarks that hold from a day ago to a week from now.

    Example: vpp context list --page-size 20
    """
    with operator_client(address, certificates, operator) as client:
        page = client.page(calls.forecasts.context_items(), page_size=page_size, page_token=page_token)
    for item in page.items:
        times = f"{item.valid_from.ToJsonString()} to {item.valid_until.ToJsonString()}"
        console.print(f"{item.item_id}  {times}  {item.text}", markup=False)
    if page.next_page_token:
        console.print(f"more: --page-token '{page.next_page_token}'", markup=False)


def explain_command(
    run: Annotated[str, typer.Argument(help="The run whose forecast is explained, or a forecast's id.")],
    address: Address = DEFAULT_ADDRESS,
    certificates: Certificates = DEFAULT_CERTIFICATES,
    operator: Operator = "operator",
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Say what the forecast of a run rests on: remarks, the model's proposals, what was refused and why.

    Example: vpp forecast explain run-20200520T101200Z-3-17
    """
    named = {"forecast_id": run} if run.startswith("forecast-") else {"run_id": run}
    with operator_client(address, certificates, operator) as client:
        told = client.explain_forecast(**named)
    if as_json:
        typer.echo(json.dumps(json_format.MessageToDict(told, preserving_proto_field_name=True), indent=2))
        return
    for line in sentences(told):
        console.print(line, markup=False)


def sentences(told: pb.ExplainForecastResponse) -> list[str]:
    """Return the explanation in sentences; the model's words are marked as its own."""
    lines = [
        f"{told.forecast_id} became available at {told.available_at.ToJsonString()}; source: {told.source}.",
        f"The model's reply: {told.verdict}{f' ({told.reason})' if told.reason else ''}.",
    ]
    hours = told.block_s / 3600
    level = " ".join(f"{value:.0f}" for value in told.consumption_kw)
    lines.append(
        f"Consumption in blocks of {hours:g} h from {told.start.ToJsonString()}, kW, all feeders: {level}"
    )
    if not told.HasField("exchange"):
        return [*lines, "No exchange with a model stands behind it."]
    exchange = told.exchange
    lines.append(
        f"{exchange.model} at {exchange.endpoint} was asked at {exchange.asked_at.ToJsonString()}: "
        f"{exchange.prompt_tokens} tokens read ({exchange.cached_tokens} from a cache), "
        f"{exchange.completion_tokens} written, {exchange.cost:.6f} {exchange.currency}, "
        f"{exchange.seconds:.1f} s; {exchange.verdict}{f': {exchange.reason}' if exchange.reason else ''}."
    )
    lines += [f'  It was shown {one.evidence_id}: "{one.text}"' for one in exchange.evidence]
    for one in exchange.proposals:
        multipliers = f"{one.multiplier_p10:g} / {one.multiplier_p50:g} / {one.multiplier_p90:g}"
        lines.append(
            f"  Reply {one.sample}: blocks {one.start_block} to {one.end_block} times {multipliers} "
            f'({one.cause}, by {one.evidence_id}); the model\'s words: "{one.model_words}"'
        )
    return lines if exchange.proposals else [*lines, "  It proposed nothing that can be read."]
