"""Recorded operation decided again: the same two pure steps, the recorded outcome in between.

```
    record ──prepare──► Prepared ──(recorded outcome)──► decide ──► the same orders, to the bit
                               └──(solved anew)────────► decide ──► other orders, and where
```
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from vpp.control.cycle import decide, prepare
from vpp.control.cycle_values import Decision, Prepared, SolveOutcome
from vpp.control.record import summary_of
from vpp.domain.runs import RunSummary
from vpp.ports import StoreError
from vpp.ports.operation import RecordedCycle, RecordedOperation
from vpp.replay.moved import Moved
from vpp.replay.outputs import ReplayOutputs, decision_line
from vpp.replay.run import InlineSolver

MOST_DIFFERENCES = 20  # of a replay that are named; all are counted

Sink = Callable[[RecordedCycle, RunSummary, Decision], None]


@dataclass(slots=True)
class Comparison:
    """A replay held against what was decided; equal digests say that every decision is the same."""

    cycles: int = 0
    differing: int = 0
    differences: list[str] = field(default_factory=list)
    resolved: dict[str, Any] | None = None  # what it moved, where everything was solved anew
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

    def figures(self) -> dict[str, Any]:
        """Return the comparison as plain values."""
        return {
            "cycles": self.cycles,
            "differing": self.differing,
            "differences": self.differences,
            "live_sha256": self.live_sha256,
            "replayed_sha256": self.replayed_sha256,
            "resolved": self.resolved,
        }

    def add(self, cycle: RecordedCycle, run: RunSummary, decision: Decision) -> None:
        """Hold one cycle's decision against the recorded one."""
        self.cycles += 1
        self._live.update(f"{decision_line(cycle.run, cycle.setpoints)}\n".encode())
        self._replayed.update(f"{decision_line(run, decision.setpoints)}\n".encode())
        found = differences(cycle, run, decision)
        self.differing += bool(found)
        if found and len(self.differences) < MOST_DIFFERENCES:
            self.differences.append(f"{run.run_id}: " + "; ".join(found))


@dataclass(slots=True)
class OperationOutputs:
    """The files of `ReplayOutputs`, begun with the fleet of the first cycle."""

    folder: Path
    _stack: ExitStack = field(default_factory=ExitStack)
    _outputs: ReplayOutputs | None = None

    def __enter__(self) -> Self:
        self._stack.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def record(self, cycle: RecordedCycle, run: RunSummary, decision: Decision) -> None:
        """Write one run."""
        if self._outputs is None:
            outputs = ReplayOutputs(self.folder, cycle.record.inputs.fleet)
            self._outputs = self._stack.enter_context(outputs)
        self._outputs.record(run, decision.plan, decision.setpoints)


async def decide_again(
    operation: RecordedOperation,
    *,
    start: datetime,
    end: datetime,
    on_run: Sink,
    progress: Callable[[int], None] = lambda _done: None,
    solver: InlineSolver | None = None,
) -> Comparison:
    """Decide every recorded cycle again and compare it bit by bit; `solver` solves anew what was solved."""
    comparison = Comparison()
    async for cycle in operation.cycles(start=start, end=end):
        prepared, outcome, decision = decided(cycle, solver)
        run = summary_of(
            replace(cycle.record, outcome=outcome),
            prepared,
            decision,
            finished_at=cycle.run.finished_at,
            trigger=cycle.run.trigger,
        )
        comparison.add(cycle, run, decision)
        on_run(cycle, run, decision)
        progress(comparison.cycles)
    return comparison


async def replay_operation(
    operation: RecordedOperation,
    out: Path,
    *,
    start: datetime,
    end: datetime,
    progress: Callable[[str, int, int], None],
    resolve: bool = False,
) -> Comparison:
    """Decide recorded operation again, and write the decision log, its digest and the tables to `out`.

    resolve: solve anew instead of taking the recorded outcomes; `differences.parquet` has a row per cycle.

    Raises StoreError where nothing was recorded between `start` and `end`.
    """
    count = await operation.count(start=start, end=end)
    if not count:
        raise StoreError(
            f"No cycle that plans from {start.isoformat()} to {end.isoformat()} was recorded; "
            "give another time with --from and --to."
        )
    moved = Moved()
    with OperationOutputs(out) as outputs:
        comparison = await decide_again(
            operation,
            start=start,
            end=end,
            on_run=moved.beside(outputs.record) if resolve else outputs.record,
            progress=lambda done: progress("solve again" if resolve else "decide again", done, count),
            solver=InlineSolver(seed=0) if resolve else None,
        )
    if resolve:
        comparison.resolved = moved.figures()
        await asyncio.to_thread(moved.write, out)
    text = json.dumps(comparison.figures(), indent=2, sort_keys=True) + "\n"
    await asyncio.to_thread((out / "comparison.json").write_text, text, encoding="utf-8")
    return comparison


def decided(
    cycle: RecordedCycle, solver: InlineSolver | None
) -> tuple[Prepared, SolveOutcome | None, Decision]:
    """Return what the two steps make of a record and of its outcome, or of what `solver` comes to."""
    inputs, outcome = cycle.record.inputs, cycle.record.outcome
    prepared = prepare(inputs)
    if solver is not None and outcome is not None and prepared.problem is not None:
        outcome = solver.solve(prepared.problem, previous=prepared.previous, deadline_s=0.0, seed=0)
    return prepared, outcome, decide(inputs, prepared, outcome)


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
