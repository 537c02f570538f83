"""Home batteries in a sunny spring with weekends at which feeding in costs money."""

from __future__ import annotations

import numpy as np

from vpp.replay.shipped.batteries import home_batteries
from vpp.replay.shipped.demand import homes_kw, local_times
from vpp.replay.shipped.market import day_ahead_per_kwh, price_columns
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

TIMEZONE = "Europe/Berlin"
FEEDERS = ("north", "south", "east")
BATTERIES_PER_FEEDER = 24
HOMES_PER_FEEDER = 60
CHARGE_PER_KWH = 0.10


def build(span: Span) -> ScenarioTables:
    """Return the scenario: on weekends, demand is low and the price falls below zero around noon."""
    random, times = np.random.default_rng([span.seed, 3]), span.times()
    weather = make_weather(times, random, sunny=0.85, mean_c=10.5)
    assets = [unit for feeder in FEEDERS for unit in home_batteries(feeder, BATTERIES_PER_FEEDER, random)]
    loads = [
        homes_kw(
            times, random, homes=HOMES_PER_FEEDER, temperature_c=weather.temperature_c, timezone=TIMEZONE,
            heat_pumps=0.2,
        )
        for _ in FEEDERS
    ]  # fmt: skip
    pv_kw = [weather.pv_kw(peak_kw) for peak_kw in (200.0, 160.0, 240.0)]
    weekend = local_times(times, TIMEZONE).day_of_week.to_numpy() >= 5
    prices = day_ahead_per_kwh(
        times,
        random,
        irradiance_w_m2=weather.irradiance_w_m2,
        timezone=TIMEZONE,
        sun_effect=0.11,
        scarcity=np.where(weekend, -0.04, 0.0),
    )
    return ScenarioTables(
        header=header_of(
            span,
            "home batteries in a sunny spring with negative prices at noon",
            TIMEZONE,
            meter_delay_minutes=15,
            standby_kw=0.005,
        ),
        assets=asset_columns(assets),
        feeders=feeder_columns(times, dict.fromkeys(FEEDERS, 250.0), dict.fromkeys(FEEDERS, 210.0)),
        load=load_columns(FEEDERS, times, np.array(loads), np.array(pv_kw)),
        prices=price_columns(times, prices, timezone=TIMEZONE, charge=CHARGE_PER_KWH),
        weather=weather.table(),
        extra={"SOURCES.md": sources("negative-prices")},
    )
