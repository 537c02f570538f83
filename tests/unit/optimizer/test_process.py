"""A deadline holds whatever the solver does, and no process is left behind."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from optimizer.process import SolveOptions, SolverProcess
from tests.unit.optimizer.fleets import operating_problem
from tests.unit.optimizer.problems import small_problem


@pytest.fixture(scope="module", name="process")
def _process() -> Iterator[SolverProcess]:
    with SolverProcess() as process:
        process.warm_up()
        yield process


def _alive(pid: int) -> bool:
    """Say whether a process runs; one that waits to be buried does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_plan_comes_back(process: SolverProcess) -> None:
    outcome = process.solve(small_problem(1), None, 30.0)
    assert outcome.plan is not None
    assert not outcome.killed
    assert not outcome.plan.certificate.killed


def test_a_stopped_child_does_not_hold_the_deadline_up(process: SolverProcess) -> None:
    pid = process.child_pid
    os.kill(pid, signal.SIGSTOP)
    start = time.monotonic()
    outcome = process.solve(operating_problem(1), None, 0.5)
    assert time.monotonic() - start < 2.0
    assert outcome.killed
    assert outcome.plan is None
    assert process.solve(small_problem(1), None, 60.0).plan is not None
    assert not _alive(pid), "still stopped when the next solve came"


def test_a_late_child_that_ends_its_work_is_kept_and_its_answer_dropped(process: SolverProcess) -> None:
    process.warm_up()
    late = process.solve(operating_problem(1), None, 0.05)
    assert late.killed
    pid = process.child_pid
    time.sleep(8.0)
    outcome = process.solve(small_problem(1), None, 60.0)
    assert process.child_pid == pid
    assert outcome.plan is not None
    assert outcome.plan.schedule.charge_kw.shape == small_problem(1).shape


def test_at_the_deadline_the_best_plan_so_far_counts(process: SolverProcess) -> None:
    """The reference search needs minutes here; its first plan comes after a second or two."""
    process.warm_up()
    problem = operating_problem(2, homes=25, vehicles=12, grids=1, negative=True)
    outcome = process.solve(problem, SolveOptions(method="milp"), 6.0)
    assert outcome.killed
    assert outcome.plan is not None
    assert outcome.plan.certificate.killed


def test_a_child_that_dies_while_idle_is_replaced_unnoticed(process: SolverProcess) -> None:
    process.warm_up()
    os.kill(process.child_pid, signal.SIGKILL)
    time.sleep(0.2)
    assert process.solve(small_problem(1), None, 60.0).plan is not None


def test_a_child_that_dies_at_work_is_an_error_and_replaced(process: SolverProcess) -> None:
    process.warm_up()
    problem = operating_problem(2, homes=25, vehicles=12, grids=1, negative=True)
    killer = threading.Timer(1.0, os.kill, (process.child_pid, signal.SIGKILL))
    killer.start()
    outcome = process.solve(problem, SolveOptions(method="milp"), 20.0)
    assert outcome.error is not None
    assert process.solve(small_problem(1), None, 60.0).plan is not None


def test_a_solve_that_fails_says_why(process: SolverProcess) -> None:
    outcome = process.solve("no problem", None, 30.0)  # type: ignore[arg-type]
    assert outcome.plan is None
    assert outcome.error is not None
    assert not outcome.killed


def test_nothing_is_left_running() -> None:
    process = SolverProcess()
    pid = process.child_pid
    process.close()
    assert not _alive(pid)
    with pytest.raises(RuntimeError, match="closed"):
        process.solve(small_problem(1), None, 1.0)
