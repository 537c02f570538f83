"""Writes a plan as a folder, and reads a schedule and a certificate back, ours or another's."""

from __future__ import annotations

import json
import math
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from optimizer.files.extras import look_up
from optimizer.files.own_prices import read_energy_worths, read_own_prices, write_own_prices
from optimizer.files.reserve_prices import read_reserve_prices
from optimizer.files.schedules import read_schedule, write_schedule
from optimizer.files.tables import Table, find_table, read_table
from optimizer.files.writing import write_columns
from optimizer.plan import Certificate, Floats, ObjectiveParts, Plan, Prices, Unmet
from optimizer.problem import Ints, Problem, ProblemError

__all__ = [
    "NotEmptyError",
    "certificate_document",
    "read_certificate",
    "read_prices",
    "read_schedule",
    "refuse_occupied",
    "write_plan",
]

CERTIFICATE = "certificate.json"
SECONDS = ("read", "build", "solve", "verify", "write")


class NotEmptyError(ValueError):
    """The folder for a plan holds something already."""


def refuse_occupied(folder: Path | str, *, overwrite: bool) -> None:
    """Refuse a folder that is not empty, unless it may be overwritten."""
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise NotEmptyError(f"{folder} is a file; a plan needs a folder")
    if folder.is_dir() and any(folder.iterdir()) and not overwrite:
        raise NotEmptyError(f"{folder} is not empty; give another folder, or --overwrite")


