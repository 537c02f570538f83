"""The solver process behind the loop's port."""

from __future__ import annotations

from collections.abc import Callable

from optimizer.child import SolveOptions
from optimizer.plan import Plan, Schedule
from optimizer.problem import Problem
from optimizer.process import SolverProcess
from optimizer.verify import warm_up as warm_up_verifier
from vpp.control.cycle_values import SolveOutcome


class ProcessSolver:
    """Solves in a warm child process that is killed at the deadline; each plan starts from the one before."""

    def __init__(self, *, niceness: int = 0) -> None:
        """Start the process; it loads the compiled kernels, or compiles them where the cache is cold."""
        self._process = SolverProcess(decomposed=True, niceness=niceness)

    def tell(self, on_better: Callable[[Plan], None]) -> None:
        """Have `on_better` called with each better plan of every solve from now on, in the solve's thread."""
        self._process.on_better = on_better

    def warm_up(self) -> None:
        """Wait until the child has loaded everything, and load what checks its plans."""
        self._process.warm_up()
        warm_up_verifier()

    def solve(
        self, problem: Problem, *, previous: Schedule | None, deadline_s: float, seed: int
    ) -> SolveOutcome:
        """Return what came of it, never later than a moment after the deadline."""
        options = SolveOptions(seed=seed, previous=previous, remember=True)
        outcome = self._process.solve(problem, options, deadline_s)
        return SolveOutcome(
            plan=outcome.plan, killed=outcome.killed, error=outcome.error or "", seconds=outcome.seconds
        )

    def close(self) -> None:
        self._process.close()
