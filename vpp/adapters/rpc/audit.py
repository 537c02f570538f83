"""What auditors ask: AuditService over the chain of records."""

# ruff: noqa: N802 - the names are those of the RPCs
from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from typing import Final, Protocol

import grpc.aio
from google.protobuf.message import Message

from vpp.adapters.rpc import limits
from vpp.adapters.rpc.access import scope
from vpp.adapters.rpc.audit_messages import explanation_message, record_message, verdict_message
from vpp.adapters.rpc.errors import Context, NotFoundError
from vpp.adapters.rpc.paging import page_size_of, page_token_of
from vpp.adapters.rpc.times import time_of
from vpp.adapters.rpc.wire_values import printable
from vpp.domain.assets import Fleet, parse_identifier
from vpp.domain.errors import InvalidValueError
from vpp.ports import AuditFilter, AuditLog
from vpp.ports.evidence import SetpointExplanation
from vpp.rpcgen import audit_pb2 as pb
from vpp.rpcgen import audit_pb2_grpc

SERVICE: Final = pb.DESCRIPTOR.services_by_name["AuditService"].full_name
MAX_PAGE: Final = 1_000
MAX_ANCHORS: Final = 100
MAX_SUBJECT: Final = 200
MAX_VERIFYING: Final = 1  # at once; the others are asked to come again
_LOOK_S: Final = 0.25  # between two messages about progress


class Explain(Protocol):
    """Explains an order; see `vpp.service.explaining`."""

    def __call__(
        self, *, asset_id: str, epoch: int, sequence: int, at: datetime | None
    ) -> Awaitable[SetpointExplanation | None]:
        """Return the explanation, None where there is no such order."""


class AuditServicer(audit_pb2_grpc.AuditServiceServicer):
    """Questions about the chain and about setpoints. Changes nothing."""

    def __init__(self, *, chain: AuditLog, explain: Explain, fleet: Fleet) -> None:
        self._chain, self._explain = chain, explain
        self._feeder_of: Callable[[str], str | None] = {
            asset.asset_id: asset.feeder_id for asset in fleet.assets
        }.get
        self._verifying = asyncio.Semaphore(MAX_VERIFYING)

    def add_to(self, server: grpc.aio.Server) -> str:
        """Serve this, and return the service's name."""
        audit_pb2_grpc.add_AuditServiceServicer_to_server(self, server)  # type: ignore[no-untyped-call]
        return SERVICE

    async def ListRecords(self, request: pb.ListRecordsRequest, context: Context) -> pb.ListRecordsResponse:
        chosen = AuditFilter(
            kind=_name("kind", request.kind),
            subject=_name("subject", request.subject),
            start=_time(request, "start"),
            end=_time(request, "end"),
        )
        page = await self._chain.records(
            chosen,
            page_size=page_size_of(request.page_size, usual=100, most=MAX_PAGE),
            page_token=page_token_of(request.page_token),
        )
        records = [record_message(record) for record in page.items]
        return pb.ListRecordsResponse(records=records, next_page_token=page.next_token)

    async def GetHead(self, request: pb.GetHeadRequest, context: Context) -> pb.GetHeadResponse:
        head = await self._chain.head()
        return pb.GetHeadResponse(number=head.number, chain_sha256=head.chain_sha256)

    async def VerifyRange(
        self, request: pb.VerifyRangeRequest, context: Context
    ) -> AsyncIterator[pb.VerifyRangeResponse]:
        if len(request.anchors) > MAX_ANCHORS:
            raise InvalidValueError("anchors", len(request.anchors), f"at most {MAX_ANCHORS}")
        for field in ("first", "last"):
            if getattr(request, field) > limits.MAX_NUMBER:
                raise InvalidValueError(field, getattr(request, field), f"at most {limits.MAX_NUMBER}")
        place = [0, 0]

        def progress(done: int, total: int) -> None:
            place[:] = done, total

        async with self._verifying:
            work = asyncio.create_task(
                self._chain.verify(
                    anchors=list(request.anchors),
                    first=request.first,
                    last=request.last,
                    deep=request.deep,
                    progress=progress,
                )
            )
            try:
                while not (await asyncio.wait({work}, timeout=_LOOK_S))[0]:
                    yield pb.VerifyRangeResponse(done=place[0], total=place[1])
                verdict = work.result()
            finally:
                work.cancel()
        yield pb.VerifyRangeResponse(
            done=verdict.records, total=verdict.records, verdict=verdict_message(verdict)
        )

    async def ExplainSetpoint(
        self, request: pb.ExplainSetpointRequest, context: Context
    ) -> pb.ExplainSetpointResponse:
        asset_id = parse_identifier("asset_id", request.asset_id)
        feeder_id = self._feeder_of(asset_id)
        if feeder_id is None or not scope().holds(feeder_id):
            raise NotFoundError("asset", asset_id)
        for field in ("epoch", "sequence"):
            if getattr(request, field) > limits.MAX_NUMBER:
                raise InvalidValueError(field, getattr(request, field), f"at most {limits.MAX_NUMBER}")
        if bool(request.epoch) != bool(request.sequence):
            raise InvalidValueError("epoch", request.epoch, "both epoch and sequence, or neither")
        found = await self._explain(
            asset_id=asset_id,
            epoch=request.epoch,
            sequence=request.sequence,
            at=_time(request, "at"),
        )
        if found is None:
            raise NotFoundError("setpoint of asset", asset_id)
        return explanation_message(found)


def _time(request: Message, field: str) -> datetime | None:
    return time_of(request, field) if request.HasField(field) else None


def _name(field: str, text: str) -> str:
    if len(text) > MAX_SUBJECT:
        raise InvalidValueError(field, text, f"at most {MAX_SUBJECT} characters")
    return printable(text)
