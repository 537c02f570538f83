"""Recorded operation: what a replay reads back, from a database or from an exported archive."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from vpp.control.record import CycleRecord
from vpp.domain.runs import DispatchPlan, RunSummary
from vpp.domain.setpoints import SetpointColumns


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedCycle:
    """One cycle as it was: what it knew, and what it decided."""

    run: RunSummary
    record: CycleRecord
    plan: DispatchPlan | None
    setpoints: SetpointColumns | None


class RecordedOperation(Protocol):
    """Cycles that were recorded. Raises StoreError for what cannot be read."""

    async def count(self, *, start: datetime, end: datetime) -> int:
        """Return how many cycles that plan from [start, end) on can be replayed."""

    def cycles(self, *, start: datetime, end: datetime) -> AsyncIterator[RecordedCycle]:
        """Yield the cycles whose first planned interval starts in [start, end), in order of their runs."""

    async def close(self) -> None:
        """Let go of what is open."""
