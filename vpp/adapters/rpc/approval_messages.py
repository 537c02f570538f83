"""From approvals to what people read."""

from __future__ import annotations

import json
from typing import Final

import numpy as np

from vpp.adapters.rpc.access import scope
from vpp.adapters.rpc.dispatch_messages import timestamp
from vpp.domain.approvals import ApprovalEvent, ApprovalRecord, EventKind
from vpp.domain.assets import Fleet
from vpp.domain.runs import Rung
from vpp.rpcgen import approvals_pb2 as pb

WAITING: Final = "waiting"
MAX_CHANGES: Final = 1_000


def approval_message(record: ApprovalRecord) -> pb.Approval:
    """Return an approval as it stands."""
    approval, end, plan = record.approval, record.end, record.approval.plan
    rung = Rung.NOTHING if plan is None else plan.rung
    message = pb.Approval(
        approval_id=approval.approval_id,
        subject=approval.subject.value,
        state=WAITING if end is None else end.kind.value,
        run_id=approval.run_id,
        approved_run_id="" if end is None else end.run_id,
        requested_at=timestamp(approval.requested_at),
        expires_at=timestamp(approval.expires_at),
        requester=approval.requester,
        persons=approval.need.persons,
        approvers=record.approvers,
        rule_ids=approval.need.rule_ids,
        reasons=approval.need.reasons,
        verdict=approval.verdict,
        rung=f"RUNG_{rung.upper()}",
        standing_rung=f"RUNG_{(approval.standing_rung or Rung.NOTHING).upper()}",
        cycle_start=None if plan is None else timestamp(plan.plan.grid.start),
        change_kw=approval.change_kw,
        cost_with=approval.cost_with if scope().everything else None,
        cost_without=approval.cost_without if scope().everything else None,
        follows=approval.follows,
        portfolio=approval.portfolio,
    )
    if approval.detail:
        message.detail_json = json.dumps(approval.detail, sort_keys=True)
    return message


def changes_of(record: ApprovalRecord, fleet: Fleet) -> list[pb.ApprovalChange]:
    """Return what a plan would change in its first interval, the largest first."""
    approval = record.approval
    if approval.plan is None:
        return []
    planned_kw = approval.plan.plan.power_kw[:, 0]
    moved_kw = np.abs(planned_kw - approval.in_force_kw)
    feeders = {asset.asset_id: asset.feeder_id for asset in fleet.assets}
    changes = []
    for row in np.lexsort((np.arange(len(moved_kw)), -moved_kw))[:MAX_CHANGES].tolist():
        asset_id = approval.plan.plan.asset_ids[row]
        change = pb.ApprovalChange(
            asset_id=asset_id,
            feeder_id=feeders.get(asset_id, ""),
            in_force_kw=float(approval.in_force_kw[row]),
            planned_kw=float(planned_kw[row]),
        )
        if np.isfinite(approval.standing_kw[row]):
            change.standing_kw = float(approval.standing_kw[row])
        changes.append(change)
    return changes


def event_message(event: ApprovalEvent) -> pb.ApprovalEvent:
    """Return one thing that happened."""
    return pb.ApprovalEvent(
        number=event.number,
        approval_id=event.approval_id,
        kind=event.kind.value,
        at=timestamp(event.at),
        person=event.person,
        detail=event.detail,
        run_id=event.run_id if event.kind is EventKind.APPROVED else "",
    )
