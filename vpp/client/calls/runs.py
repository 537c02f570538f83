"""Questions about runs: what was planned, ordered and answered."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from google.protobuf.message import Message

from vpp.client.call import Call, Listing, Watch
from vpp.rpcgen import operator_pb2 as pb
from vpp.rpcgen import runs_pb2 as runs_pb

_OPERATOR = "/vpp.v1.OperatorService"


def runs(
    *,
    started_from: datetime | None = None,
    started_before: datetime | None = None,
    trigger: str = "",
    rungs: Sequence[pb.Rung | str] = (),
    kinds: Sequence[pb.RunKind | str] = (),
    portfolio: str = "",
    limit: int | None = None,
) -> Listing[pb.ListRunsResponse, pb.Run]:
    """Iterate over the runs that all these filters let through, newest first."""
    return Listing(
        path=f"{_OPERATOR}/ListRuns",
        request=pb.ListRunsRequest(
            started_from=started_from,
            started_before=started_before,
            trigger=trigger,
            rungs=rungs,
            kinds=kinds,
            portfolio=portfolio,
        ),
        answer=pb.ListRunsResponse,
        items=lambda answer: answer.runs,
        limit=limit,
    )


def run(run_id: str) -> Call[pb.GetRunResponse]:
    """Return one run."""
    return Call(path=f"{_OPERATOR}/GetRun", request=pb.GetRunRequest(run_id=run_id), answer=pb.GetRunResponse)


def watch_run(*, run_id: str = "", request_id: str = "") -> Watch[runs_pb.WatchRunResponse]:
    """Follow a run to its end: by its id, by the request that triggers it, or the one under way or next."""
    return Watch(
        path="/vpp.v1.DispatchService/WatchRun",
        request=runs_pb.WatchRunRequest(run_id=run_id, request_id=request_id),
        answer=runs_pb.WatchRunResponse,
        resume=_go_on,
    )


def _go_on(request: Message, last: runs_pb.WatchRunResponse) -> None:
    request.CopyFrom(runs_pb.WatchRunRequest(run_id=last.run_id, after=last.position))


def plan(run_id: str) -> Listing[pb.GetPlanResponse, pb.AssetSchedule]:
    """Return the schedule of a run, put together from its pages."""
    return Listing(
        path=f"{_OPERATOR}/GetPlan",
        request=pb.GetPlanRequest(run_id=run_id),
        answer=pb.GetPlanResponse,
        items=lambda answer: answer.schedules,
    )


def setpoints(
    *, run_id: str = "", asset_id: str = "", limit: int | None = None
) -> Listing[pb.ListSetpointsResponse, pb.Setpoint]:
    """Iterate over orders with the last word of their node, newest first."""
    return Listing(
        path=f"{_OPERATOR}/ListSetpoints",
        request=pb.ListSetpointsRequest(run_id=run_id, asset_id=asset_id),
        answer=pb.ListSetpointsResponse,
        items=lambda answer: answer.setpoints,
        limit=limit,
    )


def trail(*, asset_id: str, epoch: int, sequence: int) -> Call[pb.GetTrailResponse]:
    """Return everything one order rests on."""
    return Call(
        path=f"{_OPERATOR}/GetTrail",
        request=pb.GetTrailRequest(asset_id=asset_id, epoch=epoch, sequence=sequence),
        answer=pb.GetTrailResponse,
    )
