"""`vpp explain`: why a setpoint is what it is."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from google.protobuf import json_format
from rich.console import Console

from vpp.cli.connecting import DEFAULT_CERTIFICATES, operator_client
from vpp.domain.errors import InvalidValueError

_console = Console(highlight=False, soft_wrap=True, markup=False)
_MARKS = {"model_words": "  > "}  # quoted: the model's words, never a fact


def explain_command(
    asset_id: Annotated[str, typer.Argument(help="The asset.")],
    at: Annotated[
        str, typer.Option(help="The order in force then, such as 2026-11-20T18:05Z; now when left out.")
    ] = "",
    sequence: Annotated[int, typer.Option(min=0, help="Number of the order; with --epoch.")] = 0,
    epoch: Annotated[int, typer.Option(min=0, help="Epoch of the order; with --sequence.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="As data.")] = False,
    address: Annotated[str, typer.Option(help="Where the service listens.")] = "localhost:50051",
    certificates: Annotated[
        Path, typer.Option(help="Folder with authority.pem and the operator's files.")
    ] = DEFAULT_CERTIFICATES,
    operator: Annotated[str, typer.Option(help="Whose certificate to use.")] = "operator",
) -> None:
    """Say why an asset was ordered what it was: limits, prices, forecast, approval, and what came of it.

    Example: vpp explain grid-battery-01 --at 2026-11-20T18:05Z
    """
    with operator_client(address, certificates, operator) as client:
        found = client.explain_setpoint(asset_id=asset_id, at=_time(at), epoch=epoch, sequence=sequence)
    if as_json:
        typer.echo(json.dumps(json_format.MessageToDict(found, preserving_proto_field_name=True), indent=2))
        return
    for sentence in found.sentences:
        _console.print(_MARKS.get(sentence.topic, "") + sentence.words)


def _time(text: str) -> datetime | None:
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise InvalidValueError("at", text, "a time with its zone, such as 2026-11-20T18:05Z")
    return found
