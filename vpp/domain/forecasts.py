"""Load forecasts with their origin, and the context they may use."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from vpp.domain.intervals import IntervalGrid


class ForecastSource(StrEnum):
    BASELINE = "baseline"
    ADJUSTED = "adjusted"  # the baseline, adjusted by the reasoning model under contract


class ReplyVerdict(StrEnum):
    """What became of one request to the reasoning model."""

    ACCEPTED = "accepted"
    EMPTY = "empty"  # a valid reply that adjusts nothing
    REFUSED = "refused"  # unusable: schema, semantics, evidence
    FAILED = "failed"  # dead, slow or broken endpoint
    CACHED = "cached"  # an earlier accepted reply to the very same request
    NOT_ASKED = "not_asked"  # nothing was flagged, or the breaker or the budget said no


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextItem:
    """A remark for the forecaster: quoted to the model as data, never as an instruction."""

    item_id: str
    text: str
    valid_from: datetime
    valid_until: datetime
    available_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastParts:
    """What a forecast was mixed from: medians of consumption, shape (M, F, T), kW; the first is the baseline.

    `typical_peak_kw`, shape (F,), is what its losses are measured against.
    """

    names: tuple[str, ...]
    p50_kw: NDArray[np.float64]
    typical_peak_kw: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadForecast:
    """Quantiles of consumption, and PV, per feeder and interval; matrices of shape (F, T), kW.

    Consumption and PV are both positive; the net load of a feeder is consumption minus PV.
    """

    forecast_id: str
    feeder_ids: tuple[str, ...]
    grid: IntervalGrid
    available_at: datetime
    consumption_p10_kw: NDArray[np.float64]
    consumption_p50_kw: NDArray[np.float64]
    consumption_p90_kw: NDArray[np.float64]
    pv_kw: NDArray[np.float64]
    source: ForecastSource
    verdict: ReplyVerdict
    reason: str = ""  # why the model was not followed, in words
    model_call_id: str | None = None
    parts: ForecastParts | None = None
    scenario_consumption_kw: NDArray[np.float64] | None = None  # (S, F, T), equally likely

    @property
    def net_load_kw(self) -> NDArray[np.float64]:
        """Return the median net load per feeder and interval, kW, positive when consuming."""
        return self.consumption_p50_kw - self.pv_kw


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """One adjustment in one of the model's replies; `words` are the model's, never a fact."""

    sample: int
    start_block: int
    end_block: int
    multipliers: tuple[float, float, float]  # of the 10 %, 50 % and 90 % quantile
    cause: str
    evidence_id: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastExplanation:
    """What a forecast rests on, read back from what was stored."""

    forecast: LoadForecast
    block: timedelta
    consumption_kw: NDArray[np.float64]  # (B,), mean of the median of all feeders in each block
    pv_kw: NDArray[np.float64]  # (B,)
    call: ModelCall | None
    evidence: tuple[tuple[str, str], ...]  # id and text of the remarks, as they were sent
    proposals: tuple[Proposal, ...]  # of every reply, also of a refused one


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPrices:
    """What an endpoint bills, money per million tokens."""

    uncached_per_million: float = 0.0
    cached_per_million: float = 0.0
    completion_per_million: float = 0.0
    currency: str = "EUR"

    def cost(self, *, prompt_tokens: int, cached_tokens: int, completion_tokens: int) -> float:
        """Return the money for one reply; cached tokens are part of the prompt's."""
        return (
            (prompt_tokens - cached_tokens) * self.uncached_per_million
            + cached_tokens * self.cached_per_million
            + completion_tokens * self.completion_per_million
        ) / 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCall:
    """One exchange with the reasoning model, stored whole, so that a replay needs no model."""

    call_id: str
    asked_at: datetime
    model: str
    endpoint: str
    prompt: str
    replies: tuple[str, ...]
    reasoning: str
    verdict: ReplyVerdict
    reason: str
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    cost: float
    currency: str
    seconds: float
