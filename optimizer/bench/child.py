"""One run in a process of its own: `python -m optimizer.bench.child '{"row": …}'` prints one line of JSON."""

from __future__ import annotations

import hashlib
import os
import resource
import sys
import time
from dataclasses import replace

import numpy as np

from optimizer.bench.cases import REFERENCE_SECONDS, Case
from optimizer.bench.figure import Figure
from optimizer.bench.overload import avoidable_overload_kwh, caused_overload_kwh
from optimizer.instances import generate
from optimizer.plan import Plan, Schedule
from optimizer.problem import Problem
from optimizer.split import split_target
from optimizer.verify import recompute_bound, verify, warm_up

LOAD_NOISE, PRICE_NOISE = 0.01, 0.02
"""What changes before a re-plan, as shares."""
REPEATS = 7
"""Runs of what takes milliseconds; the median counts."""


def instance(case: Case) -> Problem:
    """Return the problem of a case; the same case gives the same problem."""
    return generate(
        case.family, case.assets, case.feeders, seed=case.seed, intervals=case.intervals,
        negative=case.negative, extras=case.extras, peak_price_per_kw=0.22 if case.peak else 0.0,
    )  # fmt: skip


def run(case: Case) -> Figure:
    """Measure one case in this process, kernels compiled beforehand."""
    load = os.getloadavg()[0]
    _warm_up(case)
    if case.method != "auto":
        figure = _reference(case)
    else:
        figure = {"plan": _plan, "replan": _replan, "split": _split, "verify": _verify, "files": _files}[
            case.kind
        ](case)
    memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
    return replace(figure, load_average=load, peak_rss_mb=figure.peak_rss_mb or memory_mb)


def _warm_up(case: Case) -> None:
    """Solve a small problem of the same kind, so that everything is loaded and compiled."""
    from optimizer import solve  # noqa: PLC0415 - loads solvers

    warm_up()
    small = instance(replace(case, assets=min(case.assets, 300), feeders=2, intervals=24))
    if case.method == "auto" and case.kind not in {"split", "files"}:
        _replanned(small, solve(small)) if case.kind == "replan" else solve(small)


class Stopwatch:
    """Wall and CPU seconds since it was made."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self._wall

    @property
    def cpu_seconds(self) -> float:
        return time.process_time() - self._cpu


def _plan(case: Case) -> Figure:
    from optimizer import solve  # noqa: PLC0415 - loads solvers

    problem = instance(case)
    watch = Stopwatch()
    plan = solve(problem, seed=case.seed)
    return _judged(case, problem, plan, watch)


def _judged(case: Case, problem: Problem, plan: Plan, watch: Stopwatch) -> Figure:
    """Verify a plan under the running watch, then, outside it, recompute the bound."""
    verifying = Stopwatch()
    verdict = verify(problem, plan.schedule, certificate=plan.certificate)
    verify_s, seconds, cpu_seconds = verifying.seconds, watch.seconds, watch.cpu_seconds
    memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
    certificate, proving = plan.certificate, Stopwatch()
    proven = recompute_bound(problem, plan.prices).value
    return Figure(
        case=case,
        seconds=seconds,
        cpu_seconds=cpu_seconds,
        seconds_verify=verify_s,
        seconds_bound=proving.seconds,
        recomputed_bound=proven,
        gap=_number(certificate.gap),
        gap_of_savings=_number(certificate.gap_of_savings),
        objective=certificate.objective,
        lower_bound=_number(certificate.lower_bound),
        overload_kwh=avoidable_overload_kwh(problem, plan.schedule, plan.prices),
        unmet_kwh=sum(item.amount for item in certificate.unmet if item.unit == "kWh"),
        violations=verdict.count,
        peak_rss_mb=memory_mb,
        checksum=checksum(plan.schedule),
        detail={**certificate.seconds, "overload_worst_kwh": caused_overload_kwh(problem, plan.schedule)},
    )


def _replan(case: Case) -> Figure:
    """Plan, change load and prices a little, and measure the second plan from the first."""
    from optimizer import solve  # noqa: PLC0415 - loads solvers

    problem = instance(case)
    before = solve(problem, seed=case.seed)
    noisy = _noisy(problem, case.seed)
    watch = Stopwatch()
    return _judged(case, noisy, _replanned(noisy, before), watch)


def _replanned(problem: Problem, before: Plan) -> Plan:
    from optimizer.decomposed import Warm, solve_decomposed  # noqa: PLC0415 - loads numba

    return solve_decomposed(problem, warm=Warm(plan=before))


def _noisy(problem: Problem, seed: int) -> Problem:
    generator = np.random.default_rng((seed, 1))
    load, portfolio = problem.feeders.load_kw, problem.portfolio
    noise = 1.0 + PRICE_NOISE * generator.standard_normal(problem.intervals)
    buy, sell = portfolio.import_price_per_kwh, portfolio.export_price_per_kwh
    moved = load * (1.0 + LOAD_NOISE * generator.standard_normal(load.shape))
    return replace(
        problem,
        feeders=replace(problem.feeders, load_kw=moved),
        portfolio=replace(
            portfolio, import_price_per_kwh=buy * noise, export_price_per_kwh=sell + buy * (noise - 1.0)
        ),
    )


def _split(case: Case) -> Figure:
    """Split a fleet target over every asset's range, exactly."""
    generator = np.random.default_rng(case.seed)
    high = generator.uniform(1.0, 11.0, case.assets)
    low, base = -high * generator.uniform(0.0, 1.0, case.assets), generator.uniform(-0.5, 0.5, case.assets)
    target = float(0.6 * high.sum())
    times, missed, power = [], 0.0, base
    for _ in range(REPEATS):
        watch = Stopwatch()
        power = split_target(target, base, low, high)
        times.append((watch.seconds, watch.cpu_seconds))
        missed = abs(float(power.sum()) - target)
    seconds, cpu_seconds = np.median(np.array(times), axis=0)
    return Figure(
        case=case, seconds=float(seconds), cpu_seconds=float(cpu_seconds), detail={"missed_kw": missed},
        checksum=hashlib.sha256(power.tobytes()).hexdigest()[:12],
    )  # fmt: skip


