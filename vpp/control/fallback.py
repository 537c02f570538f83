"""The lower rungs of the ladder: plans that need no solver.

They see the problem and the state alone, and they keep every asset's limits by construction;
the verifier has the last word on them as on any other plan.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from optimizer.plan import Schedule
from optimizer.problem import Problem

SLACK_KWH = 1e-9


def connected_matrix(problem: Problem) -> NDArray[np.bool_]:
    """Return where assets are connected, shape (N, T)."""
    assets, intervals = problem.shape
    windows = problem.windows
    connected = np.ones((assets, intervals), dtype=np.bool_)
    connected[windows.asset] = False
    for asset, begin, end in zip(windows.asset, windows.from_interval, windows.to_interval, strict=True):
        connected[asset, begin:end] = True
    return connected


def follow(problem: Problem, wanted_power_kw: NDArray[np.float64]) -> Schedule:
    """Return the feasible schedule nearest to `wanted_power_kw` (N, T), interval by interval.

    Each power is cut to what the asset can do from the energy it has reached; a power below the
    asset's minimum becomes zero. Positive discharges.
    """
    assets, hours = problem.assets, problem.interval_h
    connected = connected_matrix(problem)
    trips = _trips(problem)
    energy = assets.energy_initial_kwh.copy()
    charge, discharge = np.zeros(wanted_power_kw.shape), np.zeros(wanted_power_kw.shape)
    energy_end = np.zeros(wanted_power_kw.shape)
    for t in range(problem.intervals):
        energy = np.maximum(energy - trips[:, t], 0.0)
        room_kw = np.maximum(assets.energy_max_kwh - energy, 0.0) / (hours * assets.charge_efficiency)
        stock_kw = np.maximum(energy - assets.energy_min_kwh, 0.0) * assets.discharge_efficiency / hours
        wish = np.where(connected[:, t], wanted_power_kw[:, t], 0.0)
        charge[:, t] = _at_least(
            np.minimum.reduce([-wish, assets.max_charge_kw, room_kw]), assets.min_charge_kw
        )
        discharge[:, t] = _at_least(
            np.minimum.reduce([wish, assets.max_discharge_kw, stock_kw]), assets.min_discharge_kw
        )
        energy = energy + hours * (
            charge[:, t] * assets.charge_efficiency - discharge[:, t] / assets.discharge_efficiency
        )
        energy_end[:, t] = energy
    return Schedule(charge_kw=charge, discharge_kw=discharge, energy_end_kwh=energy_end)


def _at_least(power_kw: NDArray[np.float64], minimum_kw: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return `power_kw`, zero where it is negative, negligible or below the asset's minimum."""
    return np.where((power_kw > SLACK_KWH) & (power_kw >= minimum_kw), power_kw, 0.0)


def _trips(problem: Problem) -> NDArray[np.float64]:
    """Return the trip energy subtracted before each interval, shape (N, T + 1), kWh."""
    trips = np.zeros((problem.shape[0], problem.intervals + 1))
    windows = problem.windows
    np.add.at(trips, (windows.asset, windows.to_interval), windows.trip_energy_kwh)
    return trips


def greedy_power(problem: Problem) -> NDArray[np.float64]:
    """Return a plan by rule, shape (N, T), positive discharges: EVs charge, all else rests.

    In every interval the EVs of a feeder share its room (the limit less the load), the one with
    the least time to spare first: laxity = time left - time that charging still takes.
    """
    assets, hours = problem.assets, problem.interval_h
    power = np.zeros(problem.shape)
    energy = assets.energy_initial_kwh.copy()
    trips = _trips(problem)
    room_kw = np.maximum(problem.feeders.import_limit_kw - problem.feeders.load_kw, 0.0)
    portfolio_kw = np.maximum(problem.import_limit_kw - problem.feeders.load_kw.sum(axis=0), 0.0)
    for t in range(problem.intervals):
        energy = np.maximum(energy - trips[:, t], 0.0)
        here = np.flatnonzero((problem.windows.from_interval <= t) & (t < problem.windows.to_interval))
        need = problem.windows.departure_energy_kwh[here] - energy[problem.windows.asset[here]]
        here, need = here[need > SLACK_KWH], need[need > SLACK_KWH]
        for asset, missing in _by_laxity(problem, here, need, t):
            feeder = assets.feeder[asset]
            wish = min(assets.max_charge_kw[asset], missing / (hours * assets.charge_efficiency[asset]))
            wish = min(wish, room_kw[feeder, t], portfolio_kw[t])
            if wish < max(assets.min_charge_kw[asset], SLACK_KWH):
                continue
            power[asset, t] = -wish
            energy[asset] += hours * wish * assets.charge_efficiency[asset]
            room_kw[feeder, t] -= wish
            portfolio_kw[t] -= wish
    return power


def _by_laxity(
    problem: Problem, windows: NDArray[np.int64], missing_kwh: NDArray[np.float64], t: int
) -> list[tuple[int, float]]:
    """Return (asset, missing energy) with the least time to spare first."""
    asset = problem.windows.asset[windows]
    rate = np.maximum(
        problem.assets.max_charge_kw[asset] * problem.assets.charge_efficiency[asset], SLACK_KWH
    )
    laxity_h = (problem.windows.to_interval[windows] - t) * problem.interval_h - missing_kwh / rate
    order = np.lexsort((asset, laxity_h))
    return [(int(asset[row]), float(missing_kwh[row])) for row in order]
