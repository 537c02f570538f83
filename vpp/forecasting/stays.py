"""Stays of cars that nobody has announced: when they are likely to come, how long, and with what need.

A car that came on at least half of the days like this one is expected again, at its median time of arrival,
for its median stay, with its median energy. An announced stay always goes before an expected one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from statistics import median
from zoneinfo import ZoneInfo

from vpp.domain.readings import ChargingSession
from vpp.forecasting.local_days import DAY, day_type

MEMORY = timedelta(days=35)
FEWEST_DAYS = 3  # of the same kind, before a habit can be told from chance
HABIT_SHARE = 0.5
LONGEST_STAY = timedelta(days=3)


def expected_sessions(
    known: Sequence[ChargingSession],
    *,
    start: datetime,
    end: datetime,
    now: datetime,
    timezone: str,
    holidays: frozenset[date] = frozenset(),
) -> list[ChargingSession]:
    """Return the stays that habits suggest after `now` and within [start, end), by asset and time.

    `known` holds past and announced stays, as they were announced by `now`; those announced later are not
    looked at.
    """
    zone = ZoneInfo(timezone)
    by_asset: dict[str, list[ChargingSession]] = defaultdict(list)
    for session in known:
        if session.announced_at <= now and session.connected_until > now - MEMORY:
            by_asset[session.asset_id].append(session)
    first, last = start.astimezone(zone).date(), end.astimezone(zone).date()
    days = [first + number * DAY for number in range((last - first).days + 1)]
    expected = []
    for asset_id in sorted(by_asset):
        sessions = by_asset[asset_id]
        for day in days:
            stay = _expected(asset_id, sessions, day, now, zone, holidays)
            if stay is not None and now < stay.connected_from < end and stay.connected_until > start:
                expected.append(stay)
    return expected


def _expected(
    asset_id: str,
    sessions: Sequence[ChargingSession],
    day: date,
    now: datetime,
    zone: ZoneInfo,
    holidays: frozenset[date],
) -> ChargingSession | None:
    """Return the stay that begins on a local day by habit; None without one or beside an announced one."""
    past = [one for one in sessions if one.connected_from < now]
    if not past:
        return None
    oldest = min(one.connected_from for one in past).astimezone(zone).date()
    today = now.astimezone(zone).date()
    alike = [
        oldest + number * DAY
        for number in range((today - oldest).days)
        if day_type(oldest + number * DAY, holidays) == day_type(day, holidays)
    ]
    came = [one for one in past if one.connected_from.astimezone(zone).date() in set(alike)]
    days_with = {one.connected_from.astimezone(zone).date() for one in came}
    if len(alike) < FEWEST_DAYS or len(days_with) < HABIT_SHARE * len(alike):
        return None
    arrival_s = median(_seconds_of_day(one.connected_from, zone) for one in came)
    stay_s = median((one.connected_until - one.connected_from).total_seconds() for one in came)
    midnight = datetime.combine(day, time(), zone)
    connected_from = (midnight + timedelta(seconds=round(arrival_s))).astimezone(now.tzinfo)
    connected_until = connected_from + min(timedelta(seconds=round(stay_s)), LONGEST_STAY)
    if any(one.connected_from < connected_until and connected_from < one.connected_until for one in sessions):
        return None
    if any(one.connected_from.astimezone(zone).date() == day for one in sessions):
        return None
    return ChargingSession(
        asset_id=asset_id,
        connected_from=connected_from,
        connected_until=connected_until,
        departure_energy_kwh=median(one.departure_energy_kwh for one in came),
        trip_energy_kwh=median(one.trip_energy_kwh for one in came),
        announced_at=now,
    )


def _seconds_of_day(at: datetime, zone: ZoneInfo) -> float:
    local = at.astimezone(zone)
    return local.hour * 3600.0 + local.minute * 60.0 + local.second
