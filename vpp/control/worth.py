"""What the energy in a store is worth after the first interval, read from the plan itself.

A kWh that is kept is used where the plan uses it next. Over the intervals until the store is full or empty,
or a car leaves, its worth w (money per kWh in the store) is one number, and each interval bounds it
(p: marginal price of consumption, k: wear per kWh, a and b: efficiencies of charging and discharging):

    rests                    (p - k) b  <=  w  <=  (p + k) / a
    charges part             w = (p + k) / a          at full power   w >= (p + k) / a
    discharges part          w = (p - k) b            at full power   w <= (p - k) b

These are the optimality conditions of a linear store (complementary slackness); minimum powers and the cost
of changing a plan blur them, so a plan within its gap may leave the two bounds a little crossed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from vpp.domain.grounds import Floats, PlanGrounds

TOLERANCE_KW = 1e-4
TOLERANCE_KWH = 1e-3

End = Literal["full", "empty", "departure", "trip", "horizon"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """What a kWh in the store is worth after the first interval, and what it goes to."""

    low: float  # money per kWh in the store, -infinity where nothing says
    high: float
    end: End  # what ends the intervals over which it is one number
    end_interval: int
    used_in: int  # interval of the dearest discharge before the end; -1: none
    refilled_in: int  # interval of the cheapest charge before the end; -1: none

    @property
    def value(self) -> float:
        """Return one number for it: the middle of the bounds, or the one that there is; NaN without any."""
        ends = [end for end in (self.low, self.high) if math.isfinite(end)]
        return sum(ends) / len(ends) if ends else math.nan


def connected(grounds: PlanGrounds, slot: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Mark the intervals in which an asset can exchange power, shape (T,)."""
    count = len(grounds.import_price_per_kwh)
    rows = np.flatnonzero(grounds.stays.asset == slot)
    if not len(rows):
        return np.ones(count, dtype=np.bool_)
    here = np.zeros(count, dtype=np.bool_)
    for row in rows:
        here[grounds.stays.from_interval[row] : grounds.stays.to_interval[row]] = True
    return here


def worth_after_first(grounds: PlanGrounds, power_kw: Floats, energy_end_kwh: Floats, slot: int) -> Worth:
    """Return the worth of energy kept by asset `slot`; `power_kw` and `energy_end_kwh` are its rows, (T)."""
    price = grounds.price_per_kwh(int(grounds.feeder[slot]))
    here = connected(grounds, slot)
    low, high, used, refilled = -math.inf, math.inf, -1, -1
    end, at = _segment_end(grounds, energy_end_kwh, slot, 0)
    interval = 0
    while end is None and interval + 1 < len(power_kw):
        interval += 1
        if here[interval]:
            lower, upper = _bounds(grounds, slot, float(price[interval]), float(power_kw[interval]))
            low, high = max(low, lower), min(high, upper)
        if power_kw[interval] > TOLERANCE_KW and (used < 0 or price[interval] > price[used]):
            used = interval
        if power_kw[interval] < -TOLERANCE_KW and (refilled < 0 or price[interval] < price[refilled]):
            refilled = interval
        end, at = _segment_end(grounds, energy_end_kwh, slot, interval)
    if end is None:
        final = float(grounds.final_value_per_kwh[slot])
        low, high, end, at = max(low, final), min(high, final), "horizon", len(power_kw) - 1
    return Worth(low=low, high=high, end=end, end_interval=at, used_in=used, refilled_in=refilled)


def _segment_end(
    grounds: PlanGrounds, energy_end_kwh: Floats, slot: int, interval: int
) -> tuple[End | None, int]:
    """Return what ends the intervals of one worth at the end of `interval`, if anything does."""
    stays, energy = grounds.stays, float(energy_end_kwh[interval])
    for row in np.flatnonzero((stays.asset == slot) & (stays.to_interval == interval + 1)):
        asked = float(stays.departure_energy_kwh[row])
        if asked > 0.0 and energy <= asked + TOLERANCE_KWH:
            return "departure", interval
    if energy >= float(grounds.energy_max_kwh[slot]) - TOLERANCE_KWH:
        return "full", interval
    if energy <= float(grounds.energy_min_kwh[slot]) + TOLERANCE_KWH:
        return "empty", interval
    return None, interval


def _bounds(grounds: PlanGrounds, slot: int, price: float, power_kw: float) -> tuple[float, float]:
    """Return the bounds that one interval sets on the worth."""
    wear = float(grounds.wear_cost_per_kwh[slot])
    sold = (price - wear) * float(grounds.discharge_efficiency[slot])
    bought = (price + wear) / float(grounds.charge_efficiency[slot])
    most_charge, most_discharge = float(grounds.max_charge_kw[slot]), float(grounds.max_discharge_kw[slot])
    if power_kw > TOLERANCE_KW:
        if _at_least_power(power_kw, float(grounds.min_discharge_kw[slot]), most_discharge):
            return -math.inf, math.inf
        return (-math.inf if power_kw >= most_discharge - TOLERANCE_KW else sold), sold
    if power_kw < -TOLERANCE_KW:
        if _at_least_power(-power_kw, float(grounds.min_charge_kw[slot]), most_charge):
            return -math.inf, math.inf
        return bought, (math.inf if -power_kw >= most_charge - TOLERANCE_KW else bought)
    return (sold if most_discharge > 0.0 else -math.inf), (bought if most_charge > 0.0 else math.inf)


def _at_least_power(power_kw: float, least_kw: float, most_kw: float) -> bool:
    """Whether a power is held up by the least that the device can do: then it says nothing of the worth."""
    return power_kw <= least_kw + TOLERANCE_KW and least_kw < most_kw - TOLERANCE_KW
