"""The fleet as the kernels read it: one record per asset and one per stay at the charger, in feeder order.

A *stay* is a span of intervals with one rule for the energy. An asset without windows has one stay
`[0, T)`; a window is one stay, or two when the asset arrives below its minimum and has to recover:

    energy   max ────────────────────────────────
             min ─ ─ ─ ─ ─ ─ ─┬───────────────────  stay B: `floor` = minimum, both directions
                         /    │
             low ──────/      │                     stay A: charge only, `floor` = low
                 from      recovered            to

The schedule follows these (slightly narrower) rules; the bound uses `relaxed_floor` and both directions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optimizer.problem import Floats, Ints, Problem

Records = NDArray[np.void]

ASSET = np.dtype(
    [
        ("feeder", np.int64),
        ("first_stay", np.int64),
        ("last_stay", np.int64),  # one past
        ("weight", np.float64),  # how many assets this one stands for
        ("energy_initial_kwh", np.float64),
        ("energy_min_kwh", np.float64),
        ("energy_max_kwh", np.float64),
        ("max_charge_kw", np.float64),
        ("max_discharge_kw", np.float64),
        ("min_charge_kw", np.float64),
        ("min_discharge_kw", np.float64),
        ("charge_kwh_per_kw", np.float64),  # interval_h * charge_efficiency: stored by 1 kW in an interval
        ("discharge_kwh_per_kw", np.float64),  # interval_h / discharge_efficiency: taken by 1 kW
        ("wear_cost_per_kwh", np.float64),
        ("final_min_kwh", np.float64),
        ("final_value_per_kwh", np.float64),
        ("counted", np.int64),  # 1: one charge-only stay with a minimum power: exact by counting intervals
        ("stepped", np.int64),  # 1: some minimum power
    ],
    align=True,
)

STAY = np.dtype(
    [
        ("from_interval", np.int64),
        ("to_interval", np.int64),
        ("floor_kwh", np.float64),
        ("relaxed_floor_kwh", np.float64),
        ("charge_only", np.int64),
        ("target_kwh", np.float64),  # soft, at the end of the stay; 0: none
        ("trip_kwh", np.float64),  # taken after the stay
        ("bridge_kwh", np.float64),  # below the target by this much, the shortfall may be cheaper
        ("bridge_share", np.float64),  # ... by this factor (reachable energies of a stepped charger)
    ],
    align=True,
)


@dataclass(frozen=True, slots=True)
class Fleet:
    """Assets in feeder order. `order[k]` is the problem's row of the k-th record."""

    assets: Records
    stays: Records
    order: Ints
    feeder_first: Ints  # (F + 1): records of feeder f are feeder_first[f]:feeder_first[f + 1]
    interval_h: float
    intervals: int
    penalty_per_kwh: float  # of missing energy

    def __len__(self) -> int:
        return len(self.assets)

    @property
    def feeders(self) -> int:
        return len(self.feeder_first) - 1


def compile_fleet(problem: Problem) -> Fleet:
    """Lay out the problem's assets for the kernels, sorted by feeder (then by their row)."""
    order = np.argsort(problem.assets.feeder, kind="stable")
    assets = _asset_records(problem, order)
    rows, stays = _stay_records(problem, assets, order)
    assets["first_stay"] = np.searchsorted(rows, np.arange(len(assets)))
    assets["last_stay"] = np.searchsorted(rows, np.arange(len(assets)), side="right")
    _mark_stepped(assets, stays)
    return Fleet(
        assets=assets,
        stays=stays,
        order=order,
        feeder_first=np.searchsorted(assets["feeder"], np.arange(len(problem.feeders) + 1)),
        interval_h=problem.interval_h,
        intervals=problem.intervals,
        penalty_per_kwh=problem.unmet_energy_penalty_per_kwh,
    )


