"""What operators ordered, kept for good: overrides, and stops that the journal on disk had first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from vpp.domain.overrides import Override
from vpp.ports.paging import Page


@dataclass(frozen=True, slots=True, kw_only=True)
class OverrideCost:
    """What an override costs: the plan with it less the plan without it; `least` and `most` are proven."""

    cost: float
    least: float | None
    most: float | None
    computed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredOverride:
    """An override as it lies in the database."""

    override: Override
    cost: OverrideCost | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StopTimes:
    """What became of a stop; seconds of the plant from the call to a node's word, None where none came."""

    told: int
    away: int
    confirmed: int
    p50_s: float | None
    p99_s: float | None
    last_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StopRecord:
    """One stop or release as the journal has it, with its times where they were measured."""

    request_id: str
    action: str  # stop or release
    operator: str
    reason: str
    at: datetime
    asset_ids: tuple[str, ...]
    feeder_id: str
    times: StopTimes | None = None


class OperatorRegister(Protocol):
    """Overrides and stops. Every method is durable when it returns."""

    async def save_override(self, override: Override) -> None:
        """Store a new override; one whose id is taken is a StoreError."""

    async def clear_override(self, override_id: str, *, at: datetime, author: str, reason: str) -> None:
        """Store that an override was ended; a second time changes nothing."""

    async def save_override_cost(self, override_id: str, cost: OverrideCost) -> None:
        """Store what an override costs; a second time changes nothing."""

    async def get_override(self, override_id: str) -> StoredOverride | None:
        """Return one override."""

    async def overrides_ending_after(self, at: datetime) -> list[Override]:
        """Return the overrides that were meant to end after `at`, oldest first."""

    async def list_overrides(
        self, *, ending_after: datetime | None, page_size: int, page_token: str
    ) -> Page[StoredOverride]:
        """Return overrides, newest first; with `ending_after` those that are not over at that time."""

    async def save_stops(self, stops: Sequence[StopRecord]) -> int:
        """Store those whose request is not there yet, with their times; return how many those were."""

    async def list_stops(self, *, page_size: int, page_token: str) -> Page[StopRecord]:
        """Return stops and releases, newest first."""

    async def close(self) -> None:
        """Let go of the database."""
