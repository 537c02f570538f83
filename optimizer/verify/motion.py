"""Walks every asset through the horizon, column by column, and checks its own limits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimizer.plan import Schedule
from optimizer.problem import Floats, Ints, Problem
from optimizer.verify.findings import Findings

Booleans = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]

ENERGY_TOLERANCE_KWH = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Motion:
    """Recomputed energies, kWh. `start`, `end`: (N, T), trips taken off `start`; others per window (W,)."""

    start: Floats
    end: Floats
    trip_taken: Floats
    trip_missing: Floats
    departure_missing: Floats
    connected: Booleans


def connection(problem: Problem) -> Booleans:
    """Mark who is connected when, shape (N, T): all the time without windows, else only within them."""
    windows = problem.windows
    steps = np.zeros((len(problem.assets), problem.intervals + 1), dtype=np.int8)
    steps[windows.asset, windows.from_interval] += 1
    np.subtract.at(steps, (windows.asset, windows.to_interval), 1)
    inside = np.cumsum(steps[:, :-1], axis=1, dtype=np.int8) > 0
    bound = np.zeros(len(problem.assets), dtype=bool)
    bound[windows.asset] = True
    return np.where(bound[:, None], inside, True)


def trace(problem: Problem, schedule: Schedule) -> Motion:
    """Recompute the stored energy from the powers alone, interval by interval.

    At the start of interval `to_interval` a trip takes what it needs or what there is.
    """
    assets, windows, hours = problem.assets, problem.windows, problem.interval_h
    start, end = np.empty(problem.shape), np.empty(problem.shape)
    taken, missing = np.zeros(len(windows)), np.zeros(len(windows))
    lacking = np.zeros(len(windows))
    level = np.array(assets.energy_initial_kwh)
    departures = _by_interval(windows.to_interval - 1, problem.intervals)
    arrivals = _by_interval(windows.to_interval, problem.intervals)
    for t in range(problem.intervals):
        for_trip = arrivals[t]
        need, there = windows.trip_energy_kwh[for_trip], level[windows.asset[for_trip]]
        taken[for_trip] = np.clip(there, 0.0, need)
        missing[for_trip] = need - taken[for_trip]
        level[windows.asset[for_trip]] = there - taken[for_trip]
        start[:, t] = level
        level = level + hours * (
            schedule.charge_kw[:, t] * assets.charge_efficiency
            - schedule.discharge_kw[:, t] / assets.discharge_efficiency
        )
        end[:, t] = level
        lacking[departures[t]] = (
            windows.departure_energy_kwh[departures[t]] - level[windows.asset[departures[t]]]
        )
    return Motion(
        start=start,
        end=end,
        trip_taken=taken,
        trip_missing=missing,
        departure_missing=np.maximum(lacking, 0.0),
        connected=connection(problem),
    )


def _by_interval(interval: Ints, intervals: int) -> list[Ints]:
    order = np.argsort(interval, kind="stable")
    edges = np.searchsorted(interval[order], np.arange(intervals + 1))
    return [order[edges[t] : edges[t + 1]] for t in range(intervals)]


def check_powers(
    problem: Problem, schedule: Schedule, motion: Motion, findings: Findings, tolerance: float
) -> None:
    """Check signs, limits, minimum powers, one direction at a time, and power only while connected."""
    assets, names = problem.assets, problem.assets.asset_id
    charge, discharge = schedule.charge_kw, schedule.discharge_kw
    findings.over(
        "negative_power", names, -np.minimum(charge, discharge), tolerance, "kW", "power is below zero"
    )
    findings.over(
        "charge_limit",
        names,
        charge - assets.max_charge_kw[:, None],
        tolerance,
        "kW",
        "charges above its limit",
    )
    findings.over(
        "discharge_limit",
        names,
        discharge - assets.max_discharge_kw[:, None],
        tolerance,
        "kW",
        "discharges above its limit",
    )
    weak = np.where(charge > tolerance, assets.min_charge_kw[:, None] - charge, 0.0)
    findings.over("min_charge", names, weak, tolerance, "kW", "charges below its minimum power")
    weak = np.where(discharge > tolerance, assets.min_discharge_kw[:, None] - discharge, 0.0)
    findings.over("min_discharge", names, weak, tolerance, "kW", "discharges below its minimum power")
    both = np.minimum(charge, discharge)
    findings.over("both_at_once", names, both, tolerance, "kW", "charges and discharges at once")
    away = np.where(motion.connected, 0.0, np.maximum(charge, discharge))
    findings.over("disconnected", names, away, tolerance, "kW", "has power while not connected")


def check_energy(
    problem: Problem, schedule: Schedule, motion: Motion, findings: Findings, tolerance: float
) -> None:
    """Check the energy bounds, the path claimed by the schedule, recovery from below, and the budget."""
    assets, names = problem.assets, problem.assets.asset_id
    floor = np.minimum(assets.energy_min_kwh[:, None], motion.start)
    allowed = ENERGY_TOLERANCE_KWH
    findings.over("energy_low", names, -motion.end, allowed, "kWh", "falls below empty")
    discharging = schedule.discharge_kw > tolerance
    below = np.where(discharging, assets.energy_min_kwh[:, None] - motion.end, floor - motion.end)
    findings.over(
        "discharge_below_minimum", names, below, allowed, "kWh", "discharges below its minimum energy"
    )
    findings.over(
        "energy_high",
        names,
        motion.end - assets.energy_max_kwh[:, None],
        allowed,
        "kWh",
        "is above its maximum",
    )
    differs = np.abs(motion.end - schedule.energy_end_kwh)
    findings.over(
        "energy_path", names, differs, allowed, "kWh", "claims an energy that its powers do not give"
    )
    drawn = problem.interval_h * schedule.discharge_kw.sum(axis=1) / assets.discharge_efficiency
    excess = np.where(np.isfinite(assets.discharge_budget_kwh), drawn - assets.discharge_budget_kwh, 0.0)
    findings.over("discharge_budget", names, excess, allowed, "kWh", "discharges beyond its budget")
