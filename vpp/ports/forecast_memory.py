"""What forecasting remembers from day to day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from vpp.domain.forecasts import LoadForecast


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastRound:
    """One UTC day: the weights it was forecast with, and what came of it once it is settled."""

    number: int  # days since 1970-01-01
    opened_at: datetime
    share: float
    weights: dict[str, float]
    settled: bool
    loss: float | None
    baseline_loss: float | None
    expert_losses: dict[str, float]
    excess: float | None  # since the first day, in shares of the scale
    bound: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecasterPause:
    """The last word of an operator on one forecaster."""

    forecaster: str
    paused: bool
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastVersion:
    """One fitted version of the statistical forecasters."""

    version: int
    trained_at: datetime
    summary: dict[str, Any]
    content: bytes


class ForecastMemory(Protocol):
    """What forecasting remembers from day to day. Every method is durable when it returns."""

    async def open_round(
        self, number: int, *, at: datetime, share: float, weights: Mapping[str, float]
    ) -> None:
        """Fix the weights of a day; a day that is open already is a StoreError."""

    async def settle_round(
        self,
        number: int,
        *,
        at: datetime,
        loss: float,
        baseline_loss: float,
        expert_losses: Mapping[str, float],
        excess: float,
        bound: float,
        state: Mapping[str, Any],
    ) -> None:
        """Store the outcome of a day and all that is known after it."""

    async def rounds(self, *, newest: int) -> list[ForecastRound]:
        """Return the newest days, oldest first."""

    async def newest_state(self) -> dict[str, Any] | None:
        """Return what was stored with the newest day that is settled."""

    async def forecasts_in_force(self, *, start: datetime, end: datetime) -> list[LoadForecast]:
        """Return the forecast in force at `start` and all that became available before `end`, in order."""

    async def pause(self, forecaster: str, *, paused: bool, at: datetime, reason: str) -> None:
        """Store an operator's word on a forecaster."""

    async def pauses(self) -> list[ForecasterPause]:
        """Return the last word on each forecaster that has one."""

    async def save_version(self, *, trained_at: datetime, summary: Mapping[str, Any], content: bytes) -> int:
        """Store a fitted version and return its number."""

    async def newest_version(self) -> ForecastVersion | None:
        """Return the version fitted last."""

    async def close(self) -> None:
        """Let go of the database."""
