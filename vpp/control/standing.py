"""A run for one portfolio: what the assets of the others do meanwhile, and what the limits leave beside it.

```
    interval         0             1      2      3
    others    their orders    ───the plan in force───►   fixed, as load of their feeders
    ours      planned ────────────────────────────────►
```

No feeder is in two portfolios, so the two sides share the limits of the whole alone.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from vpp.control.estimate import stays_connected
from vpp.control.leases import OrdersInForce
from vpp.control.overriding import FixedPowers, follow_energy
from vpp.control.signals_on_grid import LEAST_LIMIT_KW
from vpp.domain.assets import Fleet
from vpp.domain.intervals import IntervalGrid
from vpp.domain.state import FleetState

Floats = NDArray[np.float64]


def standing_powers(
    rows: NDArray[np.bool_],
    *,
    fleet: Fleet,
    state: FleetState,
    orders: OrdersInForce,
    planned_kw: Floats | None,
    grid: IntervalGrid,
    now: datetime,
) -> FixedPowers | None:
    """Return what the assets in `rows` (N,) do on `grid` while nobody plans them, None for no assets.

    `planned_kw` (N, T) is the plan in force on `grid`, where there is one: it counts from the second
    interval on, before it the order that an asset holds. What their energy does not allow is cut. A car may
    leave: what it does counts only where it does harm.
    """
    if not rows.any():
        return None
    wanted = np.zeros((len(fleet), grid.count)) if planned_kw is None else planned_kw.copy()
    held_now, now_kw = orders.power_at(now)
    held_then, then_kw = orders.power_at(grid.start)
    wanted[:, 0] = np.where(held_then, then_kw, np.where(held_now, now_kw, 0.0))
    wanted = np.where(rows[:, None], wanted, 0.0)
    known = state.usable & ~state.quarantined
    lasts = np.repeat(rows[:, None].astype(np.float64), grid.count, axis=1)
    power_kw, energy_end_kwh = follow_energy(wanted, lasts, state.energy_kwh, fleet, grid.hours)
    power_kw = np.where(known[:, None], power_kw, wanted)
    surely = stays_connected(fleet) & known
    return FixedPowers(
        power_kw=power_kw,
        energy_end_kwh=energy_end_kwh,
        until=np.where(rows, grid.count, 0),
        energy_kwh=np.where(rows, energy_end_kwh[:, -1], state.energy_kwh),
        harm_only=rows[:, None] & ~surely[:, None] & np.ones((1, grid.count), dtype=np.bool_),
        throughput_kwh=np.abs(power_kw).sum(axis=1) * grid.hours,
    )


def both(one: FixedPowers | None, other: FixedPowers | None) -> FixedPowers | None:
    """Return what two disjoint sets of assets do."""
    if one is None or other is None:
        return one or other
    rows = other.until > 0
    return replace(
        one,
        **{
            name: np.where(rows if mine.ndim == 1 else rows[:, None], theirs, mine)
            for name in FixedPowers.__dataclass_fields__
            for mine, theirs in [(getattr(one, name), getattr(other, name))]
        },
    )


def export_limit_kw(limit_kw: float, fixed: FixedPowers | None, outside: NDArray[np.bool_] | None) -> float:
    """Return the limit of the whole, less the most that cars `outside` (N,) charge: they may leave."""
    if fixed is None or outside is None:
        return limit_kw
    unsure = fixed.harm_only & outside[:, None]
    charge_kw = np.where(unsure, np.maximum(-fixed.power_kw, 0.0), 0.0).sum(axis=0)
    return max(limit_kw - float(charge_kw.max(initial=0.0)), LEAST_LIMIT_KW)


def resting(power_kw: Floats, outside: NDArray[np.bool_] | None) -> Floats:
    """Return powers (N, T) with those of assets that a run is not for at rest, as they are in its problem."""
    return power_kw if outside is None else np.where(outside[:, None], 0.0, power_kw)


def counted_kw(fixed: FixedPowers, *, up: bool) -> Floats:
    """Return what fixed assets give to an event, (T,), kW net discharge; what is unsure where it harms."""
    sure = np.where(fixed.harm_only, 0.0, fixed.power_kw)
    unsure = np.where(fixed.harm_only, fixed.power_kw, 0.0)
    harmful = np.minimum(unsure, 0.0) if up else np.maximum(unsure, 0.0)
    total: Floats = (sure + harmful).sum(axis=0)
    return total
