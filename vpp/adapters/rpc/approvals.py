"""ApprovalService: what waits for people, their word, and what follows."""

# ruff: noqa: N802 - the names are those of the RPCs
from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final, Protocol

import grpc

from vpp.adapters.rpc import limits
from vpp.adapters.rpc.access import caller, scope
from vpp.adapters.rpc.approval_messages import approval_message, changes_of, event_message
from vpp.adapters.rpc.errors import CallRefusedError, Context, NotFoundError
from vpp.adapters.rpc.paging import page_size_of, page_token_of
from vpp.adapters.rpc.wire_values import printable
from vpp.domain.approvals import ApprovalEvent, ApprovalRecord, ApprovalRefusedError
from vpp.domain.assets import Fleet, parse_identifier
from vpp.domain.portfolios import Portfolios
from vpp.ports import ApprovalRegister, StoreError
from vpp.rpcgen import approvals_pb2 as pb
from vpp.rpcgen import approvals_pb2_grpc

SERVICE: Final = pb.DESCRIPTOR.services_by_name["ApprovalService"].full_name
_CODES: Final = {
    "NOT_FOUND": grpc.StatusCode.NOT_FOUND,
    "OWN_REQUEST": grpc.StatusCode.PERMISSION_DENIED,
    "REQUEST_ID_USED": grpc.StatusCode.ALREADY_EXISTS,
}


class Desk(Protocol):
    """Where people's words are taken."""

    async def say(
        self, approval_id: str, *, request_id: str, person: str, approves: bool, comment: str
    ) -> ApprovalRecord:
        """Store a yes or no, carry out what it completes, and return how it stands."""

    async def changed(self, timeout_s: float) -> None:
        """Return when something happened, or after a while."""


class ApprovalServicer(approvals_pb2_grpc.ApprovalServiceServicer):
    """Shows what waits, and takes the word of whoever calls."""

    def __init__(
        self, *, desk: Desk, register: ApprovalRegister, fleet: Fleet, portfolios: Portfolios | None = None
    ) -> None:
        self._desk, self._register, self._fleet = desk, register, fleet
        self._portfolios = portfolios or Portfolios()
        self._watching = 0

    def add_to(self, server: grpc.aio.Server) -> str:
        """Serve this, and return the service's name."""
        approvals_pb2_grpc.add_ApprovalServiceServicer_to_server(self, server)  # type: ignore[no-untyped-call]
        return SERVICE

    async def ListApprovals(
        self, request: pb.ListApprovalsRequest, context: Context
    ) -> pb.ListApprovalsResponse:
        page = await self._register.records(
            waiting=request.waiting,
            page_size=page_size_of(request.page_size, usual=20, most=limits.MAX_PAGE_APPROVALS),
            page_token=page_token_of(request.page_token),
        )
        return pb.ListApprovalsResponse(
            approvals=[approval_message(record) for record in page.items if self._seen(record)],
            next_page_token=page.next_token,
            alarms=await self._register.alarms() if scope().everything else 0,
        )

    async def GetApproval(self, request: pb.GetApprovalRequest, context: Context) -> pb.GetApprovalResponse:
        record = await self._register.get(parse_identifier("approval_id", request.approval_id))
        if record is None or not self._seen(record):
            raise NotFoundError("approval", request.approval_id)
        held = scope()
        return pb.GetApprovalResponse(
            approval=approval_message(record),
            changes=[item for item in changes_of(record, self._fleet) if held.holds(item.feeder_id)],
            events=[event_message(event) for event in record.events],
        )

    async def Approve(self, request: pb.ApproveRequest, context: Context) -> pb.ApproveResponse:
        return pb.ApproveResponse(approval=await self._said(request, approves=True))

    async def Reject(self, request: pb.RejectRequest, context: Context) -> pb.RejectResponse:
        return pb.RejectResponse(approval=await self._said(request, approves=False))

    def _seen(self, record: ApprovalRecord) -> bool:
        """Return whether the caller may see and decide this: all that it touches is in the caller's scope."""
        held = scope()
        feeders = self._portfolios.feeders_of.get(record.approval.portfolio, ())
        return held.everything or held.holds_all(feeders)

    async def _said(self, request: pb.ApproveRequest | pb.RejectRequest, *, approves: bool) -> pb.Approval:
        known = await self._register.get(parse_identifier("approval_id", request.approval_id))
        if known is not None and not self._seen(known):
            raise NotFoundError("approval", request.approval_id)
        try:
            record = await self._desk.say(
                parse_identifier("approval_id", request.approval_id),
                request_id=parse_identifier("request_id", request.request_id),
                person=caller().name,
                approves=approves,
                comment=printable(request.comment),
            )
        except ApprovalRefusedError as error:
            code = _CODES.get(error.reason, grpc.StatusCode.FAILED_PRECONDITION)
            raise CallRefusedError(code, error.reason, str(error)) from error
        return approval_message(record)

    async def WatchApprovals(
        self, request: pb.WatchApprovalsRequest, context: Context
    ) -> AsyncIterator[pb.WatchApprovalsResponse]:
        if self._watching >= limits.MAX_APPROVAL_WATCHES:
            raise CallRefusedError(
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                "TOO_MANY_WATCHES",
                f"{limits.MAX_APPROVAL_WATCHES} watch approvals already; try again later",
            )
        self._watching += 1
        try:
            after = await self._register.newest_event() if request.only_new else max(0, request.after)
            yield pb.WatchApprovalsResponse(position=after)
            while True:
                for event in await self._register.events_after(after, most=limits.MAX_EVENTS_AT_ONCE):
                    after = event.number
                    if (said := await self._happened(event)) is not None:
                        yield said
                await self._desk.changed(limits.APPROVAL_LOOK_S)
        except StoreError as error:
            raise CallRefusedError(grpc.StatusCode.UNAVAILABLE, "DATABASE_AWAY", str(error)) from error
        finally:
            self._watching -= 1

    async def _happened(self, event: ApprovalEvent) -> pb.WatchApprovalsResponse | None:
        """Return what is told of an event; None where it is not the caller's to see."""
        record = await self._register.get(event.approval_id)
        assert record is not None  # a foreign key holds it
        if not self._seen(record):
            return None
        return pb.WatchApprovalsResponse(
            event=event_message(event), approval=approval_message(record), position=event.number
        )
