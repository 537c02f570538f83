"""What is put before people, until when, and whose word counts. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from vpp.control.cycle import in_force_kw
from vpp.control.cycle_values import CycleInputs, Decision, Prepared
from vpp.domain.approvals import (
    Approval,
    ApprovalEvent,
    ApprovalNeed,
    ApprovalRecord,
    ApprovalRefusedError,
    ApprovalRule,
    EventKind,
    PendingPlan,
    Subject,
)

PROMOTION_TIMEOUT = timedelta(days=7)  # where no rule says otherwise
VERIFIED = "passed: the whole horizon, by the independent verifier"


def plan_request(
    approval_id: str, inputs: CycleInputs, prepared: Prepared, decision: Decision, *, requester: str
) -> Approval:
    """Return what a cycle puts before people: the highest of its plans that needs them."""
    standing_kw = np.full(len(inputs.fleet), np.nan)
    if decision.setpoints is not None:
        standing_kw[decision.setpoints.slot] = decision.setpoints.power_kw
    first, *lower = decision.pending
    return Approval(
        approval_id=approval_id,
        subject=Subject.PLAN,
        run_id=inputs.run_id,
        requested_at=inputs.now,
        expires_at=expiry(first, inputs.now),
        requester=requester,
        need=first.need,
        verdict=VERIFIED,
        epoch=inputs.epoch,
        portfolio=inputs.portfolio,
        plan=first,
        lower=tuple(lower),
        standing_rung=None if decision.plan is None else decision.rung,
        in_force_kw=in_force_kw(inputs, prepared),
        standing_kw=standing_kw,
        cost_with=first.plan.certificate.get("objective"),
        cost_without=None if decision.plan is None else decision.plan.certificate.get("objective"),
    )


def promotion_need(rules: Sequence[ApprovalRule], words: str, against: Sequence[str]) -> ApprovalNeed:
    """Return whom a promotion needs: always somebody, and more where a rule says so.

    Rules about promotions count, and those that ask for every plan. The most persons and, of rules about
    promotions, the shortest time-out hold.
    """
    asking = [rule for rule in rules if rule.promotions or rule.always]
    timeouts = [rule.timeout for rule in rules if rule.promotions]
    return ApprovalNeed(
        rule_ids=tuple(rule.rule_id for rule in asking),
        reasons=(f"{words} is to be in force", *(f"against it: {one}" for one in against)),
        persons=max((rule.persons for rule in asking), default=1),
        timeout=min(timeouts, default=PROMOTION_TIMEOUT),
    )


def promotion_request(
    approval_id: str,
    need: ApprovalNeed,
    now: datetime,
    *,
    requester: str,
    verdict: str,
    epoch: int,
    detail: dict[str, Any],
) -> Approval:
    """Return what puts a promotion before people."""
    return Approval(
        approval_id=approval_id,
        subject=Subject.PROMOTION,
        run_id="",
        requested_at=now,
        expires_at=now + need.timeout,
        requester=requester,
        need=need,
        verdict=verdict,
        epoch=epoch,
        detail=detail,
    )


def next_rung(approval: Approval, now: datetime, new_id: Callable[[datetime], str]) -> Approval | None:
    """Return what is asked next when a plan was not approved; None where no rung or no time is left."""
    if not approval.lower or expiry(approval.lower[0], now) <= now:
        return None
    first, *lower = approval.lower
    return Approval(
        approval_id=new_id(now),
        subject=Subject.PLAN,
        run_id=approval.run_id,
        requested_at=now,
        expires_at=expiry(first, now),
        requester=approval.requester,
        need=first.need,
        verdict=approval.verdict,
        epoch=approval.epoch,
        portfolio=approval.portfolio,
        plan=first,
        lower=tuple(lower),
        standing_rung=approval.standing_rung,
        in_force_kw=approval.in_force_kw,
        standing_kw=approval.standing_kw,
        cost_with=first.plan.certificate.get("objective"),
        cost_without=approval.cost_without,
        follows=approval.approval_id,
    )


def expiry(pending: PendingPlan, now: datetime) -> datetime:
    """Return until when a plan may be approved: its rule's time, at most to the end of its first interval."""
    return min(now + pending.need.timeout, pending.plan.grid.start_of(1))


def require_counts(record: ApprovalRecord, person: str) -> None:
    """Raise ApprovalRefusedError unless the word of `person` counts now."""
    approval, end = record.approval, record.end
    if end is not None:
        raise ApprovalRefusedError(
            "OVER", f"{approval.approval_id} is over since {end.at.isoformat()}: {end.kind}, {end.detail}"
        )
    if person == approval.requester:
        raise ApprovalRefusedError("OWN_REQUEST", f"{person} asked for it; somebody else must decide")
    if person in record.approvers:
        raise ApprovalRefusedError(
            "SAID_ALREADY", f"{person} approved it already; it needs {approval.need.persons} persons"
        )


def alarm(approval: Approval, now: datetime, detail: str) -> ApprovalEvent:
    """Return the event that nothing may be sent without a person."""
    return ApprovalEvent(approval_id=approval.approval_id, kind=EventKind.ALARM, at=now, detail=detail)
