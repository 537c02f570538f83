"""What a schedule does over time, from the compiled walk, and the findings about each asset's own limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from optimizer.plan import Schedule
from optimizer.problem import Floats, Ints, Problem
from optimizer.verify.findings import Findings
from optimizer.verify.records import (
    Records,
    asset_records,
    read_only,
    require_indices,
    window_order,
    window_records,
)
from optimizer.verify.reserve import asked_reserve
from optimizer.verify.verdict import ViolationKind

ENERGY_TOLERANCE_KWH = 1e-6

LANES = 16
"""Parts of the fleet that are summed apart, whatever the number of threads."""
MOST_SUMS = 8_000_000
"""Numbers held for the sums of all lanes; with very many feeders there are fewer lanes."""
BLOCK = 65_536
"""Assets laid out as records at a time."""
ROWS_AT_ONCE = 2_000
"""Assets with a broken rule that are looked at in detail at a time."""

RULE_WORDS: tuple[tuple[ViolationKind, str, str], ...] = (
    ("negative_power", "kW", "power is below zero"),
    ("charge_limit", "kW", "charges above its limit"),
    ("discharge_limit", "kW", "discharges above its limit"),
    ("min_charge", "kW", "charges below its minimum power"),
    ("min_discharge", "kW", "discharges below its minimum power"),
    ("both_at_once", "kW", "charges and discharges at once"),
    ("disconnected", "kW", "has power while not connected"),
    ("energy_low", "kWh", "falls below empty"),
    ("discharge_below_minimum", "kWh", "discharges below its minimum energy"),
    ("energy_high", "kWh", "is above its maximum"),
    ("energy_path", "kWh", "claims an energy that its powers do not give"),
    ("discharge_budget", "kWh", "discharges beyond its budget"),
    ("reserve_disconnected", "kW", "holds upward reserve nobody asks for, or below zero"),
    ("reserve_power", "kW", "holds upward reserve beyond its power"),
    ("reserve_energy", "kWh", "holds upward reserve beyond its energy"),
    ("reserve_disconnected", "kW", "holds downward reserve nobody asks for, or below zero"),
    ("reserve_power", "kW", "holds downward reserve beyond its power"),
    ("reserve_energy", "kWh", "holds downward reserve beyond its energy"),
)
"""Kind, unit and words of the rules, in the order of the numbers in `optimizer.verify.walk`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Motion:
    """What a schedule adds up to. N assets, W windows, F feeders, T intervals."""

    fleet_kw: Floats  # (F, T): net consumption of the assets
    reserve_kw: Floats  # (2, T): held upwards, downwards
    final_kwh: Floats  # (N): energy at the end of the horizon
    departure_missing: Floats  # (W), kWh
    trip_missing: Floats  # (W), kWh
    wear_cost: float
    broken: Ints  # (N): number of cells that break a rule


@dataclass(frozen=True, slots=True)
class Walk:
    """A problem and a schedule laid out for the kernels."""

    problem: Problem
    schedule: Schedule
    first_window: Ints
    windows: Records
    depth_cost: Floats  # (rows, J)
    asked: Any
    matrices: Any


def lay_out(problem: Problem, schedule: Schedule, tolerance_kw: float) -> Walk:
    """Lay out a problem and a schedule of its shape. Raises ProblemError for indices out of range."""
    from optimizer.verify import walk  # noqa: PLC0415 - loads numba

    require_indices(problem)
    order, first_window = window_order(problem)
    tolerance = np.array(
        [tolerance_kw if unit == "kW" else ENERGY_TOLERANCE_KWH for _, unit, _ in RULE_WORDS]
    )
    up, up_sustain_h = asked_reserve(problem, up=True)
    down, down_sustain_h = asked_reserve(problem, up=False)
    nothing = np.zeros((0, problem.intervals))
    return Walk(
        problem=problem,
        schedule=schedule,
        first_window=first_window,
        windows=window_records(problem, order),
        depth_cost=read_only(np.zeros((0, 1)) if problem.wear is None else problem.wear.cost_per_kwh),
        asked=walk.Asked(
            float(problem.interval_h),
            *(read_only(part) for part in (tolerance, up, up_sustain_h, down, down_sustain_h)),
        ),
        matrices=walk.Matrices(
            charge_kw=read_only(schedule.charge_kw),
            discharge_kw=read_only(schedule.discharge_kw),
            energy_end_kwh=read_only(schedule.energy_end_kwh),
            reserve_up_kw=read_only(nothing if schedule.reserve_up_kw is None else schedule.reserve_up_kw),
            reserve_down_kw=read_only(
                nothing if schedule.reserve_down_kw is None else schedule.reserve_down_kw
            ),
        ),
    )


def trace(laid: Walk) -> Motion | None:
    """Walk the fleet through the horizon; None where a number of the schedule is not finite."""
    from optimizer.verify import walk  # noqa: PLC0415 - loads numba

    problem = laid.problem
    count, intervals = problem.shape
    feeders, windows = len(problem.feeders), len(problem.windows)
    lanes = int(np.clip(MOST_SUMS // max(feeders * intervals, 1), 1, min(LANES, max(count // 64, 1))))
    sums = walk.Sums(
        feeder_kw=np.zeros((lanes, feeders, intervals)),
        reserve_kw=np.zeros((lanes, 2, intervals)),
        wear=np.zeros(lanes),
        not_finite=np.zeros(lanes, dtype=np.int64),
        final_kwh=np.empty(count),
        broken=np.zeros(count, dtype=np.int64),
        departure_missing_kwh=np.zeros(windows),
        trip_missing_kwh=np.zeros(windows),
    )
    for base in range(0, count, BLOCK):
        assets = asset_records(problem, slice(base, base + BLOCK), laid.first_window)
        walk.walk(assets, laid.windows, laid.depth_cost, laid.asked, laid.matrices, base, sums)
    if sums.not_finite.any():
        return None
    return Motion(
        fleet_kw=sums.feeder_kw.sum(axis=0),
        reserve_kw=sums.reserve_kw.sum(axis=0),
        final_kwh=sums.final_kwh,
        departure_missing=sums.departure_missing_kwh,
        trip_missing=sums.trip_missing_kwh,
        wear_cost=float(sums.wear.sum()),
        broken=sums.broken,
    )


def report_broken_rules(laid: Walk, motion: Motion, findings: Findings) -> None:
    """Look again at the assets that break a rule, and report the worst cells of every rule."""
    from optimizer.verify import walk  # noqa: PLC0415 - loads numba

    rows = np.flatnonzero(motion.broken)
    if not len(rows):
        return
    reserve = laid.schedule.reserve_up_kw is not None or laid.schedule.reserve_down_kw is not None
    rules = walk.RULES if reserve else walk.RULES_WITHOUT_RESERVE
    spare = np.zeros(len(laid.problem.windows)), np.zeros(len(laid.problem.windows))
    for first in range(0, len(rows), ROWS_AT_ONCE):
        chosen = rows[first : first + ROWS_AT_ONCE]
        excess = np.zeros((len(chosen), walk.RULES, laid.problem.intervals))
        assets = asset_records(laid.problem, chosen, laid.first_window)
        walk.excess_of(assets, laid.windows, laid.asked, laid.matrices, chosen, excess, *spare)
        names = laid.problem.assets.asset_id[chosen]
        for k, (kind, unit, what) in enumerate(RULE_WORDS[:rules]):
            table = excess[:, k, 0] if k == walk.BUDGET else excess[:, k]
            findings.over(kind, names, table, float(laid.asked.tolerance[k]), unit, what)
