"""The independent verifier: recomputes a plan from problem and schedule alone.

It shares no code with any solver or with the bill in `optimizer.evaluate`; an import contract holds that.
"""

from __future__ import annotations

import numpy as np

from optimizer.plan import Certificate, ObjectiveParts, Prices, Schedule
from optimizer.problem import Problem
from optimizer.verify.bill import as_unmet, recompute_bill, shortfalls, site_power
from optimizer.verify.bound import recomputed_bound
from optimizer.verify.claims import RELATIVE_TOLERANCE, check_claims
from optimizer.verify.findings import Findings
from optimizer.verify.motion import lay_out, report_broken_rules, trace
from optimizer.verify.verdict import Verdict, Violation

__all__ = ["Verdict", "Violation", "verify", "warm_up"]

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
        _check_bound(problem, prices, certificate, findings)
    return Verdict(
        violations=findings.violations,
        count=findings.count,
        objective_parts=parts,
        unmet=as_unmet(found),
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


def _check_bound(
    problem: Problem, prices: Prices | None, certificate: Certificate, findings: Findings
) -> None:
    own = None if prices is None else recomputed_bound(problem, prices)
    if own is not None and certificate.lower_bound > own + RELATIVE_TOLERANCE * max(1.0, abs(own)):
        sentence = f"lower_bound: the plan claims {certificate.lower_bound:.12g}, its prices prove {own:.12g}"
        findings.add("bound", "lower_bound", -1, certificate.lower_bound - own, "money", sentence)


def warm_up() -> None:
    """Compile the kernels (or load them from the cache), so that no cycle and no measurement pays for it."""
    from optimizer.instances import small_mixed_problem  # noqa: PLC0415 - only needed here

    problem = small_mixed_problem()
    loud = np.full(problem.shape, 1e3)
    verify(problem, Schedule(charge_kw=loud, discharge_kw=loud, energy_end_kwh=loud))


def _verdict(findings: Findings, parts: ObjectiveParts) -> Verdict:
    return Verdict(violations=findings.violations, count=findings.count, objective_parts=parts, unmet=())
