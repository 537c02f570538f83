"""Plans and bounds against optima that the full MILP proved offline: scripts/optimizer_references.py."""

import json
from pathlib import Path
from typing import Any

import pytest

from optimizer import solve, verify
from optimizer.instances import generate

REFERENCES = json.loads((Path(__file__).parent / "references.json").read_text())


def _name(reference: dict[str, Any]) -> str:
    instance = reference["instance"]
    prices = "negative" if instance["negative"] else "ordinary"
    return f"{instance['family']} {instance['count']}x{instance['intervals']} {prices}"


@pytest.mark.parametrize("reference", REFERENCES, ids=_name)
def test_the_plan_is_close_to_the_proven_optimum_and_the_bound_below_it(reference: dict[str, Any]) -> None:
    problem = generate(**reference["instance"])
    plan = solve(problem)
    optimum = reference["objective"]
    assert plan.certificate.lower_bound <= optimum + 1e-6 * abs(optimum)
    assert plan.certificate.objective <= optimum + 5e-4 * abs(optimum)
    assert plan.certificate.objective >= reference["lower_bound"] - 1e-6 * abs(optimum)
    assert verify(problem, plan.schedule, certificate=plan.certificate, prices=plan.prices).ok
