"""When things happen: APScheduler jobs at the boundaries of plant time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger

from vpp.domain.intervals import interval_start
from vpp.ports import Clock, StoreUnavailableError

log = structlog.get_logger()
LEAST_PAUSE = timedelta(milliseconds=100)  # of the wall, between two firings: clocks wake a little early


class PlantTimeTrigger(BaseTrigger):  # type: ignore[misc]  # APScheduler has no type hints
    """Fires `lead` before every multiple of `period` of plant time, counted from midnight UTC."""

    def __init__(self, clock: Clock, period: timedelta, lead: timedelta = timedelta(0)) -> None:
        self.clock, self.period, self.lead = clock, period, lead

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        """Return the wall time of the next firing that was not yet made."""
        plant_now = self.clock.now() + self.lead
        boundary = interval_start(plant_now, self.period) + self.period
        fire = self.clock.wall_time(boundary - self.lead)
        half_period = timedelta(seconds=self.clock.wall_seconds(self.period) / 2)
        if previous_fire_time is not None and fire < previous_fire_time + half_period:  # woke a little early
            fire = self.clock.wall_time(boundary + self.period - self.lead)
        return fire


class ListedTimesTrigger(BaseTrigger):  # type: ignore[misc]  # APScheduler has no type hints
    """Fires at the times that `next_after` gives, of the plant."""

    def __init__(self, clock: Clock, next_after: Callable[[datetime], datetime | None]) -> None:
        self.clock, self.next_after = clock, next_after

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None:
        """Return the wall time of the next firing that was not yet made; asked twice it answers alike."""
        at = self.next_after(self.clock.now())
        while at is not None:
            fire = self.clock.wall_time(at)
            if previous_fire_time is None or fire > previous_fire_time + LEAST_PAUSE:
                return fire
            at = self.next_after(at)
        return None


class Jobs:
    """The service's schedule; each job runs alone, late firings are merged, too late ones skipped."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._scheduler = AsyncIOScheduler(timezone="UTC")

    def every(
        self,
        name: str,
        work: Callable[[], Awaitable[Any]],
        *,
        period: timedelta,
        lead: timedelta = timedelta(0),
        at_once: bool = False,
    ) -> None:
        """Run `work` at every multiple of `period`, `lead` ahead of it; `at_once` also at the start."""
        if at_once:
            self._scheduler.add_job(_guarded(name, work), id=f"{name} at the start", name=name)
        grace_s = max(1, int(self._clock.wall_seconds(period) / 2))
        self._scheduler.add_job(
            _guarded(name, work),
            PlantTimeTrigger(self._clock, period, lead),
            id=name,
            name=name,
            coalesce=True,
            max_instances=1,
            misfire_grace_time=grace_s,
        )

    def at_times(
        self,
        name: str,
        work: Callable[[], Awaitable[Any]],
        next_after: Callable[[datetime], datetime | None],
        *,
        grace: timedelta,
    ) -> None:
        """Run `work` at each time that `next_after` gives, not when it is late by more than `grace`."""
        self._scheduler.add_job(
            _guarded(name, work),
            ListedTimesTrigger(self._clock, next_after),
            id=name,
            name=name,
            coalesce=True,
            max_instances=1,
            misfire_grace_time=max(1, int(self._clock.wall_seconds(grace))),
        )

    def start(self) -> None:
        self._scheduler.start()

    def stop(self) -> None:
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)


def _guarded(name: str, work: Callable[[], Awaitable[Any]]) -> Callable[[], Awaitable[None]]:
    """Return `work` so that nothing it raises ends the schedule: the next firing is a new chance."""

    async def job() -> None:
        try:
            await work()
        except asyncio.CancelledError:
            log.info("job cancelled", job=name)
        except StoreUnavailableError as error:  # said in one line: it comes with every firing of an outage
            log.warning("job failed", job=name, problem=str(error))
        except Exception:
            log.exception("job failed", job=name)

    return job
