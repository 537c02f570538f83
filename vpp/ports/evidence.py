"""What is on record about one setpoint."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from vpp.domain.audit import AuditRecord
from vpp.domain.forecasts import LoadForecast, ModelCall
from vpp.domain.reasons import Reason, Sentence
from vpp.domain.runs import DispatchPlan, RunSummary
from vpp.domain.setpoints import Acknowledgement
from vpp.ports.records import StoredSetpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Metering:
    """Good readings of an asset between two times; kW, positive discharges."""

    readings: int
    mean_kw: float  # NaN without any
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SetpointEvidence:
    """Everything that is stored about one setpoint; `plan` is None for orders of no plan."""

    setpoint: StoredSetpoint
    run: RunSummary
    plan: DispatchPlan | None
    forecast: LoadForecast | None
    call: ModelCall | None
    acknowledgements: tuple[Acknowledgement, ...]
    metering: Metering
    records: tuple[AuditRecord, ...]  # about the run, its forecast, or the asset while the order held


@dataclass(frozen=True, slots=True, kw_only=True)
class SetpointExplanation:
    """A setpoint, why it is what it is, and what came of it."""

    evidence: SetpointEvidence
    reasons: tuple[Reason, ...]
    sentences: tuple[Sentence, ...]
    model_share: float  # forecast of the feeder over the baseline's, less 1, for the interval; NaN: unknown
    followed: bool | None  # by metering; None where there is too little of it


class EvidenceStore(Protocol):
    """Where it is found."""

    async def evidence(
        self, *, asset_id: str, epoch: int = 0, sequence: int = 0, at: datetime | None = None
    ) -> SetpointEvidence | None:
        """Return what is stored about an order: by its number, or the newest that began by `at`."""

    async def close(self) -> None:
        """Let go of the database."""
