"""Issues forecasts on a schedule and when context changes, outside every cycle's deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol

import numpy as np
import structlog
from numpy.typing import NDArray

from vpp.control.shadows import mixed
from vpp.domain.errors import InvalidValueError
from vpp.domain.forecasts import ContextItem, ForecastParts, LoadForecast, ModelCall
from vpp.domain.intervals import IntervalGrid, interval_start
from vpp.forecasting.baseline import moved_to, past_errors_kw
from vpp.forecasting.forecaster import Forecaster
from vpp.forecasting.learning import BASELINE
from vpp.forecasting.scenarios import scenarios
from vpp.ports import Clock, FeederHistory, StoreError
from vpp.service.forecast_learning import ForecastLearning
from vpp.service.training import Training

log = structlog.get_logger()


class ForecastStore(Protocol):
    """What the job reads, and where it puts forecasts; see `vpp.ports.CycleStore`."""

    async def feeder_history(self, *, grid: IntervalGrid, known_at: datetime) -> FeederHistory:
        """Return the metering over `grid` as it was known at `known_at`."""

    async def context_between(
        self, *, start: datetime, end: datetime, known_at: datetime
    ) -> list[ContextItem]:
        """Return the remarks valid within [start, end) and available at `known_at`."""

    async def save_forecast(self, forecast: LoadForecast, call: ModelCall | None) -> None:
        """Store a forecast and the model call behind it, in one transaction."""


@dataclass(slots=True, kw_only=True)
class ForecastJob:
    """Keeps the newest forecast fresh; a cycle takes whichever is available when it starts."""

    forecaster: Forecaster
    store: ForecastStore
    clock: Clock
    interval: timedelta
    history: timedelta
    horizon_intervals: int
    issue_period: timedelta
    learning: ForecastLearning | None = None  # without it the model's advice counts in full
    training: Training | None = None  # without it the baseline is that of similar days
    scenarios: int = 0
    weights: Mapping[str, float] = field(default_factory=dict)  # of forecasters, instead of those learned
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _issued_at: datetime | None = None
    _seen_context: set[str] = field(default_factory=set)

    async def check(self) -> None:
        """Issue a forecast when one is due or when new context has become available."""
        now = self.clock.now()
        context = await self.store.context_between(start=now, end=now + self._horizon(), known_at=now)
        new = {item.item_id for item in context} - self._seen_context
        due = self._issued_at is None or now >= self._issued_at + self.issue_period
        if new or due:
            await self.issue()

    async def issue(self) -> LoadForecast:
        """Issue one forecast now: stored with the model call behind it; issues that meet wait."""
        async with self._turn:
            return await self._issue()

    async def _issue(self) -> LoadForecast:
        now = self.clock.now()
        start = interval_start(now, self.interval)
        past = IntervalGrid(
            start=start - self.history, length=self.interval, count=self.history // self.interval
        )
        history = await self.store.feeder_history(grid=past, known_at=now)
        context = await self.store.context_between(start=now, end=now + self._horizon(), known_at=now)
        grid = IntervalGrid(start=start, length=self.interval, count=self.horizon_intervals)
        forecast, call = await self._advised(history, grid, context, now)
        forecast = self._with_weights(forecast)
        if self.scenarios:
            forecast = await asyncio.to_thread(self._with_scenarios, forecast, history, now)
        await self.store.save_forecast(forecast, call)
        # Not before: what was not stored is due again at the next check.
        self._issued_at = now
        self._seen_context |= {item.item_id for item in context}
        log.info(
            "forecast",
            forecast_id=forecast.forecast_id,
            source=str(forecast.source),
            verdict=str(forecast.verdict),
            reason=forecast.reason,
            model_call_id=forecast.model_call_id,
            seconds=round(call.seconds, 2) if call is not None else 0.0,
        )
        return forecast

    async def _advised(
        self, history: FeederHistory, grid: IntervalGrid, context: list[ContextItem], now: datetime
    ) -> tuple[LoadForecast, ModelCall | None]:
        baseline = await asyncio.to_thread(self.forecaster.baseline, history, grid, now)
        members: dict[str, NDArray[np.float64]] = {}
        if self.training is not None:
            members = self.training.members(baseline.feeder_ids, grid, baseline.consumption_p50_kw)
            baseline = moved_to(baseline, np.mean(list(members.values()), axis=0))
        advised, call = await self.forecaster.advise(baseline, context, now)
        if self.learning is None:
            return advised, call
        parts = ForecastParts(
            names=(BASELINE, *members),
            p50_kw=np.stack([baseline.consumption_p50_kw, *members.values()]),
            typical_peak_kw=baseline.typical_peak_kw,
        )
        try:
            return await self.learning.guard(advised, parts, now), call
        except StoreError as error:
            # Without its account no share of the mix is proven: the baseline is in force.
            log.warning("the forecasters' account cannot be kept", reason=str(error))
            return self.forecaster.plain(baseline, now, f"the account cannot be kept: {error}"), call

    def _with_weights(self, forecast: LoadForecast) -> LoadForecast:
        """Return the forecast mixed with fixed weights, where there are any and their forecasters spoke."""
        if not self.weights:
            return forecast
        try:
            return mixed(forecast, self.weights)
        except InvalidValueError as error:
            log.warning("fixed weights of forecasters cannot be used", reason=str(error))
            return forecast

    def _with_scenarios(self, forecast: LoadForecast, history: FeederHistory, now: datetime) -> LoadForecast:
        """Return the forecast with courses that move as past errors did; the same issue draws the same."""
        settings = self.forecaster.settings
        errors_kw = past_errors_kw(
            history,
            forecast.grid,
            timezone=settings.timezone,
            holidays=settings.holidays,
            issued_at=now,
        )
        quantiles = forecast.consumption_p10_kw, forecast.consumption_p50_kw, forecast.consumption_p90_kw
        drawn_kw = scenarios(quantiles, errors_kw, count=self.scenarios, seed=int(now.timestamp()))
        return replace(forecast, scenario_consumption_kw=drawn_kw)

    def _horizon(self) -> timedelta:
        return self.interval * self.horizon_intervals
