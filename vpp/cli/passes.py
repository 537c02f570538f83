"""A bar for a long solve: passes done, gap so far, time taken and time left."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

if TYPE_CHECKING:
    from optimizer.solve import OnPass


@contextmanager
def passes_shown(*, quiet: bool, console: Console | None = None) -> Iterator[OnPass]:
    """Show a bar on a terminal while a solve calls what this yields; nothing elsewhere, or if `quiet`.

    Until the first pass over the fleet (and for methods without passes) the bar only says that it runs.
    """
    screen = Console(stderr=True) if console is None else console
    bar = Progress(
        SpinnerColumn(),
        TextColumn("solving"),
        BarColumn(),
        TextColumn("{task.fields[gap]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=screen,
        disable=quiet or not screen.is_terminal,
    )
    task = bar.add_task("solving", total=None, gap="gap unknown")

    def on_pass(done: int, count: int, gap: float) -> None:
        known = 0.0 <= gap < float("inf")
        bar.update(task, completed=done, total=count, gap=f"gap {gap:.3%}" if known else "gap unknown")

    with bar:
        yield on_pass
