"""Scripted reasoning models and the history they are asked about."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np

from vpp.domain.forecasts import ContextItem, TokenPrices
from vpp.domain.intervals import IntervalGrid
from vpp.forecasting.forecaster import Forecaster, ForecasterSettings
from vpp.ports import FeederHistory, ModelReply, ReasoningModel

QUARTER = timedelta(minutes=15)
NOW = datetime(2020, 5, 20, 8, 0, tzinfo=UTC)
GRID = IntervalGrid(start=NOW, length=QUARTER, count=96)


def reply(content: str, *, reasoning: str = "", finish_reason: str = "stop") -> ModelReply:
    return ModelReply(
        content=content,
        reasoning=reasoning,
        finish_reason=finish_reason,
        prompt_tokens=1000,
        completion_tokens=100,
        cached_tokens=400,
    )


def item(**changes: object) -> dict[str, object]:
    """Return one valid item of a reply, with changes."""
    return {
        "evidence_id": "e1",
        "reason": "cooling",
        "cause": "heat",
        "start_block": 1,
        "end_block": 3,
        "multiplier_p10": 1.0,
        "multiplier_p50": 1.1,
        "multiplier_p90": 1.2,
    } | changes


def answer(*items: dict[str, object]) -> str:
    return json.dumps({"adjustments": list(items)})


@dataclass
class ScriptedModel:
    """Answers from a list (the last entry repeats); an exception in it is raised, a number is slept."""

    script: Sequence[str | ModelReply | Exception | float]
    name: str = "scripted"
    endpoint: str = "memory"
    prices: TokenPrices = field(default_factory=TokenPrices)
    systems: list[str] = field(default_factory=list)
    users: list[str] = field(default_factory=list)

    async def ask(self, *, system: str, user: str, schema: dict[str, object], sample: int) -> ModelReply:
        step = self.script[min(len(self.users), len(self.script) - 1)]
        self.systems.append(system)
        self.users.append(user)
        if isinstance(step, Exception):
            raise step
        if isinstance(step, int | float):
            await asyncio.sleep(step)
            return reply(answer())
        return reply(step) if isinstance(step, str) else step


@dataclass
class StandingClock:
    """A clock that is set by hand."""

    at: datetime = NOW

    def now(self) -> datetime:
        return self.at

    def wall_seconds(self, duration: timedelta) -> float:
        return duration.total_seconds()

    async def sleep_until(self, at: datetime) -> None:
        self.at = max(at, self.at)


def counted(kind: str) -> Callable[[datetime], str]:
    numbers = itertools.count(1)
    return lambda _at: f"{kind}-{next(numbers)}"


def make_forecaster(model: ReasoningModel | None, **settings: object) -> Forecaster:
    chosen: dict[str, object] = {"samples": 1, "deadline_s": 5.0} | settings
    return Forecaster(
        model,
        clock=StandingClock(),
        new_forecast_id=counted("forecast"),
        new_call_id=counted("call"),
        settings=ForecasterSettings(**chosen),
    )


def history(
    *,
    now: datetime = NOW,
    days: int = 21,
    feeder_ids: Sequence[str] = ("Musterdorf-Nord", "Hafen-7"),
    seed: int = 0,
) -> FeederHistory:
    """Return a daily pattern with noise, PV at noon, complete up to `now`."""
    grid = IntervalGrid(start=now - days * timedelta(days=1), length=QUARTER, count=days * 96)
    hour = np.array([start.hour + start.minute / 60 for start in grid.starts()])
    noise = np.random.default_rng(seed).normal(0, 2.0, (len(feeder_ids), grid.count))
    return FeederHistory(
        feeder_ids=tuple(feeder_ids),
        grid=grid,
        consumption_kw=50 + 20 * np.sin((hour - 8) / 24 * 2 * np.pi) + noise,
        pv_kw=np.tile(np.maximum(30 * np.sin((hour - 5) / 14 * np.pi), 0) * (hour > 5), (len(feeder_ids), 1)),
    )


def context(
    text: str = "Heat warning, 36 degrees.", *, item_id: str = "c1", hours: float = 12
) -> ContextItem:
    return ContextItem(
        item_id=item_id,
        text=text,
        valid_from=NOW,
        valid_until=NOW + timedelta(hours=hours),
        available_at=NOW - timedelta(hours=1),
    )
