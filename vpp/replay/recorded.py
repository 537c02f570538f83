"""Recorded operation decided again: the same two pure steps, the recorded outcome in between.

```
    record ──prepare──► Prepared ──(recorded outcome)──► decide ──► the same orders, to the bit
```
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from vpp.control.cycle import Decision, Prepared, decide, prepare
from vpp.control.record import summary_of
from vpp.domain.runs import DispatchPlan, RunSummary
from vpp.domain.setpoints import SetpointColumns
from vpp.ports.operation import RecordedCycle, RecordedOperation
from vpp.replay.outputs import decision_line

MOST_DIFFERENCES = 20  # of a replay that are named; all are counted

Sink = Callable[[RunSummary, DispatchPlan | None, SetpointColumns | None], None]


@dataclass(slots=True)
class Comparison:
    """A replay held against what was decided; equal digests say that every decision is the same."""

    cycles: int = 0
    differing: int = 0
    differences: list[str] = field(default_factory=list)
    _live: Any = field(default_factory=hashlib.sha256)
    _replayed: Any = field(default_factory=hashlib.sha256)

    @property
    def live_sha256(self) -> str:
        """Return the digest of the decision log of what was recorded."""
        return str(self._live.hexdigest())

    @property
    def replayed_sha256(self) -> str:
        """Return the digest of the decision log of the replay."""
        return str(self._replayed.hexdigest())

    def add(self, cycle: RecordedCycle, run: RunSummary, decision: Decision) -> None:
        """Hold one cycle's decision against the recorded one."""
        self.cycles += 1
        self._live.update(f"{decision_line(cycle.run, cycle.setpoints)}\n".encode())
        self._replayed.update(f"{decision_line(run, decision.setpoints)}\n".encode())
        found = differences(cycle, run, decision)
        self.differing += bool(found)
        if found and len(self.differences) < MOST_DIFFERENCES:
            self.differences.append(f"{run.run_id}: " + "; ".join(found))


async def decide_again(
    operation: RecordedOperation,
    *,
    start: datetime,
    end: datetime,
    on_run: Sink,
    progress: Callable[[int], None] = lambda _done: None,
) -> Comparison:
    """Decide every recorded cycle again and compare it bit by bit."""
    comparison = Comparison()
    async for cycle in operation.cycles(start=start, end=end):
        prepared, decision = decided(cycle)
        run = summary_of(
            cycle.record,
            prepared,
            decision,
            finished_at=cycle.run.finished_at,
            trigger=cycle.run.trigger,
        )
        comparison.add(cycle, run, decision)
        on_run(run, decision.plan, decision.setpoints)
        progress(comparison.cycles)
    return comparison


def decided(cycle: RecordedCycle) -> tuple[Prepared, Decision]:
    """Return what the two steps make of a record."""
    prepared = prepare(cycle.record.inputs)
    return prepared, decide(cycle.record.inputs, prepared, cycle.record.outcome)


def differences(cycle: RecordedCycle, run: RunSummary, decision: Decision) -> list[str]:
    """Return in words where a decision is not the recorded one; empty where it is, to the bit."""
    found = []
    for name in ("input_sha256", "rung", "reason", "forecast_id", "objective", "lower_bound", "gap"):
        was, now = getattr(cycle.run, name), getattr(run, name)
        if was != now:
            found.append(f"{name} was {was!r} and is {now!r}")
    for name in ("power_kw", "energy_end_kwh", "net_load_kw"):
        was, now = getattr(cycle.plan, name, None), getattr(decision.plan, name, None)
        if not same_bits(was, now):
            found.append(f"{name} of the plan differs")
    for name in ("slot", "sequence", "power_kw", "min_kw", "max_kw"):
        was, now = getattr(cycle.setpoints, name, None), getattr(decision.setpoints, name, None)
        if not same_bits(was, now):
            found.append(f"{name} of the orders differs")
    for name in ("valid_from", "valid_until", "epoch", "origin", "reason"):
        was, now = getattr(cycle.setpoints, name, None), getattr(decision.setpoints, name, None)
        if was != now:
            found.append(f"{name} of the orders was {was} and is {now}")
    return found


def same_bits(one: Any, other: Any) -> bool:
    """Return whether two arrays are the same to the bit, but for the sign of zero: SQLite keeps none."""
    if one is None or other is None:
        return one is other
    return bool(one.shape == other.shape and (one + 0).tobytes() == (other + 0).tobytes())
