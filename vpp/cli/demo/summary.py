"""What a demonstration came to, and whether it was good enough."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console

from vpp.cli.demo.figures import comparison, read_books, settle_day, without_control
from vpp.cli.demo.following import FIRST_RUNG, CycleRecord, DayFollower
from vpp.cli.demo.screen import print_comparison, print_pairs
from vpp.control.settle import Settlement
from vpp.domain.intervals import IntervalGrid
from vpp.node.files import read_devices
from vpp.rpcgen import operator_pb2 as pb
from vpp.service.files import PortfolioFiles
from vpp.service.settings import PolicySettings

LEAST_FIRST_RUNG_CYCLES = 90
LEAST_ACCEPTED_FORECASTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class DaySummary:
    """The day in figures. `failures` is empty when it was good enough."""

    currency: str
    dispatched: Settlement
    no_control: Settlement
    cycles: int
    rungs: dict[str, int]
    good_cycles: int  # on the first rung with a gap within what is accepted
    median_gap: float
    worst_gap: float
    longest_solve_s: float
    planned_overload_kw: float
    setpoints: int
    order_states: dict[str, int]
    replies: dict[str, int]
    first_run: str
    last_run: str
    folder: Path
    seconds: float
    failures: tuple[str, ...]

    def as_json(self) -> dict[str, object]:
        """Return the summary as JSON values."""
        return {
            **asdict(self),
            "folder": str(self.folder),
            "total_cost": {
                "dispatched": self.dispatched.total_cost,
                "no_control": self.no_control.total_cost,
            },
        }

    def show(self, console: Console) -> None:
        """Print the summary."""
        print_comparison(console, comparison(self.dispatched, self.no_control, self.currency))
        silent = self.order_states.get("", 0)
        words = ", ".join(f"{count} {state}" for state, count in self.order_states.items() if state)
        replies = ", ".join(f"{count} {verdict}" for verdict, count in self.replies.items())
        rungs = ", ".join(f"{count} {rung}" for rung, count in self.rungs.items())
        print_pairs(
            console,
            "The service",
            [
                ("cycles", f"{self.cycles}: {rungs}"),
                ("certified gap", f"median {self.median_gap:.4%}, worst {self.worst_gap:.4%}"),
                ("longest solve", f"{self.longest_solve_s:.2f} s"),
                ("planned overload by the fleet", f"{self.planned_overload_kw:.6f} kW"),
                (
                    "setpoints",
                    f"{self.setpoints}: {self.setpoints - silent} acknowledged, {silent} without a word",
                ),
                ("  last word of the nodes", words),
                ("forecasts by the model's reply", replies),
                ("runs", f"{self.first_run} to {self.last_run}"),
                ("recorded in", f"{self.folder}: vpp.sqlite, *.log, device-books.csv"),
                ("took", f"{self.seconds:.0f} s"),
            ],
        )
        for failure in self.failures:
            console.print(f"FAILED: {failure}", style="bold red", highlight=False)
        if not self.failures:
            console.print("\nThe day was good enough.", highlight=False)


def summarise(
    *,
    folder: Path,
    scenario: Path,
    portfolio: PortfolioFiles,
    follower: DayFollower,
    day: IntervalGrid,
    policy: PolicySettings,
    seconds: float,
) -> DaySummary:
    """Return the summary of a followed day, from the operator's view and the devices' books."""
    records = list(follower.records.values())
    if not records:
        raise ValueError("no cycle was seen")
    gaps = sorted(record.run.gap for record in records if record.run.HasField("gap"))
    good = [record for record in records if _is_good(record, policy.accepted_gap)]
    states: Counter[str] = sum((record.states for record in records), Counter())
    replies = Counter(forecast.verdict for forecast in follower.forecasts.values())
    price = policy.peak_price_per_kw
    books = read_books(folder / "device-books.csv", portfolio, day)
    devices = [device for own in read_devices(scenario, day.start).values() for device in own]
    idle_books = without_control(portfolio, devices, day)
    return DaySummary(
        currency=policy.currency,
        dispatched=settle_day(books, portfolio, day, peak_price_per_kw=price),
        no_control=settle_day(idle_books, portfolio, day, peak_price_per_kw=price),
        cycles=len(records),
        rungs=dict(Counter(_rung(record) for record in records)),
        good_cycles=len(good),
        median_gap=gaps[len(gaps) // 2] if gaps else float("nan"),
        worst_gap=gaps[-1] if gaps else float("nan"),
        longest_solve_s=max(record.run.solve_s for record in records),
        planned_overload_kw=max(record.overload_kw for record in records),
        setpoints=sum(states.values()),
        order_states=dict(states),
        replies=dict(replies),
        first_run=records[0].run.run_id,
        last_run=records[-1].run.run_id,
        folder=folder,
        seconds=seconds,
        failures=tuple(_failures(len(good), replies["accepted"])),
    )


def _is_good(record: CycleRecord, accepted_gap: float) -> bool:
    return record.run.rung == FIRST_RUNG and record.run.gap <= accepted_gap


def _rung(record: CycleRecord) -> str:
    return pb.Rung.Name(record.run.rung).removeprefix("RUNG_").lower()


def _failures(good_cycles: int, accepted_forecasts: int) -> list[str]:
    failures = []
    if good_cycles < LEAST_FIRST_RUNG_CYCLES:
        failures.append(
            f"{good_cycles} cycles stood on the first rung within the accepted gap, "
            f"at least {LEAST_FIRST_RUNG_CYCLES} were expected"
        )
    if accepted_forecasts < LEAST_ACCEPTED_FORECASTS:
        failures.append(
            f"{accepted_forecasts} forecasts used an accepted reply of the model, "
            f"at least {LEAST_ACCEPTED_FORECASTS} were expected"
        )
    return failures
