"""From an operator's word to orders, their run, and what they are checked against."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from vpp.control.estimate import estimate_state
from vpp.control.forecast_on_grid import net_load_on
from vpp.control.override_check import OverrideSituation
from vpp.domain.forecasts import LoadForecast
from vpp.domain.intervals import IntervalGrid, interval_start
from vpp.domain.overrides import LONGEST, OverrideColumns
from vpp.domain.readings import to_microseconds
from vpp.domain.runs import Rung, RunKind, RunSummary
from vpp.domain.setpoints import Origin, SetpointColumns
from vpp.domain.state import FleetState
from vpp.service.loop import DispatchLoop


def present_state(loop: DispatchLoop, now: datetime) -> FleetState:
    """Return the fleet's picture at `now`."""
    return estimate_state(
        fleet=loop.fleet,
        readings=loop.link.latest_readings(),
        orders=loop.orders,
        now=now,
        at=now,
        interval_start=interval_start(now, loop.policy.interval),
        max_age=loop.policy.reading_max_age,
        quarantined=loop.link.quarantined(),
    )


def present_situation(loop: DispatchLoop, forecast: LoadForecast, now: datetime) -> OverrideSituation | None:
    """Return what an override is checked against now; None where the forecast does not reach the present."""
    length = loop.policy.interval
    start = interval_start(now, length)
    # A forecast issued a moment ago begins with the next interval: its first one stands for the present.
    begin = max(start, forecast.grid.start)
    if begin > start + length:
        return None
    feeder_ids = [feeder.feeder_id for feeder in loop.fleet.feeders]
    count = math.ceil(LONGEST / length) + 1
    load_kw = net_load_on(forecast, IntervalGrid(start=begin, length=length, count=count), feeder_ids)
    late = (begin - start) // length
    load_kw = np.hstack([np.repeat(load_kw[:, :1], late, axis=1), load_kw[:, : count - late]])
    state = present_state(loop, now)
    return OverrideSituation(
        now=now,
        fleet=loop.fleet,
        policy=loop.policy,
        grid=IntervalGrid(start=start, length=length, count=count),
        load_kw=load_kw,
        ordered_kw=_orders_out(loop, now),
        energy_kwh=state.energy_kwh,
        trusted=state.usable & ~state.quarantined,
        connected=state.connected,
    )


def _orders_out(loop: DispatchLoop, now: datetime) -> NDArray[np.float64]:
    """Return what assets were told for the present interval, and for the next where that was told, (N, C)."""
    held, power_kw = loop.orders.power_at(now)
    present = np.where(held, power_kw, 0.0)
    later = loop.orders.next
    if not (told := later.valid_from_us > to_microseconds(now)).any():
        return present[:, None]
    return np.column_stack([present, np.where(told, later.power_kw, 0.0)])


def operators_orders(
    loop: DispatchLoop,
    run_id: str,
    slots: NDArray[np.int64],
    power_kw: NDArray[np.float64],
    columns: OverrideColumns,
    reason: str,
    begin: datetime,
    lifetime: timedelta,
) -> SetpointColumns:
    """Return orders of overrides; the sequences are the next ones, so `loop.giving` must be held."""
    power = power_kw[slots]
    return SetpointColumns(
        run_id=run_id,
        epoch=loop.epoch,
        valid_from=begin,
        valid_until=begin + lifetime,
        origin=Origin.OPERATOR,
        reason=reason,
        slot=slots,
        sequence=loop.book.numbered(loop.clock.now()).highest_sequence()[slots] + 1,
        power_kw=power,
        min_kw=np.where(columns.fixed[slots], power, np.maximum(columns.min_kw[slots], -1e9)),
        max_kw=np.where(columns.fixed[slots], power, np.minimum(columns.max_kw[slots], 1e9)),
    )


def override_run(loop: DispatchLoop, orders: SetpointColumns, kind: RunKind) -> tuple[RunSummary, FleetState]:
    """Return the run under which an operator's orders are stored, with the fleet's picture."""
    now = loop.clock.now()
    run = RunSummary(
        run_id=orders.run_id,
        cycle_start=interval_start(orders.valid_from, loop.policy.interval),
        started_at=now,
        finished_at=now,
        trigger="override",
        rung=Rung.GREEDY,
        reason=orders.reason,
        forecast_id=None,
        input_sha256="",
        objective=None,
        lower_bound=None,
        gap=None,
        setpoints=len(orders),
        seconds_solve=0.0,
        killed=False,
        epoch=loop.epoch,
        kind=kind,
    )
    return run, present_state(loop, now)
