"""What plans beside live operation, how it compares, and its promotion."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from vpp.client.call import SOLVE_DEADLINE_S, Call, Listing
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


def propose_promotion(
    request_id: str,
    shadow_id: str,
    *,
    start: datetime | None = None,
    end: datetime | None = None,
    seed: int = 0,
    comment: str = "",
) -> Call[pb.ProposePromotionResponse]:
    """Put a shadow before people with its report; when they approve it, it is in force."""
    return Call(
        path=f"{_SHADOW}/ProposePromotion",
        request=pb.ProposePromotionRequest(
            request_id=request_id, shadow_id=shadow_id, start=start, end=end, seed=seed, comment=comment
        ),
        answer=pb.ProposePromotionResponse,
        deadline_s=REPORT_S,
    )


def revert_promotion(request_id: str, *, reason: str) -> Call[pb.RevertPromotionResponse]:
    """Put in force again what was so before the newest promotion, at once."""
    return Call(
        path=f"{_SHADOW}/RevertPromotion",
        request=pb.RevertPromotionRequest(request_id=request_id, reason=reason),
        answer=pb.RevertPromotionResponse,
        deadline_s=SOLVE_DEADLINE_S,  # it may have to wait for a live cycle
    )


def promotions(*, limit: int | None = None) -> Listing[pb.ListPromotionsResponse, pb.Promotion]:
    """Iterate over what was promoted and taken back, newest first; a page says what is in force."""
    return Listing(
        path=f"{_SHADOW}/ListPromotions",
        request=pb.ListPromotionsRequest(),
        answer=pb.ListPromotionsResponse,
        items=lambda answer: answer.promotions,
        limit=limit,
    )
