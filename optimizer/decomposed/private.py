"""What an asset has on top of energy, power and windows: a budget, shares of reserve, wear by depth.

All three stay inside the asset, so prices and multipliers can carry them:

* budget: a price `beta >= 0` on every kWh out of the cell;
* reserve: the share an asset can hold is the least of a headroom of power and two of energy. Weights on
  these three give a bound that is linear in power and concave in energy;
* wear by depth: parallel stores, one per segment, with a price for the energy in each (see `depth`).

A problem without any of them has no `Private`, and none of this code runs.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from optimizer.decomposed.fleet import Fleet
from optimizer.problem import Floats, Ints, Problem, Reserve

UP, DOWN = 0, 1


class Private(NamedTuple):
    """Columns over the fleet's records (N), in kernel order; T intervals, or none without reserve."""

    rich: Ints  # (N): 1 if the asset has anything of this
    budget_kwh: Floats  # (N): infinite without one
    budget_price: Floats  # (N, 2): money per kWh out of the cell, of the schedule and of the bound
    asked: Floats  # (2, T): 1 where reserve up, down is asked for
    sustain_h: Floats  # (2, T): for how long
    power_kw: Floats  # (N, 2): limit of discharge, of charge
    backed: Ints  # (N, 2): 1 where a share needs energy; 0: none; -1: it does, but may lie below the minimum
    weight: NDArray[np.float32]  # (N, T, 4): of the energy up at end, start, down at end, start; rest: power
    depth_row: Ints  # (N): row in the tables of wear, -1 without
    segment_cost: Floats  # (W, J): money per kWh out of the cell, shallow to deep
    segment_kwh: Floats  # (W, J): size, the deepest reaches down to empty
    potential: Floats  # (W, J, T): wear that a kWh in a segment saves from an interval on
    aim: Floats  # (W, T): kWh into the cell, of a path that was best at past prices
    aimed: Ints  # (W): 1: that path has not been tried yet; 2: a new one is to be found first


def has_private(problem: Problem) -> bool:
    """Tell whether any asset has a budget, reserve to hold or wear by depth."""
    return bool(
        np.isfinite(problem.assets.discharge_budget_kwh).any()
        or (problem.reserve is not None and len(problem.reserve))
        or (problem.wear is not None and len(problem.wear))
    )


def compile_private(problem: Problem, fleet: Fleet) -> Private | None:
    """Lay out what the assets have on top; None if they have nothing. Flat wear it replaces is zeroed."""
    if not has_private(problem):
        return None
    order, count = fleet.order, len(fleet)
    budget = problem.assets.discharge_budget_kwh[order]
    asked, sustain = asked_reserve(problem.reserve, problem.intervals)
    power = np.stack([problem.assets.max_discharge_kw, problem.assets.max_charge_kw], axis=1)[order]
    row, cost, size = _segments(problem, fleet)
    fleet.assets["wear_cost_per_kwh"][row >= 0] = 0.0
    intervals = asked.shape[1]
    return Private(
        rich=((budget < np.inf) | (row >= 0) | bool(intervals)).astype(np.int64),
        budget_kwh=budget,
        budget_price=np.zeros((count, 2)),
        asked=asked,
        sustain_h=sustain,
        power_kw=power,
        backed=_backed(fleet, power),
        weight=np.zeros((count, intervals, 4), np.float32),
        depth_row=row,
        segment_cost=cost,
        segment_kwh=size,
        potential=np.zeros((*cost.shape, problem.intervals)),
        aim=np.zeros((len(cost), problem.intervals)),
        aimed=np.zeros(len(cost), np.int64),
    )


def asked_reserve(reserve: Reserve | None, intervals: int) -> tuple[Floats, Floats]:
    """Where reserve up and down is asked for, and the longest time of overlapping products, (2, T)."""
    if reserve is None or not len(reserve):
        return np.zeros((2, 0)), np.zeros((2, 0))
    asked, sustain = np.zeros((2, intervals)), np.zeros((2, intervals))
    for r in range(len(reserve)):
        span = slice(int(reserve.from_interval[r]), int(reserve.to_interval[r]))
        way = UP if reserve.up[r] else DOWN
        asked[way, span] = 1.0
        sustain[way, span] = np.maximum(sustain[way, span], reserve.sustain_h[r])
    return asked, sustain


def _backed(fleet: Fleet, power: Floats) -> Ints:
    """An asset that cannot discharge needs no energy for a share up."""
    backed = np.ones((len(fleet), 2), np.int64)
    backed[power[:, UP] <= 0.0, UP] = 0
    owner = np.repeat(np.arange(len(fleet)), fleet.assets["last_stay"] - fleet.assets["first_stay"])
    low = fleet.stays["relaxed_floor_kwh"] < fleet.assets["energy_min_kwh"][owner] - 1e-9
    low &= backed[owner, UP] == 1
    backed[owner[low], UP] = -1
    return backed


def _segments(problem: Problem, fleet: Fleet) -> tuple[Ints, Floats, Floats]:
    """Row of every record in the tables of wear, cost (W, J) and size (W, J) of the segments."""
    row = np.full(len(fleet), -1, np.int64)
    wear = problem.wear
    if wear is None or not len(wear):
        return row, np.zeros((0, 1)), np.zeros((0, 1))
    listed = np.full(len(fleet), -1, np.int64)
    listed[wear.asset] = np.arange(len(wear))
    row = listed[fleet.order]
    depth, own = wear.cost_per_kwh.shape[1], wear.asset
    low, high = problem.assets.energy_min_kwh[own], problem.assets.energy_max_kwh[own]
    size = np.repeat((high - low)[:, None] / depth, depth, axis=1)
    size[:, -1] += low
    return row, np.array(wear.cost_per_kwh), size  # a copy: kernels are compiled for what may be written


def select_private(private: Private | None, rows: Ints) -> Private | None:
    """The same for some records; the tables of wear are shared out, multipliers copied."""
    if private is None:
        return None
    row = private.depth_row[rows]
    worn = row[row >= 0]
    fresh = np.where(row >= 0, np.cumsum(row >= 0) - 1, -1)
    return private._replace(
        rich=private.rich[rows],
        budget_kwh=private.budget_kwh[rows],
        budget_price=private.budget_price[rows],
        power_kw=private.power_kw[rows],
        backed=private.backed[rows],
        weight=private.weight[rows],
        depth_row=fresh,
        segment_cost=private.segment_cost[worn],
        segment_kwh=private.segment_kwh[worn],
        potential=private.potential[worn],
        aim=private.aim[worn],
        aimed=private.aimed[worn],
    )
