"""Steps of a run as sentences."""

from __future__ import annotations

from datetime import UTC

from vpp.rpcgen import operator_pb2
from vpp.rpcgen import runs_pb2 as pb


def sentence_of(step: pb.WatchRunResponse) -> str:
    """Return one line for a step: when, what, and what it knows."""
    name = pb.RunStage.Name(step.stage).removeprefix("RUN_STAGE_").lower()
    words = [f"{step.at.ToDatetime(tzinfo=UTC):%H:%M:%S}  {name:<12} {_said(step)}"]
    if step.stage == pb.RUN_STAGE_BEGUN:
        words.append(step.run_id)
    if step.detail:
        words.append(f"({step.detail})")
    return " ".join(words).rstrip()


def _said(step: pb.WatchRunResponse) -> str:
    if step.stage == pb.RUN_STAGE_SOLVING:
        proven = f", at least {step.lower_bound:.2f}" if step.HasField("lower_bound") else ""
        gap = f", gap {step.gap:.2%}" if step.HasField("gap") else ""
        return f"cost {step.cost:.2f}{proven}{gap}" if step.HasField("cost") else ""
    if step.stage == pb.RUN_STAGE_WAITING:
        return f"for approval {step.approval_id}"
    if step.HasField("orders"):
        parts = [f"{step.orders} orders"]
        parts += [f"{step.sent} sent"] if step.HasField("sent") else []
        parts += [f"{step.acknowledged} acknowledged"] if step.HasField("acknowledged") else []
        return ", ".join(parts)
    if step.rung:
        return operator_pb2.Rung.Name(step.rung).removeprefix("RUNG_").lower()
    return ""
