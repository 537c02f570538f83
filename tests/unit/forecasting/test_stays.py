"""Habits of cars: expected where they are regular, and never against an announcement."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from vpp.domain.readings import ChargingSession
from vpp.forecasting.stays import expected_sessions

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2020, 5, 20, 10, tzinfo=UTC)  # a Wednesday


def stay(day, hour, minute=0, hours=13, energy=50.0):
    begin = datetime(2020, 5, day, hour, minute, tzinfo=BERLIN).astimezone(UTC)
    return ChargingSession(
        asset_id="car",
        connected_from=begin,
        connected_until=begin + timedelta(hours=hours),
        departure_energy_kwh=energy,
        trip_energy_kwh=10.0,
        announced_at=begin - timedelta(days=1),
    )


WORKDAYS = [4, 5, 6, 7, 8, 11, 12, 13, 14, 15, 18, 19]
HABIT = [stay(day, 18, minute=day % 3 * 10, energy=40.0 + day % 3) for day in WORKDAYS]


def expected(known, **changes):
    window = {"start": NOW, "end": NOW + timedelta(hours=24), "now": NOW, "timezone": "Europe/Berlin"}
    return expected_sessions(known, **(window | changes))


def test_a_habit_is_expected_at_its_median_with_its_median_need():
    (found,) = expected(HABIT)
    assert found.connected_from == datetime(2020, 5, 20, 18, 10, tzinfo=BERLIN)
    assert found.connected_until - found.connected_from == timedelta(hours=13)
    assert found.departure_energy_kwh == 41.0
    assert found.announced_at == NOW


def test_workdays_say_nothing_about_weekends_and_holidays():
    saturday = {"start": NOW + timedelta(days=3), "end": NOW + timedelta(days=3, hours=12)}
    assert expected(HABIT, **saturday) == []
    assert expected(HABIT, holidays=frozenset({NOW.date()})) == []


@pytest.mark.parametrize(
    "known",
    [
        pytest.param([], id="nothing known"),
        pytest.param(HABIT[-2:], id="too few days"),
        pytest.param([HABIT[0], HABIT[5], HABIT[-1]], id="a quarter of the days"),
        pytest.param([*HABIT, stay(20, 21)], id="announced for the evening"),
        pytest.param([*HABIT, stay(20, 6, hours=30)], id="here already"),
    ],
)
def test_without_a_habit_or_beside_an_announcement_nothing_is_expected(known):
    assert expected(known) == []


def test_what_is_announced_later_is_not_looked_at():
    later = replace(stay(20, 21), announced_at=NOW + timedelta(minutes=1))
    assert len(expected([*HABIT, later])) == 1
