"""`vpp report`: a replay as one page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def report_command(
    out: Annotated[Path, typer.Argument(help="Folder that `vpp replay` has written.")],
) -> None:
    """Make report.html anew from the files of a finished replay; nothing is replayed.

    Example: vpp report run/evening
    """
    from vpp.replay.report import write_report  # noqa: PLC0415 - keeps `vpp --help` fast

    typer.echo(write_report(out))
