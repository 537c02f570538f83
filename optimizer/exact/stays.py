"""Index sets of the statement: where an asset is connected, which rows it has, what it can reach."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimizer.problem import Floats, Ints, Problem

Booleans = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stays:
    """Connected stretches, at least one per asset, sorted by (asset, first); an implied one is the horizon.

    A stay covers the intervals `first` to `last`, both included. A trip that starts at the end of
    the horizon lies beyond it and is zero here.
    """

    asset: Ints
    first: Ints
    last: Ints
    departure_kwh: Floats
    trip_kwh: Floats
    opens: Booleans  # the asset's first stay
    closes: Booleans  # the asset's last stay

    def __len__(self) -> int:
        return len(self.asset)


def stays_of(problem: Problem) -> Stays:
    """Complete the windows with one stay over the whole horizon for every asset without any."""
    windows, (count, intervals) = problem.windows, problem.shape
    free = np.setdiff1d(np.arange(count), windows.asset)
    idle = np.zeros(len(free))
    asset = np.concatenate([windows.asset, free])
    first = np.concatenate([windows.from_interval, np.zeros(len(free), dtype=np.int64)])
    end = np.concatenate([windows.to_interval, np.full(len(free), intervals)])
    order = np.lexsort((first, asset))
    asset, first, end = asset[order], first[order], end[order]
    trip = np.concatenate([windows.trip_energy_kwh, idle])[order]
    return Stays(
        asset=asset,
        first=first,
        last=end - 1,
        departure_kwh=np.concatenate([windows.departure_energy_kwh, idle])[order],
        trip_kwh=np.where(end < intervals, trip, 0.0),
        opens=np.append(True, asset[1:] != asset[:-1]),
        closes=np.append(asset[1:] != asset[:-1], True),
    )


def runs_low(problem: Problem, stays: Stays) -> Booleans:
    """Mark the stays in which a dischargeable asset may lie below its minimum energy, shape (W,).

    Its first stay, where it starts there, and those after a trip.
    """
    assets = problem.assets
    travelled: Ints = np.cumsum(stays.trip_kwh > 0.0, dtype=np.int64)
    before: Ints = travelled - (stays.trip_kwh > 0.0)
    at_opening: Ints = before[np.maximum.accumulate(np.where(stays.opens, np.arange(len(stays)), 0))]
    low = (assets.energy_initial_kwh < assets.energy_min_kwh)[stays.asset] | (before > at_opening)
    return low & (assets.max_discharge_kw > 0.0)[stays.asset]


def may_strand(problem: Problem, stays: Stays) -> Booleans:
    """Mark the stays whose trip may need more than the least energy an asset can leave with, shape (W,)."""
    assets = problem.assets
    strands = np.zeros(len(stays), dtype=bool)
    level = 0.0
    for w, asset in enumerate(stays.asset):
        level = float(assets.energy_initial_kwh[asset]) if stays.opens[w] else level
        if assets.max_discharge_kw[asset] > 0.0:
            level = min(level, float(assets.energy_min_kwh[asset]))
        strands[w] = level < stays.trip_kwh[w]
        level = max(level - float(stays.trip_kwh[w]), 0.0)
    return strands


def needs_mode(problem: Problem) -> tuple[Booleans, Booleans]:
    """Mark the assets that need an on/off variable for charging, and for discharging, shape (N,)."""
    assets = problem.assets
    both = (assets.max_charge_kw > 0.0) & (assets.max_discharge_kw > 0.0)
    return both | (assets.min_charge_kw > 0.0), both | (assets.min_discharge_kw > 0.0)
