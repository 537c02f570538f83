"""What a plan rested on, kept with it, so that each of its setpoints can be explained."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stays:
    """W stays of cars, `[from_interval, to_interval)`; an asset without one is there throughout."""

    asset: Ints
    from_interval: Ints
    to_interval: Ints
    departure_energy_kwh: Floats  # asked at the end of interval to_interval - 1
    trip_energy_kwh: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class EventCalls:
    """E requests to the fleet as a whole: discharge at least (`up`) or at most `target_kw`."""

    event_ids: tuple[str, ...]
    from_interval: Ints
    to_interval: Ints
    target_kw: Floats
    up: NDArray[np.bool_]
    penalty_per_kwh: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanGrounds:
    """N assets, F feeders, T intervals; kW and kWh, money per kWh. What an optimizer's problem said.

    `balance_per_kwh` (T) and `feeder_per_kwh` (F, T) are the marginal prices of consumption: of one more kWh
    at the portfolio, and what a feeder's limits add. Empty where the plan was made by a rule, which has none.
    """

    currency: str
    interval_h: float
    import_limit_kw: float
    export_limit_kw: float
    peak_price_per_kw: float
    peak_so_far_kw: float
    import_price_per_kwh: Floats  # (T)
    export_price_per_kwh: Floats
    balance_per_kwh: Floats
    feeder_per_kwh: Floats
    feeder_ids: tuple[str, ...]
    load_kw: Floats  # (F, T), with what is not under control
    feeder_import_limit_kw: Floats
    feeder_export_limit_kw: Floats
    feeder: Ints  # (N), index of the asset's feeder
    energy_initial_kwh: Floats
    energy_min_kwh: Floats
    energy_max_kwh: Floats
    max_charge_kw: Floats
    max_discharge_kw: Floats
    min_charge_kw: Floats
    min_discharge_kw: Floats
    charge_efficiency: Floats
    discharge_efficiency: Floats
    wear_cost_per_kwh: Floats
    final_value_per_kwh: Floats
    previous_kw: Floats  # (N), what the earlier plan said of the first interval; NaN without one
    reserve_up_kw: Floats  # (N), of the first interval
    reserve_down_kw: Floats
    stays: Stays
    events: EventCalls

    @property
    def priced(self) -> bool:
        """Whether the plan came with marginal prices."""
        return len(self.balance_per_kwh) > 0

    def price_per_kwh(self, feeder: int) -> Floats:
        """Return what one more kWh of consumption on a feeder costs in each interval, (T)."""
        if not self.priced:
            return self.import_price_per_kwh
        prices: Floats = self.balance_per_kwh + self.feeder_per_kwh[feeder]
        return prices
