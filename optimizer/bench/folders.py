"""Writing and reading a problem and a plan of full size, timed apart."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np

from optimizer.files.plans import read_schedule, write_plan
from optimizer.files.problems import problem_sha256, read_problem, write_problem
from optimizer.plan import Certificate, ObjectiveParts, Plan, Schedule
from optimizer.problem import Problem


def write_and_read(problem: Problem) -> tuple[dict[str, float], str]:
    """Return the seconds of each step and the problem's hash; everything is written to a temporary folder."""
    seconds: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        began = time.perf_counter()

        def lap(step: str) -> None:
            nonlocal began
            seconds[step] = time.perf_counter() - began
            began = time.perf_counter()

        write_problem(folder / "problem", problem, fmt="parquet")
        lap("write_problem")
        read_problem(folder / "problem")
        lap("read_problem")
        digest = problem_sha256(folder / "problem")
        lap("hash")
        write_plan(folder / "plan", problem, _busy_plan(problem), problem_sha256=digest)
        lap("write_plan")
        read_schedule(folder / "plan", problem)
        lap("read_plan")
    return seconds, digest[:12]


def _busy_plan(problem: Problem) -> Plan:
    """Return a plan whose assets are at work in half of the intervals; it holds no limits."""
    charge = np.zeros(problem.shape)
    charge[:, ::2] = problem.assets.max_charge_kw[:, None]
    energy = np.broadcast_to(problem.assets.energy_initial_kwh[:, None], problem.shape)
    schedule = Schedule(charge_kw=charge, discharge_kw=np.zeros(problem.shape), energy_end_kwh=energy)
    certificate = Certificate(
        status="feasible", method="none", objective=0.0, lower_bound=-np.inf, gap=np.inf, gap_absolute=np.inf,
        reference_objective=0.0, gap_of_savings=np.inf, objective_parts=ObjectiveParts(),
    )  # fmt: skip
    return Plan(schedule=schedule, certificate=certificate)
