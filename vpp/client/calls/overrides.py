"""Orders past the plan: overrides and freezes."""

from __future__ import annotations

from vpp.client.call import SOLVE_DEADLINE_S, Call, Listing
from vpp.rpcgen import dispatch_pb2 as pb

_DISPATCH = "/vpp.v1.DispatchService"


def set_override(request: pb.SetOverrideRequest) -> Call[pb.SetOverrideResponse]:
    """Have assets do something else than their plan until a given time, or freeze them."""
    return Call(
        path=f"{_DISPATCH}/SetOverride",
        request=request,
        answer=pb.SetOverrideResponse,
        deadline_s=SOLVE_DEADLINE_S,  # the answer waits for what it costs
    )


def clear_override(override_id: str, *, reason: str = "") -> Call[pb.ClearOverrideResponse]:
    """End an override before its time; its assets go back to the plan."""
    return Call(
        path=f"{_DISPATCH}/ClearOverride",
        request=pb.ClearOverrideRequest(override_id=override_id, reason=reason),
        answer=pb.ClearOverrideResponse,
    )


def overrides(
    *, include_over: bool = False, limit: int | None = None
) -> Listing[pb.ListOverridesResponse, pb.Override]:
    """Iterate over overrides, newest first."""
    return Listing(
        path=f"{_DISPATCH}/ListOverrides",
        request=pb.ListOverridesRequest(include_over=include_over),
        answer=pb.ListOverridesResponse,
        items=lambda answer: answer.overrides,
        limit=limit,
    )
