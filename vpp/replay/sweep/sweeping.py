"""A sweep: what is left to do, done; then one table, its rows always in the same order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from vpp.replay.facts import folder_sha256
from vpp.replay.sweep.combinations import Combination
from vpp.replay.sweep.executors import Executor
from vpp.replay.sweep.journal import Journal
from vpp.replay.sweep.work import Outcome, Task

JOURNAL = ".journal"  # after the name of the table
Progress = Callable[[int, int], None]  # done, all


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """A scenario and what to replay of it; `keep` gets a folder for each replay."""

    scenario: Path
    combinations: Sequence[Combination]
    out: Path
    keep: Path | None = None
    retry: bool = False  # replay what failed before

    @property
    def journal(self) -> Path:
        return self.out.with_name(self.out.name + JOURNAL)


def run_sweep(sweep: Sweep, executor: Executor, progress: Progress) -> tuple[Outcome, ...]:
    """Replay what the journal does not have yet, write the table, and return all outcomes in order.

    The table is written also when the sweep is interrupted, with the rows that there are.
    """
    sha256, count = folder_sha256(sweep.scenario), len(sweep.combinations)
    with Journal(sweep.journal, sha256, version("vpp-dispatch")) as journal:
        left = [
            Task(scenario=sweep.scenario, combination=one, keep=_place(sweep, number))
            for number, one in enumerate(sweep.combinations)
            if (known := journal.outcomes.get(one.key)) is None or (known.error and sweep.retry)
        ]
        done = count - len(left)
        progress(done, count)
        try:
            for outcome in executor.run(left):
                journal.add(outcome)
                done += 1
                progress(done, count)
        finally:
            write_table(sweep.out, sweep.combinations, journal.outcomes)
        return tuple(journal.outcomes[one.key] for one in sweep.combinations)


def _place(sweep: Sweep, number: int) -> Path | None:
    return None if sweep.keep is None else sweep.keep / f"{number:04d}"


def write_table(path: Path, asked: Sequence[Combination], outcomes: Mapping[str, Outcome]) -> None:
    """Write one row for each combination that has an outcome, in the order asked; whole or not at all."""
    rows = [(one, outcomes[one.key]) for one in asked if one.key in outcomes]
    columns: dict[str, list[Any]] = {}
    for name in dict.fromkeys(name for one in asked for name, _ in one.changes):
        columns[name] = [dict(one.changes).get(name) for one, _ in rows]
    columns["seed"] = [one.seed for one, _ in rows]
    columns["forecaster"] = [one.forecaster for one, _ in rows]
    columns["error"] = [outcome.error for _, outcome in rows]
    columns["decision_log_sha256"] = [outcome.log_sha256 for _, outcome in rows]
    for name in sorted({name for _, outcome in rows for name in outcome.figures}):
        columns.setdefault(name, [outcome.figures.get(name) for _, outcome in rows])
    columns["cost_above_perfect"] = _regrets(rows)
    columns["seconds"] = [outcome.seconds for _, outcome in rows]
    part = path.with_name(path.name + ".part")
    part.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({name: _column(values) for name, values in columns.items()}), part)
    part.replace(path)


def _regrets(rows: Sequence[tuple[Combination, Outcome]]) -> list[float | None]:
    """Return what each replay cost above that with perfect foresight, where the sweep has both."""
    best = {
        (one.changes, one.seed): outcome.figures.get("cost")
        for one, outcome in rows
        if one.forecaster == "perfect"
    }
    found: list[float | None] = []
    for one, outcome in rows:
        cost, least = outcome.figures.get("cost"), best.get((one.changes, one.seed))
        found.append(None if cost is None or least is None else cost - least)
    return found


def _column(values: Sequence[Any]) -> pa.Array:
    """Return whole numbers, numbers or text, whichever holds every value."""
    known = [value for value in values if value is not None]
    if known and all(type(value) is int for value in known):
        return pa.array(values, pa.int64())
    if all(isinstance(value, (int, float)) for value in known):
        return pa.array([None if value is None else float(value) for value in values], pa.float64())
    return pa.array([None if value is None else str(value) for value in values], pa.string())
