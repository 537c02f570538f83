"""A winter week with a storm: dear prices, weakened feeders, nodes that fall silent, meters with noise."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np

from vpp.replay.shipped.batteries import battery_asset, home_batteries
from vpp.replay.shipped.cars import Habit, car_asset, trips_of
from vpp.replay.shipped.demand import homes_kw
from vpp.replay.shipped.market import day_ahead_per_kwh, price_columns
from vpp.replay.shipped.sources import sources
from vpp.replay.shipped.tables import (
    Columns,
    Floats,
    ScenarioTables,
    Span,
    Times,
    as_time,
    asset_columns,
    header_of,
    load_columns,
    text_of,
)
from vpp.replay.shipped.weather import make_weather

TIMEZONE = "Europe/Berlin"
FEEDERS = ("coast", "inland")
HOMES_PER_FEEDER, BATTERIES_PER_FEEDER, CARS_PER_FEEDER = 70, 12, 12
STORM_AFTER, STORM_HOURS = timedelta(days=2, hours=15), 40  # from the start of the replay
WARNED_BEFORE = timedelta(hours=18)
NORMAL_KW, WEAK_KW = 250.0, 100.0  # a line is out: what the feeder can still carry
WEAK_KNOWN_BEFORE = timedelta(hours=3)
CHARGE_PER_KWH = 0.14


def build(span: Span) -> ScenarioTables:
    """Return the scenario; the storm comes on the third day of each week that is replayed."""
    random, times = np.random.default_rng([span.seed, 5]), span.times()
    storm = _storm(times, span)
    weather = make_weather(times, random, sunny=0.35, mean_c=10.0)
    cold_c = weather.temperature_c - 3.0 * storm
    homes = [_homes_kw(times, random, cold_c) * (1.0 + 0.1 * storm) for _ in FEEDERS]
    batteries = [unit for feeder in FEEDERS for unit in home_batteries(feeder, BATTERIES_PER_FEEDER, random)]
    batteries.append(
        battery_asset("grid-battery", FEEDERS[0], 215.0, 100.0, kind="grid_battery", wear=0.015, kept=0.05)
    )
    cars = [
        car_asset(f"{feeder}-ev-{number:02d}", feeder, 52.0, 11.0)
        for feeder in FEEDERS
        for number in range(1, CARS_PER_FEEDER + 1)
    ]
    irradiance = weather.irradiance_w_m2 * (1.0 - 0.8 * storm)
    prices = day_ahead_per_kwh(
        times, random, irradiance_w_m2=irradiance, timezone=TIMEZONE, mean=0.11, scarcity=0.12 * storm
    )
    return ScenarioTables(
        header=header_of(
            span,
            "a winter week with a storm: weak feeders, silent nodes, dear prices",
            TIMEZONE,
            meter_delay_minutes=30,
            silent_share=0.2,
            stuck_share=0.03,
            power_noise_kw=0.05,
            soc_noise=0.01,
        ),
        assets=asset_columns([*batteries, *cars]),
        feeders=_limits(times, span),
        load=load_columns(
            FEEDERS, times, np.array(homes), np.array([weather.pv_kw(80.0) * (1.0 - 0.8 * storm)] * 2)
        ),
        prices=price_columns(times, prices, timezone=TIMEZONE, charge=CHARGE_PER_KWH),
        trips=trips_of(cars, span, random, timezone=TIMEZONE, habit=Habit()),
        weather=weather.table(),
        context=_warnings(span),
        extra={"SOURCES.md": sources("storm-week")},
    )


def _homes_kw(times: Times, random: np.random.Generator, cold_c: Floats) -> Floats:
    return homes_kw(
        times, random, homes=HOMES_PER_FEEDER, temperature_c=cold_c, timezone=TIMEZONE, heat_pumps=0.4
    )


def _storms(span: Span) -> list[Any]:
    """Return when each storm begins."""
    return [span.start + timedelta(days=7 * week) + STORM_AFTER for week in range(max(1, span.days // 7))]


def _storm(times: Times, span: Span) -> Floats:
    """Return 1 during a storm, 0 otherwise, shape (T,)."""
    inside = np.zeros(len(times))
    for begin in _storms(span):
        first = as_time(begin)
        inside[(times >= first) & (times < first + np.timedelta64(STORM_HOURS, "h"))] = 1.0
    return inside


def _limits(times: Times, span: Span) -> Columns:
    """Return the feeders table: the first feeder loses a line in each storm, known three hours before."""
    rows: list[tuple[str, Any, float, Any]] = [(name, times[0], NORMAL_KW, times[0]) for name in FEEDERS]
    for begin in _storms(span):
        known = as_time(begin - WEAK_KNOWN_BEFORE)
        rows.append((FEEDERS[0], as_time(begin), WEAK_KW, known))
        rows.append((FEEDERS[0], as_time(begin + timedelta(hours=STORM_HOURS)), NORMAL_KW, known))
    names, valid, limits, known_at = zip(*rows, strict=True)
    return {
        "feeder_id": np.array(names, dtype=object),
        "valid_from": np.array(valid, dtype="datetime64[us]"),
        "import_limit_kw": np.array(limits),
        "export_limit_kw": np.array(limits),
        "available_at": np.array(known_at, dtype="datetime64[us]"),
    }


def _warnings(span: Span) -> list[dict[str, str]]:
    return [
        {
            "id": f"storm-{number}",
            "text": "Made-up warning: a storm with snow from the west; heating demand rises by a tenth, "
            "hardly any sun, a line to the coast may fail.",
            "valid_from": text_of(begin),
            "valid_until": text_of(begin + timedelta(hours=STORM_HOURS)),
            "available_at": text_of(begin - WARNED_BEFORE),
        }
        for number, begin in enumerate(_storms(span), start=1)
    ]
