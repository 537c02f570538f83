"""Puts shadows together: what they plan with, and the forecasts of those that have a model of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from vpp.adapters.rpc.shadows import ShadowServicer
from vpp.adapters.storage.operation import DatabaseOperation
from vpp.adapters.storage.shadows import open_shadows
from vpp.control.cycle_values import CycleInputs
from vpp.control.promotion_report import PromotionReport, report_of
from vpp.control.rehearsal import Rehearsed
from vpp.domain.assets import Fleet
from vpp.domain.forecasts import ContextItem, LoadForecast, ModelCall
from vpp.domain.intervals import IntervalGrid
from vpp.domain.promotions import Overlay
from vpp.domain.shadows import Shadow
from vpp.ports import Clock, FeederHistory, Store
from vpp.ports.shadows import ShadowRegister
from vpp.service.forecast_job import ForecastJob
from vpp.service.forecasting_parts import make_forecaster
from vpp.service.in_force import settings_in_force
from vpp.service.jobs import Jobs
from vpp.service.model_settings import ModelSettings
from vpp.service.promoting import Promoting
from vpp.service.reasoning import endpoint_of
from vpp.service.settings import Settings
from vpp.service.shadow_job import ShadowJob
from vpp.service.training import Training

LOOKS_PER_INTERVAL = 15
log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowForecastStore:
    """Reads as live forecasts do, and stores under a shadow's name, where no live cycle looks."""

    shadow_id: str
    store: Store
    register: ShadowRegister

    async def feeder_history(self, *, grid: IntervalGrid, known_at: datetime) -> FeederHistory:
        return await self.store.feeder_history(grid=grid, known_at=known_at)

    async def context_between(
        self, *, start: datetime, end: datetime, known_at: datetime
    ) -> list[ContextItem]:
        return await self.store.context_between(start=start, end=end, known_at=known_at)

    async def save_forecast(self, forecast: LoadForecast, call: ModelCall | None) -> None:
        await self.register.save_forecast(self.shadow_id, forecast, call)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shadows:
    """Everything that plans beside live operation."""

    register: ShadowRegister
    job: ShadowJob
    forecasts: dict[str, ForecastJob]
    keep: timedelta  # of what they came to, also of those that are not configured any more

    async def cut(self) -> None:
        """Remove what is older than it is kept."""
        gone = await self.register.cut(older_than=self.job.clock.now() - self.keep)
        if gone:
            log.info("shadows' cycles and forecasts cut off", rows=gone, keep_days=self.keep.days)

    async def report(
        self, shadow: Shadow, start: datetime | None, end: datetime | None, seed: int
    ) -> PromotionReport:
        """Return the comparison over cycles that start in [start, end); None: first, and newest."""
        progress = await self.register.progress(shadow)
        now = self.job.clock.now()
        begin = start or progress.first or now
        until = end or (progress.newest or now) + self.job.interval
        cycles = await self.register.compared(shadow, start=begin, end=until)
        return await asyncio.to_thread(report_of, shadow, cycles, start=begin, end=until, seed=seed)

    def servicer(self, promoting: Promoting) -> ShadowServicer:
        """Return what shows shadows to people, and takes their proposals."""
        return ShadowServicer(
            shadows=self.job.shadows, register=self.register, report=self.report, promoting=promoting
        )

    def schedule(self, jobs: Jobs, settings: Settings, interval: timedelta) -> None:
        """Look for new cycles and forecasts now and then; without shadows nothing is looked for."""
        if self.job.shadows:
            jobs.every("shadows", self.job.step, period=interval / LOOKS_PER_INTERVAL)
        check = timedelta(seconds=settings.forecast.check_period_s)
        jobs.every(
            "upkeep of shadows", self.cut, period=timedelta(seconds=settings.telemetry.upkeep_period_s)
        )
        for name, job in self.forecasts.items():
            jobs.every(f"forecast of shadow {name}", job.check, period=check, at_once=True)


async def open_shadows_of(
    settings: Settings,
    *,
    shadows: Sequence[Shadow],
    store: Store,
    clock: Clock,
    fleet: Fleet,
    epoch: int,
    training: Training | None,
    plan_aside: Callable[[CycleInputs], Awaitable[Rehearsed]],
    stack: AsyncExitStack,
) -> Shadows:
    """Return the configured shadows; what they hold open is closed with `stack`."""
    register = open_shadows(settings.database.url)
    stack.push_async_callback(register.close)
    operation = DatabaseOperation(settings.database.url)
    stack.push_async_callback(operation.close)
    forecasts = {}
    for shadow in shadows:
        if shadow.change.model:
            where = ShadowForecastStore(shadow_id=shadow.shadow_id, store=store, register=register)
            forecasts[shadow.shadow_id] = _forecast_job(
                settings, shadow, where, clock, fleet, epoch, training, stack
            )
    job = ShadowJob(
        shadows=shadows,
        register=register,
        operation=operation,
        store=store,
        plan_aside=plan_aside,
        clock=clock,
        fleet=fleet,
        interval=settings.policy.to_policy().interval,
    )
    keep = timedelta(days=settings.database.keep_shadows_days)
    return Shadows(register=register, job=job, forecasts=forecasts, keep=keep)


def model_of(settings: Settings, shadow: Shadow) -> ModelSettings:
    """Return the settings of a shadow's model; names that are withheld are so from every model."""
    return settings_in_force(settings, Overlay(model=shadow.change.model)).model


def _forecast_job(
    settings: Settings,
    shadow: Shadow,
    where: ShadowForecastStore,
    clock: Clock,
    fleet: Fleet,
    epoch: int,
    training: Training | None,
    stack: AsyncExitStack,
) -> ForecastJob:
    """Return what issues a shadow's forecasts: the contract, the prompt and the checks of live operation."""
    model = model_of(settings, shadow)
    endpoint = endpoint_of(model)
    stack.push_async_callback(endpoint.close)
    named = settings.model_copy(update={"model": model})
    forecast, interval = settings.forecast, settings.policy.to_policy().interval
    return ForecastJob(
        forecaster=make_forecaster(named, endpoint, clock, epoch, fleet, prefix=f"{shadow.shadow_id}-"),
        store=where,
        clock=clock,
        interval=interval,
        history=timedelta(days=forecast.history_days),
        horizon_intervals=forecast.horizon_intervals,
        issue_period=timedelta(seconds=forecast.issue_period_s),
        training=training,
        scenarios=forecast.scenarios,
    )
