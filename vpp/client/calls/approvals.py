"""Decisions that wait for people: what waits, yes and no, and what happens to them."""

from __future__ import annotations

from google.protobuf.message import Message

from vpp.client.call import SOLVE_DEADLINE_S, Call, Listing, Watch
from vpp.rpcgen import approvals_pb2 as pb

_APPROVAL = "/vpp.v1.ApprovalService"


def approvals(
    *, waiting: bool = True, limit: int | None = None
) -> Listing[pb.ListApprovalsResponse, pb.Approval]:
    """Iterate over approvals, newest first; `waiting` leaves out what is over."""
    return Listing(
        path=f"{_APPROVAL}/ListApprovals",
        request=pb.ListApprovalsRequest(waiting=waiting),
        answer=pb.ListApprovalsResponse,
        items=lambda answer: answer.approvals,
        limit=limit,
    )


def approval(approval_id: str) -> Call[pb.GetApprovalResponse]:
    """Return one approval with what it would change and what was said of it."""
    return Call(
        path=f"{_APPROVAL}/GetApproval",
        request=pb.GetApprovalRequest(approval_id=approval_id),
        answer=pb.GetApprovalResponse,
    )


def approve(request_id: str, approval_id: str, *, comment: str = "") -> Call[pb.ApproveResponse]:
    """Say yes; may wait for a cycle that is under way. The same request again changes nothing."""
    return Call(
        path=f"{_APPROVAL}/Approve",
        request=pb.ApproveRequest(request_id=request_id, approval_id=approval_id, comment=comment),
        answer=pb.ApproveResponse,
        deadline_s=SOLVE_DEADLINE_S,
    )


def reject(request_id: str, approval_id: str, *, comment: str = "") -> Call[pb.RejectResponse]:
    """Say no; the same request again changes nothing."""
    return Call(
        path=f"{_APPROVAL}/Reject",
        request=pb.RejectRequest(request_id=request_id, approval_id=approval_id, comment=comment),
        answer=pb.RejectResponse,
    )


def watch_approvals(*, after: int | None = None) -> Watch[pb.WatchApprovalsResponse]:
    """Follow what happens, from now on or after an event's number; nothing is left out or repeated.

    The first answer of each stream holds no event, only where it begins.
    """
    return Watch(
        path=f"{_APPROVAL}/WatchApprovals",
        request=pb.WatchApprovalsRequest(after=after or 0, only_new=after is None),
        answer=pb.WatchApprovalsResponse,
        resume=_go_on,
    )


def _go_on(request: Message, last: pb.WatchApprovalsResponse) -> None:
    request.CopyFrom(pb.WatchApprovalsRequest(after=last.position))
