"""What the decomposed method does not cover is refused by name, never left out in silence."""

from __future__ import annotations

import numpy as np

from optimizer.problem import Problem, ProblemError


def refuse_unsupported(problem: Problem) -> None:
    """Raise ProblemError if the problem uses a table or column that this method does not cover."""
    for name in ("reserve", "wear"):
        table = getattr(problem, name)
        if table is not None and len(table):
            raise ProblemError(name, "*", None, f"{len(table)} rows", "no such table: use the exact method")
    if np.any(np.isfinite(problem.assets.discharge_budget_kwh)):
        row = int(np.argmax(np.isfinite(problem.assets.discharge_budget_kwh)))
        found = float(problem.assets.discharge_budget_kwh[row])
        raise ProblemError("assets", "discharge_budget_kwh", row, found, "no budget: use the exact method")
