"""Schedules of runs from the configuration: a cycle, or a dry run, at times that people chose."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal, Protocol

from vpp.domain.errors import InvalidValueError
from vpp.service.schedule_times import Days, ScheduleTimes
from vpp.service.settings import Settings


class Work(Protocol):
    """Carries out a run."""

    async def __call__(self, trigger: str, /, *, portfolio: str) -> str:
        """Run for a portfolio, or for everybody, and return the run's id; `trigger` is recorded with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """One schedule: when, and what is run then."""

    schedule_id: str
    times: ScheduleTimes
    kind: Literal["dispatch", "dry_run"]
    portfolio: str = ""  # whose assets are run; empty: everybody's

    def next_times(self, after: datetime, count: int) -> list[datetime]:
        """Return the next times after `after`, at most `count`."""
        found: list[datetime] = []
        while len(found) < count:
            following = self.times.next_after(found[-1] if found else after)
            if following is None:
                break
            found.append(following)
        return found


def schedules_of(settings: Settings, holidays: frozenset[date]) -> list[Schedule]:
    """Return the schedules; raise InvalidValueError for a wrong time, portfolio, or an id used twice."""
    portfolios = settings.to_portfolios()
    found: dict[str, Schedule] = {}
    for item in settings.schedules:
        if item.id in found:
            raise InvalidValueError("schedules.id", item.id, "an id that is used once")
        if item.portfolio:
            portfolios.require(item.portfolio)
        found[item.id] = Schedule(
            schedule_id=item.id,
            times=ScheduleTimes(
                cron=item.cron,
                every=None if item.every_s is None else timedelta(seconds=item.every_s),
                timezone=item.timezone or settings.forecast.timezone,
                days=Days(item.days),
                holidays=holidays,
            ),
            kind=item.kind,
            portfolio=item.portfolio,
        )
    return list(found.values())
