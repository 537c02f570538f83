"""What plans beside live operation, and how it compares."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from vpp.client.call import Call, Listing
from vpp.rpcgen import shadows_pb2 as pb

_SHADOW: Final = "/vpp.v1.ShadowService"
REPORT_S: Final = 60.0  # weeks of cycles are read


def shadows(*, limit: int | None = None) -> Listing[pb.ListShadowsResponse, pb.Shadow]:
    """Iterate over the configured shadows and how far they are."""
    return Listing(
        path=f"{_SHADOW}/ListShadows",
        request=pb.ListShadowsRequest(),
        answer=pb.ListShadowsResponse,
        items=lambda answer: answer.shadows,
        limit=limit,
    )


def shadow_cycles(
    shadow_id: str, *, limit: int | None = None
) -> Listing[pb.ListShadowCyclesResponse, pb.ShadowCycle]:
    """Iterate over what a shadow planned beside each cycle, newest first."""
    return Listing(
        path=f"{_SHADOW}/ListShadowCycles",
        request=pb.ListShadowCyclesRequest(shadow_id=shadow_id),
        answer=pb.ListShadowCyclesResponse,
        items=lambda answer: answer.cycles,
        limit=limit,
    )


def shadow_report(
    shadow_id: str, *, start: datetime | None = None, end: datetime | None = None, seed: int = 0
) -> Call[pb.ReportShadowResponse]:
    """Compare a shadow with what was in force, over cycles that start in [start, end) or over all."""
    return Call(
        path=f"{_SHADOW}/ReportShadow",
        request=pb.ReportShadowRequest(shadow_id=shadow_id, start=start, end=end, seed=seed),
        answer=pb.ReportShadowResponse,
        deadline_s=REPORT_S,
    )
