"""A hot season in which the grid operator asks for discharging on the evenings of the hottest days."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from vpp.replay.shipped.batteries import battery_asset, home_batteries
from vpp.replay.shipped.cars import Habit, car_asset, trips_of
from vpp.replay.shipped.demand import homes_kw
from vpp.replay.shipped.market import day_ahead_per_kwh, price_columns
from vpp.replay.shipped.sources import sources
from vpp.replay.shipped.tables import (
    Columns,
    ScenarioTables,
    Span,
    as_time,
    asset_columns,
    feeder_columns,
    header_of,
    load_columns,
)
from vpp.replay.shipped.weather import Weather, make_weather

TIMEZONE = "Europe/Berlin"
FEEDERS = ("park", "hill")
BATTERIES_PER_FEEDER, CARS_PER_FEEDER, HOMES_PER_FEEDER = 20, 10, 80
IMPORT_LIMIT_KW = dict.fromkeys(FEEDERS, 400.0)
EXPORT_LIMIT_KW = dict.fromkeys(FEEDERS, 250.0)
EVENT_FROM, EVENT_HOURS = time(18), 2
SHARE_OF_DAYS = 0.4  # of the hottest days have an event
TARGET_KW, PENALTY_PER_KWH = 90.0, 1.2
ANNOUNCED_AT = time(9)  # on the day itself
CHARGE_PER_KWH = 0.14


def build(span: Span) -> ScenarioTables:
    """Return the scenario: events on the hottest days, known in the morning."""
    random, times = np.random.default_rng([span.seed, 4]), span.times()
    weather = make_weather(times, random, sunny=0.7, mean_c=15.0)
    batteries = [unit for feeder in FEEDERS for unit in home_batteries(feeder, BATTERIES_PER_FEEDER, random)]
    batteries.append(
        battery_asset("grid-battery", FEEDERS[0], 215.0, 100.0, kind="grid_battery", wear=0.015, kept=0.05)
    )
    cars = [
        car_asset(f"{feeder}-ev-{number:02d}", feeder, 58.0, 11.0)
        for feeder in FEEDERS
        for number in range(1, CARS_PER_FEEDER + 1)
    ]
    loads = [
        homes_kw(
            times, random, homes=HOMES_PER_FEEDER, temperature_c=weather.temperature_c, timezone=TIMEZONE,
            coolers=0.6,
        )
        for _ in FEEDERS
    ]  # fmt: skip
    prices = day_ahead_per_kwh(times, random, irradiance_w_m2=weather.irradiance_w_m2, timezone=TIMEZONE)
    return ScenarioTables(
        header=header_of(
            span,
            "a hot season with demand-response events on the hottest evenings",
            TIMEZONE,
            meter_delay_minutes=15,
            half_share=0.05,
        ),
        assets=asset_columns([*batteries, *cars]),
        feeders=feeder_columns(times, IMPORT_LIMIT_KW, EXPORT_LIMIT_KW),
        load=load_columns(FEEDERS, times, np.array(loads), np.array([weather.pv_kw(140.0)] * 2)),
        prices=price_columns(times, prices, timezone=TIMEZONE, charge=CHARGE_PER_KWH),
        trips=trips_of(cars, span, random, timezone=TIMEZONE, habit=Habit()),
        weather=weather.table(),
        events=events_on_hot_days(span, weather),
        extra={"SOURCES.md": sources("demand-response")},
    )


def events_on_hot_days(span: Span, weather: Weather) -> Columns:
    """Return the events table: two hours on the evenings of the hottest days of the span."""
    zone = ZoneInfo(TIMEZONE)
    days = [span.start.date() + timedelta(days=day) for day in range(span.days)]
    day_of = weather.times.astype("datetime64[D]")
    hottest = [float(weather.temperature_c[day_of == np.datetime64(day)].max()) for day in days]
    chosen = sorted(np.argsort(hottest)[::-1][: max(1, round(SHARE_OF_DAYS * len(days)))].tolist())
    rows: list[dict[str, Any]] = []
    for number, day in enumerate((days[k] for k in chosen), start=1):
        begin = datetime.combine(day, EVENT_FROM, tzinfo=zone)
        rows.append(
            {
                "event_id": f"heat-{number:02d}",
                "direction": "up",
                "start": as_time(begin),
                "end": as_time(begin + timedelta(hours=EVENT_HOURS)),
                "target_kw": TARGET_KW,
                "penalty_per_kwh": PENALTY_PER_KWH,
                "available_at": as_time(datetime.combine(day, ANNOUNCED_AT, tzinfo=zone)),
            }
        )
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}
