"""What one lane of a sweep works with: its settings and its scratch arrays."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from optimizer.decomposed.coupling import ALLOCATING
from optimizer.decomposed.nearby import Nearby, new_nearby
from optimizer.problem import Floats, Ints

SEGMENTS = 24  # at most, per interval
FREE, OFF, CHARGE, DISCHARGE = 9, 0, 1, -1


class Settings(NamedTuple):
    """What steers a sweep beside the problem itself."""

    interval_h: float
    penalty_per_kwh: float  # of missing energy
    linear_below: float  # money per kWh: price changes within an asset's own range that are ignored
    fine: int  # 1: more breakpoints
    level: int  # stepped assets: 0 round, 1 polish the rounded modes, 2 search the modes
    early_tilt_per_kwh: float  # added per interval to the price of charging: of equal plans the earlier wins
    stability_per_kwh: float  # on each kW away from the previous plan, for an hour
    least_promise: float  # money: who promises to gain less does not step (see `promise`), 0: all do


class Work(NamedTuple):
    """Scratch arrays of one lane."""

    slope: Floats
    length: Floats
    threshold: Floats  # (T * SEGMENTS)
    width: Floats  # (T * SEGMENTS)
    first: Ints  # (T): place of the interval's segments
    segments: Ints  # (T): number of segments
    start: Floats  # (T): energy moved at the lowest power
    low: Floats  # (T): lowest energy allowed at the end of the interval
    need: Floats  # (T): energy at the end of the interval from which the target is still reached
    wish: Floats  # (2 * SEGMENTS): breakpoints before sorting
    point: Floats  # (SEGMENTS + 2)
    key: Floats  # (SEGMENTS + 2)
    rest: Floats  # (T): net charging of the fleet without the asset
    rest_feeder: Floats  # (T)
    energy: Floats  # (T + 1): path before rounding
    power_low: Floats  # (T): lowest signed power allowed, the highest, the middle, and the prices there
    power_high: Floats
    power_middle: Floats
    price_low: Floats
    price_high: Floats
    price_middle: Floats
    trial: Floats  # (T): net charging at a trial schedule
    trial_feeder: Floats
    now: Floats  # (T): net charging at the present schedule
    now_feeder: Floats
    near: Nearby


@njit(**ALLOCATING)
def new_work(intervals, ramps):
    """Allocate the scratch arrays of one lane, in the order of the fields of `Work`."""
    size = SEGMENTS * intervals
    return Work(
        np.empty(size + 256),
        np.empty(size + 256),
        np.empty(size),
        np.empty(size),
        np.zeros(intervals, np.int64),
        np.zeros(intervals, np.int64),
        np.zeros(intervals),
        np.zeros(intervals),
        np.zeros(intervals),
        np.empty(2 * SEGMENTS),
        np.empty(SEGMENTS + 2),
        np.empty(SEGMENTS + 2),
        np.zeros(intervals),
        np.zeros(intervals),
        np.zeros(intervals + 1),
        np.empty(intervals),
        np.empty(intervals),
        np.empty(intervals),
        np.empty(intervals),
        np.empty(intervals),
        np.empty(intervals),
        np.empty(intervals),
        np.empty(intervals),
        np.empty(intervals),
        np.empty(intervals),
        new_nearby(ramps),
    )
