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


def may_run_low(problem: Problem, stays: Stays) -> Booleans:
    """Mark dischargeable assets whose energy can lie below its minimum: at the start, or after a trip."""
    assets = problem.assets
    low = assets.energy_initial_kwh < assets.energy_min_kwh
    low[stays.asset[(stays.trip_kwh > 0.0) & ~stays.closes]] = True
    return low & (assets.max_discharge_kw > 0.0)


def needs_mode(problem: Problem) -> tuple[Booleans, Booleans]:
    """Mark the assets that need an on/off variable for charging, and for discharging, shape (N,)."""
    assets = problem.assets
    both = (assets.max_charge_kw > 0.0) & (assets.max_discharge_kw > 0.0)
    return both | (assets.min_charge_kw > 0.0), both | (assets.min_discharge_kw > 0.0)