def _verify(case: Case) -> Figure:
    """Verify a plan of the whole fleet several times; the median counts, the bound is not included."""
    from optimizer import solve  # noqa: PLC0415 - loads solvers

    problem = instance(case)
    plan = solve(problem, seed=case.seed)
    times = []
    for _ in range(REPEATS):
        watch = Stopwatch()
        verify(problem, plan.schedule, certificate=plan.certificate)
        times.append((watch.seconds, watch.cpu_seconds))
    seconds, cpu_seconds = np.median(np.array(times), axis=0)
    figure = _judged(case, problem, plan, Stopwatch())
    return replace(figure, seconds=float(seconds), cpu_seconds=float(cpu_seconds), gap=None)


def _files(case: Case) -> Figure:
    """Write and read a problem and a plan of the whole fleet."""
    from optimizer.bench.folders import write_and_read  # noqa: PLC0415 - loads pyarrow

    problem = instance(case)
    watch = Stopwatch()
    detail, digest = write_and_read(problem)
    return Figure(
        case=case, seconds=watch.seconds, cpu_seconds=watch.cpu_seconds, detail=detail, checksum=digest
    )


def _reference(case: Case) -> Figure:
    """Run a monolith under its time limit."""
    problem = instance(case)
    watch = Stopwatch()
    if case.method == "pyomo-milp":
        from optimizer.exact import solve_milp  # noqa: PLC0415 - loads Pyomo

        certificate = solve_milp(problem, seed=case.seed, time_limit_s=REFERENCE_SECONDS).certificate
        objective, bound, finished = certificate.objective, certificate.lower_bound, certificate.gap <= 1e-4
    else:
        from optimizer.monolith import solve_monolith  # noqa: PLC0415 - loads HiGHS

        integer = case.method == "arrays-milp"
        answer = solve_monolith(problem, integer=integer, time_limit_s=REFERENCE_SECONDS, threads=2)
        objective, bound, finished = answer.objective, answer.bound, answer.finished
    return Figure(
        case=case,
        outcome="ok" if finished else f"not finished in {REFERENCE_SECONDS:g} s",
        seconds=watch.seconds,
        cpu_seconds=watch.cpu_seconds,
        objective=_number(objective),
        lower_bound=_number(bound),
    )


def checksum(schedule: Schedule) -> str:
    """Return a short hash of the schedule's powers."""
    digest = hashlib.sha256(np.ascontiguousarray(schedule.charge_kw).data)
    digest.update(np.ascontiguousarray(schedule.discharge_kw).data)
    return digest.hexdigest()[:12]


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


if __name__ == "__main__":
    sys.stdout.write(run(Figure.from_line(sys.argv[1]).case).line() + "\n")
