"""Off, charge or discharge per interval for an asset with minimum powers: a dynamic program on a grid.

Energy moves in steps of h = U_c / b, with b chosen so that the minimum power is a whole number of
steps within 0.5 %. Only energies within a band around the unrounded path are visited:

    energy ▲      ┌────────┐            band: +- 3 full charging steps around the path
           │  ┌───┘ path   └───┐
           │──┘  ────•••───    └──      V[t, j - low_t] = least cost from grid point j on
           └────────────────────► t

It finds the modes only; the exact recursion of `step` then solves the powers within them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from optimizer.decomposed.coupling import ALLOCATING, EXACT, FAST
from optimizer.decomposed.nearby import cost_at, gather
from optimizer.decomposed.slopes import shortfall_kwh
from optimizer.problem import Ints

WIDTH = 1024  # grid points kept per interval; an asset that needs more keeps its rounded modes
MOVES = 8  # moves kept per direction
BAND = 3.0  # full charging steps on either side of the path


class Grid(NamedTuple):
    """Scratch arrays of the dynamic program."""

    value: NDArray[np.float32]  # (T + 1, WIDTH)
    cost: NDArray[np.float32]  # (T, 2 * MOVES + 1)
    low: Ints  # (T + 1)
    high: Ints  # (T + 1)
    move: Ints  # (2 * MOVES + 1): grid steps per move, ascending


@njit(**ALLOCATING)
def new_grid(intervals):
    """Allocate the scratch arrays of one lane; none for zero intervals."""
    width = WIDTH if intervals > 0 else 1
    return Grid(
        np.empty((intervals + 1, width), np.float32),
        np.empty((intervals + 1, 2 * MOVES + 1), np.float32),
        np.zeros(intervals + 1, np.int64),
        np.zeros(intervals + 1, np.int64),
        np.zeros(2 * MOVES + 1, np.int64),
    )


@njit(**EXACT)
def _parts(low, high):
    """Number b of grid steps in a full charge, so that the minimum fits a whole number of them."""
    first = 6
    if low < 0.999 * high:
        first = max(first, min(60, int(np.ceil(2.0 / (1.0 - low / high)))))
    best, parts = np.inf, first
    for b in range(first, 2 * first + 1):
        slack = np.ceil(low * b / high - 1e-9) * high / (b * low) - 1.0 if low > 0.0 else 0.0
        if slack < best - 1e-12:
            best, parts = slack, b
            if slack < 0.005:
                break
    return parts


@njit(**EXACT)
def _spaced(first, last, sign, move, count):
    """Append up to MOVES whole numbers from first to last, times sign; return the count."""
    kept = min(MOVES, last - first + 1)
    for k in range(kept):
        step = last if kept == 1 else first + int(np.round(k * (last - first) / (kept - 1)))
        move[count] = sign * step
        count += 1
    return count


@njit(**EXACT)
def _moves(asset, charge_only, move):
    """Write the allowed moves in grid steps; return (kWh per step, number of moves). Zero is first."""
    up = asset.max_charge_kw * asset.charge_kwh_per_kw
    down = asset.max_discharge_kw * asset.discharge_kwh_per_kw
    least_up = asset.min_charge_kw * asset.charge_kwh_per_kw
    least_down = asset.min_discharge_kw * asset.discharge_kwh_per_kw
    parts = _parts(least_up, up)
    step = up / parts
    move[0] = 0
    count = _spaced(max(1, int(np.ceil(least_up / step - 1e-9))), parts, 1, move, 1)
    first, last = max(1, int(np.ceil(least_down / step - 1e-9))), int(np.floor(down / step + 1e-9))
    if charge_only == 0 and last >= first:
        count = _spaced(first, last, -1, move, count)
    return step, count


@njit(**EXACT)
def _band(asset, stay, step, path, low, high):
    """Write the range of grid points of every interval; return whether it is usable."""
    start = asset.energy_initial_kwh
    bottom = int(np.ceil((stay.floor_kwh - start) / step - 1e-9))
    top = int(np.floor((asset.energy_max_kwh - start) / step + 1e-9))
    reach = int(BAND * asset.max_charge_kw * asset.charge_kwh_per_kw / step) + 2
    for t in range(stay.from_interval, stay.to_interval + 1):
        middle = int(np.floor((path[t] - start) / step))
        low[t], high[t] = max(bottom, middle - reach), min(top, middle + reach + 1)
        if low[t] > high[t] or high[t] - low[t] >= WIDTH:
            return False
    low[stay.from_interval] = high[stay.from_interval] = 0
    return True


@njit(**FAST)
def _relax(row, following, first, last, shift, cost):
    """row[j] = min(row[j], following[j + shift] + cost) for j in [first, last]."""
    for j in range(first, last + 1):
        other = following[j + shift] + cost
        row[j] = other if other < row[j] else row[j]


@njit(**EXACT)
def _move_costs(c, asset, t, step, count, settings, w, move, cost):
    """Write the cost of every move in interval t against standing still."""
    near, hours = w.near, settings.interval_h
    bent, start, rise = gather(
        c, t, w.rest[t], w.rest_feeder[t], asset.weight, -asset.max_discharge_kw, asset.max_charge_kw, near
    )
    still = cost_at(0.0, bent, start, rise, near)
    for k in range(count):
        energy = move[k] * step
        kw = energy / (asset.charge_kwh_per_kw if energy > 0.0 else asset.discharge_kwh_per_kw)
        own = asset.wear_cost_per_kwh * abs(kw) + settings.early_tilt_per_kwh * t * max(kw, 0.0)
        cost[k] = hours * (cost_at(kw, bent, start, rise, near) - still + own)


@njit(**EXACT)
def search_modes(c, asset, stays, settings, w, grid, modes):
    """Write the best modes (-1, 0, 1) found on the grid; leave them as they are where it does not apply."""
    stay = stays[asset.first_stay]
    if asset.last_stay - asset.first_stay > 1 or asset.max_charge_kw <= 0.0:
        return
    value, cost, low, high, move = grid.value, grid.cost, grid.low, grid.high, grid.move
    step, count = _moves(asset, stay.charge_only, move)
    if not _band(asset, stay, step, w.energy, low, high):
        return
    end = stay.to_interval
    for j in range(low[end], high[end] + 1):
        energy = asset.energy_initial_kwh + j * step
        missing = shortfall_kwh(stay, energy)
        left = max(0.0, energy - stay.trip_kwh)
        missing += max(0.0, stay.trip_kwh - energy) + max(0.0, asset.final_min_kwh - left)
        value[end, j - low[end]] = settings.penalty_per_kwh * missing - asset.final_value_per_kwh * left
    for t in range(end - 1, stay.from_interval - 1, -1):
        costs = cost[t]
        _move_costs(c, asset, t, step, count, settings, w, move, costs)
        for j in range(high[t] - low[t] + 1):
            value[t, j] = np.float32(1e15)
        for k in range(count):
            shift = low[t] - low[t + 1] + move[k]
            first, last = max(0, -shift), min(high[t] - low[t], high[t + 1] - low[t + 1] - shift)
            _relax(value[t], value[t + 1], first, last, shift, costs[k])
    if value[stay.from_interval, 0] < 1e14:
        _read_modes(stay, count, grid, modes)


@njit(**EXACT)
def _read_modes(stay, count, grid, modes):
    """Follow the cheapest moves forward from the initial energy."""
    value, cost, low, high, move = grid.value, grid.cost, grid.low, grid.high, grid.move
    j = 0
    for t in range(stay.from_interval, stay.to_interval):
        best, pick = np.float32(1e20), 0
        for k in range(count):
            place = j + move[k]
            if low[t + 1] <= place <= high[t + 1]:
                other = cost[t, k] + value[t + 1, place - low[t + 1]]
                if other < best:
                    best, pick = other, k
        j += move[pick]
        modes[t] = 1 if move[pick] > 0 else (-1 if move[pick] < 0 else 0)
