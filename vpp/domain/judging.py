"""Readings judged one by one, compiled: by what each says itself, and by its asset's earlier ones.

Rows are taken in the order of their times, and each sees what those before it left behind. So it makes no
difference how readings are cut into messages and batches: judged together they come out as each alone.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from vpp.domain.readings import (
    DISQUALIFYING,
    FUTURE_TOLERANCE,
    MICROSECOND,
    NO_READINGS,
    Quality,
    ReadingColumns,
    ReadingLimits,
    to_microseconds,
)

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]

KERNEL: Final[dict[str, Any]] = {"error_model": "numpy", "cache": True, "nogil": True}
US_PER_HOUR: Final = 3_600_000_000
FUTURE_US: Final = FUTURE_TOLERANCE // MICROSECOND
_NOT_FINITE, _OUT_OF_RANGE, _FUTURE, _STALE, _LATE = (
    int(flag)
    for flag in (Quality.NOT_FINITE, Quality.OUT_OF_RANGE, Quality.FUTURE, Quality.STALE, Quality.LATE)
)
_FROZEN, _IMPLAUSIBLE, _CLOCK_CORRECTED, _CLOCK_WRONG, _QUARANTINED = (
    int(flag)
    for flag in (
        Quality.FROZEN,
        Quality.IMPLAUSIBLE,
        Quality.CLOCK_CORRECTED,
        Quality.CLOCK_WRONG,
        Quality.QUARANTINED,
    )
)
# STALE is old news and no sign of trouble now; QUARANTINED is what is being decided here.
_BAD: Final = int(DISQUALIFYING & ~(Quality.STALE | Quality.QUARANTINED))
_NOT_COMPARED: Final = int(DISQUALIFYING | Quality.LATE)
_AT_ONCE: Final = int(Quality.FUTURE | Quality.CLOCK_WRONG | Quality.FROZEN)
_AS_THEY_COME: Final = np.zeros(0, dtype=np.int64)  # an order that changes nothing


class AloneLimits(NamedTuple):
    """`ReadingLimits` in microseconds and milliseconds."""

    future_us: int
    stale_us: int
    late_us: int
    power_margin: float
    skew_ignored_ms: int
    skew_corrected_ms: int


class TogetherLimits(NamedTuple):
    """`WatchLimits` in microseconds."""

    bad_readings: int
    good_readings: int
    frozen_share: float
    jump_share: float
    longest_gap_us: int


class Memory(NamedTuple):
    """What is remembered of N assets, and what they are; columns in slot order."""

    at_us: Ints  # of the newest reading that could be compared, by the service's clock
    soc: Floats
    moved_share: Floats  # of the capacity, by the measured power, while the charge stood still
    trouble: Ints
    good_run: Ints
    quarantined: Booleans
    last_quality: Ints
    capacity_kwh: Floats
    share_per_hour: Floats  # of the capacity, that may move in an hour
    stays: Booleans  # the same battery always, where at a charger cars come and go


def judge(
    *,
    slot: Ints,
    max_charge_kw: Floats,
    max_discharge_kw: Floats,
    limits: ReadingLimits,
    received_at: datetime,
    measured_at_us: Ints,
    clock_ahead_ms: Ints,
    soc: Floats,
    power_kw: Floats,
) -> tuple[Ints, Ints]:
    """Return the flags that each of n readings earns by itself, and by how many ms its time is corrected.

    Ratings are those of all assets, kW, in slot order; `clock_ahead_ms` is by how much each node's clock is
    ahead of the service's for certain.
    """
    quality, corrected_ms = np.empty(len(slot), dtype=np.int64), np.empty(len(slot), dtype=np.int64)
    _judge_alone(
        slot,
        measured_at_us,
        clock_ahead_ms,
        soc,
        power_kw,
        to_microseconds(received_at),
        max_charge_kw,
        max_discharge_kw,
        _alone_limits(limits),
        quality,
        corrected_ms,
    )
    return quality, corrected_ms


@lru_cache(maxsize=4)
def _alone_limits(limits: ReadingLimits) -> AloneLimits:
    unit, millisecond = MICROSECOND, 1000 * MICROSECOND
    return AloneLimits(
        future_us=limits.future_tolerance // unit,
        stale_us=limits.stale_after // unit,
        late_us=limits.late_limit // unit,
        power_margin=limits.power_margin,
        skew_ignored_ms=limits.skew_ignored // millisecond,
        skew_corrected_ms=limits.skew_corrected // millisecond,
    )


@njit(**KERNEL)
def _judge_alone(
    slot,
    measured_at_us,
    clock_ahead_ms,
    soc,
    power_kw,
    received_us,
    max_charge_kw,
    max_discharge_kw,
    limits,
    quality,
    corrected_ms,
):
    for row in range(len(slot)):
        flags = 0
        asset = slot[row]
        corrected_ms[row] = 0
        off_ms = abs(clock_ahead_ms[row])
        if off_ms > limits.skew_corrected_ms:
            flags |= _CLOCK_WRONG
        elif off_ms > limits.skew_ignored_ms:
            flags |= _CLOCK_CORRECTED
            corrected_ms[row] = clock_ahead_ms[row]
        power = power_kw[row]
        if not (np.isfinite(soc[row]) and np.isfinite(power)):
            flags |= _NOT_FINITE
        elif not (
            0.0 <= soc[row] <= 1.0
            and power <= limits.power_margin * max_discharge_kw[asset] + 0.1
            and -power <= limits.power_margin * max_charge_kw[asset] + 0.1
        ):
            flags |= _OUT_OF_RANGE
        age_us = received_us - (measured_at_us[row] - 1000 * corrected_ms[row])
        if -age_us > limits.future_us:
            flags |= _FUTURE
        elif age_us > limits.late_us:
            flags |= _STALE
        elif age_us > limits.stale_us:
            flags |= _LATE
        quality[row] = flags


def judge_together(readings: ReadingColumns, memory: Memory, limits: TogetherLimits) -> Ints:
    """Return the flags of readings with those that only their assets' earlier ones can tell."""
    at_us, quality = np.empty_like(readings.measured_at_us), readings.quality.copy()
    in_order = _times(readings.measured_at_us, readings.clock_ahead_ms, at_us)
    order = _AS_THEY_COME if in_order else np.argsort(at_us, kind="stable")
    _judge_together(
        order,
        readings.slot,
        at_us,
        readings.received_at_us,
        readings.soc,
        readings.power_kw,
        readings.connected,
        quality,
        memory,
        limits,
    )
    return quality


