"""`vpp certificates`: an authority of one's own, for trials."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from vpp.cli.connecting import DEFAULT_CERTIFICATES
from vpp.node.files import meter_node_id
from vpp.service.certificates import create_authority, issue_node, issue_operator, issue_server
from vpp.service.files import read_fleet

console = Console(highlight=False, soft_wrap=True)


def certificates_command(
    fleet: Annotated[Path, typer.Argument(help="Folder with assets.csv and feeders.csv.")],
    out: Annotated[
        Path, typer.Option(help="Folder to write to; created when missing.")
    ] = DEFAULT_CERTIFICATES,
    host: Annotated[
        str, typer.Option(help="Name or address of the server, comma-separated.")
    ] = "localhost,127.0.0.1",
    operator: Annotated[str, typer.Option(help="Name of the operator.")] = "operator",
) -> None:
    """Make an authority, and certificates for the server, one operator and every node; for trials.

    Example: vpp certificates config/demo --out run/certificates
    """
    register = read_fleet(fleet)
    nodes = {asset.node_id for asset in register.assets}
    nodes |= {meter_node_id(feeder.feeder_id) for feeder in register.feeders}
    create_authority(out)
    issue_server(out, host.split(","))
    issue_operator(out, operator)
    for node_id in sorted(nodes):
        issue_node(out, node_id)
    console.print(f"an authority, the server, operator {operator} and {len(nodes)} nodes in {out}")
