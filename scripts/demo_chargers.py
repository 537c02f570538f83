"""The demo's chargers: which car hangs where, and which days of SimBench's year it lives through.

SimBench's labels are local time; the sessions that leave this file are in UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from charging_sessions import INTERVAL, Car, Session, sessions_of_year

BERLIN = ZoneInfo("Europe/Berlin")
DEMO_DAY = date(2020, 5, 20)
# SimBench's labels skip and repeat an hour on these days; no session is taken from around them.
CLOCK_CHANGES = (date(2016, 3, 27), date(2016, 10, 30))

HOME_PROFILES = ("HLS_A_3.7", "HLS_B_3.7", "HLS_C_3.7", "HLS_A_11.0", "HLS_B_11.0", "HLS_A_22.0")
STREET_FEEDER, STREET_CHARGERS, STREET_CHARGE_KW = "lv-rural2", 24, 11.0
STREET_ARRIVAL_HOURS = (17.0, 19.25)
STREET_PLUG_IN_SHARE = 0.35
CHARGERS_ELSEWHERE = 3  # per other feeder
ELSEWHERE_PLUG_IN_FROM_KWH = 2.0
CAPACITIES_11_KW = (58.0, 52.0, 64.0, 37.9)
CAPACITY_3_7_KW = 32.3
EV_EFFICIENCY = 0.92


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileYear:
    """SimBench's charging profiles of 2016 with their local time labels."""

    local_time: list[datetime]
    power_share: dict[str, list[float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Charger:
    """One charger of the demo and the sessions of its car, in demo time (UTC)."""

    feeder_id: str
    car: Car
    sessions: list[Session]


def utc(local: datetime) -> datetime:
    return local.replace(tzinfo=BERLIN).astimezone(UTC)


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day)  # local, without zone, as SimBench labels it


def profile_kw(name: str) -> float:
    return float(name.rsplit("_", 1)[1])


def near_clock_change(day: date) -> bool:
    return any(abs((day - change).days) <= 7 for change in CLOCK_CHANGES)


def moved(sessions: Iterable[Session], shift: timedelta) -> list[Session]:
    """Return the sessions in demo time, from the day before the demo day on.

    The session after the last day stays as well: it tells the energy of the trip before it.
    """
    first = utc(midnight(DEMO_DAY - timedelta(days=1)))
    demo = [
        Session(
            connected_from=utc(session.connected_from + shift),
            connected_until=utc(session.connected_until + shift),
            required_energy_kwh=session.required_energy_kwh,
        )
        for session in sessions
    ]
    return [session for session in demo if session.connected_from >= first]


def arrives_in_the_evening(session: Session) -> bool:
    """Tell whether the session starts on an evening before a working day, within the street's hours."""
    arrival = session.connected_from
    low, high = STREET_ARRIVAL_HOURS
    return (
        arrival.weekday() <= 3
        and low <= arrival.hour + arrival.minute / 60 < high
        and not near_clock_change(arrival.date())
        and date(2016, 1, 8) < arrival.date() < date(2016, 12, 15)
    )


def street_chargers(year: ProfileYear) -> Iterator[Charger]:
    """Yield the chargers of one street on an evening on which all cars come home to charge."""
    taken: set[tuple[str, date]] = set()
    for index in range(STREET_CHARGERS):
        name = HOME_PROFILES[index % len(HOME_PROFILES)]
        capacity_kwh = CAPACITIES_11_KW[index % len(CAPACITIES_11_KW)]
        car = Car(
            capacity_kwh=capacity_kwh,
            max_charge_kw=STREET_CHARGE_KW,
            charge_efficiency=EV_EFFICIENCY,
            plug_in_from_kwh=STREET_PLUG_IN_SHARE * capacity_kwh,
        )
        sessions = sessions_of_year(year.local_time, year.power_share[name], profile_kw(name), car)
        days = [session.connected_from.date() for session in sessions if arrives_in_the_evening(session)]
        day = next(day for day in days if (name, day) not in taken)
        taken.add((name, day))
        yield Charger(feeder_id=STREET_FEEDER, car=car, sessions=moved(sessions, DEMO_DAY - day))


def charging_days(sessions: Sequence[Session]) -> set[date]:
    """Return which of the three days around the demo day have an arrival."""
    days = {session.connected_from.astimezone(BERLIN).date() for session in sessions}
    return {day for day in days if abs((day - DEMO_DAY).days) <= 1}


def first_busy_week(sessions: Sequence[Session], taken: int) -> list[Session]:
    """Return the sessions moved by whole weeks, so that the car arrives on two of the three days."""
    weeks = [week for week in range(2, 50) if not near_clock_change(date(2016, 1, 6) + week * timedelta(7))]
    found = 0
    for week in weeks:
        day = date(2016, 1, 6) + timedelta(weeks=week)
        demo = moved(sessions, DEMO_DAY - day)
        if len(charging_days(demo)) >= 2 and DEMO_DAY in charging_days(demo):
            if found == taken:
                return demo
            found += 1
    raise ValueError("no week with enough charging")


def chargers_elsewhere(profiles: dict[str, list[str]], year: ProfileYear) -> Iterator[Charger]:
    """Yield, for the other feeders, the first home chargers that SimBench has there."""
    uses: dict[str, int] = {}
    for feeder_id, names in profiles.items():
        if feeder_id == STREET_FEEDER:
            continue
        known = [name for name in names if name in HOME_PROFILES and profile_kw(name) <= 11.0]
        for name in known[:CHARGERS_ELSEWHERE]:
            kw = profile_kw(name)
            uses[name] = uses.get(name, -1) + 1
            large = CAPACITIES_11_KW[uses[name] % len(CAPACITIES_11_KW)]
            car = Car(
                capacity_kwh=large if kw > 3.7 else CAPACITY_3_7_KW,
                max_charge_kw=kw,
                charge_efficiency=EV_EFFICIENCY,
                plug_in_from_kwh=ELSEWHERE_PLUG_IN_FROM_KWH,
            )
            sessions = sessions_of_year(year.local_time, year.power_share[name], kw, car)
            yield Charger(feeder_id=feeder_id, car=car, sessions=first_busy_week(sessions, uses[name]))


def numbered(chargers: Iterable[Charger]) -> dict[str, Charger]:
    """Return the chargers by asset id, numbered within their feeder."""
    named: dict[str, Charger] = {}
    for charger in chargers:
        number = sum(other.feeder_id == charger.feeder_id for other in named.values()) + 1
        named[f"{charger.feeder_id}-ev-{number:02d}"] = charger
    return named


def uncontrolled_kw(chargers: Iterable[Charger], moment: datetime) -> float:
    """Return the mean charging power over the interval at `moment` when every car charges at once."""
    energy_kwh = 0.0
    for charger in chargers:
        for session in charger.sessions:
            rate_kw = charger.car.max_charge_kw
            end = session.connected_from + timedelta(
                hours=session.required_energy_kwh / (rate_kw * charger.car.charge_efficiency)
            )
            overlap = min(end, moment + INTERVAL) - max(session.connected_from, moment)
            energy_kwh += max(timedelta(0), overlap) / timedelta(hours=1) * rate_kw
    return energy_kwh / (INTERVAL / timedelta(hours=1))
