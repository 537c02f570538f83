"""One replay of a sweep, in a process of its own, and what came of it."""

from __future__ import annotations

import asyncio
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vpp.replay.report.figures import flat
from vpp.replay.run import ReplayOptions
from vpp.replay.sweep.combinations import Combination
from vpp.replay.whole import Asked, replay_folder

LONGEST_ERROR = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A combination and the scenario's folder; `keep` is where the replay's files stay, None: nowhere."""

    scenario: Path
    combination: Combination
    keep: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Figures of one replay by their names, or the error that ended it."""

    key: str
    figures: dict[str, Any]
    log_sha256: str = ""
    error: str = ""
    seconds: float = 0.0


def replay_one(task: Task) -> Outcome:
    """Replay one combination; whatever goes wrong is its outcome and ends nothing else."""
    began = time.perf_counter()
    try:
        if task.keep is not None:
            figures, digest = _replay(task, task.keep)
        else:
            with tempfile.TemporaryDirectory(prefix="vpp-sweep-") as folder:
                figures, digest = _replay(task, Path(folder))
    except Exception as error:
        return failed(task, f"{type(error).__name__}: {error}", seconds=time.perf_counter() - began)
    seconds = time.perf_counter() - began
    return Outcome(key=task.combination.key, figures=figures, log_sha256=digest, seconds=seconds)


def failed(task: Task, error: str, *, seconds: float = 0.0) -> Outcome:
    """Return the outcome of a replay that did not end well."""
    return Outcome(key=task.combination.key, figures={}, error=error[:LONGEST_ERROR], seconds=seconds)


def _replay(task: Task, out: Path) -> tuple[dict[str, Any], str]:
    asked = task.combination
    options = ReplayOptions(forecaster=asked.forecaster, seed=asked.seed)  # type: ignore[arg-type]
    work = replay_folder(
        task.scenario,
        out,
        options,
        regret=False,
        progress=lambda _what, _done, _of: None,
        asked=Asked(changes=dict(asked.changes)),
    )
    figures = asyncio.run(work)
    return flat(figures), (out / "decision_log.sha256").read_text().strip()
