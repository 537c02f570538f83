"""Checks a claimed lower bound from the prices of a plan, with code that no solver uses.

The recomputation of the Lagrangian bound for the decomposed method has its place here; until a
method's prices are complete enough for it, a bound is checked against the objective alone.
"""

from __future__ import annotations

from optimizer.plan import Prices
from optimizer.problem import Problem


def recomputed_bound(problem: Problem, prices: Prices) -> float | None:
    """Return the bound that the prices prove, or None where it cannot be recomputed."""
    del problem, prices
    return None
