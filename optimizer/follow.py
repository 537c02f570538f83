"""Follows every asset through the horizon, compiled: what a schedule leaves, misses and adds up to.

One asset is one row of T numbers; nothing of size N x T is made. The fleet is cut into a fixed number
of lanes that are summed in order, so the result does not depend on the number of threads.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit, prange

from optimizer.plan import Floats, Schedule
from optimizer.problem import Ints, Problem

LANES = 8
NO_REFERENCES: dict[str, Any] = {"error_model": "numpy", "_nrt": False}
KERNEL: dict[str, Any] = {"error_model": "numpy", "cache": True, "nogil": True}


class Columns(NamedTuple):
    """What the kernels read of the problem, per asset (N) and per window (W)."""

    feeder: Ints
    first_window: Ints  # (N + 1)
    energy_initial_kwh: Floats
    energy_max_kwh: Floats
    min_charge_kw: Floats
    max_charge_kw: Floats
    charge_kwh_per_kw: Floats  # stored by 1 kW in an interval
    discharge_kwh_per_kw: Floats  # taken by 1 kW in an interval
    from_interval: Ints
    to_interval: Ints
    departure_energy_kwh: Floats
    trip_energy_kwh: Floats


class Followed(NamedTuple):
    """What following adds up to."""

    fleet_kw: Floats  # (LANES, F, T): net charging
    throughput_kw: Floats  # (N): sum over the intervals
    final_kwh: Floats  # (N)
    arrival_kwh: Floats  # (W): at the start of the window
    departure_kwh: Floats  # (W): at its end
    trip_missing_kwh: Floats  # (W)


@njit(**NO_REFERENCES)
def _follow_row(i, c, charge, discharge, feeder_kw, out):
    """Follow asset i with its rows of power (T)."""
    level, w, end = c.energy_initial_kwh[i], c.first_window[i], c.first_window[i + 1]
    gain, loss, total = c.charge_kwh_per_kw[i], c.discharge_kwh_per_kw[i], 0.0
    for t in range(charge.size):
        if w < end and c.to_interval[w] == t:
            taken = min(max(level, 0.0), c.trip_energy_kwh[w])
            out.trip_missing_kwh[w] = c.trip_energy_kwh[w] - taken
            level -= taken
            w += 1
        if w < end and c.from_interval[w] == t:
            out.arrival_kwh[w] = level
        level += gain * charge[t] - loss * discharge[t]
        total += charge[t] + discharge[t]
        feeder_kw[t] += charge[t] - discharge[t]
        if w < end and c.to_interval[w] == t + 1:
            out.departure_kwh[w] = level
    out.final_kwh[i], out.throughput_kw[i] = level, total


@njit(**NO_REFERENCES)
def _charge_row(i, c, charge):
    """Write the charging (T) of asset i without control: full power from connection until it has enough."""
    level, w, end = c.energy_initial_kwh[i], c.first_window[i], c.first_window[i + 1]
    gain, ceiling = c.charge_kwh_per_kw[i], c.energy_max_kwh[i]
    for t in range(charge.size):
        if w < end and c.to_interval[w] == t:
            level = max(level - c.trip_energy_kwh[w], min(level, 0.0))
            w += 1
        charge[t] = 0.0
        if w == end or c.from_interval[w] > t:
            continue
        room = min(c.departure_energy_kwh[w], ceiling) - level
        power = min(max(room / gain, c.min_charge_kw[i]), c.max_charge_kw[i])
        if room > 1e-9 and level + gain * power <= ceiling + 1e-9:
            charge[t] = power
        level += gain * charge[t]


@njit(parallel=True, **KERNEL)
def _follow_all(c, charge, discharge, out):
    """Follow the fleet with its schedule (N, T)."""
    count = c.feeder.size
    for lane in prange(LANES):
        for i in range(lane * count // LANES, (lane + 1) * count // LANES):
            _follow_row(i, c, charge[i], discharge[i], out.fleet_kw[lane, c.feeder[i]], out)


@njit(parallel=True, **KERNEL)
def _follow_uncontrolled(c, kept, rows, nothing, out):
    """Follow the fleet without control, and write its charging to `kept` (N, T), or to nothing (0, T).

    Each lane has its own of `rows` (LANES, T): what is allocated inside a parallel loop may lose what is
    written to it. nothing: zeros (T).
    """
    count = c.feeder.size
    for lane in prange(LANES):
        for i in range(lane * count // LANES, (lane + 1) * count // LANES):
            row = kept[i] if kept.shape[0] > 0 else rows[lane]
            _charge_row(i, c, row)
            _follow_row(i, c, row, nothing, out.fleet_kw[lane, c.feeder[i]], out)


def _columns(problem: Problem) -> Columns:
    assets, windows, hours = problem.assets, problem.windows, problem.interval_h
    # Copies: one type of array, so that nothing is compiled twice.
    return Columns(
        feeder=np.array(assets.feeder),
        first_window=np.searchsorted(windows.asset, np.arange(len(assets) + 1)),
        energy_initial_kwh=np.array(assets.energy_initial_kwh),
        energy_max_kwh=np.array(assets.energy_max_kwh),
        min_charge_kw=np.array(assets.min_charge_kw),
        max_charge_kw=np.array(assets.max_charge_kw),
        charge_kwh_per_kw=hours * assets.charge_efficiency,
        discharge_kwh_per_kw=hours / assets.discharge_efficiency,
        from_interval=np.array(windows.from_interval),
        to_interval=np.array(windows.to_interval),
        departure_energy_kwh=np.array(windows.departure_energy_kwh),
        trip_energy_kwh=np.array(windows.trip_energy_kwh),
    )


def _nothing(problem: Problem) -> Followed:
    count, windows = len(problem.assets), len(problem.windows)
    return Followed(
        fleet_kw=np.zeros((LANES, len(problem.feeders), problem.intervals)),
        throughput_kw=np.zeros(count),
        final_kwh=np.zeros(count),
        arrival_kwh=np.zeros(windows),
        departure_kwh=np.zeros(windows),
        trip_missing_kwh=np.zeros(windows),
    )


def read_only(matrix: Floats) -> Floats:
    """One kind of array for the kernel, whoever made it."""
    view = np.ascontiguousarray(matrix, dtype=np.float64).view()
    view.setflags(write=False)
    return view


def follow_schedule(problem: Problem, schedule: Schedule) -> Followed:
    """Follow the fleet with a schedule."""
    out = _nothing(problem)
    _follow_all(_columns(problem), read_only(schedule.charge_kw), read_only(schedule.discharge_kw), out)
    return out


def follow_uncontrolled(problem: Problem, *, keep: bool) -> tuple[Followed, Floats]:
    """Follow the fleet without control; return also its charging, (N, T) or (0, T) if not to be kept."""
    out, charge = _nothing(problem), np.zeros((len(problem.assets) if keep else 0, problem.intervals))
    rows = np.zeros((LANES + 1, problem.intervals))
    _follow_uncontrolled(_columns(problem), charge, rows[:LANES], rows[LANES], out)
    return out, charge
