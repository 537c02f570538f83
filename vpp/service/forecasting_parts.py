"""Puts the forecasts together: model, statistics, what they learn, and the job that issues them."""

from __future__ import annotations

from contextlib import AsyncExitStack
from datetime import date, timedelta
from typing import TYPE_CHECKING

from vpp.adapters.storage.forecast_memory import open_forecast_memory
from vpp.domain.assets import Fleet
from vpp.forecasting.forecaster import Forecaster
from vpp.forecasting.learning import MODEL
from vpp.forecasting.models.live import LEARNERS
from vpp.forecasting.public_holidays import public_holidays
from vpp.ports import Clock, ForecastMemory, ReasoningModel, Store
from vpp.service.forecast_job import ForecastJob
from vpp.service.forecast_learning import ForecastLearning
from vpp.service.ids import IdFactory
from vpp.service.loop import DispatchLoop
from vpp.service.reasoning import endpoint_of, forecaster_settings
from vpp.service.settings import Settings
from vpp.service.training import Training

if TYPE_CHECKING:
    from vpp.adapters.reasoning.openai_compatible import OpenAICompatibleModel


async def open_forecasts(
    settings: Settings, store: Store, loop: DispatchLoop, stack: AsyncExitStack
) -> ForecastJob:
    """Return the job that issues forecasts; what it holds open is closed with `stack`."""
    clock, interval = loop.clock, loop.policy.interval
    model = make_model(settings)
    if model is not None:
        stack.push_async_callback(model.close)
    memory = open_forecast_memory(settings.database.url)
    stack.push_async_callback(memory.close)
    training = _training(settings, store, memory, clock, interval)
    if training is not None:
        stack.callback(training.close)
        await training.restore()
    forecast = settings.forecast
    return ForecastJob(
        forecaster=make_forecaster(settings, model, clock, loop.epoch, loop.fleet),
        store=store,
        clock=clock,
        interval=interval,
        history=timedelta(days=forecast.history_days),
        horizon_intervals=forecast.horizon_intervals,
        issue_period=timedelta(seconds=forecast.issue_period_s),
        learning=ForecastLearning(
            memory=memory,
            store=store,
            interval=interval,
            horizon=interval * forecast.horizon_intervals,
            forecasters=(MODEL,) if training is None else (*LEARNERS, MODEL),
        ),
        training=training,
        scenarios=forecast.scenarios,
        weights=forecast.weights,
    )


def make_model(settings: Settings) -> OpenAICompatibleModel | None:
    """Return the configured reasoning model, or None when it is switched off."""
    model = settings.model
    if not model.enabled:
        return None
    return endpoint_of(model)


def make_forecaster(
    settings: Settings,
    model: ReasoningModel | None,
    clock: Clock,
    epoch: int,
    fleet: Fleet,
    *,
    prefix: str = "",
) -> Forecaster:
    """Return the forecaster; its ids carry the epoch, so that a restart repeats none."""
    private = {name.casefold() for asset in fleet.assets for name in (asset.asset_id, asset.node_id)}
    return Forecaster(
        model,
        clock=clock,
        new_forecast_id=IdFactory(kind=f"{prefix}forecast", epoch=epoch),
        new_call_id=IdFactory(kind=f"{prefix}call", epoch=epoch),
        settings=forecaster_settings(
            settings.model,
            timezone=settings.forecast.timezone,
            holidays=holidays_of(settings, clock),
            withheld_names=frozenset(private),
        ),
    )


def _training(
    settings: Settings, store: Store, memory: ForecastMemory, clock: Clock, interval: timedelta
) -> Training | None:
    """Return what fits the learning models, None where they are switched off."""
    forecast = settings.forecast
    if not forecast.training_days:
        return None
    between = timedelta(seconds=forecast.training_period_s) // interval
    return Training(
        store=store,
        memory=memory,
        clock=clock,
        interval=interval,
        history=timedelta(days=forecast.training_days),
        horizon_intervals=forecast.horizon_intervals + between,
        timezone=forecast.timezone,
        holidays=holidays_of(settings, clock),
    )


def holidays_of(settings: Settings, clock: Clock) -> frozenset[date]:
    """Return the holidays that are listed and those of the country, of the years around now."""
    year = clock.now().year
    country = public_holidays(settings.forecast.country, range(year - 1, year + 3))
    return frozenset(settings.forecast.holidays) | country
