"""From a schedule and a bound to a certificate; the bill without control as its reference."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from optimizer import evaluate
from optimizer.plan import Certificate, Plan, Schedule
from optimizer.problem import Problem
from optimizer.unmet import unmet_of

OPTIMAL_GAP = 1e-4
"""Up to this relative gap a plan is called optimal."""


def certify(
    problem: Problem,
    schedule: Schedule,
    lower_bound: float,
    *,
    method: str,
    seed: int = 0,
    gap_parts: dict[str, float] | None = None,
    seconds: dict[str, float] | None = None,
) -> Certificate:
    """Assemble what a plan claims of itself; gap = (objective - bound) / max(|bound|, 10 % of gross cost)."""
    paths = evaluate.follow(problem, schedule)
    parts = evaluate.bill(problem, schedule, paths)
    lower_bound = min(lower_bound, parts.total)
    distance = parts.total - lower_bound
    scale = max(abs(lower_bound), 0.1 * evaluate.gross_cost(problem, paths))
    gap = _share(distance, scale) if np.isfinite(lower_bound) else np.inf
    idle = None if problem.wear is None else uncontrolled(problem)
    reference = evaluate.bill(problem, idle).total
    return Certificate(
        status="optimal" if gap <= OPTIMAL_GAP else "feasible",
        method=method,
        objective=parts.total,
        lower_bound=lower_bound,
        gap=gap,
        gap_absolute=distance,
        reference_objective=reference,
        gap_of_savings=_share(distance, reference - parts.total),
        objective_parts=parts,
        unmet=unmet_of(problem, schedule, paths),
        gap_parts=gap_parts or {},
        seed=seed,
        seconds=seconds or {},
    )


def above_relaxation(certificate: Certificate, optimum: float) -> Certificate:
    """Split the gap at a relaxation's optimum, in money: below it are prices, above it the plan."""
    absolute = certificate.gap_absolute
    above = min(max(certificate.objective - max(optimum, certificate.lower_bound), 0.0), absolute)
    return replace(
        certificate,
        gap_parts={"prices": absolute - above, "relaxation": above},
        gap_above_relaxation=certificate.gap * above / absolute if absolute > 0.0 else 0.0,
    )


def _share(distance: float, whole: float) -> float:
    """Return distance / whole; infinite where there is no whole to have a share of."""
    if distance <= 0.0:
        return 0.0
    return distance / whole if whole > 0.0 else float(np.inf)


def unsolved_plan(problem: Problem, *, seed: int = 0) -> Plan:
    """Return the plan without control, which proves nothing: for a deadline that nothing was found in."""
    schedule = uncontrolled(problem)
    certificate = certify(problem, schedule, -np.inf, method="none", seed=seed)
    return Plan(schedule=schedule, certificate=replace(certificate, killed=True))


def uncontrolled(problem: Problem) -> Schedule:
    """Return what the fleet does without control.

    Batteries are idle; assets that are asked for energy at departure charge at full power from
    connection until they have it; trips are taken off.
    """
    from optimizer.follow import follow_uncontrolled  # noqa: PLC0415 - loads numba

    _, charge = follow_uncontrolled(problem, keep=True)
    alone = Schedule(charge_kw=charge, discharge_kw=np.zeros(problem.shape), energy_end_kwh=charge)
    return replace(alone, energy_end_kwh=evaluate.energy_path(problem, alone))
