"""ShadowService: what plans beside live operation, and how it compares."""

# ruff: noqa: N802 - the names are those of the RPCs
from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Final

import grpc.aio

from vpp.adapters.rpc import limits
from vpp.adapters.rpc.errors import Context, NotFoundError
from vpp.adapters.rpc.paging import page_size_of, page_token_of
from vpp.adapters.rpc.shadow_messages import cycle_message, report_message, shadow_message
from vpp.adapters.rpc.times import time_of
from vpp.control.promotion_report import PromotionReport
from vpp.domain.assets import parse_identifier
from vpp.domain.errors import InvalidValueError
from vpp.domain.shadows import Shadow
from vpp.ports.shadows import ShadowRegister
from vpp.rpcgen import shadows_pb2 as pb
from vpp.rpcgen import shadows_pb2_grpc

SERVICE: Final = pb.DESCRIPTOR.services_by_name["ShadowService"].full_name
Report = Callable[[Shadow, datetime | None, datetime | None, int], Awaitable[PromotionReport]]
"""Compares a shadow with what was in force over a period, with a seed."""


class ShadowServicer(shadows_pb2_grpc.ShadowServiceServicer):
    """Shows the configured shadows and what they came to."""

    def __init__(self, *, shadows: Sequence[Shadow], register: ShadowRegister, report: Report) -> None:
        self._shadows = {shadow.shadow_id: shadow for shadow in shadows}
        self._register, self._report = register, report

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

    def _shadow(self, name: str) -> Shadow:
        found = self._shadows.get(parse_identifier("shadow_id", name))
        if found is None:
            raise NotFoundError("shadow", name)
        return found


def period_of(request: pb.ReportShadowRequest) -> tuple[datetime | None, datetime | None]:
    """Return the period that a request names; None where it is open."""
    start, end = (time_of(request, name) if request.HasField(name) else None for name in ("start", "end"))
    if start is not None and end is not None and end <= start:
        raise InvalidValueError("end", end.isoformat(), "a time after start")
    return start, end
