"""Events and reserve as the optimizer takes them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Final

import numpy as np

from optimizer.problem import Events, Reserve
from vpp.control.overriding import FixedPowers
from vpp.control.signals_on_grid import PowerAsk, SignalsOnGrid
from vpp.control.standing import counted_kw
from vpp.domain.policy import DispatchPolicy

EVENT_SHARE: Final = 0.9  # of the penalty for a feeder: no event is worth an overload


def events_of(
    signals: SignalsOnGrid, policy: DispatchPolicy, fixed: FixedPowers | None = None
) -> Events | None:
    """Return the events, one row for each stretch with the same target; None where there are none.

    What `fixed` assets do beside the problem counts towards the fleet's delivery, as it does in settlement.
    """
    rows = [(ask, *stretch) for ask in signals.asks for stretch in _stretches(_left_of(ask, fixed))]
    if not rows:
        return None
    most = EVENT_SHARE * policy.feeder_penalty_per_kwh
    return Events(
        event_id=np.array([ask.signal_id for ask, _, _, _ in rows], dtype=object),
        from_interval=np.array([first for _, first, _, _ in rows], dtype=np.int64),
        to_interval=np.array([end for _, _, end, _ in rows], dtype=np.int64),
        target_kw=np.array([target_kw for _, _, _, target_kw in rows], dtype=np.float64),
        up=np.array([ask.up for ask, _, _, _ in rows], dtype=np.bool_),
        penalty_per_kwh=np.array([min(ask.value_per_kwh, most) for ask, _, _, _ in rows]),
    )


def _left_of(ask: PowerAsk, fixed: FixedPowers | None) -> PowerAsk:
    """Return what an event asks of the assets that are planned."""
    if fixed is None:
        return ask
    return replace(ask, power_kw=ask.power_kw - counted_kw(fixed, up=ask.up))


def reserve_of(signals: SignalsOnGrid) -> Reserve | None:
    """Return the reserve products, None where there are none."""
    asks = signals.reserves
    if not asks:
        return None
    return Reserve(
        product_id=np.array([f"{ask.product_id}:{'up' if ask.up else 'down'}" for ask in asks], dtype=object),
        up=np.array([ask.up for ask in asks], dtype=np.bool_),
        from_interval=np.array([ask.first for ask in asks], dtype=np.int64),
        to_interval=np.array([ask.end for ask in asks], dtype=np.int64),
        price_per_kw_h=np.array([ask.price_per_kw_h for ask in asks], dtype=np.float64),
        max_kw=np.array([ask.most_kw for ask in asks], dtype=np.float64),
        sustain_h=np.array([ask.sustain / timedelta(hours=1) for ask in asks], dtype=np.float64),
    )


def _stretches(ask: PowerAsk) -> list[tuple[int, int, float]]:
    """Return (first, end, target) for each run of intervals with one target."""
    stretches: list[tuple[int, int, float]] = []
    for interval in np.flatnonzero(np.isfinite(ask.power_kw)).tolist():
        target_kw = float(ask.power_kw[interval])
        if stretches and stretches[-1][1:] == (interval, target_kw):
            stretches[-1] = (stretches[-1][0], interval + 1, target_kw)
        else:
            stretches.append((interval, interval + 1, target_kw))
    return stretches
