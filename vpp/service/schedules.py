"""Schedules of runs from the configuration: a cycle, or a dry run, at times that people chose."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal, Protocol

import structlog

from vpp.domain.errors import InvalidValueError
from vpp.service.jobs import Jobs
from vpp.service.schedule_times import Days, ScheduleTimes
from vpp.service.settings import Settings

log = structlog.get_logger()
GRACE = timedelta(minutes=5)  # of the plant; a run that is later than this is left out


class Work(Protocol):
    """Carries out a run."""

    async def __call__(self, trigger: str, /, *, portfolio: str) -> Any:
        """Run for a portfolio, or for everybody; `trigger` is recorded with the run."""


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


def add_schedules(
    jobs: Jobs,
    schedules: list[Schedule],
    *,
    now: Callable[[], datetime],
    dispatch: Work,
    dry_run: Work,
) -> None:
    """Have the schedules run. What starts a run is recorded as its trigger: `schedule:ID`."""
    for schedule in schedules:
        work = dispatch if schedule.kind == "dispatch" else dry_run
        name = f"schedule {schedule.schedule_id}"
        jobs.at_times(name, _noted(schedule, work, now), schedule.times.next_after, grace=GRACE)


def _noted(schedule: Schedule, work: Work, now: Callable[[], datetime]) -> Callable[[], Awaitable[None]]:
    async def run() -> None:
        at = now()
        if remark := schedule.times.said_of(at.replace(second=0, microsecond=0)):
            log.warning("the clocks are set", schedule=schedule.schedule_id, remark=remark)
        # A dry run's request id is one of a kind: its time is part of it.
        stamp = "" if schedule.kind == "dispatch" else f":{at:%Y%m%dT%H%M%S}"
        await work(f"schedule:{schedule.schedule_id}{stamp}", portfolio=schedule.portfolio)

    return run
