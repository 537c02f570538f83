"""`vpp fleet`: the live fleet at a glance, and as it changes."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import Annotated

import typer
from google.protobuf import json_format
from rich.console import Console
from rich.table import Table

from vpp.cli.connecting import (
    DEFAULT_ADDRESS,
    DEFAULT_CERTIFICATES,
    Address,
    Certificates,
    Operator,
    operator_client,
)
from vpp.client import Client
from vpp.rpcgen import fleet_view_pb2 as view
from vpp.rpcgen import operator_pb2 as pb

console = Console(highlight=False, soft_wrap=True, markup=False)
app = typer.Typer(help="The fleet as it is now.", no_args_is_help=True, rich_markup_mode=None)
FeederName = Annotated[str, typer.Option(help="Only this feeder.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("show")
def show_command(
    as_json: AsJson = False,
    address: Address = DEFAULT_ADDRESS,
    certificates: Certificates = DEFAULT_CERTIFICATES,
    operator: Operator = "operator",
) -> None:
    """Show sums for each feeder: who is here, what they do, what they were told.

    Example: vpp fleet show
    """
    with operator_client(address, certificates, operator) as client:
        summary = client.fleet_summary()
    if as_json:
        _print_json(summary)
        return
    console.print(_table(summary))


def _table(summary: view.SummarizeFleetResponse) -> Table:
    table = Table(title=f"fleet at {summary.at.ToJsonString()}; kW, positive discharges into the grid")
    for name in ("feeder", "assets", "here", "stopped", "distrusted", "power", "ordered", "charge"):
        table.add_column(name, justify="left" if name == "feeder" else "right")
    for feeder in summary.feeders:
        charge = feeder.energy_kwh / feeder.capacity_kwh if feeder.capacity_kwh else math.nan
        table.add_row(
            feeder.feeder_id,
            *(
                f"{count:,}"
                for count in (
                    feeder.assets,
                    feeder.connected_assets,
                    feeder.stopped_assets,
                    feeder.quarantined_assets,
                )
            ),
            f"{feeder.power_kw:,.1f}",
            f"{feeder.setpoint_kw:,.1f}",
            "-" if math.isnan(charge) else f"{charge:.0%}",
        )
    return table


@app.command("list")
def list_command(
    feeder: FeederName = "",
    limit: Annotated[int, typer.Option(min=1, max=1_000_000, help="At most this many assets.")] = 50,
    as_json: AsJson = False,
    address: Address = DEFAULT_ADDRESS,
    certificates: Certificates = DEFAULT_CERTIFICATES,
    operator: Operator = "operator",
) -> None:
    """List assets with their newest reading and their order.

    Example: vpp fleet list --feeder feeder-1 --limit 100
    """
    with operator_client(address, certificates, operator) as client:
        for asset in client.assets(feeder_id=feeder, limit=limit):
            if as_json:
                typer.echo(json_format.MessageToJson(asset, indent=None, preserving_proto_field_name=True))
            else:
                console.print(_line(asset))


def _line(asset: pb.AssetState) -> str:
    order = f"ordered {asset.setpoint_kw:+.2f} kW" if asset.HasField("setpoint_kw") else "no order"
    remarks = [
        *([] if asset.node_connected else ["node away"]),
        *(["distrusted"] if asset.quarantined else []),
        *asset.reading_flags,
    ]
    reading = (
        f"{asset.power_kw:+.2f} kW, charge {asset.soc:.0%}" if asset.HasField("measured_at") else "no reading"
    )
    columns = f"{asset.asset_id:<24} {asset.feeder_id:<16} {reading:<26} {order:<20}"
    return f"{columns} {' '.join(remarks)}".rstrip()


@app.command("watch")
def watch_command(
    feeder: FeederName = "",
    period: Annotated[float, typer.Option(min=0.2, max=60.0, help="Seconds between two looks.")] = 1.0,
    address: Address = DEFAULT_ADDRESS,
    certificates: Certificates = DEFAULT_CERTIFICATES,
    operator: Operator = "operator",
) -> None:
    """Print one JSON line for each asset that changes, until Ctrl-C.

    Example: vpp fleet watch --feeder feeder-1
    """
    with operator_client(address, certificates, operator) as client:
        _watch(client, feeder, period)


def _watch(client: Client, feeder: str, period_s: float) -> None:
    names: dict[int, str] = {}
    for change in client.watch_fleet(feeder_id=feeder, period_s=period_s):
        names.update(zip(change.slot, change.asset_id, strict=False))
        for row, slot in enumerate(change.slot):
            measured_ms, setpoint = change.measured_at_ms[row], change.setpoint_kw[row]
            said = {
                "asset_id": names[slot],
                "measured_at": _time(measured_ms),
                "soc": round(change.soc[row], 4),
                "power_kw": round(change.power_kw[row], 3),
                "setpoint_kw": None if math.isnan(setpoint) else round(setpoint, 3),
                "setpoint_until": _time(change.setpoint_until_ms[row]),
                "node_connected": bool(change.flags[row] & 1),
                "stopped": bool(change.flags[row] & 2),
                "distrusted": bool(change.flags[row] & 4),
            }
            typer.echo(json.dumps(said))


def _time(milliseconds: int) -> str | None:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat() if milliseconds else None


def _print_json(message: view.SummarizeFleetResponse) -> None:
    typer.echo(json_format.MessageToJson(message, preserving_proto_field_name=True))
