"""Holds a certificate against the verifier's own recomputation."""

from __future__ import annotations

import math

from optimizer.plan import Certificate, ObjectiveParts, Unmet
from optimizer.verify.bill import Shortfalls
from optimizer.verify.findings import Findings

AMOUNT_TOLERANCE = 1e-6
"""Declared shortfalls, kW and kWh, equal the recomputed ones within this."""

RELATIVE_TOLERANCE = 1e-6
"""Claimed money equals the recomputed within this share."""


def check_claims(
    certificate: Certificate, parts: ObjectiveParts, found: Shortfalls, findings: Findings
) -> None:
    """Check what is declared as not met, the objective, its parts, the bound and the gap."""
    _check_declarations(certificate, found, findings)
    scale = max(1.0, abs(parts.total))
    if not abs(certificate.objective - parts.total) <= RELATIVE_TOLERANCE * scale:
        _add_money(findings, "objective", "objective", certificate.objective, parts.total)
    for name in ObjectiveParts.__slots__:
        claimed, own = getattr(certificate.objective_parts, name), getattr(parts, name)
        if not abs(claimed - own) <= RELATIVE_TOLERANCE * max(1.0, abs(own)):
            _add_money(findings, "objective", name, claimed, own)
    if not certificate.lower_bound <= parts.total + RELATIVE_TOLERANCE * scale:
        _add_money(findings, "bound", "lower_bound", certificate.lower_bound, parts.total)
    distance = certificate.objective - certificate.lower_bound
    finite = math.isfinite(certificate.lower_bound)
    if finite and not abs(certificate.gap_absolute - distance) <= RELATIVE_TOLERANCE * scale:
        _add_money(findings, "gap", "gap_absolute", certificate.gap_absolute, distance)


def _check_declarations(certificate: Certificate, found: Shortfalls, findings: Findings) -> None:
    declared: dict[tuple[str, str, int], Unmet] = {
        (item.kind, item.id, item.interval): item for item in certificate.unmet
    }
    for place, amount in found.items():
        kind, name, interval = place
        unit = "kWh" if kind in {"departure", "trip", "final"} else "kW"
        item = declared.pop(place, None)
        if item is None and amount > AMOUNT_TOLERANCE:
            sentence = f"{name} in interval {interval}: {kind} misses {amount:.9g} {unit}, undeclared"
            findings.add("undeclared", name, interval, amount, unit, sentence)
        elif item is not None and not abs(item.amount - amount) <= AMOUNT_TOLERANCE:
            sentence = (
                f"{name} in interval {interval}: {kind} {amount:.9g} {unit}, declared {item.amount:.9g}"
            )
            findings.add("declared_amount", name, interval, abs(item.amount - amount), unit, sentence)
    for item in declared.values():
        if not abs(item.amount) <= AMOUNT_TOLERANCE:
            sentence = (
                f"{item.id} in interval {item.interval}: declares {item.amount:.9g}, nothing is missing"
            )
            findings.add("declared_amount", item.id, item.interval, item.amount, item.unit, sentence)


def _add_money(findings: Findings, kind: str, name: str, claimed: float, own: float) -> None:
    sentence = f"{name}: the plan claims {claimed:.12g}, the recomputation gives {own:.12g}"
    findings.add(kind, name, -1, abs(claimed - own), "money", sentence)  # type: ignore[arg-type]
