"""ScheduleService: schedules of the configuration, their pauses and firings."""

# ruff: noqa: N802 - the names are those of the RPCs
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, Protocol

import grpc.aio

from vpp.adapters.rpc import limits
from vpp.adapters.rpc.access import caller, scope
from vpp.adapters.rpc.dispatch_messages import timestamp
from vpp.adapters.rpc.errors import CallRefusedError, Context, NotFoundError
from vpp.adapters.rpc.paging import filter_of, page_size_of, page_token_of
from vpp.adapters.rpc.times import time_of
from vpp.adapters.rpc.wire_values import printable
from vpp.domain.assets import parse_identifier
from vpp.domain.errors import InvalidValueError
from vpp.domain.portfolios import Portfolios
from vpp.domain.schedules import Firing, ScheduleWord
from vpp.ports import Clock, RequestReusedError
from vpp.ports.schedules import ScheduleRegister
from vpp.rpcgen import schedules_pb2 as pb
from vpp.rpcgen import schedules_pb2_grpc

SERVICE: Final = pb.DESCRIPTOR.services_by_name["ScheduleService"].full_name
USUAL_TIMES: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleLook:
    """A schedule as it is now; `word` is what was said of it last, `last` its newest firing."""

    schedule_id: str
    kind: Literal["dispatch", "dry_run"]
    portfolio: str
    cron: str
    every_s: float
    timezone: str
    days: str
    next_times: Sequence[datetime]
    word: ScheduleWord | None
    last: Firing | None


class Desk(Protocol):
    """Where schedules are looked at, paused and resumed."""

    async def look(self, *, next_times: int, after: datetime | None) -> list[ScheduleLook]:
        """Return every schedule as it is now, by id."""

    async def say(self, word: ScheduleWord) -> None:
        """Pause or resume a schedule."""


class ScheduleServicer(schedules_pb2_grpc.ScheduleServiceServicer):
    """Answers for the schedules that the caller may see."""

    def __init__(
        self, *, desk: Desk, register: ScheduleRegister, clock: Clock, portfolios: Portfolios
    ) -> None:
        self._desk, self._register, self._clock = desk, register, clock
        self._portfolios = portfolios

    def add_to(self, server: grpc.aio.Server) -> str:
        """Serve this, and return the service's name."""
        schedules_pb2_grpc.add_ScheduleServiceServicer_to_server(self, server)  # type: ignore[no-untyped-call]
        return SERVICE

    async def ListSchedules(
        self, request: pb.ListSchedulesRequest, context: Context
    ) -> pb.ListSchedulesResponse:
        size = page_size_of(request.page_size, usual=50, most=limits.MAX_PAGE_SCHEDULE_LIST)
        times = request.next_times if request.HasField("next_times") else USUAL_TIMES
        if not 0 <= times <= limits.MAX_NEXT_TIMES:
            raise InvalidValueError("next_times", times, f"0 to {limits.MAX_NEXT_TIMES}")
        token = filter_of("page_token", request.page_token)
        after = time_of(request, "after") if request.HasField("after") else None
        seen = [item for item in await self._seen(times, after) if item.schedule_id > token]
        shown = seen[:size]
        return pb.ListSchedulesResponse(
            schedules=[schedule_message(item) for item in shown],
            next_page_token=shown[-1].schedule_id if len(seen) > size else "",
        )

    async def PauseSchedule(
        self, request: pb.PauseScheduleRequest, context: Context
    ) -> pb.PauseScheduleResponse:
        return pb.PauseScheduleResponse(schedule=await self._say(request, paused=True))

    async def ResumeSchedule(
        self, request: pb.ResumeScheduleRequest, context: Context
    ) -> pb.ResumeScheduleResponse:
        return pb.ResumeScheduleResponse(schedule=await self._say(request, paused=False))

    async def _say(
        self, request: pb.PauseScheduleRequest | pb.ResumeScheduleRequest, *, paused: bool
    ) -> pb.Schedule:
        schedule_id = parse_identifier("schedule_id", request.schedule_id)
        word = ScheduleWord(
            schedule_id=schedule_id,
            paused=paused,
            request_id=parse_identifier("request_id", request.request_id),
            author=caller().name,
            reason=printable(request.reason),
            at=self._clock.now(),
        )
        await self._one(schedule_id)
        try:
            await self._desk.say(word)
        except RequestReusedError as error:
            raise CallRefusedError(grpc.StatusCode.ALREADY_EXISTS, "REQUEST_ID_USED", str(error)) from error
        return schedule_message(await self._one(schedule_id))

    async def ListFirings(self, request: pb.ListFiringsRequest, context: Context) -> pb.ListFiringsResponse:
        schedule_id = filter_of("schedule_id", request.schedule_id)
        seen = [item.schedule_id for item in await self._seen(0, None)]
        if schedule_id:
            seen = [(await self._one(schedule_id)).schedule_id]
        page = await self._register.firings(
            schedule_ids=seen,
            page_size=page_size_of(request.page_size, usual=50, most=limits.MAX_PAGE_RUNS),
            page_token=page_token_of(request.page_token),
        )
        return pb.ListFiringsResponse(
            firings=[firing_message(item) for item in page.items], next_page_token=page.next_token
        )

    async def _one(self, schedule_id: str) -> ScheduleLook:
        for item in await self._seen(0, None):
            if item.schedule_id == schedule_id:
                return item
        raise NotFoundError("schedule", schedule_id)

    async def _seen(self, times: int, after: datetime | None) -> list[ScheduleLook]:
        """Return the schedules that the caller may see: with limits, those of its own portfolios."""
        held = scope()
        return [
            item
            for item in await self._desk.look(next_times=times, after=after)
            if held.everything or held.holds_all(self._portfolios.feeders_of.get(item.portfolio, ()))
        ]


def schedule_message(item: ScheduleLook) -> pb.Schedule:
    """Return a schedule as people read it."""
    word = item.word
    return pb.Schedule(
        schedule_id=item.schedule_id,
        kind=f"RUN_KIND_{item.kind.upper()}",
        portfolio=item.portfolio,
        cron=item.cron,
        every_s=item.every_s,
        timezone=item.timezone,
        days=item.days,
        next_times=[timestamp(at) for at in item.next_times],
        paused=word is not None and word.paused,
        since=None if word is None else timestamp(word.at),
        author="" if word is None else word.author,
        reason="" if word is None else word.reason,
        last_firing=None if item.last is None else firing_message(item.last),
    )


def firing_message(firing: Firing) -> pb.Firing:
    """Return a firing as people read it."""
    return pb.Firing(
        schedule_id=firing.schedule_id,
        fired_at=timestamp(firing.fired_at),
        run_id=firing.run_id,
        failure=firing.failure[: limits.MAX_TEXT_LENGTH],
    )
