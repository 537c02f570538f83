"""Orders: run now, stop, release. A request id acts once, so that every call may be repeated."""

from __future__ import annotations

from collections.abc import Sequence

from vpp.client.call import SOLVE_DEADLINE_S, Call, Listing
from vpp.rpcgen import dispatch_pb2 as pb
from vpp.rpcgen import stops_pb2 as stops_pb

_DISPATCH = "/vpp.v1.DispatchService"


def trigger_run(request_id: str, *, portfolio: str = "") -> Call[pb.TriggerRunResponse]:
    """Run one cycle now, of a portfolio or of all, and return it when its orders are stored and sent."""
    return Call(
        path=f"{_DISPATCH}/TriggerRun",
        request=pb.TriggerRunRequest(request_id=request_id, portfolio=portfolio),
        answer=pb.TriggerRunResponse,
        deadline_s=SOLVE_DEADLINE_S,
    )


def stop(
    request_id: str, *, asset_ids: Sequence[str] = (), feeder_id: str = "", reason: str
) -> Call[pb.StopResponse]:
    """Send assets, a feeder's, or the whole fleet into default control until a release."""
    return Call(
        path=f"{_DISPATCH}/Stop",
        request=pb.StopRequest(
            request_id=request_id, asset_ids=asset_ids, feeder_id=feeder_id, reason=reason
        ),
        answer=pb.StopResponse,
    )


def stops(*, limit: int | None = None) -> Listing[stops_pb.ListStopsResponse, stops_pb.StopOrder]:
    """Iterate over stops and releases, newest first."""
    return Listing(
        path=f"{_DISPATCH}/ListStops",
        request=stops_pb.ListStopsRequest(),
        answer=stops_pb.ListStopsResponse,
        items=lambda answer: answer.stops,
        limit=limit,
    )


def release(
    request_id: str, *, asset_ids: Sequence[str] = (), feeder_id: str = "", reason: str
) -> Call[pb.ReleaseResponse]:
    """End a stop; the next cycle may order these assets again."""
    return Call(
        path=f"{_DISPATCH}/Release",
        request=pb.ReleaseRequest(
            request_id=request_id, asset_ids=asset_ids, feeder_id=feeder_id, reason=reason
        ),
        answer=pb.ReleaseResponse,
    )
