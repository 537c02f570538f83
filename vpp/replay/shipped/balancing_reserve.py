"""Grid batteries that sell balancing reserve and trade the prices of the day with what is left."""

from __future__ import annotations

import numpy as np

from vpp.replay.shipped.batteries import battery_asset
from vpp.replay.shipped.demand import homes_kw
from vpp.replay.shipped.market import day_ahead_per_kwh, price_columns
from vpp.replay.shipped.reserve import reserve_columns
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
# Feeder, energy and power of each battery, kWh and kW: two of them for two hours, one for four.
BATTERIES = (("valley", 1000.0, 500.0), ("valley", 2000.0, 500.0), ("ridge", 800.0, 400.0))
FEEDERS = ("valley", "ridge")
HOMES_PER_FEEDER = 300
RESERVE_KW = 600.0  # in each direction
CHARGE_PER_KWH = 0.02  # a battery that gives back what it took pays little for the grid


def build(span: Span) -> ScenarioTables:
    """Return the scenario: 600 kW of reserve are asked in each direction, around the clock."""
    random, times = np.random.default_rng([span.seed, 6]), span.times()
    weather = make_weather(times, random, sunny=0.6, mean_c=12.0)
    assets = [
        battery_asset(
            f"battery-{number}", feeder, kwh, kw, kind="grid_battery", wear=0.012, efficiency=0.96, kept=0.05
        )
        for number, (feeder, kwh, kw) in enumerate(BATTERIES, start=1)
    ]
    loads = [
        homes_kw(
            times, random, homes=HOMES_PER_FEEDER, temperature_c=weather.temperature_c, timezone=TIMEZONE
        )
        for _ in FEEDERS
    ]
    prices = day_ahead_per_kwh(times, random, irradiance_w_m2=weather.irradiance_w_m2, timezone=TIMEZONE)
    return ScenarioTables(
        header=header_of(
            span,
            "grid batteries that sell balancing reserve and trade with what is left",
            TIMEZONE,
            meter_delay_minutes=15,
            standby_kw=0.5,
        ),
        assets=asset_columns(assets),
        feeders=feeder_columns(times, {"valley": 1300.0, "ridge": 750.0}, {"valley": 1200.0, "ridge": 650.0}),
        load=load_columns(FEEDERS, times, np.array(loads), np.array([weather.pv_kw(500.0)] * 2)),
        prices=price_columns(times, prices, timezone=TIMEZONE, charge=CHARGE_PER_KWH),
        weather=weather.table(),
        reserve=reserve_columns(
            span, np.random.default_rng([span.seed, 6, 1]), most_kw=RESERVE_KW, timezone=TIMEZONE
        ),
        extra={"SOURCES.md": sources("balancing-reserve")},
    )
