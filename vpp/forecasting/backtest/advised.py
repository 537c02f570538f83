"""The reasoning model in a backtest: asked day by day through the live code, from what was known then."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from vpp.domain.forecasts import ContextItem, ForecastSource, LoadForecast, ModelCall, ReplyVerdict
from vpp.domain.intervals import IntervalGrid
from vpp.forecasting.backtest.chain import calibrated
from vpp.forecasting.backtest.evaluation import Expert, Usage
from vpp.forecasting.backtest.rolling import Rolling
from vpp.forecasting.baseline import ERROR_DAYS, BaselineForecast
from vpp.forecasting.conformal import LEVELS
from vpp.forecasting.forecaster import Forecaster, ForecasterSettings
from vpp.forecasting.models.catalogue import BASELINE
from vpp.ports import ReasoningModel

Floats = NDArray[np.float64]
Progress = Callable[[str, int, int], None]

FEEDER = "series"
LOW, HIGH = LEVELS.index(0.1), LEVELS.index(0.9)
USABLE = (ReplyVerdict.ACCEPTED, ReplyVerdict.EMPTY, ReplyVerdict.CACHED)


async def advised_expert(
    rolling: Rolling,
    model: ReasoningModel,
    settings: ForecasterSettings,
    context: Sequence[ContextItem],
    *,
    name: str,
    progress: Progress = lambda what, done, total: None,
) -> Expert:
    """Return what the baseline becomes with the advice of `model` on each day that counts.

    At each issue the forecaster of the live service gets the baseline of that day and `context`, of which it
    uses what was available by then. NaN stands for days that were not adjusted. Before the days that count
    the model is not asked.
    """
    clock = _IssueClock(rolling.issued[0])
    forecaster = Forecaster(
        model, clock=clock, new_forecast_id=_numbered("forecast"), new_call_id=_numbered("call"),
        settings=settings,
    )  # fmt: skip
    median = np.full_like(rolling.actual, np.nan)
    quantiles = calibrated(rolling, rolling.medians[BASELINE])
    account = _Account(settings.deadline_s)
    days = range(rolling.first, len(rolling))
    for done, day in enumerate(days):
        progress(name, done, len(days))
        clock.at = rolling.issued[day]
        forecast, call = await forecaster.advise(baseline_at(rolling, quantiles, day), context, clock.at)
        account.add(forecast, call)
        if forecast.source is ForecastSource.ADJUSTED:
            median[day] = forecast.consumption_p50_kw[0]
    progress(name, len(days), len(days))
    return Expert(median=median, usage=account.usage(model))


def baseline_at(rolling: Rolling, quantiles: Floats, day: int) -> BaselineForecast:
    """Return the baseline of one day as live operation has it; `quantiles` (L, D, K) are calibrated."""
    median = np.maximum(rolling.medians[BASELINE][day], 0.0)
    horizon = len(median)
    return BaselineForecast(
        feeder_ids=(FEEDER,),
        grid=IntervalGrid(start=rolling.starts[day], length=rolling.length, count=horizon),
        consumption_p10_kw=np.clip(quantiles[LOW, day], 0.0, median)[None],
        consumption_p50_kw=median[None],
        consumption_p90_kw=np.maximum(quantiles[HIGH, day], median)[None],
        pv_kw=np.zeros((1, horizon)),
        typical_peak_kw=rolling.peak[day : day + 1],
        recent_error=recent_error(rolling, day),
    )


def recent_error(rolling: Rolling, day: int) -> Floats:
    """Return the baseline's relative error 1 to 7 days before each interval, (7, K), NaN if not yet known.

    A value is known once its interval is over.
    """
    horizon = rolling.actual.shape[1]
    error = np.full((ERROR_DAYS, horizon), np.nan)
    for back in range(1, min(ERROR_DAYS, day) + 1):
        past = day - back
        known = min(max((rolling.issued[day] - rolling.starts[past]) // rolling.length, 0), horizon)
        said, actual = rolling.medians[BASELINE][past, :known], rolling.actual[past, :known]
        np.divide(actual - said, said, out=error[back - 1, :known], where=said > 0.0)
    return error


@dataclass(slots=True)
class _IssueClock:
    """Stands at the issue time of the day in hand; nobody waits by it."""

    at: datetime

    def now(self) -> datetime:
        return self.at

    def wall_seconds(self, duration: timedelta) -> float:
        return duration.total_seconds()

    def wall_time(self, at: datetime) -> datetime:
        return at

    async def sleep_until(self, at: datetime) -> None:
        self.at = max(self.at, at)


def _numbered(kind: str) -> Callable[[datetime], str]:
    numbers = itertools.count(1)
    return lambda _at: f"{kind}-{next(numbers)}"


class _Account:
    """Counts what was asked and what came of it."""

    def __init__(self, deadline_s: float) -> None:
        self._deadline_s = deadline_s
        self._verdicts: Counter[str] = Counter()
        self._calls: list[ModelCall] = []
        self._reasons: list[str] = []

    def add(self, forecast: LoadForecast, call: ModelCall | None) -> None:
        self._verdicts[forecast.verdict.value] += 1
        if call is not None:
            self._calls.append(call)
        if forecast.verdict not in USABLE:
            day, verdict = forecast.grid.start.isoformat(), forecast.verdict.value
            self._reasons.append(f"{day} {verdict}: {forecast.reason}")

    def usage(self, model: ReasoningModel) -> Usage:
        calls = self._calls
        return Usage(
            calls=len(calls),
            replies=sum(len(call.replies) for call in calls),
            prompt_tokens=sum(call.prompt_tokens for call in calls),
            cached_tokens=sum(call.cached_tokens for call in calls),
            completion_tokens=sum(call.completion_tokens for call in calls),
            cost=sum(call.cost for call in calls),
            currency=model.prices.currency,
            verdicts=dict(self._verdicts),
            not_followed=tuple(self._reasons),
            longest_s=max((call.seconds for call in calls), default=0.0),
            deadline_s=self._deadline_s,
        )
