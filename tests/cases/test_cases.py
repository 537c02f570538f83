"""Problems as data: what the best plan costs and what it cannot do, most of it worked out by hand."""

import tomllib
from pathlib import Path

import pytest

from optimizer import solve, verify
from optimizer.files import read_problem

CASES = sorted(path.parent for path in Path(__file__).parent.glob("*/expected.toml"))


@pytest.mark.parametrize("method", ["exact", "milp"])
@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_case(case: Path, method: str) -> None:
    expected = tomllib.loads((case / "expected.toml").read_text())
    problem = read_problem(case / "problem")
    plan = solve(problem, method=method, deadline_s=60.0)  # type: ignore[arg-type]
    certificate = plan.certificate
    assert verify(problem, plan.schedule, certificate=certificate).violations == ()
    assert certificate.objective == pytest.approx(expected["objective"], rel=1e-5), expected["why"]
    assert certificate.lower_bound <= expected["objective"] + 1e-5
    found = [(item.kind, item.id, item.interval, item.unit) for item in certificate.unmet]
    assert found == [
        (item["kind"], item["id"], item["interval"], item["unit"]) for item in expected.get("unmet", [])
    ]
    for item, wanted in zip(certificate.unmet, expected.get("unmet", []), strict=True):
        assert item.amount == pytest.approx(wanted["amount"], abs=1e-6)
