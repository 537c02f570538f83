"""Made trips of cars, from a seed: habits on weekdays and weekends, energy per trip, when stays are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from vpp.replay.shipped.tables import Columns, Span, as_time

KWH_PER_KM = 0.19
SHORTEST_STAY = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Habit:
    """When a car is away: leaves and returns in local hours, with deviations; on which share of days."""

    leaves_h: float = 7.6
    returns_h: float = 17.6
    deviation_h: float = 0.7
    weekday_share: float = 0.9
    weekend_share: float = 0.45
    km: float = 38.0
    charge_to: float = 0.85  # of the capacity, asked at departure


def car_asset(asset_id: str, feeder_id: str, capacity_kwh: float, power_kw: float) -> dict[str, Any]:
    """Return one charger with its car, half full; it does not discharge."""
    return {
        "asset_id": asset_id,
        "feeder_id": feeder_id,
        "kind": "ev_charger",
        "capacity_kwh": capacity_kwh,
        "energy_initial_kwh": round(0.6 * capacity_kwh, 2),
        "max_charge_kw": power_kw,
        "max_discharge_kw": 0.0,
        "min_charge_kw": 1.4,
        "charge_efficiency": 0.92,
        "discharge_efficiency": 0.92,
        "wear_cost_per_kwh": 0.0,
    }


def trips_of(
    cars: Sequence[Mapping[str, Any]],
    span: Span,
    random: np.random.Generator,
    *,
    timezone: str,
    habit: Habit,
    at_work: bool = False,
    notice: timedelta = timedelta(0),
) -> Columns:
    """Return the stays of all cars, with what each trip uses.

    at_work: the charger stands where the car spends the day: the stay is the time away from home.
    notice: how long before its beginning a stay is known; zero: when the car is plugged in.
    """
    rows: list[tuple[Any, ...]] = []
    for car in cars:
        away = _away(span, random, ZoneInfo(timezone), habit)
        stays = away if at_work else _between(away, span)
        for begin, end in stays:
            if end - begin < SHORTEST_STAY or end <= span.start:
                continue
            used = min(0.6 * car["capacity_kwh"], KWH_PER_KM * habit.km * float(random.gamma(4.0, 0.25)))
            can = (end - begin).total_seconds() / 3600 * car["max_charge_kw"] * car["charge_efficiency"]
            asked = min(habit.charge_to * car["capacity_kwh"], 0.2 * car["capacity_kwh"] + 0.9 * can)
            known = as_time(begin - notice)
            rows.append(
                (car["asset_id"], as_time(begin), as_time(end), round(asked, 2), round(used, 2), known)
            )
    rows.sort(key=lambda row: (row[1], row[0]))
    ids, begins, ends, asked_kwh, used_kwh, known_at = zip(*rows, strict=True)
    return {
        "asset_id": np.array(ids, dtype=object),
        "connected_from": np.array(begins, dtype="datetime64[us]"),
        "connected_until": np.array(ends, dtype="datetime64[us]"),
        "required_energy_kwh": np.array(asked_kwh),
        "trip_energy_kwh": np.array(used_kwh),
        "announced_at": np.array(known_at, dtype="datetime64[us]"),
    }


def _away(
    span: Span, random: np.random.Generator, zone: ZoneInfo, habit: Habit
) -> list[tuple[datetime, datetime]]:
    """Return when the car is away from home, to five minutes."""
    day: date = span.start.date() - timedelta(days=1)
    found = []
    while day <= span.end.date() + timedelta(days=2):
        weekday = day.weekday() < 5
        goes = random.random() < (habit.weekday_share if weekday else habit.weekend_share)
        leaves = habit.leaves_h + habit.deviation_h * random.standard_normal() + (0 if weekday else 2.5)
        returns = habit.returns_h + habit.deviation_h * random.standard_normal() - (0 if weekday else 1.5)
        if goes:
            found.append((_at(day, leaves, zone), _at(day, max(returns, leaves + 1.5), zone)))
        day += timedelta(days=1)
    return found


def _between(away: list[tuple[datetime, datetime]], span: Span) -> list[tuple[datetime, datetime]]:
    """Return the stays at home between the times away."""
    begins = [span.start - timedelta(days=2), *(back for _, back in away)]
    ends = [*(leave for leave, _ in away), span.end + timedelta(days=4)]
    return list(zip(begins, ends, strict=True))


def _at(day: date, hour: float, zone: ZoneInfo) -> datetime:
    minutes = 5 * round(12 * min(max(hour, 0.0), 23.9))
    return datetime.combine(day, time(minutes // 60, minutes % 60), tzinfo=zone)
