"""The desk of the schedules: what may fire, what fired, and who says otherwise."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from vpp.adapters.rpc.schedules import ScheduleLook, ScheduleServicer
from vpp.adapters.storage.schedules import open_schedules
from vpp.domain.portfolios import Portfolios
from vpp.domain.schedules import Firing, ScheduleWord
from vpp.ports import Clock, StoreError
from vpp.ports.schedules import ScheduleRegister
from vpp.service.forecasting_parts import holidays_of
from vpp.service.jobs import Jobs
from vpp.service.loop import DispatchLoop
from vpp.service.rehearsing import Rehearsing
from vpp.service.schedules import Schedule, Work, schedules_of
from vpp.service.settings import Settings

log = structlog.get_logger()
GRACE = timedelta(minutes=5)  # of the plant; a run that is later than this is left out


@dataclass(slots=True)
class ScheduleDesk:
    """The schedules of one service. Words are on disk before they count."""

    schedules: Sequence[Schedule]
    register: ScheduleRegister
    clock: Clock
    _words: dict[str, ScheduleWord] = field(default_factory=dict)
    _saying: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def restore(self) -> int:
        """Take up what was said before a restart; return how many schedules are paused."""
        self._words = await self.register.newest_words()
        return sum(self.paused(item.schedule_id) for item in self.schedules)

    def paused(self, schedule_id: str) -> bool:
        """Return whether a schedule may not fire."""
        word = self._words.get(schedule_id)
        return word is not None and word.paused

    async def say(self, word: ScheduleWord) -> None:
        """Pause or resume a schedule; raise RequestReusedError where the request stands for another word."""
        async with self._saying:
            await self.register.say(word)
            self._words = await self.register.newest_words()
        log.warning(
            "schedule paused" if word.paused else "schedule resumed",
            schedule=word.schedule_id,
            author=word.author,
            reason=word.reason,
        )

    async def look(self, *, next_times: int, after: datetime | None) -> list[ScheduleLook]:
        """Return every schedule as it is now, by id."""
        begin = after or self.clock.now()
        fired = await self.register.newest_firings()
        return [
            ScheduleLook(
                schedule_id=item.schedule_id,
                kind=item.kind,
                portfolio=item.portfolio,
                cron=item.times.cron,
                every_s=0.0 if item.times.every is None else item.times.every.total_seconds(),
                timezone=item.times.timezone,
                days=str(item.times.days),
                next_times=item.next_times(begin, next_times),
                word=self._words.get(item.schedule_id),
                last=fired.get(item.schedule_id),
            )
            for item in sorted(self.schedules, key=lambda item: item.schedule_id)
        ]

    def add_to(self, jobs: Jobs, loop: DispatchLoop, rehearsing: Rehearsing) -> None:
        """Have the schedules run. What starts a run is recorded as its trigger: `schedule:ID`."""

        async def dispatch(trigger: str, /, *, portfolio: str) -> str:
            return (await loop.run_cycle(trigger, portfolio=portfolio)).run_id

        async def dry_run(trigger: str, /, *, portfolio: str) -> str:
            return (await rehearsing.dry_run(trigger, portfolio)).run.run_id

        self.add_work_to(jobs, dispatch=dispatch, dry_run=dry_run)

    def add_work_to(self, jobs: Jobs, *, dispatch: Work, dry_run: Work) -> None:
        """Have `dispatch` and `dry_run` called in their time."""
        for schedule in self.schedules:
            fire = self.firing_of(schedule.schedule_id, dispatch if schedule.kind == "dispatch" else dry_run)
            jobs.at_times(f"schedule {schedule.schedule_id}", fire, schedule.times.next_after, grace=GRACE)

    def firing_of(self, schedule_id: str, work: Work) -> Callable[[], Awaitable[None]]:
        """Return what a schedule does when its time has come."""
        (schedule,) = (item for item in self.schedules if item.schedule_id == schedule_id)
        return _Fire(self, schedule, work).once

    def servicer(self, portfolios: Portfolios) -> ScheduleServicer:
        """Return what answers for the schedules."""
        return ScheduleServicer(desk=self, register=self.register, clock=self.clock, portfolios=portfolios)

    async def note(self, firing: Firing) -> None:
        """Store a firing; without the database it is in the log alone."""
        try:
            await self.register.add_firing(firing)
        except StoreError as error:
            log.warning("a firing is not stored", schedule=firing.schedule_id, reason=str(error))


@dataclass(frozen=True, slots=True)
class _Fire:
    """Carries out one schedule."""

    desk: ScheduleDesk
    schedule: Schedule
    work: Work

    async def once(self) -> None:
        """Run what is scheduled, unless it is paused, and note what came of it."""
        schedule_id, at = self.schedule.schedule_id, self.desk.clock.now()
        if self.desk.paused(schedule_id):
            log.info("a paused schedule does not fire", schedule=schedule_id)
            return
        if remark := self.schedule.times.said_of(at.replace(second=0, microsecond=0)):
            log.warning("the clocks are set", schedule=schedule_id, remark=remark)
        # A dry run's request id is one of a kind: its time is part of it.
        stamp = "" if self.schedule.kind == "dispatch" else f":{at:%Y%m%dT%H%M%S}"
        try:
            run_id = await self.work(f"schedule:{schedule_id}{stamp}", portfolio=self.schedule.portfolio)
        except Exception as error:
            failure = str(error) or type(error).__name__
            await self.desk.note(Firing(schedule_id=schedule_id, fired_at=at, failure=failure))
            raise
        await self.desk.note(Firing(schedule_id=schedule_id, fired_at=at, run_id=run_id))


async def open_schedule_desk(settings: Settings, loop: DispatchLoop, stack: AsyncExitStack) -> ScheduleDesk:
    """Return the desk with what was said before a restart; `stack` closes it."""
    register = open_schedules(settings.database.url)
    stack.push_async_callback(register.close)
    desk = ScheduleDesk(schedules_of(settings, holidays_of(settings, loop.clock)), register, loop.clock)
    if paused := await desk.restore():
        log.warning("schedules that were paused before the restart stay so", schedules=paused)
    return desk
