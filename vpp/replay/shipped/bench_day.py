"""A day for `vpp bench replay`: any number of homes with batteries and cars, made from a seed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import numpy as np

from vpp.replay.shipped.batteries import home_batteries
from vpp.replay.shipped.cars import Habit, car_asset, trips_of
from vpp.replay.shipped.demand import homes_kw
from vpp.replay.shipped.market import day_ahead_per_kwh, price_columns
from vpp.replay.shipped.tables import (
    ScenarioTables,
    Span,
    asset_columns,
    feeder_columns,
    header_of,
    load_columns,
)
from vpp.replay.shipped.weather import make_weather

TIMEZONE: Final = "Europe/Berlin"
START: Final = datetime(2024, 5, 6, tzinfo=UTC)
FEEDERS: Final = 3
CARS_SHARE: Final = 0.4
HOMES_PER_ASSET, PV_KW_PER_ASSET, LIMIT_KW_PER_ASSET = 2.5, 2.0, 3.2


def bench_day(assets: int, *, days: int = 1, interval_minutes: int = 15, seed: int = 0) -> ScenarioTables:
    """Return a scenario of `assets` devices on three feeders, a peak charge, cars that come and go."""
    span = Span(start=START, days=days, interval_minutes=interval_minutes, seed=seed)
    random, times = np.random.default_rng([seed, 11]), span.times()
    weather = make_weather(times, random, sunny=0.6, mean_c=14.0)
    names = [f"feeder-{number}" for number in range(1, FEEDERS + 1)]
    share = np.diff(np.linspace(0, assets, FEEDERS + 1).astype(int)).tolist()
    cars = [round(CARS_SHARE * count) for count in share]
    rows = [
        unit
        for name, count, driven in zip(names, share, cars, strict=True)
        for unit in home_batteries(name, count - driven, random)
    ]
    driven = [
        car_asset(f"{name}-ev-{number:05d}", name, 52.0, 11.0)
        for name, count in zip(names, cars, strict=True)
        for number in range(1, count + 1)
    ]
    homes = [max(1, round(HOMES_PER_ASSET * count)) for count in share]
    load_kw = [
        homes_kw(times, random, homes=count, temperature_c=weather.temperature_c, timezone=TIMEZONE)
        for count in homes
    ]
    pv_kw = [weather.pv_kw(PV_KW_PER_ASSET * count) for count in share]
    prices = day_ahead_per_kwh(times, random, irradiance_w_m2=weather.irradiance_w_m2, timezone=TIMEZONE)
    limits = {name: LIMIT_KW_PER_ASSET * max(1, count) for name, count in zip(names, share, strict=True)}
    return ScenarioTables(
        header=header_of(span, f"a day of {assets} devices", TIMEZONE, peak_price_per_kw=0.2),
        assets=asset_columns([*rows, *driven]),
        feeders=feeder_columns(times, limits, limits),
        load=load_columns(names, times, np.array(load_kw), np.array(pv_kw)),
        prices=price_columns(times, prices, timezone=TIMEZONE, charge=0.14),
        trips=trips_of(driven, span, random, timezone=TIMEZONE, habit=Habit()) if driven else None,
        weather=weather.table(),
    )
