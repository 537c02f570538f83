"""Runs cases one after the other, each in a child process that is killed when it takes too long."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Iterator

from optimizer.bench.cases import Case
from optimizer.bench.figure import Figure

RUN_LIMIT_S = 1_200.0
"""A run with its loading, data and warm-up is killed after this long, unless told otherwise."""


def measure(cases: Iterable[Case], *, limit_s: float = RUN_LIMIT_S) -> Iterator[Figure]:
    """Yield the figures of each case as soon as it is done; a failed run yields its reason."""
    for case in cases:
        yield _measure(case, limit_s)


def _measure(case: Case, limit_s: float) -> Figure:
    command = [sys.executable, "-m", "optimizer.bench.child", Figure(case=case).line()]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit_s, check=False)
    except subprocess.TimeoutExpired:
        return Figure(case=case, outcome=f"killed after {limit_s:g} s")
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        return Figure(case=case, outcome=f"failed: {reason}")
    return Figure.from_line(done.stdout.splitlines()[-1])
