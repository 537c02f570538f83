"""One warm solver process for all services of a session: starting two for each takes eight seconds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from vpp.service import bootstrap, desk
from vpp.service.solving import ProcessSolver


class SharedSolver:
    """The real solver process, started once; whoever closes it leaves it to the next service."""

    def __init__(self) -> None:
        self._solver = ProcessSolver()
        self.solve, self.warm_up, self.tell = self._solver.solve, self._solver.warm_up, self._solver.tell
        self.end = self._solver.close

    def close(self) -> None:
        """Leave the process to the next service."""


@pytest.fixture(scope="session")
def shared_solver() -> Iterator[SharedSolver]:
    solver = SharedSolver()
    yield solver
    solver.end()


@pytest.fixture(autouse=True)
def _one_solver(shared_solver: SharedSolver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "ProcessSolver", lambda: shared_solver)
    monkeypatch.setattr(desk, "ProcessSolver", lambda *, niceness: shared_solver)