def _asset_records(problem: Problem, order: Ints) -> Records:
    source, records = problem.assets, np.zeros(len(order), ASSET)
    for name in (
        "feeder",
        "energy_initial_kwh",
        "energy_min_kwh",
        "energy_max_kwh",
        "max_charge_kw",
        "max_discharge_kw",
        "min_charge_kw",
        "min_discharge_kw",
        "wear_cost_per_kwh",
    ):
        records[name] = getattr(source, name)[order]
    records["weight"] = 1.0
    records["charge_kwh_per_kw"] = problem.interval_h * source.charge_efficiency[order]
    records["discharge_kwh_per_kw"] = problem.interval_h / source.discharge_efficiency[order]
    records["final_min_kwh"] = source.energy_final_min_kwh[order]
    records["final_value_per_kwh"] = source.energy_final_value_per_kwh[order]
    # An asset whose smallest power exceeds its largest one can only stay off in that direction.
    for direction in ("charge", "discharge"):
        never = records[f"min_{direction}_kw"] > records[f"max_{direction}_kw"]
        records[f"max_{direction}_kw"][never] = 0.0
        records[f"min_{direction}_kw"][records[f"max_{direction}_kw"] <= 0.0] = 0.0
    return records


def _stay_records(problem: Problem, assets: Records, order: Ints) -> tuple[Ints, Records]:
    """Return the record index of every stay and the stays, sorted by (asset, from_interval)."""
    windows, count = problem.windows, len(assets)
    rank = np.empty(count, np.int64)
    rank[order] = np.arange(count)
    bare = np.ones(count, np.bool_)
    bare[rank[windows.asset]] = False
    owner = np.concatenate([rank[windows.asset], np.flatnonzero(bare)])
    sequence = np.lexsort((np.concatenate([windows.from_interval, np.zeros(bare.sum(), np.int64)]), owner))
    stays = np.zeros(len(owner), STAY)
    blank = np.zeros(bare.sum())
    stays["from_interval"] = np.concatenate([windows.from_interval, blank.astype(np.int64)])[sequence]
    stays["to_interval"] = np.concatenate([windows.to_interval, np.full(bare.sum(), problem.intervals)])[
        sequence
    ]
    stays["target_kwh"] = np.concatenate([windows.departure_energy_kwh, blank])[sequence]
    stays["trip_kwh"] = np.concatenate([windows.trip_energy_kwh, blank])[sequence]
    stays["trip_kwh"][stays["to_interval"] >= problem.intervals] = (
        0.0  # a trip after the horizon is not taken
    )
    owner = owner[sequence]
    _set_floors(assets, owner, stays)
    return _split_recovering(assets, owner, stays)


def _set_floors(assets: Records, owner: Ints, stays: Records) -> None:
    """Follow the lowest allowed energy from stay to stay; columns at once, the k-th stay of every asset.

    `floor` starts at the arrival energy when that lies below the minimum. The lowest allowed energy at
    departure is min(minimum + trip, what full power reaches); a charge-only asset never falls.
    """
    index = np.arange(len(owner)) - np.searchsorted(owner, owner)
    low = assets["energy_initial_kwh"].copy()
    relaxed = low.copy()
    for k in range(int(index.max(initial=-1)) + 1):
        row = np.flatnonzero(index == k)
        mine, stay = assets[owner[row]], stays[row]
        only_charge = mine["max_discharge_kw"] <= 0.0
        stays["floor_kwh"][row] = np.where(
            only_charge, low[owner[row]], np.minimum(mine["energy_min_kwh"], low[owner[row]])
        )
        floor_relaxed = np.where(
            only_charge, relaxed[owner[row]], np.minimum(mine["energy_min_kwh"], relaxed[owner[row]])
        )
        stays["relaxed_floor_kwh"][row] = floor_relaxed
        gain = (
            (stay["to_interval"] - stay["from_interval"]) * mine["max_charge_kw"] * mine["charge_kwh_per_kw"]
        )
        reach = np.minimum(low[owner[row]] + gain, mine["energy_max_kwh"])
        leave = np.where(
            only_charge, low[owner[row]], np.minimum(mine["energy_min_kwh"] + stay["trip_kwh"], reach)
        )
        low[owner[row]] = np.maximum(leave - stay["trip_kwh"], 0.0)
        relaxed[owner[row]] = np.maximum(floor_relaxed - stay["trip_kwh"], 0.0)


