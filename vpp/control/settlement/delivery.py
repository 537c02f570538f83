"""What each asset delivered of an event, and the reason for what is missing. Pure.

An asset's part of the request is what it was ordered beyond its baseline, scaled down where the fleet was
ordered more than the request. What the plan did not order of anybody is everybody's part by the room that
is left: rating less order. So the parts add up to the request.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vpp.control.settlement.baseline import Baseline
from vpp.control.settlement.metering import MeanPower
from vpp.domain.assets import Fleet
from vpp.domain.settlement import Delivery, SettledEvent, Shortfall, Spans
from vpp.domain.signals import BaselineMethod

LEAST_METERED: Final = 0.5  # share of an interval that must be measured for its energy to count
NEARLY_KWH: Final = 1e-3  # what is missing below it has no reason
Floats = NDArray[np.float64]
Marks = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """What N assets were told: ordered power (N, E), kW, 0 without an order, and marks (N,)."""

    ordered_kw: Floats
    has_order: Marks
    reached: Marks  # the node said something of an order
    opted_out: Marks
    stopped: Marks  # stopped or overridden by an operator at some time of the event


def deliver(
    event: SettledEvent,
    spans: Spans,
    fleet: Fleet,
    metered: MeanPower,
    orders: Orders,
    baseline: Baseline | None,
) -> Delivery:
    """Return the delivery of an event; `baseline` None where it is counted from zero."""
    enough = metered.coverage >= LEAST_METERED
    power_kw = np.where(enough, metered.power_kw, np.nan)
    base_kw = np.zeros(power_kw.shape) if baseline is None else baseline.power_kw
    beyond_kw = np.nan_to_num(event.sign * (power_kw - base_kw))
    ordered_kw = _ordered_beyond(event, orders, base_kw)
    parts_kwh = _parts_kw(event, fleet, ordered_kw, base_kw) @ spans.hours
    delivered_kwh = beyond_kw @ spans.hours
    missing_kwh = np.maximum(parts_kwh - np.maximum(delivered_kwh, 0.0), 0.0)
    throughput_kwh = np.where(enough, metered.absolute_kw, 0.0) @ spans.hours
    nodays = np.zeros(len(fleet), dtype=np.int64)
    return Delivery(
        event=event,
        spans=spans,
        asset_ids=[asset.asset_id for asset in fleet.assets],
        feeder_ids=[asset.feeder_id for asset in fleet.assets],
        power_kw=power_kw,
        coverage=metered.coverage,
        baseline_kw=base_kw,
        ordered_kw=orders.ordered_kw,
        delivered_kw=beyond_kw.sum(axis=0),
        requested_kwh=parts_kwh,
        ordered_kwh=ordered_kw @ spans.hours,
        delivered_kwh=delivered_kwh,
        missing_kwh=missing_kwh,
        throughput_kwh=throughput_kwh,
        baseline_days=nodays if baseline is None else baseline.days,
        shortfall=_reasons(
            event, missing_kwh, ordered_kw @ spans.hours - delivered_kwh, orders, power_kw, base_kw
        ),
    )


def _ordered_beyond(event: SettledEvent, orders: Orders, base_kw: Floats) -> Floats:
    """Return what was ordered beyond the baseline in the event's direction (N, E), kW, 0 or more."""
    beyond = np.maximum(event.sign * (orders.ordered_kw - np.nan_to_num(base_kw)), 0.0)
    return np.where(orders.has_order[:, None], beyond, 0.0)


def _parts_kw(event: SettledEvent, fleet: Fleet, ordered_kw: Floats, base_kw: Floats) -> Floats:
    """Return each asset's part of the request (N, E), kW; the parts of an interval add up to the target."""
    rating_kw = fleet.column("max_discharge_kw" if event.sign > 0.0 else "max_charge_kw")
    total = ordered_kw.sum(axis=0)
    scale = np.divide(event.target_kw, total, out=np.ones(len(total)), where=total > event.target_kw)
    gap = np.maximum(event.target_kw - total, 0.0)
    room = np.maximum(rating_kw[:, None] - event.sign * np.nan_to_num(base_kw) - ordered_kw, 0.0)
    room[:, room.sum(axis=0) <= 0.0] = 1.0  # nobody can do more: the rest is everybody's alike
    parts_kw: Floats = ordered_kw * scale + gap * (room / room.sum(axis=0))
    return parts_kw


def _reasons(
    event: SettledEvent,
    missing_kwh: Floats,
    failed_kwh: Floats,
    orders: Orders,
    power_kw: Floats,
    base_kw: Floats,
) -> tuple[Shortfall, ...]:
    """Return for each asset the first reason that applies; `failed_kwh` (N,) is what lacks of its order."""
    metered = np.isfinite(power_kw).any(axis=1)
    based = (event.baseline is BaselineMethod.NONE) | np.isfinite(base_kw).any(axis=1)
    cases = (
        (missing_kwh <= NEARLY_KWH, Shortfall.NONE),
        (orders.opted_out, Shortfall.OPTED_OUT),
        (orders.stopped, Shortfall.STOPPED),
        (orders.has_order & ~orders.reached, Shortfall.NODE_AWAY),
        (failed_kwh <= NEARLY_KWH, Shortfall.NOT_ORDERED),
        (metered & based, Shortfall.NOT_FOLLOWED),
        (~metered, Shortfall.NO_METERING),
    )
    names = np.array([why for _, why in cases] + [Shortfall.NO_BASELINE], dtype=object)
    first = np.argmax([where for where, _ in cases] + [np.ones(len(missing_kwh), dtype=np.bool_)], axis=0)
    return tuple(names[first])
