"""A table of the decomposed method over families and sizes: time, gap, memory, and what else ran.

Compilation and data generation are outside every figure; plan, bound and verification are inside.
Where a monolithic MILP can finish it is run in the same minute, so that its time is a ratio.
"""

from __future__ import annotations

import hashlib
import os
import resource
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from optimizer.decomposed import solve_decomposed, warm_up
from optimizer.instances import Family, generate
from optimizer.problem import Problem
from optimizer.verify import verify


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One instance to measure."""

    family: Family
    assets: int
    feeders: int
    intervals: int = 96
    negative: bool = False
    seed: int = 0
    monolith: bool = False  # also time the exact MILP, with a time limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """What one run measured. Money in the problem's currency, energy in kWh, memory in MB."""

    family: str
    assets: int
    feeders: int
    intervals: int
    negative: bool
    seed: int
    seconds: float  # plan, bound and verification, wall
    cpu_seconds: float
    gap: float
    gap_of_savings: float
    overload_kwh: float
    unmet_kwh: float
    violations: int
    peak_rss_mb: float
    load_average: float
    checksum: str
    monolith_seconds: float | None = None
    monolith_objective: float | None = None
    objective: float = 0.0

    def row(self) -> dict[str, object]:
        return asdict(self)


QUICK = tuple(
    Case(family=family, assets=assets, feeders=feeders, negative=negative, monolith=assets <= 40)
    for assets, feeders in ((40, 2), (1000, 10), (10_000, 10))
    for family in ("homes", "cars", "solar")
    for negative in (False, True)
)
"""What `vpp bench optimizer` measures unless told otherwise."""


def measure(cases: tuple[Case, ...] = QUICK) -> Iterator[Figure]:
    """Run the cases one after the other, kernels compiled beforehand."""
    warm_up()
    for case in cases:
        yield _measure(case)


def _measure(case: Case) -> Figure:
    problem = generate(
        case.family, case.assets, case.feeders,
        seed=case.seed, intervals=case.intervals, negative=case.negative,
    )  # fmt: skip
    began, cpu = time.perf_counter(), time.process_time()
    plan = solve_decomposed(problem, seed=case.seed)
    verdict = verify(problem, plan.schedule, certificate=plan.certificate, prices=plan.prices)
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    certificate = plan.certificate
    monolith = _monolith(problem) if case.monolith else (None, None)
    checksum = hashlib.sha256(plan.schedule.charge_kw.tobytes())
    checksum.update(plan.schedule.discharge_kw.tobytes())
    return Figure(
        family=case.family,
        assets=case.assets,
        feeders=case.feeders,
        intervals=case.intervals,
        negative=case.negative,
        seed=case.seed,
        seconds=seconds,
        cpu_seconds=cpu,
        gap=certificate.gap,
        gap_of_savings=certificate.gap_of_savings,
        overload_kwh=sum(u.amount for u in certificate.unmet if u.kind == "feeder") * problem.interval_h,
        unmet_kwh=sum(u.amount for u in certificate.unmet if u.unit == "kWh"),
        violations=verdict.count,
        peak_rss_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0,
        load_average=os.getloadavg()[0],
        checksum=checksum.hexdigest()[:12],
        monolith_seconds=monolith[0],
        monolith_objective=monolith[1],
        objective=certificate.objective,
    )


def _monolith(problem: Problem, time_limit_s: float = 30.0) -> tuple[float, float]:
    """Wall seconds and objective of the MILP reference (Pyomo and HiGHS) under a time limit."""
    from optimizer.exact import solve_milp  # noqa: PLC0415 - loads Pyomo

    began = time.perf_counter()
    plan = solve_milp(problem, time_limit_s=time_limit_s)
    return time.perf_counter() - began, plan.certificate.objective
