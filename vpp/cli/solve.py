"""`vpp solve` and `vpp verify`: the optimizer on plain files, for anyone to hold against another one."""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from vpp.cli.passes import passes_shown

if TYPE_CHECKING:
    from optimizer import Certificate, Plan, Problem, Verdict, Warm
    from optimizer.solve import OnPass

WRITING_S = 0.25
"""Kept free before a deadline for checking and writing the plan, and this much more per million cells."""

LINES = 20
"""Violations shown of a refused plan; `--json` lists all that the verifier names."""


class MethodName(StrEnum):
    """How to solve."""

    AUTO = "auto"
    EXACT = "exact"
    MILP = "milp"
    DECOMPOSED = "decomposed"


ProblemFolder = Annotated[
    Path, typer.Argument(help="Folder with problem.toml and its tables (docs/problem.md).")
]


def solve_command(
    problem_dir: ProblemFolder,
    out: Annotated[Path, typer.Option("--out", help="Folder for schedule, prices and certificate.")],
    method: Annotated[
        MethodName, typer.Option(help="auto picks by size; milp is the offline reference.")
    ] = MethodName.AUTO,
    deadline: Annotated[
        float | None, typer.Option(help="Seconds from reading to the written plan.", min=0.1)
    ] = None,
    seed: Annotated[int, typer.Option(help="The same problem and seed give the same plan.", min=0)] = 0,
    warm: Annotated[
        Path | None, typer.Option(help="Folder of an earlier plan of the same fleet to start from.")
    ] = None,
    elapsed: Annotated[
        int, typer.Option(help="With --warm: intervals between the starts of both problems.", min=0)
    ] = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a plan that is there.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the certificate as JSON.")] = False,
) -> None:
    """Solve a dispatch problem and write a certified, verified plan.

    Example: vpp solve tests/cases/evening/problem --out run/plan --deadline 10
    """
    with _sentences():
        from optimizer.files.plans import refuse_occupied  # noqa: PLC0415 - keeps `vpp --help` fast

        refuse_occupied(out, overwrite=overwrite)
        if warm is not None and (deadline is not None or method not in {"auto", "decomposed"}):
            raise typer.BadParameter(
                "expected no --deadline, and auto or decomposed: a re-plan stops on its passes",
                param_hint="--warm",
            )
        code = _solve(
            problem_dir, out, method.value, deadline, seed, warm=None if warm is None else (warm, elapsed),
            overwrite=overwrite, as_json=as_json,
        )  # fmt: skip
    if code:
        raise typer.Exit(code)


def verify_command(
    problem_dir: ProblemFolder,
    plan_dir: Annotated[Path, typer.Argument(help="Folder with schedule.parquet or schedule.csv.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the verdict as JSON.")] = False,
) -> None:
    """Check a schedule, ours or not, against every limit; exit code 1 when it breaks one.

    Example: vpp verify tests/cases/evening/problem run/plan
    """
    with _sentences():
        from optimizer import verify  # noqa: PLC0415 - keeps `vpp --help` fast
        from optimizer.files.plans import read_certificate, read_prices, read_schedule  # noqa: PLC0415
        from optimizer.files.problems import read_problem  # noqa: PLC0415

        with _patience("reading and verifying", as_json=as_json):
            problem = read_problem(problem_dir)
            schedule = read_schedule(plan_dir, problem)
            certificate, prices = read_certificate(plan_dir), read_prices(plan_dir, problem)
            verdict = verify(problem, schedule, certificate=certificate, prices=prices)
        _print_verdict(verdict, problem, certificate, as_json=as_json)
    if not verdict.ok:
        raise typer.Exit(1)


@contextmanager
def _sentences() -> Iterator[None]:
    """Say in one sentence what a user can mend, exit code 2."""
    from optimizer import ProblemError  # noqa: PLC0415 - keeps `vpp --help` fast
    from optimizer.files.plans import NotEmptyError  # noqa: PLC0415

    try:
        yield
    except (ProblemError, NotEmptyError) as error:
        Console(stderr=True, highlight=False, markup=False, soft_wrap=True).print(str(error))
        raise typer.Exit(2) from None


def _solve(
    problem_dir: Path,
    out: Path,
    method: str,
    deadline_s: float | None,
    seed: int,
    *,
    warm: tuple[Path, int] | None,
    overwrite: bool,
    as_json: bool,
) -> int:
    """Read, solve, verify, write; returns the exit code."""
    from optimizer import verify  # noqa: PLC0415 - keeps `vpp --help` fast
    from optimizer.files.plans import certificate_document, write_plan  # noqa: PLC0415
    from optimizer.files.problems import problem_sha256, read_problem  # noqa: PLC0415

    start = time.monotonic()
    problem = read_problem(problem_dir)
    digest = problem_sha256(problem_dir)
    before = None if warm is None else _warm(problem, *warm)
    read_s = time.monotonic() - start
    with passes_shown(quiet=as_json) as on_pass:
        left_s = None if deadline_s is None else deadline_s - read_s
        plan = _plan(problem, method, left_s, seed, before, on_pass)
    solved = time.monotonic()
    verdict = verify(problem, plan.schedule, certificate=plan.certificate, prices=plan.prices)
    verified = time.monotonic()
    seconds = plan.certificate.seconds | {"read": read_s, "verify": verified - solved}
    plan = replace(plan, certificate=replace(plan.certificate, seconds=seconds))
    if not verdict.ok:
        _print_verdict(verdict, problem, plan.certificate, as_json=as_json)
        return 1
    memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
    write_plan(out, problem, plan, problem_sha256=digest, overwrite=overwrite, peak_rss_mb=memory_mb)
    if as_json:
        print(
            json.dumps(certificate_document(plan.certificate, problem_sha256=digest, peak_rss_mb=memory_mb))
        )
    else:
        _print_plan(plan, problem, out, time.monotonic() - start)
    return 0


