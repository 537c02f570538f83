"""Schedules of the configuration: read, listed, and run in their time."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from vpp.adapters.clock import ScaledClock
from vpp.cli.main import app
from vpp.domain.errors import InvalidValueError
from vpp.service.jobs import Jobs, ListedTimesTrigger
from vpp.service.schedule_desk import ScheduleDesk
from vpp.service.schedules import schedules_of
from vpp.service.settings import Settings

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


class NoRegister:
    """Firings are noted nowhere: the database is tested over gRPC."""

    async def add_firing(self, firing):
        assert firing.run_id


def settings(*schedules):
    north = {"portfolio_id": "north", "feeders": ["a"]}
    return Settings(schedules=schedules, forecast={"timezone": "Europe/Berlin"}, portfolios=[north])


def test_a_schedule_takes_the_time_zone_of_the_forecasts():
    (found,) = schedules_of(settings({"id": "noon", "cron": "45 11 * * mon-fri"}), frozenset())
    times = found.next_times(NOON, 3)
    assert [at.astimezone(found.times.zone).strftime("%a %H:%M") for at in times] == [
        "Tue 11:45",
        "Wed 11:45",
        "Thu 11:45",
    ]


@pytest.mark.parametrize(
    "schedules",
    [
        pytest.param([{"id": "a", "cron": "0 6 * * *"}, {"id": "a", "every_s": 600}], id="an id twice"),
        pytest.param([{"id": "a"}], id="no time"),
        pytest.param([{"id": "a", "cron": "0 6 * * *", "every_s": 600}], id="two times"),
        pytest.param([{"id": "a", "cron": "at six"}], id="no cron"),
        pytest.param([{"id": "a", "every_s": 600, "portfolio": "east"}], id="no such portfolio"),
    ],
)
def test_a_wrong_schedule_is_refused(schedules):
    with pytest.raises(InvalidValueError, match=r"schedules|portfolio"):
        schedules_of(settings(*schedules), frozenset())


async def test_schedules_run_as_what_they_are_and_no_firing_is_made_twice():
    clock = ScaledClock(NOON, time.time(), 600.0)  # ten minutes in a second
    jobs, ran, portfolios = Jobs(clock), [], set()

    async def dispatch(trigger, *, portfolio):
        ran.append(trigger)
        portfolios.add(portfolio)
        return "run-1"

    async def dry_run(request_id, *, portfolio):
        ran.append(f"dry:{request_id}")
        assert portfolio == ""
        return "run-2"

    schedules = schedules_of(
        settings(
            {"id": "often", "every_s": 120, "portfolio": "north"},
            {"id": "look", "every_s": 240, "kind": "dry_run"},
        ),
        frozenset(),
    )
    desk = ScheduleDesk(schedules, NoRegister(), clock)
    desk.add_work_to(jobs, dispatch=dispatch, dry_run=dry_run)
    jobs.start()
    try:
        async with asyncio.timeout(20):
            while sum(name.startswith("dry:") for name in ran) < 3:  # noqa: ASYNC110 - no event tells
                await asyncio.sleep(0.01)
    finally:
        jobs.stop()
    dry = [name for name in ran if name.startswith("dry:schedule:look:")]
    assert len(set(dry)) == len(dry)
    assert ran.count("schedule:often") >= 4
    assert portfolios == {"north"}


def test_a_trigger_that_is_asked_twice_answers_alike_and_goes_on_after_a_firing():
    class Clock:
        def now(self):
            return NOON

        def wall_time(self, at):
            return at

    def next_after(at):
        return at + timedelta(minutes=10)

    trigger = ListedTimesTrigger(Clock(), next_after)
    first = trigger.get_next_fire_time(None, NOON)
    assert trigger.get_next_fire_time(None, NOON) == first == NOON + timedelta(minutes=10)
    # Woken a little early, the clock still before the firing: the next one is asked for, not the same.
    assert trigger.get_next_fire_time(first, NOON) == NOON + timedelta(minutes=20)


def test_the_list_says_when_and_what_is_special_about_it(tmp_path):
    path = tmp_path / "vpp.toml"
    path.write_text('[[schedules]]\nid = "night"\ncron = "30 2 * * *"\ntimezone = "Europe/Berlin"\n')
    when = ["--after", "2026-10-24T12:00+02:00", "--count", "2"]
    said = CliRunner().invoke(app, ["schedule", "list", "--config", str(path), *when])
    assert said.exit_code == 0, said.output
    assert "Sun 2026-10-25 02:30 CEST" in said.output
    assert "first time only" in said.output
    assert "Mon 2026-10-26 02:30 CET" in said.output
