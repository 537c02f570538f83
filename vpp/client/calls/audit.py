"""The audit chain, and why a setpoint is what it is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from vpp.client.call import Call, Listing, Watch
from vpp.rpcgen import audit_pb2 as pb

_AUDIT = "/vpp.v1.AuditService"


def explain_setpoint(
    *, asset_id: str, epoch: int = 0, sequence: int = 0, at: datetime | None = None
) -> Call[pb.ExplainSetpointResponse]:
    """Return why an order is what it is: by its number, the newest that began by `at`, or the newest."""
    return Call(
        path=f"{_AUDIT}/ExplainSetpoint",
        request=pb.ExplainSetpointRequest(asset_id=asset_id, epoch=epoch, sequence=sequence, at=at),
        answer=pb.ExplainSetpointResponse,
    )


def audit_records(
    *,
    kind: str = "",
    subject: str = "",
    start: datetime | None = None,
    end: datetime | None = None,
    limit: int | None = None,
) -> Listing[pb.ListRecordsResponse, pb.AuditRecord]:
    """Iterate over records of the chain, newest first."""
    return Listing(
        path=f"{_AUDIT}/ListRecords",
        request=pb.ListRecordsRequest(kind=kind, subject=subject, start=start, end=end),
        answer=pb.ListRecordsResponse,
        items=lambda answer: answer.records,
        limit=limit,
    )


def audit_head() -> Call[pb.GetHeadResponse]:
    """Return the newest record's number and hash, an anchor."""
    return Call(path=f"{_AUDIT}/GetHead", request=pb.GetHeadRequest(), answer=pb.GetHeadResponse)


def verify_audit(
    *, first: int = 0, last: int = 0, deep: bool = False, anchors: Sequence[str] = ()
) -> Watch[pb.VerifyRangeResponse]:
    """Have records checked, 0 for the ends, and follow how far it is; the last answer has the verdict.

    A stream that breaks begins anew.
    """
    return Watch(
        path=f"{_AUDIT}/VerifyRange",
        request=pb.VerifyRangeRequest(first=first, last=last, deep=deep, anchors=anchors),
        answer=pb.VerifyRangeResponse,
    )
