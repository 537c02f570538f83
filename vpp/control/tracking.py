"""Between plans: follow the fleet's planned power when some assets deliver less, or more. Pure.

```
    planned sum ──────────────────────────────── target
    measured sum ─────┐          ┌───────────── follows, by assets that may move
                      └──────────┘
                 an asset is lost   others take over its share
```

The error is split over the feeders within their limits, then over the assets of each feeder
(`optimizer.split`). Few assets move at a time, those that rested longest: each changes at most once
in a change period, and none by less than the deadband.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from optimizer.split import split_target
from vpp.control.compliance import Judgement
from vpp.control.order_book import OrderBook
from vpp.control.verification import limits_at
from vpp.domain.assets import AssetKind, Fleet
from vpp.domain.policy import DispatchPolicy
from vpp.domain.readings import MICROSECOND, ReadingColumns, to_microseconds
from vpp.domain.runs import DispatchPlan
from vpp.domain.setpoints import Origin, SetpointColumns

CHANGE_PERIOD: Final = timedelta(seconds=10)
DEADBAND_KW: Final = 0.05
DEADBAND_SHARE: Final = 0.01
SPARE_ROOM: Final = 1.5  # so many times the error is the room of the assets that are asked
_MICROSECONDS_PER_HOUR: Final = 3_600_000_000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What one step knows. `reachable` are assets whose node is here and that no stop holds."""

    now: datetime
    fleet: Fleet
    plan: DispatchPlan
    book: OrderBook
    readings: ReadingColumns
    reachable: NDArray[np.bool_]
    judgement: Judgement
    policy: DispatchPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one step came to; powers in kW, positive discharges.

    `power_kw` is what each asset is ordered after it (N,), NaN where nothing is in force; `energy_kwh`
    (N,) is stored now. `uncovered_kw` is the part of the error that nobody may take.
    """

    target_kw: float
    error_kw: float
    uncovered_kw: float
    interval: int
    power_kw: NDArray[np.float64]
    energy_kwh: NDArray[np.float64]
    moved: NDArray[np.int64]


def deadband_kw(power_kw: float) -> float:
    """Return by how much a power may be off before anybody moves: the larger of 50 W and 1 %."""
    return max(DEADBAND_KW, DEADBAND_SHARE * abs(power_kw))


def track(situation: Situation) -> Step | None:
    """Return who moves, and where to; None outside the plan's time."""
    plan, now = situation.plan, situation.now
    interval = plan.grid.index_of(now)
    if not 0 <= interval < plan.grid.count:
        return None
    held, ordered_kw = situation.book.table.at(now).power_at(now)
    power_kw = np.where(held, ordered_kw, np.nan)
    measured_kw, energy_kwh, fresh = _measured(situation)
    target_kw = float(plan.power_kw[:, interval].sum())
    error_kw = target_kw - float(np.where(fresh, measured_kw, np.where(held, ordered_kw, 0.0)).sum())
    error_kw -= _under_way(situation, held & fresh, ordered_kw, measured_kw)
    moved = np.zeros(0, dtype=np.int64)
    if abs(error_kw) > deadband_kw(target_kw):
        room = _room(situation, held & fresh, ordered_kw, energy_kwh, interval)
        change_kw = _shared(situation, error_kw, room, interval, np.where(held, ordered_kw, measured_kw))
        small = np.abs(change_kw) < np.maximum(DEADBAND_KW, DEADBAND_SHARE * np.abs(ordered_kw))
        change_kw[small] = 0.0
        moved = np.flatnonzero(change_kw)
        power_kw[moved] += change_kw[moved]
        uncovered_kw = error_kw - float(change_kw.sum())
    else:
        uncovered_kw = 0.0
    return Step(
        target_kw=target_kw,
        error_kw=error_kw,
        uncovered_kw=uncovered_kw,
        interval=interval,
        power_kw=power_kw,
        energy_kwh=energy_kwh,
        moved=moved,
    )


def orders_of(step: Step, situation: Situation, run_id: str, epoch: int) -> SetpointColumns:
    """Return the step's moves as orders that begin now."""
    slot, power_kw = step.moved, step.power_kw[step.moved]
    return SetpointColumns(
        run_id=run_id,
        epoch=epoch,
        valid_from=situation.now,
        valid_until=situation.now + situation.policy.setpoint_lifetime,
        origin=Origin.TRACKING,
        reason=f"the fleet was {step.error_kw:.2f} kW off its plan",
        slot=slot,
        sequence=situation.book.numbered(situation.now).highest_sequence()[slot] + 1,
        power_kw=power_kw,
        min_kw=power_kw,
        max_kw=power_kw,
    )


