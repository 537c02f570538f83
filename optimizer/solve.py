"""The front door of the library: one problem in, one certified plan out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from optimizer.plan import Plan, Schedule, Warm
from optimizer.problem import Problem
from optimizer.provable import provable

Method = Literal["auto", "exact", "milp", "decomposed"]
Progress = Callable[[Plan], None]
OnPass = Callable[[int, int, float], None]

EXACT_UP_TO_ASSETS = 100
"""Up to this many assets `auto` starts from the exact relaxation."""
REPLAN_GAP = 0.005
"""A re-plan from a previous plan counts up to this gap."""


def solve(
    problem: Problem,
    *,
    method: Method = "auto",
    deadline_s: float | None = None,
    seed: int = 0,
    previous: Schedule | None = None,
    warm: Warm | None = None,
    accepted_gap: float = REPLAN_GAP,
    progress: Progress | None = None,
    on_pass: OnPass | None = None,
) -> Plan:
    """Solve one dispatch problem; the same problem, seed and start give the same plan, byte for byte.

    method: `auto` relaxes up to a hundred assets exactly, sweeps around the relaxation and polishes,
        and takes `decomposed` beyond; `exact` relaxes and recovers with HiGHS alone, `decomposed`
        prices and sweeps (any number), `milp` searches to the end as an offline reference.
    deadline_s: holds exactly only in a process that can be killed, `optimizer.process.SolverProcess`;
        here it limits the search of `milp` alone, since the other methods stop on work.
    previous: a schedule to fall back on where it is better than what the method found.
    warm: the last plan of this fleet, with its prices, and how many intervals have passed since: `auto`
        and `decomposed` then need a tenth of the time. If its gap is above `accepted_gap`, the problem
        is solved from scratch. For problem after problem use `optimizer.Replanner`, which keeps the
        last plan and finds the rows of assets and feeders that have changed.
    progress: called with each better plan as it is found.
    on_pass: called by `decomposed` after each pass with passes done, passes in all and the gap so far.
    """
    small = len(problem.assets) <= EXACT_UP_TO_ASSETS
    if warm is not None and method in {"auto", "decomposed"}:
        plan = _replan(problem, warm, seed, accepted_gap, progress)
        if plan is not None:
            return plan
    report = None if progress is None else (lambda plan: progress(provable(problem, plan)))
    if method == "auto" and small:
        from optimizer.combined import solve_combined  # noqa: PLC0415 - loads Pyomo and numba, seconds

        return provable(problem, solve_combined(problem, seed=seed, previous=previous, progress=report))
    if method in {"auto", "decomposed"}:
        from optimizer.decomposed import solve_decomposed  # noqa: PLC0415 - loads numba, seconds

        return solve_decomposed(problem, seed=seed, progress=progress, on_pass=on_pass)
    from optimizer.exact import solve_exact, solve_milp  # noqa: PLC0415 - loads Pyomo, a second

    if method == "milp":
        plan = solve_milp(problem, seed=seed, progress=report, time_limit_s=deadline_s)
    else:
        plan = solve_exact(problem, seed=seed, previous=previous, progress=report)
    return provable(problem, plan)


def _replan(
    problem: Problem, warm: Warm, seed: int, accepted_gap: float, progress: Progress | None
) -> Plan | None:
    """Return a plan from the previous one; None where that is not close enough to its bound."""
    from optimizer.decomposed import solve_decomposed  # noqa: PLC0415 - loads numba, seconds

    plan = solve_decomposed(problem, seed=seed, progress=progress, warm=warm)
    return plan if plan.certificate.gap <= accepted_gap else None
