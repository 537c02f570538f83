"""Made day-ahead prices, from a seed: demand less sun, and when they were published."""

from __future__ import annotations

import numpy as np

from vpp.replay.shipped.demand import HOME_WEEKDAY, HOME_WEEKEND, local_times, profile
from vpp.replay.shipped.tables import Columns, Floats, Times

PUBLISHED_HOURS = 12.75  # local time, on the day before delivery
MOST_PRICE, LEAST_PRICE = 0.6, -0.25


def day_ahead_per_kwh(
    times: Times,
    random: np.random.Generator,
    *,
    irradiance_w_m2: Floats,
    timezone: str,
    mean: float = 0.075,
    sun_effect: float = 0.09,
    scarcity: Floats | None = None,
) -> Floats:
    """Return a price per kWh that falls with the sun and rises with demand, hour by hour.

    sun_effect: what 800 W/m2 take off the price. scarcity: added, shape (T,).
    """
    demand = profile(times, HOME_WEEKDAY, HOME_WEEKEND, timezone)
    noise = random.standard_normal(len(times)) * 0.006
    price = mean + 0.05 * (demand - 1.0) - sun_effect * irradiance_w_m2 / 800.0 + noise
    return np.clip(price if scarcity is None else price + scarcity, LEAST_PRICE, MOST_PRICE)


def price_columns(times: Times, day_ahead: Floats, *, timezone: str, charge: float) -> Columns:
    """Return the price table: import costs `charge` per kWh more than export pays."""
    return {
        "start": times,
        "import_price_per_kwh": np.round(day_ahead + charge, 5),
        "export_price_per_kwh": np.round(day_ahead, 5),
        "available_at": published_at(times, timezone),
    }


def published_at(times: Times, timezone: str) -> Times:
    """Return when the price of each time was published: 12:45 local time on the day before, UTC."""
    local = local_times(times, timezone)
    noon = local.normalize() - np.timedelta64(11, "h")  # within the day before, whatever the clock change
    stamped = noon.normalize().tz_localize(None) + np.timedelta64(int(PUBLISHED_HOURS * 60), "m")
    utc: Times = stamped.tz_localize(timezone).tz_convert("UTC").tz_localize(None).to_numpy()
    return utc.astype("datetime64[us]")