def write_plan(
    folder: Path | str,
    problem: Problem,
    plan: Plan,
    *,
    problem_sha256: str,
    overwrite: bool = False,
    peak_rss_mb: float | None = None,
) -> None:
    """Write schedule, prices and certificate; the folder appears complete or not at all."""
    folder = Path(folder)
    refuse_occupied(folder, overwrite=overwrite)
    fresh = folder.with_name(folder.name + ".part")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    write_schedule(fresh / "schedule.parquet", problem, plan.schedule)
    if plan.prices is not None:
        write_columns(fresh / "prices.parquet", _price_columns(problem, plan.prices))
        write_columns(fresh / "prices_portfolio.parquet", _portfolio_price_columns(problem, plan.prices))
        by_scenario = _scenario_price_columns(problem, plan.prices)
        if by_scenario is not None:
            write_columns(fresh / "prices_scenarios.parquet", by_scenario)
        write_own_prices(fresh, problem, plan.prices)
    document = certificate_document(plan.certificate, problem_sha256=problem_sha256, peak_rss_mb=peak_rss_mb)
    (fresh / CERTIFICATE).write_text(json.dumps(document, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    if folder.exists():
        shutil.rmtree(folder)
    fresh.rename(folder)


def certificate_document(
    certificate: Certificate, *, problem_sha256: str, peak_rss_mb: float | None = None
) -> dict[str, Any]:
    """Return a certificate as plain values; a ratio without meaning (no savings, no bound) becomes null."""
    document = asdict(certificate)
    seconds = document.pop("seconds")
    document["objective_parts"]["total"] = certificate.objective_parts.total
    document |= {f"seconds_{name}": seconds.get(name, 0.0) for name in SECONDS}
    document |= {"peak_rss_mb": peak_rss_mb, "problem_sha256": problem_sha256}
    return {name: _finite(value) for name, value in document.items()}


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _price_columns(problem: Problem, prices: Prices) -> dict[str, Any]:
    feeders, intervals = len(problem.feeders), problem.intervals
    return {
        "feeder_id": np.repeat(problem.feeders.feeder_id, intervals),
        "interval": np.tile(np.arange(intervals), feeders),
        "price_per_kwh": prices.marginal_per_kwh().ravel(),
        "feeder_per_kwh": prices.feeder_per_kwh.ravel(),
    }


def _portfolio_price_columns(problem: Problem, prices: Prices) -> dict[str, Any]:
    return {
        "interval": np.arange(problem.intervals),
        "balance_per_kwh": prices.balance_per_kwh,
        "peak_per_kw": prices.peak_per_kw,
    }


def _scenario_price_columns(problem: Problem, prices: Prices) -> dict[str, Any] | None:
    weight, peak = prices.scenario_weight, prices.scenario_peak_per_kw
    if weight is None or peak is None:
        return None
    return {
        "scenario": np.repeat(np.arange(len(weight)), problem.intervals),
        "interval": np.tile(np.arange(problem.intervals), len(weight)),
        "weight": np.repeat(weight, problem.intervals),
        "peak_per_kw": peak.ravel(),
    }


def _read_scenario_prices(folder: Path, problem: Problem) -> tuple[Floats | None, Floats | None]:
    """Read what each scenario weighs (S) and its peak prices (S, T), where a plan has them."""
    path = find_table(folder, "prices_scenarios", needed=False)
    if path is None or problem.scenarios is None:
        return None, None
    table = read_table(path, ("scenario", "interval", "weight", "peak_per_kw"))
    place = table.whole("scenario", low=0, high=len(problem.scenarios) - 1), _interval(table, problem)
    weight = np.zeros((len(problem.scenarios), problem.intervals))
    peak = np.zeros_like(weight)
    weight[place], peak[place] = table.numbers("weight"), table.numbers("peak_per_kw")
    return weight[:, 0], peak


def read_certificate(folder: Path | str) -> Certificate | None:
    """Read certificate.json where there is one; other planners' schedules come without."""
    path = Path(folder) / CERTIFICATE
    if not path.is_file():
        return None
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return _certificate(document)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ProblemError(
            CERTIFICATE, "(file)", None, str(error), "a certificate as docs/problem.md states it"
        ) from error


def _certificate(document: dict[str, Any]) -> Certificate:
    def number(name: str, missing: float) -> float:
        value = document[name]
        return missing if value is None else float(value)

    parts = {name: float(value) for name, value in document["objective_parts"].items() if name != "total"}
    above = document.get("gap_above_relaxation")
    return Certificate(
        status=document["status"],
        method=str(document["method"]),
        objective=number("objective", math.nan),
        lower_bound=number("lower_bound", -math.inf),
        gap=number("gap", math.inf),
        gap_absolute=number("gap_absolute", math.inf),
        reference_objective=number("reference_objective", math.nan),
        gap_of_savings=number("gap_of_savings", math.inf),
        objective_parts=ObjectiveParts(**parts),
        unmet=tuple(Unmet(**item) for item in document["unmet"]),
        gap_parts={name: float(value) for name, value in document.get("gap_parts", {}).items()},
        gap_above_relaxation=None if above is None else float(above),
        seed=int(document.get("seed", 0)),
        killed=bool(document.get("killed", False)),
        search_bound=number("search_bound", -math.inf) if "search_bound" in document else -math.inf,
    )


def read_prices(folder: Path | str, problem: Problem) -> Prices | None:
    """Read the multipliers of a plan where there are any."""
    by_feeder = find_table(Path(folder), "prices", needed=False)
    whole = find_table(Path(folder), "prices_portfolio", needed=False)
    if by_feeder is None or whole is None:
        return None
    table = read_table(by_feeder, ("feeder_id", "interval", "price_per_kwh", "feeder_per_kwh"))
    feeder = np.zeros((len(problem.feeders), problem.intervals))
    feeder[look_up(table, "feeder_id", problem.feeders.feeder_id), _interval(table, problem)] = table.numbers(
        "feeder_per_kwh"
    )
    total = read_table(whole, ("interval", "balance_per_kwh", "peak_per_kw"))
    balance, peak = np.zeros(problem.intervals), np.zeros(problem.intervals)
    balance[_interval(total, problem)] = total.numbers("balance_per_kwh")
    peak[_interval(total, problem)] = total.numbers("peak_per_kw")
    weight, scenario_peak = _read_scenario_prices(Path(folder), problem)
    budget, worn = read_own_prices(Path(folder), problem)
    reserve, reserve_weight = read_reserve_prices(Path(folder), problem)
    return Prices(
        balance_per_kwh=balance,
        feeder_per_kwh=feeder,
        peak_per_kw=peak,
        scenario_weight=weight,
        scenario_peak_per_kw=scenario_peak,
        budget_per_kwh=budget,
        wear_per_kwh=worn,
        energy=read_energy_worths(Path(folder), problem),
        reserve_per_kw_h=reserve,
        reserve_weight=reserve_weight,
    )


def _interval(table: Table, problem: Problem) -> Ints:
    return table.whole("interval", low=0, high=problem.intervals - 1)
