"""When schedules fire, on days of 23 and 25 hours too."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from vpp.domain.errors import InvalidValueError
from vpp.service.schedule_times import Days, ScheduleTimes

BERLIN = ZoneInfo("Europe/Berlin")
SPRING, AUTUMN, USUAL = date(2020, 3, 29), date(2020, 10, 25), date(2020, 5, 20)
QUARTER = timedelta(minutes=15)


def fired(day: date, *, count: int = 1, **options) -> list[datetime]:
    """Return the times of a schedule on local days, UTC."""
    times = ScheduleTimes(timezone="Europe/Berlin", **options)
    begin = datetime(day.year, day.month, day.day, tzinfo=BERLIN)
    last = day + timedelta(days=count)
    end = datetime(last.year, last.month, last.day, tzinfo=BERLIN).astimezone(UTC)
    found, at = [], begin.astimezone(UTC) - timedelta(microseconds=1)
    while (at := times.next_after(at)) is not None and at < end:
        found.append(at)
    return found


@pytest.mark.parametrize("options", [{"cron": "*/15 * * * *"}, {"every": QUARTER}], ids=["cron", "period"])
@pytest.mark.parametrize(("day", "count"), [(USUAL, 96), (SPRING, 92), (AUTUMN, 100)])
def test_every_quarter_hour_comes_once_on_any_day(day, count, options):
    found = fired(day, **options)
    assert len(found) == count
    assert {later - earlier for earlier, later in pairwise(found)} == {QUARTER}


@pytest.mark.parametrize(
    ("cron", "day", "expected", "said"),
    [
        ("30 2 * * *", USUAL, ["00:30"], ""),
        ("30 2 * * *", SPRING, ["01:30"], "skipped"),
        ("30 2 * * *", AUTUMN, ["00:30"], "twice"),
        ("30 3 * * *", SPRING, ["01:30"], ""),
        ("30 3 * * *", AUTUMN, ["02:30"], ""),
        ("0 1-4 * * *", SPRING, ["00:00", "01:00", "02:00"], ""),
        ("0 1-4 * * *", AUTUMN, ["23:00", "00:00", "02:00", "03:00"], ""),
        ("0 */2 * * *", SPRING, None, ""),
    ],
)
def test_a_named_hour_runs_once_a_day_and_says_when_the_clocks_are_set(cron, day, expected, said):
    found = fired(day, cron=cron)
    assert len(set(found)) == len(found)
    if expected is not None:
        assert [f"{at:%H:%M}" for at in found] == expected
    if len(found) == 1:
        note = ScheduleTimes(cron=cron, timezone="Europe/Berlin").said_of(found[0])
        assert (said in note) if said else note == ""


HOLIDAYS = frozenset({date(2020, 5, 21), date(2020, 6, 1)})  # Ascension Day, Whit Monday


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (Days.ALL, [18, 19, 20, 21, 22, 23, 24]),
        (Days.WORKDAYS, [18, 19, 20, 22]),
        (Days.HOLIDAYS, [21]),
    ],
)
def test_days_are_those_of_the_time_zone(days, expected):
    # Half past midnight in Berlin is the day before in UTC.
    found = fired(date(2020, 5, 18), count=7, cron="30 0 * * *", days=days, holidays=HOLIDAYS)
    assert [at.astimezone(BERLIN).day for at in found] == expected


def test_what_never_comes_is_none_and_the_next_holiday_is_found_from_afar():
    nothing = ScheduleTimes(cron="0 0 * * *", days=Days.HOLIDAYS)
    assert nothing.next_after(datetime(2020, 1, 1, tzinfo=UTC)) is None
    minutely = ScheduleTimes(cron="* * * * *", days=Days.HOLIDAYS, holidays=HOLIDAYS)
    assert minutely.next_after(datetime(2020, 1, 1, tzinfo=UTC)) == datetime(2020, 5, 21, tzinfo=UTC)
    assert ScheduleTimes(cron="0 0 31 2 *").next_after(datetime(2020, 1, 1, tzinfo=UTC)) is None


@pytest.mark.parametrize("cron", ["", "* * * *", "61 * * * *", "0 6 * * 1-5", "0 6 * * noday"])
def test_a_wrong_cron_expression_is_refused(cron):
    with pytest.raises(InvalidValueError, match=r"schedules\.cron"):
        ScheduleTimes(cron=cron)
