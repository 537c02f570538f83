"""AuditService over the wire: records by page, the head as an anchor, a verification with progress."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import grpc
import pytest

from tests.integration.rpc.identities import guarded_plant
from tests.integration.rpc.plant import channel
from tests.integration.storage.samples import fetch
from vpp.adapters.rpc.audit import AuditServicer
from vpp.adapters.storage import open_audit, open_evidence
from vpp.domain.audit import AuditEntry, Sealed
from vpp.rpcgen import audit_pb2 as pb
from vpp.rpcgen import audit_pb2_grpc
from vpp.service.explaining import explain_setpoint

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
TIMEOUT_S = 15.0


@pytest.fixture
async def asked(certificates, identity_database):
    """A stub of the service over a chain of a few records, and the database's URL."""
    async with guarded_plant(certificates, identity_database) as plant:
        chain, evidence = open_audit(plant.url), open_evidence(plant.url)

        async def explain(**order):
            return await explain_setpoint(evidence, **order)

        for number in range(5):
            entry = AuditEntry(
                kind="thing",
                subject=f"thing-{number}",
                actor="alice",
                at=NOON + timedelta(minutes=number),
                payload={"words": Sealed("asset:a", "Frau Muster")},
            )
            await chain.append(entry)
        await plant.server.stop(0.0)
        audit = AuditServicer(chain=chain, explain=explain, fleet=plant.fleet)
        plant.servicers["services"] = [audit.add_to]
        await plant.start_server()
        async with channel(plant, "operator-grid") as opened:
            yield audit_pb2_grpc.AuditServiceStub(opened), plant.url
        await chain.close()
        await evidence.close()


async def test_records_come_by_page_and_the_head_verifies_them(asked):
    stub, _ = asked
    first = await stub.ListRecords(pb.ListRecordsRequest(kind="thing", page_size=3), timeout=TIMEOUT_S)
    rest = await stub.ListRecords(
        pb.ListRecordsRequest(kind="thing", page_size=3, page_token=first.next_page_token), timeout=TIMEOUT_S
    )
    head = await stub.GetHead(pb.GetHeadRequest(), timeout=TIMEOUT_S)
    request = pb.VerifyRangeRequest(deep=True, anchors=[f"{head.number}:{head.chain_sha256}"])
    *_, last = [answer async for answer in stub.VerifyRange(request, timeout=TIMEOUT_S)]

    subjects = [record.subject for record in (*first.records, *rest.records)]
    assert subjects == ["thing-4", "thing-3", "thing-2", "thing-1", "thing-0"]
    assert first.records[0].payload_json == '{"words": "Frau Muster"}'
    assert head.number == first.records[0].number
    assert (last.verdict.whole, last.verdict.anchors) == (True, 1)
    assert last.done == last.total == head.number


async def test_a_touched_record_is_named(asked):
    stub, url = asked
    await fetch(url, "UPDATE audit_record SET actor = 'bob' WHERE subject = 'thing-2'")
    *_, last = [answer async for answer in stub.VerifyRange(pb.VerifyRangeRequest(), timeout=TIMEOUT_S)]
    ((number,),) = await fetch(url, "SELECT record_number FROM audit_record WHERE subject = 'thing-2'")

    assert not last.verdict.whole
    assert [fault.number for fault in last.verdict.faults] == [number]
    later = pb.VerifyRangeRequest(first=number + 1)
    *_, last = [answer async for answer in stub.VerifyRange(later, timeout=TIMEOUT_S)]
    assert (last.verdict.whole, last.verdict.records) == (True, 2)


@pytest.mark.parametrize(
    ("call", "request_", "code"),
    [
        ("ExplainSetpoint", pb.ExplainSetpointRequest(asset_id="nobody"), grpc.StatusCode.NOT_FOUND),
        ("ExplainSetpoint", pb.ExplainSetpointRequest(asset_id="a b"), grpc.StatusCode.INVALID_ARGUMENT),
        ("ListRecords", pb.ListRecordsRequest(page_size=9_999), grpc.StatusCode.INVALID_ARGUMENT),
        ("ListRecords", pb.ListRecordsRequest(page_token="x"), grpc.StatusCode.INVALID_ARGUMENT),
        ("ListRecords", pb.ListRecordsRequest(subject="x" * 201), grpc.StatusCode.INVALID_ARGUMENT),
        ("VerifyRange", pb.VerifyRangeRequest(anchors=["x"]), grpc.StatusCode.INVALID_ARGUMENT),
        ("VerifyRange", pb.VerifyRangeRequest(anchors=["x"] * 101), grpc.StatusCode.INVALID_ARGUMENT),
    ],
)
async def test_what_cannot_be_is_refused(asked, call, request_, code):
    answer = getattr(asked[0], call)(request_, timeout=TIMEOUT_S)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await (answer.read() if call == "VerifyRange" else answer)
    assert refused.value.code() is code
