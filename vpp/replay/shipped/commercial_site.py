"""A business behind one meter with a demand charge: a battery, PV on the roof, vans and visitors' cars."""

from __future__ import annotations

import numpy as np

from vpp.replay.shipped.batteries import battery_asset
from vpp.replay.shipped.cars import Habit, car_asset, trips_of
from vpp.replay.shipped.demand import business_kw
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
SITE = "site"
VANS = Habit(leaves_h=6.8, returns_h=15.8, weekday_share=0.95, weekend_share=0.05, km=95.0, charge_to=0.9)
DESKS = Habit(leaves_h=8.2, returns_h=16.8, weekday_share=0.85, weekend_share=0.0, km=30.0, charge_to=0.7)
CHARGE_PER_KWH = 0.11
DEMAND_CHARGE_PER_KW_YEAR = 110.0


def build(span: Span) -> ScenarioTables:
    """Return the scenario; the demand charge is that of a year, for the share of it that is replayed."""
    random, times = np.random.default_rng([span.seed, 2]), span.times()
    weather = make_weather(times, random, mean_c=9.5)
    load_kw = business_kw(times, random, mean_kw=115.0, timezone=TIMEZONE, spikes_kw=8.0)
    vans = [car_asset(f"van-{number:02d}", SITE, 75.0, 11.0) for number in range(1, 9)]
    desks = [car_asset(f"desk-{number:02d}", SITE, 58.0, 11.0) for number in range(1, 7)]
    stays = (
        trips_of(vans, span, random, timezone=TIMEZONE, habit=VANS),
        trips_of(desks, span, random, timezone=TIMEZONE, habit=DESKS, at_work=True),
    )
    trips = {name: np.concatenate([stay[name] for stay in stays]) for name in stays[0]}
    battery = battery_asset(
        "battery", SITE, 400.0, 180.0, kind="grid_battery", wear=0.015, efficiency=0.96, kept=0.05
    )
    prices = day_ahead_per_kwh(times, random, irradiance_w_m2=weather.irradiance_w_m2, timezone=TIMEZONE)
    return ScenarioTables(
        header=header_of(
            span,
            "a business with a demand charge, a battery, PV, vans and visitors' cars",
            TIMEZONE,
            meter_delay_minutes=5,
            forecast_scenarios=5,  # what a peak costs lies in the tail of what may come
            peak_price_per_kw=round(DEMAND_CHARGE_PER_KW_YEAR * span.days / 365, 4),
        ),
        assets=asset_columns([battery, *vans, *desks]),
        feeders=feeder_columns(times, {SITE: 400.0}, {SITE: 200.0}),
        load=load_columns([SITE], times, load_kw[None], weather.pv_kw(60.0)[None]),
        prices=price_columns(times, prices, timezone=TIMEZONE, charge=CHARGE_PER_KWH),
        trips=trips,
        weather=weather.table(),
        extra={"SOURCES.md": sources("commercial-site")},
    )
