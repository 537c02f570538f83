"""A backtest from files to files: scores.json, forecasts.parquet and report.html."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import time as time_of_day
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from vpp.domain.errors import InvalidValueError
from vpp.domain.forecasts import ContextItem
from vpp.forecasting.backtest.advised import advised_expert
from vpp.forecasting.backtest.evaluation import Evaluation, Expert, evaluate, summary
from vpp.forecasting.backtest.report import report
from vpp.forecasting.backtest.rolling import Rolling, roll
from vpp.forecasting.backtest.scripted import scripted_expert
from vpp.forecasting.conformal import LEVELS
from vpp.forecasting.models.catalogue import BASELINE, MODELS, models_named
from vpp.forecasting.models.series import Series
from vpp.service.local_model import LOCAL, local_model
from vpp.service.model_settings import ModelSettings
from vpp.service.reasoning import endpoint_of, forecaster_settings

Progress = Callable[[str, int, int], None]
SCRIPTED = "scripted:"
ENDPOINT = "endpoint"  # the reasoning model as configured
DEFAULT_MODELS = tuple(MODELS)


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestSettings:
    """How a backtest is run. `models` are names of models, `scripted:BEHAVIOUR`, `endpoint` and `local`.

    `endpoint` is asked as `reasoning` says, about `context` as far as it was available at each issue.
    """

    models: tuple[str, ...] = DEFAULT_MODELS
    issue_time: time_of_day = time_of_day(12)
    days: int = 364
    regret_days: int = 14
    seed: int = 0
    reasoning: ModelSettings = field(default_factory=ModelSettings)
    context: tuple[ContextItem, ...] = ()


def run_backtest(
    series: Series, settings: BacktestSettings, progress: Progress = lambda what, done, total: None
) -> Evaluation:
    """Return the evaluation of the last `days` days; raise InvalidValueError for what cannot be run."""
    asked = [name for name in settings.models if name in (ENDPOINT, LOCAL)]
    statistical = [name for name in settings.models if not name.startswith(SCRIPTED) and name not in asked]
    if ENDPOINT in asked and not settings.reasoning.enabled:
        raise InvalidValueError(
            "model.enabled", False, "true where models hold endpoint", "name the file with --config"
        )
    if not statistical:
        raise InvalidValueError("models", ",".join(settings.models), f"at least one of {', '.join(MODELS)}")
    rolling = roll(
        series,
        models_named(statistical),
        issue_time=settings.issue_time,
        days=settings.days,
        cpu_clock=time.process_time,
        progress=progress,
    )
    experts = {
        name: _scripted(rolling, name, settings.seed) for name in settings.models if name.startswith(SCRIPTED)
    }
    for name in asked:
        experts[name] = asyncio.run(_asked(rolling, series, name, settings, progress))
    return evaluate(
        rolling,
        experts,
        timezone=series.timezone,
        holidays=series.holidays,
        regret_days=settings.regret_days,
        cpu_clock=time.process_time,
        progress=progress,
    )


def _scripted(rolling: Rolling, name: str, seed: int) -> Expert:
    """Return what a scripted expert says on the days that count; before them it is silent."""
    median = np.full_like(rolling.actual, np.nan)
    counted = slice(rolling.first, None)
    median[counted] = scripted_expert(
        name.removeprefix(SCRIPTED), rolling.medians[BASELINE][counted], rolling.actual[counted], seed
    )
    return Expert(median=median)


async def _asked(
    rolling: Rolling, series: Series, name: str, settings: BacktestSettings, progress: Progress
) -> Expert:
    """Return what the baseline becomes with the advice of a real endpoint."""
    running = local_model() if name == LOCAL else _configured(settings.reasoning)
    async with running as reasoning:
        model = endpoint_of(reasoning)
        try:
            return await advised_expert(
                rolling,
                model,
                forecaster_settings(reasoning, timezone=series.timezone, holidays=series.holidays),
                settings.context,
                name=name,
                progress=progress,
            )
        finally:
            await model.close()


@asynccontextmanager
async def _configured(reasoning: ModelSettings) -> AsyncIterator[ModelSettings]:
    yield reasoning


def write_results(
    evaluation: Evaluation, out: Path, *, title: str, timezone: str, facts: Sequence[str]
) -> dict[str, Any]:
    """Write the three files into `out`, created when missing, and return what scores.json holds."""
    out.mkdir(parents=True, exist_ok=True)
    scores = {"title": title, "facts": list(facts), **summary(evaluation)}
    (out / "scores.json").write_text(json.dumps(scores, indent=2) + "\n", encoding="utf-8")
    (out / "report.html").write_text(
        report(evaluation, title=title, timezone=timezone, facts=facts), encoding="utf-8"
    )
    parquet.write_table(forecast_table(evaluation), out / "forecasts.parquet", compression="zstd")
    return scores


def forecast_table(evaluation: Evaluation) -> Any:
    """Return every forecast that counts as a table: one row per forecaster and interval."""
    rolling = evaluation.rolling
    days = range(rolling.first, len(rolling))
    horizon = rolling.actual.shape[1]
    starts = [rolling.starts[day] + rolling.length * step for day in days for step in range(horizon)]
    issued = [rolling.issued[day] for day in days for _ in range(horizon)]
    blocks = []
    for entry in evaluation.entries:
        counted = slice(rolling.first, None)
        columns: dict[str, Any] = {
            "forecaster": pa.array([entry.name] * len(starts)).dictionary_encode(),
            "issued_at": pa.array(issued, type=pa.timestamp("us", tz="UTC")),
            "start": pa.array(starts, type=pa.timestamp("us", tz="UTC")),
            "actual": rolling.actual[counted].ravel(),
            "median": entry.median[counted].ravel(),
        }
        for number, level in enumerate(LEVELS):
            if level in (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95):
                columns[f"p{round(100 * level):02d}"] = entry.quantiles[number, counted].ravel()
        blocks.append(pa.table(columns))
    return pa.concat_tables(blocks).unify_dictionaries()
