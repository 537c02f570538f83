"""The forecasters' account of a replay, in memory: what `vpp.ports.ForecastMemory` keeps in the database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from vpp.domain.forecasts import LoadForecast
from vpp.ports import ForecasterPause, ForecastRound, ForecastVersion, StoreError

KEPT_ROUNDS: Final = 120  # more than anybody asks for
KEPT_FORECASTS: Final = timedelta(days=14)  # longer than a day waits to be settled


@dataclass(slots=True)
class ReplayAccount:
    """Rounds, what was learned, and the forecasts of the last days; nothing grows with the replay."""

    _rounds: dict[int, ForecastRound] = field(default_factory=dict)
    _state: dict[str, Any] | None = None
    _forecasts: list[LoadForecast] = field(default_factory=list)
    _version: ForecastVersion | None = None

    def note(self, forecast: LoadForecast) -> None:
        """Keep a forecast that was issued."""
        old = forecast.available_at - KEPT_FORECASTS
        self._forecasts = [one for one in self._forecasts if one.available_at >= old]
        self._forecasts.append(forecast)

    async def open_round(
        self, number: int, *, at: datetime, share: float, weights: Mapping[str, float]
    ) -> None:
        """Fix the weights of a day."""
        if number in self._rounds:
            raise StoreError(f"The forecast day {number} is open already.")
        self._rounds[number] = ForecastRound(
            number=number,
            opened_at=at,
            share=share,
            weights=dict(weights),
            settled=False,
            loss=None,
            baseline_loss=None,
            expert_losses={},
            excess=None,
            bound=None,
        )
        for old in sorted(self._rounds)[:-KEPT_ROUNDS]:
            del self._rounds[old]

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
        """Note the outcome of a day and all that is known after it."""
        self._rounds[number] = replace(
            self._rounds[number],
            settled=True,
            loss=loss,
            baseline_loss=baseline_loss,
            expert_losses=dict(expert_losses),
            excess=excess,
            bound=bound,
        )
        self._state = dict(state)

    async def rounds(self, *, newest: int) -> list[ForecastRound]:
        """Return the newest days, oldest first."""
        return [self._rounds[number] for number in sorted(self._rounds)[-newest:]]

    async def newest_state(self) -> dict[str, Any] | None:
        """Return what was learned last."""
        return self._state

    async def forecasts_in_force(self, *, start: datetime, end: datetime) -> list[LoadForecast]:
        """Return the forecast in force at `start` and all that became available before `end`, in order."""
        before = [one for one in self._forecasts if one.available_at <= start]
        return before[-1:] + [one for one in self._forecasts if start < one.available_at < end]

    async def pause(self, forecaster: str, *, paused: bool, at: datetime, reason: str) -> None:
        """Refuse: no operator steps into a replay."""
        raise StoreError("A replay has no operator who could pause a forecaster.")

    async def pauses(self) -> list[ForecasterPause]:
        """Return nothing: see `pause`."""
        return []

    async def save_version(self, *, trained_at: datetime, summary: Mapping[str, Any], content: bytes) -> int:
        """Keep the version fitted last."""
        number = 1 if self._version is None else self._version.version + 1
        self._version = ForecastVersion(
            version=number, trained_at=trained_at, summary=dict(summary), content=content
        )
        return number

    async def newest_version(self) -> ForecastVersion | None:
        """Return the version fitted last."""
        return self._version

    async def close(self) -> None:
        """Do nothing: there is nothing open."""
