"""What a demonstration shows: one row for each cycle, live, and the summary at the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.table import Table

SHOWN_ROWS = 18
COLUMNS = ("cycle", "forecast", "bill", "peak kW", "loading", "sent", "acked", "gap", "rung")


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleRow:
    """One cycle at a glance; bill and peak are the plan's for its whole horizon."""

    cycle: str
    forecast: str
    bill: str
    peak_kw: str
    loading: str
    sent: int
    acknowledged: int
    gap: str
    rung: str

    def cells(self) -> tuple[str, ...]:
        return (
            self.cycle,
            self.forecast,
            self.bill,
            self.peak_kw,
            self.loading,
            str(self.sent),
            str(self.acknowledged),
            self.gap,
            self.rung,
        )


class CycleScreen:
    """A live table on a terminal; plain lines where there is none."""

    def __init__(self, console: Console, title: str) -> None:
        self._console, self._title = console, title
        self._rows: dict[str, CycleRow] = {}
        self._order: list[str] = []
        self._printed = 0
        self._live = (
            Live(self._table(), console=console, refresh_per_second=4) if console.is_terminal else None
        )

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.__enter__()
        else:
            self._line(COLUMNS)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.__exit__(kind, error, trace)
        else:
            self._print_lines(len(self._order))

    def show(self, run_id: str, row: CycleRow) -> None:
        """Add a run's row, or bring it up to date."""
        new = run_id not in self._rows
        self._rows[run_id] = row
        if new:
            self._order.append(run_id)
        if self._live is not None:
            self._live.update(self._table())
        else:
            # A line cannot be changed later, so a row waits until its orders had time to be answered.
            self._print_lines(len(self._order) - 1)

    def _print_lines(self, end: int) -> None:
        for run_id in self._order[self._printed : end]:
            self._line(self._rows[run_id].cells())
        self._printed = max(self._printed, end)

    def _line(self, cells: Sequence[str]) -> None:
        widths = (12, 20, 10, 9, 9, 6, 6, 9, 10)
        line = " ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        self._console.print(line.rstrip(), highlight=False, markup=False)

    def _table(self) -> Table:
        table = Table(title=self._title, title_justify="left")
        for name in COLUMNS:
            table.add_column(name, justify="left" if name in {"cycle", "forecast", "rung"} else "right")
        for run_id in self._order[-SHOWN_ROWS:]:
            table.add_row(*self._rows[run_id].cells())
        return table


def print_pairs(console: Console, title: str, pairs: Sequence[tuple[str, str]]) -> None:
    """Print named values under a title."""
    console.print(f"\n{title}", style="bold", highlight=False)
    width = max(len(name) for name, _ in pairs)
    for name, value in pairs:
        console.print(f"  {name.ljust(width)}  {value}", highlight=False, markup=False, soft_wrap=True)


def print_comparison(console: Console, rows: Sequence[tuple[str, str, str, str]]) -> None:
    """Print the day with and without control, side by side."""
    table = Table(title="The day as the devices' own meters saw it", title_justify="left")
    for name, justify in (
        ("", "left"),
        ("dispatched", "right"),
        ("no control", "right"),
        ("change", "right"),
    ):
        table.add_column(name, justify="left" if justify == "left" else "right")
    for row in rows:
        table.add_row(*row)
    console.print(table)
