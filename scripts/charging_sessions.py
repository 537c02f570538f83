"""Charging sessions out of a SimBench charging profile: when a car is plugged in, and for how much.

SimBench charges a car after every trip. Here a driver plugs in once the trips have used a share of
the battery; the session then makes up for all trips since the last one:

    profile  __|1|_____|2|______|3|___      each block is the energy of one or more trips
    used       1        1+2      1+2+3      reaches the threshold in block 3
    session                      [3 .. departure)   required energy = 1 + 2 + 3
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

INTERVAL = timedelta(minutes=15)
INTERVAL_H = 0.25
# Measured standby of a charger is not a session.
SESSION_FROM_SHARE = 0.01
OVERNIGHT_FROM_HOUR, OVERNIGHT_BEFORE_HOUR, DEPARTURE_HOUR = 15, 5, 7
DAYTIME_STAY_AFTER_CHARGING = timedelta(hours=2)
# Cars leave at this level; no session asks for more than the rest above a tenth of the battery.
DEPARTURE_SOC, LOWEST_ARRIVAL_SOC = 0.9, 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Car:
    """A car with its charger and its driver's habit."""

    capacity_kwh: float
    max_charge_kw: float
    charge_efficiency: float
    plug_in_from_kwh: float  # energy used, in the battery, that makes the driver plug in


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A connection `[connected_from, connected_until)`; energies in kWh in the battery."""

    connected_from: datetime
    connected_until: datetime
    required_energy_kwh: float


def charging_blocks(power_share: Sequence[float]) -> Iterator[tuple[int, float]]:
    """Yield the first interval and the summed share-hours of every stretch of charging."""
    first, total = None, 0.0
    for interval, share in enumerate([*power_share, 0.0]):
        if share > SESSION_FROM_SHARE:
            first = interval if first is None else first
            total += share * INTERVAL_H
        elif first is not None:
            yield first, total
            first, total = None, 0.0


def departure(arrival: datetime, energy_kwh: float, car: Car) -> datetime:
    """Return when the car leaves: 07:00 after a night, else 2 h after charging at full power ends."""
    seven = arrival.replace(hour=DEPARTURE_HOUR, minute=0)
    if arrival.hour >= OVERNIGHT_FROM_HOUR:
        return seven + timedelta(days=1)
    if arrival.hour < OVERNIGHT_BEFORE_HOUR:
        return seven
    intervals = math.ceil(energy_kwh / (car.max_charge_kw * car.charge_efficiency * INTERVAL_H))
    return arrival + intervals * INTERVAL + DAYTIME_STAY_AFTER_CHARGING


def sessions_of_year(
    local_time: Sequence[datetime], power_share: Sequence[float], profile_kw: float, car: Car
) -> list[Session]:
    """Return the sessions of one car over the profile's year, in order and without overlap."""
    most_kwh = (DEPARTURE_SOC - LOWEST_ARRIVAL_SOC) * car.capacity_kwh
    sessions: list[Session] = []
    used_kwh, connected_until = 0.0, local_time[0]
    for interval, share_hours in charging_blocks(power_share):
        used_kwh = min(most_kwh, used_kwh + share_hours * profile_kw * car.charge_efficiency)
        arrival = local_time[interval]
        if arrival < connected_until or used_kwh < car.plug_in_from_kwh:
            continue
        required_kwh = round(used_kwh, 2)
        connected_until = departure(arrival, required_kwh, car)
        sessions.append(
            Session(connected_from=arrival, connected_until=connected_until, required_energy_kwh=required_kwh)
        )
        used_kwh = 0.0
    return sessions


def soc_at(moment: datetime, sessions: Sequence[Session], car: Car) -> float:
    """Return the state of charge at `moment` without control; on the road, the one at the next arrival."""
    for session in sessions:
        if session.connected_until <= moment:
            continue
        hours = max(timedelta(0), moment - session.connected_from) / timedelta(hours=1)
        charged_kwh = hours * car.max_charge_kw * car.charge_efficiency
        missing_kwh = max(0.0, session.required_energy_kwh - charged_kwh)
        return DEPARTURE_SOC - missing_kwh / car.capacity_kwh
    return DEPARTURE_SOC
