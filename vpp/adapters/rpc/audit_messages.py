"""From records and explanations to what auditors read."""

from __future__ import annotations

import math

from vpp.adapters.rpc.dispatch_messages import timestamp
from vpp.domain.audit import AuditRecord
from vpp.domain.audit_check import AuditVerdict
from vpp.domain.readings import from_microseconds
from vpp.ports.evidence import SetpointExplanation
from vpp.rpcgen import audit_pb2 as pb


def record_message(record: AuditRecord) -> pb.AuditRecord:
    return pb.AuditRecord(
        number=record.number,
        at=timestamp(from_microseconds(record.at_us)),
        kind=record.kind,
        subject=record.subject,
        actor=record.actor,
        payload_json=record.payload,
        payload_sha256=record.payload_sha256,
        chain_sha256=record.chain_sha256,
    )


def verdict_message(verdict: AuditVerdict) -> pb.AuditVerdict:
    return pb.AuditVerdict(
        whole=verdict.whole,
        fault_count=verdict.fault_count,
        faults=[
            pb.AuditFault(number=fault.number, field=fault.field, expected=fault.expected, found=fault.found)
            for fault in verdict.faults
        ],
        records=verdict.records,
        anchors=verdict.anchors,
    )


def explanation_message(found: SetpointExplanation) -> pb.ExplainSetpointResponse:
    """Return an explanation, for people and as data."""
    order, run = found.evidence.setpoint, found.evidence.run
    measured = found.evidence.metering
    known = measured.readings > 0
    return pb.ExplainSetpointResponse(
        asset_id=order.asset_id,
        epoch=order.epoch,
        sequence=order.sequence,
        power_kw=order.power_kw,
        valid_from=timestamp(order.valid_from),
        origin=order.origin,
        run_id=order.run_id,
        rung=run.rung,
        input_sha256=run.input_sha256,
        objective=run.objective,
        lower_bound=run.lower_bound,
        gap=run.gap,
        reasons=[
            pb.SetpointReason(
                kind=reason.kind,
                sentence=reason.sentence,
                limit=reason.limit,
                unit=reason.unit,
                marginal_per_kwh=reason.marginal_per_kwh,
                subject=reason.subject,
            )
            for reason in found.reasons
        ],
        sentences=[
            pb.ExplainedSentence(topic=sentence.topic, words=sentence.words) for sentence in found.sentences
        ],
        forecast_id=run.forecast_id or "",
        model_share=found.model_share if math.isfinite(found.model_share) else None,
        model=found.evidence.call.model if found.evidence.call is not None else "",
        measured_kw=measured.mean_kw if known else None,
        readings=measured.readings,
        followed=found.followed,
        record_numbers=[record.number for record in found.evidence.records],
    )
