"""Forecasts of a replay: by the job of live operation with its account, or one of the two extremes."""

from __future__ import annotations

from bisect import bisect_right
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Literal

from vpp.domain.intervals import IntervalGrid
from vpp.forecasting.forecaster import Forecaster
from vpp.forecasting.learning import MODEL
from vpp.forecasting.models.live import LEARNERS
from vpp.ports import Clock, ReasoningModel
from vpp.replay.account import ReplayAccount
from vpp.replay.scenario import Scenario
from vpp.replay.world import ReplayStore, last_value_forecast, perfect_forecast
from vpp.service.forecast_job import ForecastJob
from vpp.service.forecast_learning import ForecastLearning
from vpp.service.ids import IdFactory
from vpp.service.reasoning import forecaster_settings
from vpp.service.training import Training

ForecasterName = Literal["none", "baseline", "aggregated", "perfect", "recorded"]
MIXED: Final = frozenset({"aggregated", "recorded"})  # with the learning account
EPOCH: Final = 1


@dataclass(slots=True, kw_only=True)
class ReplayForecasts:
    """Keeps the newest forecast fresh, as `forecaster` says.

    none: the last metered value. baseline: similar days. aggregated: those mixed with what learns and what
    the model says, weights and widths learned from day to day. recorded: the forecasts that were in force,
    where the scenario holds them, else aggregated with the model's recorded replies. perfect: what will come.
    """

    scenario: Scenario
    store: ReplayStore
    clock: Clock
    forecaster: ForecasterName
    model: ReasoningModel | None = None
    account: ReplayAccount = field(default_factory=ReplayAccount)
    _job: ForecastJob = field(init=False)
    _issued_at: datetime | None = None
    _issued: int = 0
    _trained_at: datetime | None = None

    def __post_init__(self) -> None:
        header, mixed = self.scenario.header, self.forecaster in MIXED
        training = self._training() if mixed and header.training_days else None
        self._job = ForecastJob(
            forecaster=self._forecaster(),
            store=self.store,
            clock=self.clock,
            interval=header.interval,
            history=timedelta(days=header.history_days),
            horizon_intervals=2 * header.horizon_intervals,
            issue_period=timedelta(minutes=header.forecast_every_minutes),
            scenarios=header.forecast_scenarios,
            learning=self._learning(training) if mixed else None,
            training=training,
        )

    async def check(self, at: datetime) -> None:
        """Bring the forecast up to date."""
        if self.forecaster == "recorded" and self.scenario.forecasts:
            await self._recorded(at)
            return
        if self.forecaster == "baseline" or self.forecaster in MIXED:
            await self._train(at)
            await self._job.check()
            return
        period = timedelta(minutes=self.scenario.header.forecast_every_minutes)
        if self._issued_at is not None and at < self._issued_at + period:
            return
        self._issued_at, self._issued = at, self._issued + 1
        length, horizon = self.scenario.header.interval, 2 * self.scenario.header.horizon_intervals
        ahead = IntervalGrid(start=at, length=length, count=horizon)
        if self.forecaster == "perfect":
            forecast = perfect_forecast(self.scenario, ahead, at, self._issued)
        else:
            day = max(1, timedelta(days=1) // length)
            past = IntervalGrid(start=at - day * length, length=length, count=day)
            history = await self.store.feeder_history(grid=past, known_at=at)
            forecast = last_value_forecast(history, ahead, at, self._issued)
        await self.store.save_forecast(forecast, None)

    async def _recorded(self, at: datetime) -> None:
        """Let the forecast be in force that was the newest by then."""
        known = bisect_right(self.scenario.forecasts, at, key=lambda forecast: forecast.available_at)
        if known > self._issued:
            self._issued = known
            await self.store.save_forecast(self.scenario.forecasts[known - 1], None)

    async def _train(self, at: datetime) -> None:
        """Fit the learning models when it is time, as a job of live operation does."""
        training, every = self._job.training, timedelta(hours=self.scenario.header.training_every_hours)
        if training is None or (self._trained_at is not None and at < self._trained_at + every):
            return
        self._trained_at = at
        # A thread instead of a process: there is no deadline to keep it away from.
        with ThreadPoolExecutor(1) as pool:
            await training.fit(pool)

    def _training(self) -> Training:
        header = self.scenario.header
        between = timedelta(hours=header.training_every_hours) // header.interval
        return Training(
            store=self.store,
            memory=self.account,
            clock=self.clock,
            interval=header.interval,
            history=timedelta(days=header.training_days),
            horizon_intervals=2 * header.horizon_intervals + between,
            timezone=header.timezone,
            holidays=frozenset(header.holidays),
        )

    def _learning(self, training: Training | None) -> ForecastLearning:
        header = self.scenario.header
        return ForecastLearning(
            memory=self.account,
            store=self.store,
            interval=header.interval,
            horizon=2 * header.horizon_intervals * header.interval,
            forecasters=(MODEL,) if training is None else (*LEARNERS, MODEL),
        )

    def _forecaster(self) -> Forecaster:
        header = self.scenario.header
        return Forecaster(
            self.model if self.forecaster in MIXED else None,
            clock=self.clock,
            new_forecast_id=IdFactory(kind="forecast", epoch=EPOCH),
            new_call_id=IdFactory(kind="call", epoch=EPOCH),
            settings=forecaster_settings(
                header.reasoning, timezone=header.timezone, holidays=frozenset(header.holidays)
            ),
            sun=self.scenario.weather,
        )
