"""The bench measures what it says: instances, children, lines of JSON, and the table made of them."""

from dataclasses import replace

import pytest
from typer.testing import CliRunner

from optimizer import solve
from optimizer.bench import ROWS, Case, Figure, cases_of, markdown_table, measure
from optimizer.instances import generate
from optimizer.monolith import solve_monolith

CASE = Case(row="40", kind="plan", family="homes", assets=6, feeders=2, intervals=24)


def test_a_run_has_a_process_of_its_own_and_its_line_reads_back() -> None:
    (figure,) = measure([CASE])
    assert figure.outcome == "ok"
    assert figure.violations == 0
    assert figure.seconds is not None
    assert figure.peak_rss_mb is not None
    assert Figure.from_line(figure.line()) == figure


def test_a_run_that_cannot_be_says_why() -> None:
    (figure,) = measure([replace(CASE, family="none")])  # type: ignore[arg-type]
    assert figure.outcome.startswith("failed: ")
    (figure,) = measure([CASE], limit_s=0.01)
    assert figure.outcome == "killed after 0.01 s"


def test_the_table_shows_median_and_worst_and_the_ratio_of_a_monolith() -> None:
    base = Figure(case=CASE, objective=200.0, peak_rss_mb=100.0)
    ours = [
        replace(base, case=replace(CASE, seed=k), seconds=float(k + 1), gap=1e-4 * (k + 1)) for k in range(3)
    ]
    milp = replace(CASE, method="arrays-milp")
    unfinished = "not finished in 30 s"
    other = Figure(case=milp, seconds=6.0, outcome=unfinished, objective=201.0, peak_rss_mb=250.0)
    table = markdown_table([*ours, other])
    assert "| 2.00 / 3.00 |" in table
    assert "| 0.0200% / 0.0300% |" in table
    assert "| 3 | 0-2 |" in table
    assert "6.0 times the time; 2.5 times the memory; cost +0.500%" in table
    assert "not finished in 30 s" in table


def test_every_row_has_cases_and_both_kinds_of_prices_where_they_matter() -> None:
    for row in ROWS:
        cases = list(cases_of(row, seeds=2, families=("homes", "cars"), references=False))
        assert cases
        assert {case.negative for case in cases if case.kind == "plan"} in ({True, False}, set())


def test_an_unknown_row_is_refused_by_name() -> None:
    from vpp.cli.main import app  # noqa: PLC0415 - loads every command

    result = CliRunner().invoke(app, ["bench", "optimizer", "--rows", "41"])
    assert result.exit_code == 2
    assert "'41'" in result.output


@pytest.mark.parametrize("negative", [False, True], ids=["ordinary", "negative"])
def test_the_monoliths_agree_with_the_reference(negative: bool) -> None:
    problem = generate("homes", 5, 2, seed=2, intervals=12, negative=negative)
    reference = solve(problem, method="milp").certificate
    milp = solve_monolith(problem, integer=True, time_limit_s=30.0)
    lp = solve_monolith(problem, integer=False, time_limit_s=30.0)
    assert milp.finished
    assert milp.objective == pytest.approx(reference.objective, rel=2e-4)
    assert lp.objective <= milp.objective + 1e-6