def _warm(problem: Problem, folder: Path, elapsed: int) -> Warm:
    """Read an earlier plan with its prices, in the rows of this problem."""
    from optimizer import Plan, ProblemError, Warm  # noqa: PLC0415 - keeps `vpp --help` fast
    from optimizer.files.plans import read_certificate, read_prices, read_schedule  # noqa: PLC0415

    certificate, prices = read_certificate(folder), read_prices(folder, problem)
    if certificate is None or prices is None:
        raise ProblemError(
            str(folder), "(file)", None, "no certificate or no prices", "a plan that `vpp solve` wrote"
        )
    plan = Plan(schedule=read_schedule(folder, problem), certificate=certificate, prices=prices)
    return Warm(plan=plan, elapsed_intervals=elapsed)


def _plan(
    problem: Problem, method: Any, left_s: float | None, seed: int, warm: Warm | None, on_pass: OnPass
) -> Plan:
    """Solve here, or under a deadline in a process that is killed when it passes."""
    from optimizer import solve  # noqa: PLC0415 - keeps `vpp --help` fast
    from optimizer.certificate import unsolved_plan  # noqa: PLC0415
    from optimizer.process import SolveOptions, SolverProcess  # noqa: PLC0415

    if left_s is None:
        return solve(problem, method=method, seed=seed, warm=warm, on_pass=on_pass)
    cells = problem.shape[0] * problem.shape[1]
    with SolverProcess(decomposed=method in {"auto", "decomposed"}) as process:
        outcome = process.solve(
            problem,
            SolveOptions(method=method, seed=seed),
            max(0.0, left_s - WRITING_S * (1.0 + cells / 1e6)),
        )
    if outcome.plan is not None:
        return outcome.plan
    if outcome.error is not None:
        raise RuntimeError(outcome.error)
    return unsolved_plan(problem, seed=seed)


@contextmanager
def _patience(words: str, *, as_json: bool) -> Iterator[None]:
    """Show on a terminal that something long is under way."""
    console = Console(stderr=True)
    if as_json or not console.is_terminal:
        yield
        return
    with console.status(words):
        yield


def _print_plan(plan: Plan, problem: Problem, out: Path, seconds: float) -> None:
    certificate, money = plan.certificate, problem.currency
    console = Console(highlight=False, markup=False, soft_wrap=True)
    console.print(
        f"{certificate.status} plan of {len(problem.assets)} assets, {problem.intervals} intervals in {out}"
    )
    console.print(
        f"cost {certificate.objective:.4f} {money}, proven at least {certificate.lower_bound:.4f} {money}: "
        f"gap {100 * certificate.gap:.4f} %, {100 * certificate.gap_of_savings:.4f} % of the savings"
    )
    if certificate.gap_above_relaxation is not None:
        console.print(_distance(certificate))
    console.print(f"without control {certificate.reference_objective:.4f} {money}; {seconds:.2f} s in all")
    for item in certificate.unmet[:LINES]:
        place = f"{item.kind} {item.id}, interval {item.interval}"
        console.print(f"not met: {place}: {item.amount:.6g} {item.unit} ({item.reason})")
    if len(certificate.unmet) > LINES:
        console.print(f"... and {len(certificate.unmet) - LINES} more in certificate.json")


def _distance(certificate: Certificate) -> str:
    """Say how much of a gap no prices can close."""
    share = 100 * (certificate.gap_above_relaxation or 0.0)
    return f"of the gap, {share:.4f} % lie above the best relaxation: on and off decide there, not prices"


def _print_verdict(
    verdict: Verdict, problem: Problem, certificate: Certificate | None, *, as_json: bool
) -> None:
    if as_json:
        print(json.dumps(_verdict_document(verdict), allow_nan=False))
        return
    console = Console(highlight=False, markup=False, soft_wrap=True)
    claim = "" if certificate is None else f", its certificate claims {certificate.objective:.4f}"
    console.print(
        f"{'holds' if verdict.ok else 'REFUSED'}: cost {verdict.objective:.4f} {problem.currency}{claim}; "
        f"{verdict.count} violations, {len(verdict.unmet)} wishes not met"
    )
    if certificate is not None:
        proven = verdict.recomputed_bound
        said = f"bound not recomputed: {verdict.bound_remark}"
        if proven is not None:
            said = f"its prices prove at least {proven:.4f}"
        console.print(f"bound claimed {certificate.lower_bound:.4f}, {said}")
        if certificate.gap_above_relaxation is not None:
            console.print(_distance(certificate))
    for violation in verdict.violations[:LINES]:
        console.print(f"{violation.kind}: {violation.sentence}")
    if verdict.count > min(LINES, len(verdict.violations)):
        console.print(f"... {verdict.count} in all")
    sys.stdout.flush()


def _verdict_document(verdict: Verdict) -> dict[str, Any]:
    """Return a verdict as plain values; an amount that is not a number becomes null."""
    rows = [asdict(violation) for violation in verdict.violations]
    for row in rows:
        row["amount"] = row["amount"] if abs(row["amount"]) < float("inf") else None
    parts = asdict(verdict.objective_parts) | {"total": verdict.objective}
    return {
        "ok": verdict.ok,
        "violations": verdict.count,
        "listed": rows,
        "objective": verdict.objective,
        "objective_parts": parts,
        "unmet": [asdict(item) for item in verdict.unmet],
        "recomputed_bound": verdict.recomputed_bound,
        "bound_remark": verdict.bound_remark,
    }
