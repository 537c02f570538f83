"""Low-voltage feeders of SimBench with their home batteries and PV, and cars at its charging points."""

from __future__ import annotations

from typing import Any

import numpy as np

from vpp.replay.shipped.cars import Habit, car_asset, trips_of
from vpp.replay.shipped.market import day_ahead_per_kwh, price_columns
from vpp.replay.shipped.simbench import TIMEZONE, Simbench
from vpp.replay.shipped.sources import sources
from vpp.replay.shipped.tables import (
    ScenarioTables,
    Span,
    asset_columns,
    feeder_columns,
    header_of,
    load_columns,
)
from vpp.replay.shipped.weather import make_weather

FEEDERS = ("lv-rural2", "lv-rural3", "lv-semiurb5", "lv-urban6")
CARS = ((52.0, 11.0), (58.0, 11.0), (37.9, 11.0), (32.3, 3.7))
CHARGE_PER_KWH = 0.16


def build(span: Span) -> ScenarioTables:
    """Return the scenario; the load is SimBench's year, repeated where more is asked."""
    random, times = np.random.default_rng([span.seed, 1]), span.times()
    data = Simbench.open()
    grids = {feeder_id: data.grid(feeder_id, times) for feeder_id in FEEDERS}
    assets: list[dict[str, Any]] = [unit for grid in grids.values() for unit in grid.storage]
    cars = [
        car_asset(f"{feeder_id}-ev-{number:02d}", feeder_id, *CARS[number % len(CARS)])
        for feeder_id, grid in grids.items()
        for number in range(1, grid.charging_points + 1)
    ]
    weather = make_weather(times, random, mean_c=9.5)
    prices = day_ahead_per_kwh(times, random, irradiance_w_m2=weather.irradiance_w_m2, timezone=TIMEZONE)
    ratings = {feeder_id: grid.rating_kw for feeder_id, grid in grids.items()}
    return ScenarioTables(
        header=header_of(
            span,
            "four low-voltage feeders of SimBench with home batteries, cars and PV",
            TIMEZONE,
            meter_delay_minutes=15,
            standby_kw=0.005,
        ),
        assets=asset_columns([*assets, *cars]),
        feeders=feeder_columns(times, ratings, ratings),
        load=load_columns(
            FEEDERS,
            times,
            np.array([grid.consumption_kw for grid in grids.values()]),
            np.array([grid.pv_kw for grid in grids.values()]),
        ),
        prices=price_columns(times, prices, timezone=TIMEZONE, charge=CHARGE_PER_KWH),
        trips=trips_of(cars, span, random, timezone=TIMEZONE, habit=Habit()),
        weather=weather.table(),
        extra={"SOURCES.md": sources("lv-feeders")},
    )
