"""What a day came to, from metered energy: money, peak, overload, energy lost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class MeteredDay:
    """Energy of a fleet on F feeders over T intervals of `hours`, as it was metered.

    load_kw (F, T): mean net load without the fleet; fleet_kw (F, T): mean power of the fleet's
    assets, positive discharges; prices of shape (T,); limits of shape (F, T) or (F, 1).
    """

    hours: float
    load_kw: NDArray[np.float64]
    fleet_kw: NDArray[np.float64]
    import_price_per_kwh: NDArray[np.float64]
    export_price_per_kwh: NDArray[np.float64]
    peak_price_per_kw: float
    import_limit_kw: NDArray[np.float64]
    export_limit_kw: NDArray[np.float64]
    throughput_cost: float  # wear of all assets, money
    stored_change_kwh: float  # energy in the assets at the end less that at the start
    stored_value_per_kwh: float  # what such energy is worth, so that none is free
    unmet_kwh: float  # asked by departing EVs and not there
    lost_kwh: float  # in conversion
    event_penalty: float = 0.0  # for what events asked and did not get, money
    reserve_revenue: float = 0.0  # for reserve that was held and there, money


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """The day in figures; money in the portfolio's currency, positive is paid."""

    energy_cost: float
    peak_cost: float
    wear_cost: float
    stored_value: float  # credit for energy that is left, negative when there is less
    peak_kw: float
    overload_kwh: float
    highest_loading: float  # of any feeder, 1.0 is its limit
    unmet_kwh: float
    lost_kwh: float
    event_penalty: float = 0.0
    reserve_revenue: float = 0.0

    @property
    def total_cost(self) -> float:
        paid = self.energy_cost + self.peak_cost + self.wear_cost + self.event_penalty
        return paid - self.reserve_revenue - self.stored_value


def settle(day: MeteredDay) -> Settlement:
    """Return the settlement of a day; energy left in the assets counts at its value."""
    feeder_kw = day.load_kw - day.fleet_kw
    net_kw = feeder_kw.sum(axis=0)
    imported, exported = np.maximum(net_kw, 0.0), np.maximum(-net_kw, 0.0)
    over_kw = np.maximum(feeder_kw - day.import_limit_kw, 0.0)
    over_kw += np.maximum(-feeder_kw - day.export_limit_kw, 0.0)
    loading = np.maximum(feeder_kw / day.import_limit_kw, -feeder_kw / day.export_limit_kw)
    energy_cost = day.hours * (imported @ day.import_price_per_kwh - exported @ day.export_price_per_kwh)
    peak_kw = float(imported.max(initial=0.0))
    return Settlement(
        energy_cost=float(energy_cost),
        peak_cost=day.peak_price_per_kw * peak_kw,
        wear_cost=day.throughput_cost,
        stored_value=day.stored_change_kwh * day.stored_value_per_kwh,
        peak_kw=peak_kw,
        overload_kwh=float(over_kw.sum() * day.hours),
        highest_loading=float(loading.max(initial=0.0)),
        unmet_kwh=day.unmet_kwh,
        lost_kwh=day.lost_kwh,
        event_penalty=day.event_penalty,
        reserve_revenue=day.reserve_revenue,
    )
