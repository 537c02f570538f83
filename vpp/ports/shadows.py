"""Where shadows' plans, their outcomes and their forecasts are remembered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from vpp.domain.forecasts import LoadForecast, ModelCall
from vpp.domain.shadows import ComparedCycle, ForecastScore, Outcome, Shadow, ShadowCycle
from vpp.ports.paging import Page


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowProgress:
    """How far a shadow is, as it is configured now."""

    cycles: int
    settled: int  # cycles whose first interval is metered
    first: datetime | None  # start of its first compared cycle
    newest: datetime | None  # of its newest


class ShadowRegister(Protocol):
    """What shadows came to. Every method is durable when it returns; rows are added, and cut by their age."""

    async def save(self, cycle: ShadowCycle) -> None:
        """Store a cycle that both sides planned; one that is there already changes nothing."""

    async def has(self, shadow: Shadow, run_id: str) -> bool:
        """Return whether a live cycle was compared."""

    async def progress(self, shadow: Shadow) -> ShadowProgress:
        """Return how far a shadow is."""

    async def unsettled(
        self, shadow: Shadow, *, start_before: datetime, most: int
    ) -> list[tuple[ShadowCycle, ShadowCycle | None]]:
        """Return a shadow's oldest cycles without an outcome whose start is earlier.

        Each comes with the one whose interval was compared before it, None where there is none.
        """

    async def settle(self, number: int, outcomes: tuple[Outcome, Outcome] | None, *, at: datetime) -> None:
        """Store what a cycle came to on both sides; None where that will never be known."""

    async def unscored(self, shadow: Shadow, *, start_before: datetime, most: int) -> list[ShadowCycle]:
        """Return a shadow's oldest cycles without scores whose start is earlier; without powers."""

    async def score(self, number: int, scores: Mapping[str, ForecastScore], *, at: datetime) -> None:
        """Store how good the forecasts of a cycle were; nothing where that will never be known."""

    async def compared(self, shadow: Shadow, *, start: datetime, end: datetime) -> list[ComparedCycle]:
        """Return the cycles that start in [start, end), by start; of several for one interval the last."""

    async def page(self, shadow: Shadow, *, page_size: int, page_token: str) -> Page[ComparedCycle]:
        """Return a shadow's cycles, newest first."""

    async def save_forecast(self, shadow_id: str, forecast: LoadForecast, call: ModelCall | None) -> None:
        """Store a forecast of a shadow's own model, where no live cycle looks."""

    async def newest_forecast(self, shadow_id: str, *, available_at: datetime) -> LoadForecast | None:
        """Return the shadow's forecast that became available last, not after `available_at`."""

    async def get_forecast(self, forecast_id: str) -> LoadForecast | None:
        """Return one forecast of a shadow."""

    async def cut(self, *, older_than: datetime) -> int:
        """Remove cycles that started earlier, with their outcomes, and forecasts of then; return how many.

        A call looks at the first to be written, so many that it holds up nobody; the next one goes on.
        """

    async def close(self) -> None:
        """Let go of the database."""