@njit(**KERNEL)
def _times(measured_at_us, clock_ahead_ms, at_us):
    """Write times by the service's clock; return whether they come in their order."""
    in_order = True
    for row in range(len(at_us)):
        at_us[row] = measured_at_us[row] - 1000 * clock_ahead_ms[row]
        if row > 0 and at_us[row] < at_us[row - 1]:
            in_order = False
    return in_order


@njit(**KERNEL)
def _judge_together(order, slot, at_us, received_us, soc, power_kw, connected, quality, memory, limits):
    for place in range(len(slot)):
        row = order[place] if len(order) else place
        asset, flags = slot[row], quality[row]
        before, held_us = memory.quarantined[asset], memory.at_us[asset]
        # One that is held from the future, because a clock was set back, is not held.
        held = held_us <= received_us[row] + FUTURE_US
        if held and at_us[row] <= held_us and not flags & _STALE:
            flags |= _LATE
        compared = flags & _NOT_COMPARED == 0
        if compared:
            flags |= _compare(asset, at_us[row], soc[row], power_kw[row], connected[row], memory, limits)
        if flags & _BAD:
            memory.good_run[asset] = 0
            memory.trouble[asset] += 1
            if flags & _AT_ONCE:
                memory.trouble[asset] = limits.bad_readings
            memory.quarantined[asset] = memory.trouble[asset] >= limits.bad_readings
        elif compared:
            memory.good_run[asset] += 1
            if memory.good_run[asset] >= limits.good_readings:
                memory.trouble[asset] = 0
                memory.quarantined[asset] = False
        if before and memory.quarantined[asset]:
            flags |= _QUARANTINED
        memory.last_quality[asset] = quality[row] = flags


@njit(**KERNEL)
def _compare(asset, at_us, soc, power_kw, connected, memory, limits):
    """Return FROZEN and IMPLAUSIBLE for a reading newer than what is held, and hold it."""
    gap_us = at_us - memory.at_us[asset]
    gap_h = gap_us / US_PER_HOUR
    change = soc - memory.soc[asset]  # NaN where there is no earlier one
    # Where it is full or empty, a little power may flow for ever.
    at_end = soc <= 0.01 if power_kw > 0.0 else soc >= 0.99
    close = 0 < gap_us <= limits.longest_gap_us
    moved, flags = 0.0, 0
    if change == 0.0 and connected and close and not at_end:
        moved = memory.moved_share[asset] + power_kw * gap_h / memory.capacity_kwh[asset]
    if abs(moved) > limits.frozen_share:
        flags |= _FROZEN
    possible = limits.jump_share + memory.share_per_hour[asset] * gap_h
    if memory.stays[asset] and close and abs(change) > possible:
        flags |= _IMPLAUSIBLE
    memory.moved_share[asset] = moved if np.isfinite(moved) else 0.0
    memory.at_us[asset], memory.soc[asset] = at_us, soc
    return flags


def warm_up() -> None:
    """Load the compiled loops, or compile them: a second or two, once for an installation."""
    none, nothing = np.zeros(0, dtype=np.int64), np.zeros(0)
    booleans = np.zeros(0, dtype=np.bool_)
    judge(
        slot=none,
        max_charge_kw=nothing,
        max_discharge_kw=nothing,
        limits=ReadingLimits(),
        received_at=datetime.fromisoformat("2020-01-01T00:00:00+00:00"),
        measured_at_us=none,
        clock_ahead_ms=none,
        soc=nothing,
        power_kw=nothing,
    )
    integers = (none,) * 2
    memory = Memory(none, nothing, nothing, *integers, booleans, none, nothing, nothing, booleans)
    judge_together(NO_READINGS, memory, TogetherLimits(3, 5, 0.05, 0.05, 1))
