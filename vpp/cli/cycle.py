"""`vpp cycle` and `vpp trail`: have a cycle run, and see what an order rests on."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from google.protobuf import json_format
from rich.console import Console

from vpp.cli.connecting import DEFAULT_CERTIFICATES, Certificates, new_request_id, operator_client

console = Console(highlight=False, soft_wrap=True)


def cycle_command(
    address: Annotated[str, typer.Option(help="Where the service listens.")] = "localhost:50051",
    certificates: Certificates = DEFAULT_CERTIFICATES,
    operator: Annotated[str, typer.Option(help="Whose certificate to use.")] = "operator",
    request_id: Annotated[str, typer.Option(help="Repeat a call safely: the same id runs once.")] = "",
    portfolio: Annotated[
        str, typer.Option(help="For its assets alone; the orders of all others stand.")
    ] = "",
) -> None:
    """Run one cycle now, and print the run as JSON.

    Example: vpp cycle --address localhost:50051
    """
    with operator_client(address, certificates, operator) as client:
        response = client.trigger_run(request_id or new_request_id(), portfolio=portfolio)
    typer.echo(
        json.dumps(json_format.MessageToDict(response.run, preserving_proto_field_name=True), indent=2)
    )


def trail_command(
    asset_id: Annotated[str, typer.Argument(help="The asset.")],
    address: Annotated[str, typer.Option(help="Where the service listens.")] = "localhost:50051",
    certificates: Certificates = DEFAULT_CERTIFICATES,
    operator: Annotated[str, typer.Option(help="Whose certificate to use.")] = "operator",
    sequence: Annotated[int, typer.Option(help="Number of the order; 0 takes the newest.")] = 0,
    epoch: Annotated[int, typer.Option(help="Epoch of the order; 0 takes the newest.")] = 0,
) -> None:
    """Show everything one setpoint rests on, from the order back to the reading.

    Example: vpp trail grid-battery-01 --address localhost:50051
    """
    with operator_client(address, certificates, operator) as client:
        if not (sequence and epoch):
            newest = list(client.setpoints(asset_id=asset_id, limit=1))
            if not newest:
                console.print(
                    f"{asset_id}: no cycle has ordered an asset of this name anything yet", markup=False
                )
                raise typer.Exit(1)
            sequence, epoch = newest[0].sequence, newest[0].epoch
        trail = client.trail(asset_id=asset_id, epoch=epoch, sequence=sequence)
    typer.echo(json.dumps(json_format.MessageToDict(trail, preserving_proto_field_name=True), indent=2))
