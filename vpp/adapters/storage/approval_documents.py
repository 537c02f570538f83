"""Which parts of an approval become which bytes and texts, and back."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from vpp.adapters.storage.codec import decode, encode
from vpp.adapters.storage.documents import decode_plan, encode_plan
from vpp.domain.approvals import Approval, ApprovalNeed, PendingPlan
from vpp.domain.runs import Rung

APPROVAL = "approval"
_SAID = ("verdict", "cost_with", "cost_without", "follows", "detail")
_POWERS = ("in_force_kw", "standing_kw")


def need_text(need: ApprovalNeed) -> str:
    """Return a need as JSON; durations in seconds."""
    return json.dumps(
        {
            "rule_ids": need.rule_ids,
            "reasons": need.reasons,
            "persons": need.persons,
            "timeout_s": need.timeout.total_seconds(),
        }
    )


def need_of_text(text: str) -> ApprovalNeed:
    found = json.loads(text)
    return ApprovalNeed(
        rule_ids=tuple(found["rule_ids"]),
        reasons=tuple(found["reasons"]),
        persons=found["persons"],
        timeout=timedelta(seconds=found["timeout_s"]),
    )


def encode_approval(approval: Approval) -> bytes:
    """Return what is not a column and not a plan."""
    header = {name: getattr(approval, name) for name in _SAID}
    header["portfolio"] = approval.portfolio
    header["standing_rung"] = None if approval.standing_rung is None else approval.standing_rung.value
    header["need"] = need_text(approval.need)
    return encode(APPROVAL, header=header, arrays={name: getattr(approval, name) for name in _POWERS})


def decode_approval(content: bytes) -> dict[str, object]:
    """Return the fields that `encode_approval` was given."""
    found = decode(APPROVAL, content)
    rung = found.header["standing_rung"]
    return {
        **{name: found.header[name] for name in _SAID},
        "portfolio": found.header.get("portfolio", ""),
        **found.arrays,
        "standing_rung": None if rung is None else Rung(rung),
        "need": need_of_text(found.header["need"]),
    }


def encode_pending(pending: PendingPlan) -> dict[str, Any]:
    """Return the columns of a waiting plan."""
    return {
        "rung": pending.rung.value,
        "need": need_text(pending.need),
        "schedule": encode_plan(pending.plan),
    }


def decode_pending(rung: str, need: str, schedule: bytes) -> PendingPlan:
    return PendingPlan(rung=Rung(rung), plan=decode_plan(schedule), need=need_of_text(need))