def _split_recovering(assets: Records, owner: Ints, stays: Records) -> tuple[Ints, Records]:
    """Cut a stay that starts below the minimum into a charge-only part and a free part."""
    mine = assets[owner]
    missing = mine["energy_min_kwh"] - stays["floor_kwh"]
    below = (missing > 1e-12) & (mine["max_discharge_kw"] > 0.0)
    stays["charge_only"] = below | (mine["max_discharge_kw"] <= 0.0)
    step = np.maximum(mine["max_charge_kw"] * mine["charge_kwh_per_kw"], 1e-12)
    length = stays["to_interval"] - stays["from_interval"]
    wait = np.ceil(np.minimum(missing / step, 1e6) - 1e-9).astype(np.int64)
    cut = np.flatnonzero(below & (wait < length))
    free = stays[cut].copy()
    free["from_interval"] += wait[cut]
    free["floor_kwh"] = mine["energy_min_kwh"][cut]
    free["charge_only"] = 0
    stays["to_interval"][cut] = free["from_interval"]
    stays["target_kwh"][cut] = stays["trip_kwh"][cut] = 0.0
    owner = np.concatenate([owner, owner[cut]])
    stays = np.concatenate([stays, free])
    sequence = np.lexsort((stays["from_interval"], owner))
    return owner[sequence], stays[sequence]


def _mark_stepped(assets: Records, stays: Records) -> None:
    """Mark minimum powers, and the charge-only assets with one stay whose optimum is found by counting."""
    assets["stepped"] = (assets["min_charge_kw"] > 0.0) | (assets["min_discharge_kw"] > 0.0)
    first = stays[assets["first_stay"]]
    low = assets["energy_initial_kwh"] - first["trip_kwh"]
    counted = (assets["min_charge_kw"] > 0.0) & (assets["max_discharge_kw"] <= 0.0)
    counted &= assets["last_stay"] - assets["first_stay"] == 1
    counted &= (low >= 0.0) & (assets["final_min_kwh"] <= low)
    assets["counted"] = counted
    rows = np.flatnonzero(counted)
    _bridge_unreachable(assets[rows], stays, assets["first_stay"][rows])


def _bridge_unreachable(assets: Records, stays: Records, rows: Ints) -> None:
    """Move target and ceiling of a stepped charger to what it can reach: the union of [k u_min, k u_max].

        E = target - initial in a gap:   (k-1) u_max ├───E──────┤ k u_min

    No schedule ends inside the gap, so the shortfall cost may run straight over it: at the left end
    it is what it was, at the right end (the new target) zero. Valid for every price, and free.
    """
    low = assets["min_charge_kw"] * assets["charge_kwh_per_kw"]
    high = assets["max_charge_kw"] * assets["charge_kwh_per_kw"]
    need = stays["target_kwh"][rows] - assets["energy_initial_kwh"]
    count = np.ceil(need / high - 1e-9)
    right, left = count * low, np.maximum(count - 1.0, 0.0) * high
    gap = (need > 1e-9) & (right > need + 1e-9)
    gap &= assets["energy_initial_kwh"] + right <= assets["energy_max_kwh"]
    row = rows[gap]
    stays["target_kwh"][row] = (assets["energy_initial_kwh"] + right)[gap]
    stays["bridge_kwh"][row] = (right - left)[gap]
    stays["bridge_share"][row] = ((need - left) / np.maximum(right - left, 1e-12))[gap]


def select(fleet: Fleet, rows: Ints, weight: Floats) -> Fleet:
    """Return the fleet of the records `rows` (ascending), each standing for `weight` assets."""
    assets = fleet.assets[rows].copy()
    assets["weight"] = weight
    count = assets["last_stay"] - assets["first_stay"]
    last = np.cumsum(count)
    pick = np.repeat(assets["first_stay"] - (last - count), count) + np.arange(int(count.sum()))
    assets["first_stay"], assets["last_stay"] = last - count, last
    return Fleet(
        assets=assets,
        stays=fleet.stays[pick].copy(),
        order=fleet.order[rows],
        feeder_first=np.searchsorted(assets["feeder"], np.arange(fleet.feeders + 1)),
        interval_h=fleet.interval_h,
        intervals=fleet.intervals,
        penalty_per_kwh=fleet.penalty_per_kwh,
    )
