"""`vpp compare`: finished replays side by side."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table


def compare_command(
    folders: Annotated[
        list[Path], typer.Argument(help="Folders that `vpp replay` has written, two to eight.")
    ],
    out: Annotated[Path | None, typer.Option("--out", help="File for the comparison as a page.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the comparison as JSON.")] = False,
) -> None:
    """Compare replays with the first of them, and say when that is not fair.

    Example: vpp compare run/baseline run/perfect --out run/compare.html
    """
    from vpp.replay.compare import compare, comparison_page, head, rows  # noqa: PLC0415 - keeps help fast

    found = compare(folders)
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(comparison_page(found), encoding="utf-8")
    if as_json:
        typer.echo(json.dumps(found.as_json(), indent=2))
        return
    console = Console(highlight=False, markup=False)
    for sentence in found.unfair:
        console.print(f"Not fair: {sentence}")
    for name, values in found.changed.items():
        console.print(f"{name}: {' | '.join(values)}")
    shown = Table(*head(found), box=None)
    for row in rows(found):
        shown.add_row(*row)
    console.print(shown)
    if out is not None:
        console.print(f"drawn in {out}")
