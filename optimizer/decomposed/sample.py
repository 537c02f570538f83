"""A weighted sample of the fleet, and how its trajectories stand in for everybody's at the start."""

from __future__ import annotations

import numpy as np

from optimizer.decomposed.fleet import Fleet, select
from optimizer.problem import Floats, Ints


def _kinds(fleet: Fleet) -> Ints:
    """0: connected throughout, 1: charges only, 2: also discharges, within windows."""
    first = fleet.stays[fleet.assets["first_stay"]]
    windowed = (first["from_interval"] > 0) | (first["to_interval"] < fleet.intervals)
    return np.where(fleet.assets["max_discharge_kw"] <= 0.0, 1, np.where(windowed, 2, 0))


def draw_sample(fleet: Fleet, size: int) -> tuple[Ints, Fleet]:
    """Draw records systematically over (feeder, kind, first stay); weights match the energy need.

    Returns the rows, ascending, and their fleet, without minimum powers (they hardly matter for prices).
    """
    count = len(fleet)
    rows = np.arange(count)
    if size < count:
        first = fleet.stays[fleet.assets["first_stay"]]
        sequence = np.lexsort(
            (first["to_interval"] - first["from_interval"], _kinds(fleet), fleet.assets["feeder"])
        )
        rows = np.sort(sequence[((np.arange(size) + 0.5) * count / size).astype(np.int64)])
    sampled = select(fleet, rows, _weights(fleet, rows))
    for name in ("min_charge_kw", "min_discharge_kw"):
        sampled.assets[name] = 0.0
    sampled.assets["counted"] = sampled.assets["stepped"] = 0
    return rows, sampled


def _weights(fleet: Fleet, rows: Ints) -> Floats:
    """Per feeder and kind: total energy (capacity, or need of charge-only assets) over the sampled one."""
    kind = _kinds(fleet)
    group = fleet.assets["feeder"] * 3 + kind
    first = fleet.stays[fleet.assets["first_stay"]]
    need = np.where(
        kind == 0, fleet.assets["energy_max_kwh"],
        np.maximum(first["target_kwh"] - fleet.assets["energy_initial_kwh"], 0.0) + 1e-3,
    )  # fmt: skip
    total = np.bincount(group, need, 3 * fleet.feeders)
    part = np.bincount(group[rows], need[rows], 3 * fleet.feeders)
    return np.asarray((total / np.maximum(part, 1e-9))[group[rows]], dtype=np.float64)


def spread(fleet: Fleet, rows: Ints, sampled: Fleet, power_kw: Floats) -> Floats:
    """Give every record its nearest sampled neighbour's trajectory, scaled so that the sums match exactly.

    Neighbours share feeder and kind and are closest in the order of (window, power). The result is a
    start only: the first pass replaces every placeholder by a schedule the asset can follow.
    """
    first = fleet.stays[fleet.assets["first_stay"]]
    sequence = np.lexsort(
        (
            fleet.assets["max_charge_kw"],
            first["to_interval"] - first["from_interval"],
            _kinds(fleet),
            fleet.assets["feeder"],
        )
    )
    rank = np.empty(len(fleet), np.int64)
    rank[sequence] = np.arange(len(fleet))
    by_rank = np.argsort(rank[rows])
    sampled_rank = rank[rows][by_rank]
    right = np.minimum(np.searchsorted(sampled_rank, rank), len(rows) - 1)
    left = np.maximum(right - 1, 0)
    nearer_left = np.abs(sampled_rank[left] - rank) < np.abs(sampled_rank[right] - rank)
    pick = by_rank[np.where(nearer_left, left, right)]
    size = np.maximum(fleet.assets["max_charge_kw"], 1e-3)
    share = sampled.assets["weight"][pick] * size / np.bincount(pick, size, len(rows))[pick]
    start: Floats = power_kw[pick]
    start *= share[:, None]
    return start
