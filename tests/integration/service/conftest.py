"""One warm solver process for all services of a session: starting two for each takes eight seconds."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from optimizer.problem import Problem
from vpp.control.cycle_values import SolveOutcome
from vpp.service import desk, parts
from vpp.service.solving import ProcessSolver


class SharedSolver:
    """The real solver process, started once; whoever closes it leaves it to the next service."""

    def __init__(self) -> None:
        self._solver = ProcessSolver()
        self._turn = threading.Lock()  # what is planned aside has a process of its own in the service
        self.warm_up, self.tell = self._solver.warm_up, self._solver.tell
        self.end = self._solver.close

    def solve(self, problem: Problem, **options: Any) -> SolveOutcome:
        """Solve one problem at a time."""
        with self._turn:
            return self._solver.solve(problem, **options)

    def close(self) -> None:
        """Leave the process to the next service."""


@pytest.fixture(scope="session")
def shared_solver() -> Iterator[SharedSolver]:
    solver = SharedSolver()
    yield solver
    solver.end()


@pytest.fixture(autouse=True)
def _one_solver(shared_solver: SharedSolver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "ProcessSolver", lambda: shared_solver)
    monkeypatch.setattr(desk, "ProcessSolver", lambda *, niceness: shared_solver)
