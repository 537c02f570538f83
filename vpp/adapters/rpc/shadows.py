"""ShadowService: what plans beside live operation, how it compares, and its promotion."""

# ruff: noqa: N802 - the names are those of the RPCs
from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Final, Protocol

import grpc
import grpc.aio

from vpp.adapters.rpc import limits
from vpp.adapters.rpc.access import caller
from vpp.adapters.rpc.approval_messages import approval_message
from vpp.adapters.rpc.errors import CallRefusedError, Context, NotFoundError
from vpp.adapters.rpc.paging import page_size_of, page_token_of
from vpp.adapters.rpc.shadow_messages import (
    cycle_message,
    promotion_message,
    report_message,
    shadow_message,
)
from vpp.adapters.rpc.times import time_of
from vpp.adapters.rpc.wire_values import printable
from vpp.control.promotion_report import PromotionReport
from vpp.domain.approvals import ApprovalRecord, ApprovalRefusedError
from vpp.domain.assets import parse_identifier
from vpp.domain.errors import InvalidValueError
from vpp.domain.promotions import Promotion
from vpp.domain.shadows import Shadow
from vpp.ports.shadows import ShadowRegister
from vpp.rpcgen import shadows_pb2 as pb
from vpp.rpcgen import shadows_pb2_grpc

SERVICE: Final = pb.DESCRIPTOR.services_by_name["ShadowService"].full_name
_CODES: Final = {"REQUEST_ID_USED": grpc.StatusCode.ALREADY_EXISTS}
Report = Callable[[Shadow, datetime | None, datetime | None, int], Awaitable[PromotionReport]]
"""Compares a shadow with what was in force over a period, with a seed."""


class PromotionDesk(Protocol):
    """Where promotions are proposed and taken back; all raise ApprovalRefusedError."""

    async def propose(
        self, shadow: Shadow, report: PromotionReport, *, request_id: str, requester: str, comment: str
    ) -> ApprovalRecord:
        """Put a shadow before people with its report."""

    async def revert(self, *, request_id: str, person: str, reason: str) -> Promotion:
        """Take the newest promotion back, at once."""

    async def history(self) -> list[Promotion]:
        """Return what was promoted and taken back, oldest first."""

    def words(self, history: list[Promotion]) -> str:
        """Return what is in force."""


class ShadowServicer(shadows_pb2_grpc.ShadowServiceServicer):
    """Shows the configured shadows and what they came to."""

    def __init__(
        self,
        *,
        shadows: Sequence[Shadow],
        register: ShadowRegister,
        report: Report,
        promoting: PromotionDesk,
    ) -> None:
        self._shadows = {shadow.shadow_id: shadow for shadow in shadows}
        self._register, self._report, self._promoting = register, report, promoting

    def add_to(self, server: grpc.aio.Server) -> str:
        """Serve this, and return the service's name."""
        shadows_pb2_grpc.add_ShadowServiceServicer_to_server(self, server)  # type: ignore[no-untyped-call]
        return SERVICE

    async def ListShadows(self, request: pb.ListShadowsRequest, context: Context) -> pb.ListShadowsResponse:
        size = page_size_of(request.page_size, usual=20, most=limits.MAX_PAGE_SHADOWS)
        names, after = list(self._shadows), page_token_of(request.page_token)
        if after and after not in names:
            raise InvalidValueError("page_token", after, "the next_page_token of the page before")
        first = names.index(after) + 1 if after else 0
        shown = [self._shadows[name] for name in names[first : first + size]]
        return pb.ListShadowsResponse(
            shadows=[shadow_message(one, await self._register.progress(one)) for one in shown],
            next_page_token=shown[-1].shadow_id if first + size < len(names) else "",
        )

    async def ListShadowCycles(
        self, request: pb.ListShadowCyclesRequest, context: Context
    ) -> pb.ListShadowCyclesResponse:
        page = await self._register.page(
            self._shadow(request.shadow_id),
            page_size=page_size_of(request.page_size, usual=100, most=limits.MAX_PAGE_RUNS),
            page_token=page_token_of(request.page_token),
        )
        return pb.ListShadowCyclesResponse(
            cycles=[cycle_message(one) for one in page.items], next_page_token=page.next_token
        )

    async def ReportShadow(
        self, request: pb.ReportShadowRequest, context: Context
    ) -> pb.ReportShadowResponse:
        report = await self._report(self._shadow(request.shadow_id), *period_of(request), request.seed)
        return pb.ReportShadowResponse(report=report_message(report))

    async def ProposePromotion(
        self, request: pb.ProposePromotionRequest, context: Context
    ) -> pb.ProposePromotionResponse:
        request_id = parse_identifier("request_id", request.request_id)
        shadow = self._shadow(request.shadow_id)
        report = await self._report(shadow, *period_of(request), request.seed)
        with _refusals():
            record = await self._promoting.propose(
                shadow,
                report,
                request_id=request_id,
                requester=caller().name,
                comment=printable(request.comment),
            )
        return pb.ProposePromotionResponse(approval=approval_message(record))

    async def RevertPromotion(
        self, request: pb.RevertPromotionRequest, context: Context
    ) -> pb.RevertPromotionResponse:
        request_id = parse_identifier("request_id", request.request_id)
        with _refusals():
            done = await self._promoting.revert(
                request_id=request_id, person=caller().name, reason=printable(request.reason)
            )
        return pb.RevertPromotionResponse(promotion=promotion_message(done))

    async def ListPromotions(
        self, request: pb.ListPromotionsRequest, context: Context
    ) -> pb.ListPromotionsResponse:
        size = page_size_of(request.page_size, usual=100, most=limits.MAX_PAGE_RUNS)
        token, history = page_token_of(request.page_token), await self._promoting.history()
        if token and not token.isdecimal():
            raise InvalidValueError("page_token", token, "the next_page_token of the page before")
        older = [one for one in reversed(history) if not token or one.number < int(token)]
        shown = older[:size]
        return pb.ListPromotionsResponse(
            promotions=[promotion_message(one) for one in shown],
            next_page_token=str(shown[-1].number) if len(older) > size else "",
            in_force=self._promoting.words(history),
        )

    def _shadow(self, name: str) -> Shadow:
        found = self._shadows.get(parse_identifier("shadow_id", name))
        if found is None:
            raise NotFoundError("shadow", name)
        return found


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except ApprovalRefusedError as error:
        code = _CODES.get(error.reason, grpc.StatusCode.FAILED_PRECONDITION)
        raise CallRefusedError(code, error.reason, str(error)) from error


def period_of(
    request: pb.ReportShadowRequest | pb.ProposePromotionRequest,
) -> tuple[datetime | None, datetime | None]:
    """Return the period that a request names; None where it is open."""
    start, end = (time_of(request, name) if request.HasField(name) else None for name in ("start", "end"))
    if start is not None and end is not None and end <= start:
        raise InvalidValueError("end", end.isoformat(), "a time after start")
    return start, end
