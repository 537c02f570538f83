"""From readings to the frozen picture of the fleet that a cycle plans on."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from vpp.control.leases import OrdersInForce
from vpp.domain.assets import AssetKind, Fleet
from vpp.domain.readings import FUTURE_TOLERANCE, ReadingColumns, to_microseconds
from vpp.domain.state import FleetState

MICROSECONDS_PER_HOUR = 3_600_000_000


def estimate_state(
    *,
    fleet: Fleet,
    readings: ReadingColumns,
    orders: OrdersInForce,
    now: datetime,
    at: datetime,
    interval_start: datetime,
    max_age: timedelta,
    quarantined: NDArray[np.bool_],
) -> FleetState:
    """Return the state of every asset at `at`, carried forward from its newest good reading.

    ```
        reading        interval_start      now            at
    ───────┴──────────────────┴─────────────┴──────────────┴──►
           │◄─ measured power ─►│◄───── power of the order ──►│
    ```

    An asset whose newest good reading is older than `max_age` at `now` or from the future (a clock was
    set back), or that has none, is not usable. Energy is clipped to 0..capacity: a projection must not
    invent energy. The readings of a `quarantined` asset are not trusted; what is estimated for it rests
    on the last one that was.
    """
    count = len(fleet)
    soc, power = np.zeros(count), np.zeros(count)
    stamp, measured = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
    connected = np.zeros(count, dtype=np.bool_)
    soc[readings.slot], power[readings.slot] = readings.soc, readings.power_kw
    stamp[readings.slot], measured[readings.slot] = readings.measured_at_us, readings.at_us()
    connected[readings.slot] = readings.connected
    usable = measured >= to_microseconds(now - max_age)
    usable &= measured <= to_microseconds(now + FUTURE_TOLERANCE)

    held, order_kw = orders.power_at(now)
    ordered = np.where(held, order_kw, power)
    boundary = to_microseconds(interval_start)
    before_h = np.maximum(boundary - measured, 0) / MICROSECONDS_PER_HOUR
    after_h = np.maximum(to_microseconds(at) - np.maximum(measured, boundary), 0) / MICROSECONDS_PER_HOUR
    capacity = fleet.column("capacity_kwh")
    energy = soc * capacity
    energy = energy + np.where(
        usable & connected, _stored(fleet, power) * before_h + _stored(fleet, ordered) * after_h, 0
    )
    return FleetState(
        at=at,
        energy_kwh=np.clip(energy, 0.0, capacity),
        power_kw=np.where(usable, power, 0.0),
        connected=connected,
        usable=usable,
        measured_at_us=stamp,
        quarantined=quarantined,
    )


def _stored(fleet: Fleet, power_kw: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the rate of energy into the cell, kW, of AC power where positive discharges."""
    charge, discharge = np.maximum(-power_kw, 0.0), np.maximum(power_kw, 0.0)
    return charge * fleet.column("charge_efficiency") - discharge / fleet.column("discharge_efficiency")


def stays_connected(fleet: Fleet) -> NDArray[np.bool_]:
    """Return which assets are always at their place, shape (N,): everything but EVs."""
    return np.array([asset.kind is not AssetKind.EV_CHARGER for asset in fleet.assets], dtype=np.bool_)
