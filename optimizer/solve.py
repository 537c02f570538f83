"""The front door of the library: one problem in, one certified plan out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from optimizer.plan import Plan, Schedule
from optimizer.problem import Problem

Method = Literal["auto", "exact", "milp", "decomposed"]
Progress = Callable[[Plan], None]

EXACT_UP_TO_ASSETS = 100
"""Up to this many assets `auto` takes the exact method."""


def solve(
    problem: Problem,
    *,
    method: Method = "auto",
    deadline_s: float | None = None,
    seed: int = 0,
    previous: Schedule | None = None,
    progress: Progress | None = None,
) -> Plan:
    """Solve one dispatch problem; the same problem and seed give the same plan, byte for byte.

    method: `exact` relaxes and recovers (up to about a hundred assets), `decomposed` prices and
        sweeps (any number), `milp` searches to the end as an offline reference, `auto` picks by size.
    deadline_s: holds exactly only in a process that can be killed, `optimizer.process.SolverProcess`;
        here it limits the search of `milp` alone, since the other methods stop on work.
    previous: a schedule to fall back on where it is better than what the method found.
    progress: called with each better plan as it is found.
    """
    chosen = _method_for(problem) if method == "auto" else method
    if chosen == "decomposed":
        from optimizer.decomposed import solve_decomposed  # noqa: PLC0415 - loads numba, seconds

        plan: Plan = solve_decomposed(problem, seed=seed, progress=progress)
        return plan
    from optimizer.exact import solve_exact, solve_milp  # noqa: PLC0415 - loads Pyomo, a second

    if chosen == "milp":
        return solve_milp(problem, seed=seed, progress=progress, time_limit_s=deadline_s)
    return solve_exact(problem, seed=seed, previous=previous, progress=progress)


def _method_for(problem: Problem) -> Method:
    return "exact" if len(problem.assets) <= EXACT_UP_TO_ASSETS else "decomposed"
