"""The independent verifier: recomputes a plan from problem and schedule alone.

It shares no code with any solver or with the bill in `optimizer.evaluate`; an import contract holds that.
"""

from __future__ import annotations

import numpy as np

from optimizer.plan import Certificate, EnergyWorths, ObjectiveParts, Prices, Schedule
from optimizer.problem import Problem
from optimizer.verify.bill import as_unmet, recompute_bill, shortfalls, site_power
from optimizer.verify.bound import ProvenBound, recompute_bound
from optimizer.verify.claims import RELATIVE_TOLERANCE, check_claims
from optimizer.verify.findings import Findings
from optimizer.verify.motion import lay_out, report_broken_rules, trace
from optimizer.verify.verdict import Verdict, Violation

__all__ = ["ProvenBound", "Verdict", "Violation", "recompute_bound", "verify", "warm_up"]

LISTED_FROM = 1e-9
"""Shortfalls above this (kW, kWh) are compared with the certificate; only those above 1e-6 must be in it."""


def verify(
    problem: Problem,
    schedule: Schedule,
    *,
    certificate: Certificate | None = None,
    prices: Prices | None = None,
    tolerance_kw: float = 1e-6,
) -> Verdict:
    """Check a schedule against every hard limit, and a certificate against the recomputed truth.

    With `prices` the claimed bound is held against the one that they prove, which costs more than all the
    rest: `Verdict.recomputed_bound`, or `bound_remark` says why there is none.
    Without a certificate, soft limits (feeders, portfolio, departures, events) are reported in
    `Verdict.unmet` and are no violations. `tolerance_kw` applies to powers; energies have 1e-6 kWh.
    """
    findings = Findings()
    _check_shape(problem, schedule, findings)
    if findings.count:
        return _verdict(findings, ObjectiveParts())
    laid = lay_out(problem, schedule, tolerance_kw)
    motion = trace(laid)
    if motion is None:
        _report_not_finite(schedule, findings)
        return _verdict(findings, ObjectiveParts())
    report_broken_rules(laid, motion, findings)
    power = site_power(problem, motion)
    parts = recompute_bill(problem, motion, power)
    found = shortfalls(problem, motion, power, LISTED_FROM)
    if certificate is not None:
        check_claims(certificate, parts, found, findings)
    proven = ProvenBound(reason="no prices were given")
    if certificate is not None and prices is not None:
        proven = recompute_bound(problem, prices)
        _check_bound(certificate, proven, findings)
    return Verdict(
        violations=findings.violations,
        count=findings.count,
        objective_parts=parts,
        unmet=as_unmet(found),
        recomputed_bound=proven.value,
        bound_remark=proven.reason,
    )


MATRICES = ("charge_kw", "discharge_kw", "energy_end_kwh", "reserve_up_kw", "reserve_down_kw")


def _check_shape(problem: Problem, schedule: Schedule, findings: Findings) -> None:
    """Check that every matrix is (N, T): nothing else can be said of one that is not."""
    for name in MATRICES:
        matrix = getattr(schedule, name)
        if matrix is not None and matrix.shape != problem.shape:
            sentence = f"{name}: has shape {matrix.shape}, the problem {problem.shape}"
            findings.add("shape", name, -1, float("nan"), "", sentence)


def _report_not_finite(schedule: Schedule, findings: Findings) -> None:
    """Say in which matrices there are cells that are not finite numbers."""
    for name in MATRICES:
        matrix = getattr(schedule, name)
        count = 0 if matrix is None else int(matrix.size - np.isfinite(matrix).sum())
        if count:
            sentence = f"{name}: {count} cells are not numbers"
            findings.add("not_a_number", name, -1, float(count), "cells", sentence)


def _check_bound(certificate: Certificate, proven: ProvenBound, findings: Findings) -> None:
    """Refuse a bound above what the plan's prices prove; without prices nothing can be said."""
    own, claim = proven.value, certificate.lower_bound
    if own is not None and not claim <= own + RELATIVE_TOLERANCE * max(1.0, abs(own)):
        sentence = f"lower_bound: the plan claims {claim:.12g}, its prices prove {own:.12g}"
        findings.add("bound", "lower_bound", -1, claim - own, "money", sentence)


def warm_up() -> None:
    """Compile the kernels (or load them from the cache), so that no cycle and no measurement pays for it."""
    from optimizer.instances import small_mixed_problem  # noqa: PLC0415 - only needed here

    problem = small_mixed_problem()
    loud = np.full(problem.shape, 1e3)
    verify(problem, Schedule(charge_kw=loud, discharge_kw=loud, energy_end_kwh=loud))
    flat, both_ways = np.zeros(problem.intervals), np.flatnonzero(problem.assets.max_discharge_kw > 0.0)[:1]
    energy = EnergyWorths(
        asset=both_ways, cell_kwh=np.ones(1), worth_per_kwh=np.zeros((1, problem.intervals + 1))
    )
    recompute_bound(
        problem,
        Prices(
            balance_per_kwh=flat,
            feeder_per_kwh=np.zeros(problem.feeders.load_kw.shape),
            peak_per_kw=flat,
            energy=energy,
        ),
    )


def _verdict(findings: Findings, parts: ObjectiveParts) -> Verdict:
    return Verdict(violations=findings.violations, count=findings.count, objective_parts=parts, unmet=())
