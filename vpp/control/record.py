"""What is kept of a cycle so that it can be decided again, and what is said of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from vpp.control.cycle_values import CycleInputs, Decision, Prepared, SolveOutcome
from vpp.domain.runs import RunSummary


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleRecord:
    """Everything `prepare` and `decide` were given; `outcome` is None where nothing was solved."""

    inputs: CycleInputs
    outcome: SolveOutcome | None


def summary_of(
    record: CycleRecord,
    prepared: Prepared,
    decision: Decision,
    *,
    finished_at: datetime,
    trigger: str,
) -> RunSummary:
    """Return what a run came to."""
    inputs, outcome = record.inputs, record.outcome
    certificate = decision.plan.certificate if decision.plan is not None else {}
    return RunSummary(
        run_id=inputs.run_id,
        cycle_start=inputs.grid.start,
        started_at=inputs.now,
        finished_at=finished_at,
        trigger=trigger,
        rung=decision.rung,
        reason="; ".join(decision.refusals),
        forecast_id=inputs.forecast.forecast_id if inputs.forecast is not None else None,
        input_sha256=prepared.input_sha256,
        objective=certificate.get("objective"),
        lower_bound=certificate.get("lower_bound"),
        gap=certificate.get("gap"),
        setpoints=len(decision.setpoints) if decision.setpoints is not None else 0,
        seconds_solve=outcome.seconds if outcome is not None else 0.0,
        killed=outcome.killed if outcome is not None else False,
        epoch=inputs.epoch,
        portfolio=inputs.portfolio,
    )
