"""What a long solve shows of itself: passes and gap on the way, and where the gap is at the end."""

import io

import pytest
from rich.console import Console

from optimizer import solve, verify
from optimizer.bench.overload import caused_overload_kwh
from optimizer.certificate import above_relaxation
from optimizer.decomposed import solve_decomposed
from optimizer.instances import Family, generate
from vpp.cli.passes import passes_shown


@pytest.mark.parametrize("family", ["cars", "storage"])
def test_the_parts_of_a_gap_add_up_and_none_is_negative(family: Family) -> None:
    certificate = solve_decomposed(generate(family, 150, 3, seed=3, intervals=24)).certificate
    parts = certificate.gap_parts
    assert sum(parts.values()) == pytest.approx(certificate.gap_absolute, abs=1e-9)
    assert min(parts.values()) > -1e-6 * abs(certificate.objective)
    assert (parts["minimum_powers"] > 0.0) == (family == "cars")


def test_a_small_fleet_says_how_far_its_plan_is_from_the_relaxation() -> None:
    certificate = solve(generate("cars", 20, 2, seed=3, intervals=24)).certificate
    assert set(certificate.gap_parts) == {"relaxation", "prices"}
    assert sum(certificate.gap_parts.values()) == pytest.approx(certificate.gap_absolute, abs=1e-9)
    assert certificate.gap_above_relaxation is not None
    assert 0.0 < certificate.gap_above_relaxation <= certificate.gap
    again = above_relaxation(certificate, certificate.lower_bound + 0.25 * certificate.gap_absolute)
    assert again.gap_above_relaxation == pytest.approx(0.75 * certificate.gap)
    assert again.gap_parts["prices"] == pytest.approx(0.25 * certificate.gap_absolute)


def test_every_pass_is_shown_on_a_terminal_with_its_gap() -> None:
    screen, seen = io.StringIO(), []
    console = Console(file=screen, force_terminal=True, width=100)
    with passes_shown(quiet=False, console=console) as on_pass:
        problem = generate("homes", 120, 3, seed=3, intervals=24)
        plan = solve(problem, on_pass=lambda *args: (seen.append(args), on_pass(*args))[0])
    assert [done for done, _, _ in seen] == list(range(1, seen[0][1] + 1))
    assert seen[-1][2] == pytest.approx(plan.certificate.gap, rel=0.5)
    assert "gap" in screen.getvalue()


def test_nothing_is_shown_where_nobody_looks() -> None:
    screen = io.StringIO()
    with passes_shown(quiet=True, console=Console(file=screen, force_terminal=True)) as on_pass:
        on_pass(1, 2, 0.1)
    assert screen.getvalue() == ""


def test_feeders_that_were_overloaded_are_relieved_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = generate("cars", 900, 9, seed=0, negative=True)
    plan = solve_decomposed(problem)
    monkeypatch.setattr("optimizer.decomposed.solve.RELIEF_PASSES", 0)
    before = caused_overload_kwh(problem, solve_decomposed(problem).schedule)
    assert before > 0.005
    assert caused_overload_kwh(problem, plan.schedule) < 0.5 * before
    assert verify(problem, plan.schedule, certificate=plan.certificate, prices=plan.prices).ok