def _measured(
    situation: Situation,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Return power, stored energy, and which assets have a recent reading, all of shape (N,)."""
    count, readings = len(situation.fleet), situation.readings
    power_kw, energy_kwh, fresh = np.zeros(count), np.zeros(count), np.zeros(count, dtype=np.bool_)
    oldest_us = to_microseconds(situation.now - situation.policy.reading_max_age)
    power_kw[readings.slot] = np.where(readings.connected, readings.power_kw, 0.0)
    energy_kwh[readings.slot] = readings.soc * situation.fleet.column("capacity_kwh")[readings.slot]
    fresh[readings.slot] = readings.measured_at_us >= oldest_us
    return power_kw, energy_kwh, fresh


def _under_way(
    situation: Situation,
    held: NDArray[np.bool_],
    ordered_kw: NDArray[np.float64],
    measured_kw: NDArray[np.float64],
) -> float:
    """Return the change that was ordered after the last reading: it is coming, and asked of nobody else."""
    measured_us = np.zeros(len(held), dtype=np.int64)
    measured_us[situation.readings.slot] = situation.readings.measured_at_us
    newer = held & (situation.book.given_at_us > measured_us) & situation.reachable
    begun = situation.book.table.current.valid_from_us <= to_microseconds(situation.now)
    return float((ordered_kw - measured_kw)[newer & begun].sum())


def _room(
    situation: Situation,
    known: NDArray[np.bool_],
    ordered_kw: NDArray[np.float64],
    energy_kwh: NDArray[np.float64],
    interval: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return by how much each asset may go down and up, kW, shape (N,) each; zero where it may not move.

    Within its rating, and so that its energy lasts to the end of the interval. Cars stay with the plan
    that brings them to their departure; an asset with an order for later would lose it.
    """
    fleet, book, now = situation.fleet, situation.book, situation.now
    left_h = (to_microseconds(situation.plan.grid.start_of(interval + 1)) - to_microseconds(now)) / (
        _MICROSECONDS_PER_HOUR
    )
    car = np.array([asset.kind is AssetKind.EV_CHARGER for asset in fleet.assets], dtype=np.bool_)
    rested = book.changed_at_us + CHANGE_PERIOD // MICROSECOND <= to_microseconds(now)
    free = known & situation.reachable & rested & ~car & (book.table.at(now).next.sequence == 0)
    free &= situation.judgement.deviation_kw == 0.0
    stored, space = energy_kwh - fleet.column("energy_min_kwh"), fleet.column("energy_max_kwh") - energy_kwh
    lasting_kw = np.maximum(stored, 0.0) * fleet.column("discharge_efficiency") / max(left_h, 1e-3)
    taking_kw = np.maximum(space, 0.0) / fleet.column("charge_efficiency") / max(left_h, 1e-3)
    share = situation.judgement.availability
    high_kw = np.minimum(share * fleet.column("max_discharge_kw"), lasting_kw)
    low_kw = -np.minimum(share * fleet.column("max_charge_kw"), taking_kw)
    # A least power other than zero would need a choice; such an asset keeps its direction.
    least = np.maximum(fleet.column("min_charge_kw"), fleet.column("min_discharge_kw")) > 0.0
    free &= ~least
    if situation.plan.limits is not None:
        free[situation.plan.limits.limited] = False  # what a signal limits stays with the plan
    down = np.where(free, np.minimum(low_kw - ordered_kw, 0.0), 0.0)
    up = np.where(free, np.maximum(high_kw - ordered_kw, 0.0), 0.0)
    return down, up


def _shared(
    situation: Situation,
    error_kw: float,
    room: tuple[NDArray[np.float64], NDArray[np.float64]],
    interval: int,
    present_kw: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the change of each asset, kW, shape (N,): first over the feeders, then within each."""
    fleet = situation.fleet
    feeder = fleet.feeder_index()
    count = len(fleet.feeders)
    net_kw = situation.plan.net_load_kw[:, interval].copy()
    np.add.at(net_kw, feeder, -present_kw)
    import_kw, export_kw = limits_at(situation.plan, fleet, interval)
    # Going up by x lowers the feeder's load by x; where a limit is broken already, only the way back is open.
    feeder_up = np.maximum(net_kw + export_kw, 0.0)
    feeder_down = np.minimum(net_kw - import_kw, 0.0)
    feeder_room = feeder_up if error_kw > 0.0 else -feeder_down
    down, up = _of_the_longest_rested(situation, error_kw, room, feeder_room)
    room_down, room_up = np.zeros(count), np.zeros(count)
    np.add.at(room_down, feeder, down)
    np.add.at(room_up, feeder, up)
    feeder_up, feeder_down = np.minimum(room_up, feeder_up), np.maximum(room_down, feeder_down)
    total_kw, policy = float(net_kw.sum()), situation.policy
    most_up = max(total_kw + policy.export_limit_kw, 0.0)
    most_down = min(total_kw - policy.import_limit_kw, 0.0)
    wanted_kw = min(max(error_kw, most_down), most_up)
    feeder_kw = split_target(wanted_kw, np.zeros(count), feeder_down, feeder_up)
    change_kw = np.zeros(len(fleet))
    for row in np.flatnonzero(feeder_kw):
        mine = np.flatnonzero((feeder == row) & ((down < 0.0) | (up > 0.0)))
        change_kw[mine] = split_target(float(feeder_kw[row]), np.zeros(len(mine)), down[mine], up[mine])
    return change_kw


def _of_the_longest_rested(
    situation: Situation,
    error_kw: float,
    room: tuple[NDArray[np.float64], NDArray[np.float64]],
    feeder_room: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Leave room only to as many assets as are needed, those first that have not moved for longest."""
    down, up = room
    side = up if error_kw > 0.0 else -down
    feeder, left_kw = situation.fleet.feeder_index(), feeder_room.copy()
    asked = np.zeros(len(side), dtype=np.bool_)
    found_kw, needed_kw = 0.0, SPARE_ROOM * abs(error_kw)
    for slot in np.lexsort((np.arange(len(side)), situation.book.changed_at_us)).tolist():
        part_kw = min(float(side[slot]), float(left_kw[feeder[slot]]))
        if part_kw <= 0.0:
            continue
        asked[slot] = True
        left_kw[feeder[slot]] -= part_kw
        found_kw += part_kw
        if found_kw >= needed_kw:
            break
    return np.where(asked & (error_kw < 0.0), down, 0.0), np.where(asked & (error_kw > 0.0), up, 0.0)
