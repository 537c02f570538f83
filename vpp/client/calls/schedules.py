"""Schedules of runs: when they fire, pauses, and what came of each firing."""

from __future__ import annotations

from datetime import datetime

from vpp.client.call import Call, Listing
from vpp.rpcgen import schedules_pb2 as pb

_SCHEDULES = "/vpp.v1.ScheduleService"


def schedules(
    *, next_times: int = 3, after: datetime | None = None, limit: int | None = None
) -> Listing[pb.ListSchedulesResponse, pb.Schedule]:
    """Iterate over the schedules by id, with their next times."""
    return Listing(
        path=f"{_SCHEDULES}/ListSchedules",
        request=pb.ListSchedulesRequest(next_times=next_times, after=after),
        answer=pb.ListSchedulesResponse,
        items=lambda answer: answer.schedules,
        limit=limit,
    )


def pause_schedule(request_id: str, schedule_id: str, *, reason: str) -> Call[pb.PauseScheduleResponse]:
    """Let a schedule fire no more until it is resumed, also over a restart."""
    return Call(
        path=f"{_SCHEDULES}/PauseSchedule",
        request=pb.PauseScheduleRequest(request_id=request_id, schedule_id=schedule_id, reason=reason),
        answer=pb.PauseScheduleResponse,
    )


def resume_schedule(request_id: str, schedule_id: str, *, reason: str) -> Call[pb.ResumeScheduleResponse]:
    """End a pause."""
    return Call(
        path=f"{_SCHEDULES}/ResumeSchedule",
        request=pb.ResumeScheduleRequest(request_id=request_id, schedule_id=schedule_id, reason=reason),
        answer=pb.ResumeScheduleResponse,
    )


def firings(*, schedule_id: str = "", limit: int | None = None) -> Listing[pb.ListFiringsResponse, pb.Firing]:
    """Iterate over firings with the run of each, newest first."""
    return Listing(
        path=f"{_SCHEDULES}/ListFirings",
        request=pb.ListFiringsRequest(schedule_id=schedule_id),
        answer=pb.ListFiringsResponse,
        items=lambda answer: answer.firings,
        limit=limit,
    )
