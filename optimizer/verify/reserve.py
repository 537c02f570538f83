"""Checks that capacity sold as reserve could be delivered, and what it earns."""

from __future__ import annotations

import numpy as np

from optimizer.plan import Schedule
from optimizer.problem import Floats, Problem
from optimizer.verify.findings import Findings
from optimizer.verify.motion import ENERGY_TOLERANCE_KWH, Motion


def check_reserve(
    problem: Problem, schedule: Schedule, motion: Motion, findings: Findings, tolerance: float
) -> None:
    """Check headroom of power, and of energy for the longest time asked, in every interval."""
    for up, share in ((True, schedule.reserve_up_kw), (False, schedule.reserve_down_kw)):
        if share is None:
            continue
        names = problem.assets.asset_id
        asked, sustain = _asked(problem, up=up)
        misplaced = np.where(motion.connected & asked[None, :], np.maximum(-share, 0.0), np.abs(share))
        findings.over(
            "reserve_disconnected",
            names,
            misplaced,
            tolerance,
            "kW",
            "holds reserve nobody asks for, or below zero",
        )
        power = _power_excess(problem, schedule, share, up=up)
        findings.over("reserve_power", names, power, tolerance, "kW", "holds reserve beyond its power")
        energy = _energy_excess(problem, motion, share, sustain, up=up)
        findings.over(
            "reserve_energy", names, energy, ENERGY_TOLERANCE_KWH, "kWh", "holds reserve beyond its energy"
        )


def revenue(problem: Problem, schedule: Schedule) -> float:
    """Return what the reserve earns: the best paid product of a direction is served first."""
    products = problem.reserve
    if products is None:
        return 0.0
    total = 0.0
    for t in range(problem.intervals):
        for up, share in ((True, schedule.reserve_up_kw), (False, schedule.reserve_down_kw)):
            if share is None:
                continue
            left = float(share[:, t].sum())
            running = (products.from_interval <= t) & (t < products.to_interval) & (products.up == up)
            for r in sorted(np.flatnonzero(running), key=lambda r: -products.price_per_kw_h[r]):
                sold = min(left, float(products.max_kw[r])) if products.price_per_kw_h[r] > 0.0 else 0.0
                total += problem.interval_h * sold * float(products.price_per_kw_h[r])
                left -= sold
    return total


def _asked(problem: Problem, *, up: bool) -> tuple[np.ndarray[tuple[int], np.dtype[np.bool_]], Floats]:
    """Return per interval whether any product asks for this direction, and the longest time it must last."""
    asked, sustain = np.zeros(problem.intervals, dtype=bool), np.zeros(problem.intervals)
    products = problem.reserve
    if products is not None:
        for r in np.flatnonzero(products.up == up):
            span = slice(int(products.from_interval[r]), int(products.to_interval[r]))
            asked[span] = True
            sustain[span] = np.maximum(sustain[span], products.sustain_h[r])
    return asked, sustain


def _power_excess(problem: Problem, schedule: Schedule, share: Floats, *, up: bool) -> Floats:
    net = schedule.discharge_kw - schedule.charge_kw
    if up:
        return net + share - problem.assets.max_discharge_kw[:, None]
    return share - net - problem.assets.max_charge_kw[:, None]


def _energy_excess(problem: Problem, motion: Motion, share: Floats, sustain: Floats, *, up: bool) -> Floats:
    """Return by how much the energy of a call exceeds what is there at the worse end of the interval.

    An asset that cannot discharge delivers `up` by charging less and needs no stored energy.
    """
    assets = problem.assets
    held = sustain[None, :] * share
    if up:
        lowest = np.minimum(motion.start, motion.end) - assets.energy_min_kwh[:, None]
        excess = held / assets.discharge_efficiency[:, None] - lowest
        able = assets.max_discharge_kw[:, None] > 0.0
        return np.where(able & (share > 0.0), excess, 0.0)
    room = assets.energy_max_kwh[:, None] - np.maximum(motion.start, motion.end)
    return np.where(share > 0.0, held * assets.charge_efficiency[:, None] - room, 0.0)
