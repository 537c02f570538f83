"""When a schedule of runs fires: cron or a period, in a time zone, on some days.

```
    Europe/Berlin, the day the clocks go forward         the day they go back
    */15 * * * *   92 times                              100 times
    30 2 * * *     02:30 is not there: at 03:30          02:30 is there twice: the first of them
```
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from apscheduler.triggers.cron import CronTrigger

from vpp.domain.errors import InvalidValueError
from vpp.domain.intervals import interval_start

LONGEST_LOOK_DAYS: Final = 3 * 366  # ahead; what does not fire within three years does not fire
SATURDAY: Final = 5
_FIELDS: Final = 5


class Days(StrEnum):
    """Days on which a schedule fires, by the calendar of its time zone."""

    ALL = "all"
    WORKDAYS = "workdays"  # Monday to Friday, without holidays
    HOLIDAYS = "holidays"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleTimes:
    """The times of one schedule. Either `cron` (five fields) or `every`, counted from midnight UTC.

    Raises InvalidValueError for a wrong cron expression and for times that never come.
    """

    cron: str = ""
    every: timedelta | None = None
    timezone: str = "UTC"
    days: Days = Days.ALL
    holidays: AbstractSet[date] = frozenset()

    def __post_init__(self) -> None:
        if bool(self.cron) == (self.every is not None):
            raise InvalidValueError("schedules.cron", self.cron or "nothing", "either cron or every_s")
        if self.cron:
            _cron_trigger(self.cron, self.zone)

    @property
    def zone(self) -> ZoneInfo:
        """Return the time zone in which cron and days are read."""
        return ZoneInfo(self.timezone)

    def next_after(self, at: datetime) -> datetime | None:
        """Return the first time of the schedule after `at`, UTC; None when there is none for three years."""
        trigger = _cron_trigger(self.cron, self.zone) if self.cron else None
        end = at + timedelta(days=LONGEST_LOOK_DAYS)
        while True:
            found = self._candidate(trigger, at)
            if found is None or found > end:
                return None
            local = found.astimezone(self.zone)
            if not self._on_day(local.date()):
                tomorrow = datetime.combine(local.date() + timedelta(days=1), time(0), self.zone)
                at = tomorrow.astimezone(UTC) - timedelta(microseconds=1)
            elif local.fold and self._is_said_once(local):
                at = found
            else:
                return found

    def _candidate(self, trigger: CronTrigger | None, at: datetime) -> datetime | None:
        if trigger is None:
            assert self.every is not None
            return interval_start(at, self.every) + self.every
        found = trigger.get_next_fire_time(None, (at + timedelta(microseconds=1)).astimezone(self.zone))
        return None if found is None else found.astimezone(UTC)

    def _on_day(self, day: date) -> bool:
        if self.days is Days.ALL:
            return True
        if self.days is Days.HOLIDAYS:
            return day in self.holidays
        return day.weekday() < SATURDAY and day not in self.holidays

    def _is_said_once(self, local: datetime) -> bool:
        """Return whether a wall-clock time that comes twice is one time: where the hours are named."""
        return bool(self.cron) and not self.cron.split()[1].startswith("*") and local.fold == 1

    def said_of(self, at: datetime) -> str:
        """Return what is to be said of a firing at `at`: that the clocks are set on it; empty otherwise."""
        if not self.cron or self.cron.split()[1].startswith("*"):
            return ""
        local = at.astimezone(self.zone)
        hour = timedelta(hours=1)
        if local.replace(fold=1).utcoffset() != local.replace(fold=0).utcoffset():
            return "this time of day comes twice; it runs the first time only"
        before = (at - hour).astimezone(self.zone)
        shifted = local.replace(tzinfo=None) - before.replace(tzinfo=None)
        named = _cron_trigger(self.cron, ZoneInfo("UTC"))
        wall = local.replace(tzinfo=UTC)
        if shifted > hour and named.get_next_fire_time(None, wall) != wall:
            return "its time of day is skipped by the clocks; it runs as much later"
        return ""


def _cron_trigger(cron: str, zone: ZoneInfo) -> CronTrigger:
    fields = cron.split()
    expected = 'five fields: minute, hour, day, month, day of the week by name, such as "0 6 * * mon-fri"'
    if len(fields) != _FIELDS or any(character.isdigit() for character in fields[-1]):
        raise InvalidValueError("schedules.cron", cron, expected)  # numbers of days differ between crons
    try:
        return CronTrigger.from_crontab(cron, timezone=zone)
    except ValueError as error:
        raise InvalidValueError("schedules.cron", cron, expected, str(error)) from None
