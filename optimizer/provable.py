"""What of a plan's bound its own prices prove, so that nobody has to take a solver's word for it."""

from __future__ import annotations

from dataclasses import replace

from optimizer.certificate import above_relaxation, certify
from optimizer.plan import Plan
from optimizer.problem import Problem
from optimizer.verify import recompute_bound


def provable(problem: Problem, plan: Plan) -> Plan:
    """Return the plan with `lower_bound` no higher than what its prices prove.

    A higher bound, out of a search or of row prices that a plan does not carry, is kept as `search_bound`: it
    holds if the solver is right, and nobody can check it from the plan.
    """
    own, claim = recompute_bound(problem, plan.prices).value, plan.certificate
    if own is None or claim.lower_bound <= own:
        return plan
    lower = certify(problem, plan.schedule, own, method=claim.method, seed=claim.seed)
    if claim.gap_above_relaxation is not None:
        lower = above_relaxation(lower, claim.objective - claim.gap_parts["relaxation"])
    kept = replace(
        lower,
        seconds=claim.seconds,
        killed=claim.killed,
        search_bound=max(claim.lower_bound, claim.search_bound),
    )
    return replace(plan, certificate=kept)
