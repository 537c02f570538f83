"""From what an operator asks of some assets to what each of them is to do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from vpp.control.leases import OrdersInForce
from vpp.domain.assets import Fleet
from vpp.domain.errors import InvalidValueError
from vpp.domain.overrides import Override, OverrideKind
from vpp.domain.readings import to_microseconds
from vpp.domain.target import Target

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class OverrideRequest:
    """An override as it was asked for. Powers are of all named assets together, kW, positive discharges."""

    override_id: str
    kind: OverrideKind
    target: Target
    author: str
    reason: str
    valid_until: datetime
    power_kw: float = 0.0
    min_kw: float = 0.0
    max_kw: float = 0.0


def override_of(
    request: OverrideRequest,
    fleet: Fleet,
    orders: OrdersInForce,
    quarantined: NDArray[np.bool_],
    now: datetime,
) -> Override:
    """Return the override with what it says to each asset; power is shared in proportion to the ratings.

    An asset whose readings are not trusted gets no share but rest.

    Raises:
        InvalidValueError: powers that nobody can be asked for, an envelope without 0 in it.
    """
    slot = request.target.slots_in(fleet)
    unbounded = np.full((2, len(slot)), np.inf)
    power, low, high = np.full(len(slot), np.nan), -unbounded[0], unbounded[1]
    if request.kind is OverrideKind.POWER:
        power = _shared("power_kw", request.power_kw, fleet, slot, quarantined)
    elif request.kind is OverrideKind.ENVELOPE:
        if not request.min_kw <= 0.0 <= request.max_kw:
            raise InvalidValueError(
                "min_kw", request.min_kw, f"at most 0, with max_kw {request.max_kw:g} at least 0",
                "an envelope leaves room to rest; ask for a power instead",
            )  # fmt: skip
        low = _shared("min_kw", request.min_kw, fleet, slot, quarantined)
        high = _shared("max_kw", request.max_kw, fleet, slot, quarantined)
    else:
        held, ordered_kw = orders.power_at(now)
        told = orders.next.valid_from_us > to_microseconds(now)
        power = np.where(held, ordered_kw, np.where(told, orders.next.power_kw, np.nan))[slot]
    return Override(
        override_id=request.override_id,
        kind=request.kind,
        target=request.target,
        author=request.author,
        reason=request.reason,
        created_at=now,
        valid_until=request.valid_until,
        slot=slot,
        power_kw=power,
        min_kw=low,
        max_kw=high,
    )


def _shared(
    field: str, total_kw: float, fleet: Fleet, slot: NDArray[np.int64], quarantined: NDArray[np.bool_]
) -> Floats:
    """Return a total split over assets in proportion to what they are rated for in its direction."""
    if not np.isfinite(total_kw):
        raise InvalidValueError(field, total_kw, "a finite number")
    rating = fleet.column("max_discharge_kw" if total_kw > 0.0 else "max_charge_kw")[slot]
    rating = np.where(quarantined[slot], 0.0, rating) if len(slot) > 1 else rating
    whole = float(rating.sum())
    if total_kw != 0.0 and whole <= 0.0:
        way = "discharge" if total_kw > 0.0 else "charge"
        raise InvalidValueError(field, total_kw, f"0: none of these assets can {way}")
    return np.zeros(len(slot)) if total_kw == 0.0 else total_kw * rating / whole


def changes_later(orders: OrdersInForce, now: datetime) -> NDArray[np.bool_]:
    """Return which assets were already told to do something else later, shape (N,)."""
    held, _ = orders.power_at(now)
    told = orders.next.valid_from_us > to_microseconds(now)
    other: NDArray[np.bool_] = orders.next.power_kw != orders.current.power_kw
    return held & told & other
