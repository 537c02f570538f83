"""Made loads, from a seed: households and a business, hour by hour, with noise that persists."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from vpp.replay.shipped.tables import Floats, Times

# Shares of the daily mean, local hours 0 to 23: homes with a morning and an evening peak (weekday, weekend).
HOME_WEEKDAY = (0.62, 0.52, 0.48, 0.46, 0.48, 0.6, 0.95, 1.2, 1.1, 0.95, 0.9, 0.95,
                1.05, 0.98, 0.9, 0.9, 1.0, 1.3, 1.65, 1.75, 1.6, 1.35, 1.05, 0.78)  # fmt: skip
HOME_WEEKEND = (0.72, 0.6, 0.52, 0.48, 0.47, 0.5, 0.62, 0.85, 1.15, 1.3, 1.3, 1.3,
                1.35, 1.25, 1.1, 1.05, 1.1, 1.3, 1.55, 1.6, 1.45, 1.25, 1.05, 0.85)  # fmt: skip
WORK_WEEKDAY = (0.4, 0.4, 0.4, 0.4, 0.45, 0.6, 1.0, 1.45, 1.65, 1.75, 1.8, 1.75,
                1.6, 1.7, 1.75, 1.65, 1.45, 1.15, 0.85, 0.65, 0.55, 0.5, 0.45, 0.4)  # fmt: skip
WORK_WEEKEND = (0.4,) * 8 + (0.5,) * 8 + (0.4,) * 8
BUSINESS_LIKE_HOMES = 1000  # a business is as restless as so many homes
HEATING_KW_PER_C = 0.06  # of a home with a heat pump, below the heating limit
HEATING_LIMIT_C = 15.0
COOLING_LIMIT_C = 24.0


def local_times(times: Times, timezone: str) -> pd.DatetimeIndex:
    """Return UTC times as local ones."""
    return pd.DatetimeIndex(times).tz_localize("UTC").tz_convert(ZoneInfo(timezone))


def profile(times: Times, weekday: tuple[float, ...], weekend: tuple[float, ...], timezone: str) -> Floats:
    """Return the share of the daily mean at each time."""
    local = local_times(times, timezone)
    hour = (local.hour + local.minute / 60.0).to_numpy()
    points = np.arange(25)
    shapes = [np.interp(hour, points, [*shape, shape[0]]) for shape in (weekday, weekend)]
    shares: Floats = np.where(local.day_of_week.to_numpy() < 5, *shapes)
    return shares


def homes_kw(
    times: Times,
    random: np.random.Generator,
    *,
    homes: int,
    temperature_c: Floats,
    timezone: str,
    heat_pumps: float = 0.0,
    coolers: float = 0.0,
) -> Floats:
    """Return the load of `homes` households, kW; shares of them heat and cool by electricity."""
    base = 0.38 * homes * profile(times, HOME_WEEKDAY, HOME_WEEKEND, timezone)
    wind_chill = np.maximum(0.0, HEATING_LIMIT_C - temperature_c)
    heat = HEATING_KW_PER_C * homes * heat_pumps * wind_chill
    cool = 0.12 * homes * coolers * np.maximum(0.0, temperature_c - COOLING_LIMIT_C)
    return np.maximum(0.05 * homes, base * (1.0 + restless(random, len(times), homes)) + heat + cool)


def business_kw(
    times: Times, random: np.random.Generator, *, mean_kw: float, timezone: str, spikes_kw: float
) -> Floats:
    """Return the load of a business, kW, with machines that start at times that nobody knows."""
    base = mean_kw * profile(times, WORK_WEEKDAY, WORK_WEEKEND, timezone)
    working = profile(times, WORK_WEEKDAY, WORK_WEEKEND, timezone) > 1.3
    spikes = spikes_kw * working * (random.random(len(times)) < 0.08)
    return np.maximum(0.0, base * (1.0 + restless(random, len(times), BUSINESS_LIKE_HOMES)) + spikes)


def restless(random: np.random.Generator, count: int, homes: int) -> Floats:
    """Return relative noise that persists for a few steps and shrinks with the number of homes."""
    shocks = random.standard_normal(count) * 0.6 / np.sqrt(homes)
    noise = np.empty(count)
    value = 0.0
    for step in range(count):
        value = 0.7 * value + shocks[step]
        noise[step] = value
    return noise
