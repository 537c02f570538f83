"""Everything a backtest has to say, as values: scores by forecaster, the chain's account, worst days."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from vpp.forecasting.backtest.chain import ChainResult, calibrated, run_chain
from vpp.forecasting.backtest.regret import Regret, regret
from vpp.forecasting.backtest.rolling import Rolling
from vpp.forecasting.conformal import LEVELS
from vpp.forecasting.models.catalogue import BASELINE
from vpp.forecasting.scores import Scores, daily_mape_percent, score

Floats = NDArray[np.float64]
Progress = Callable[[str, int, int], None]

AGGREGATED = "aggregated"
WORST_DAYS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What an expert cost to ask, over the days that count."""

    calls: int = 0
    replies: int = 0  # a call has several where samples are taken or an answer is repaired
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0
    currency: str = ""
    verdicts: Mapping[str, int] = field(default_factory=dict)  # days by what became of the question
    not_followed: tuple[str, ...] = ()  # days without a usable answer, with the reason
    longest_s: float = 0.0  # on the wall, of one call
    deadline_s: float | None = None  # of each call


@dataclass(frozen=True, slots=True, kw_only=True)
class Expert:
    """What an expert said, (D, K) over all days of the rolling, NaN where it gave no answer."""

    median: Floats
    usage: Usage = field(default_factory=Usage)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One forecaster: arrays over all days, scores over those that count."""

    name: str
    median: Floats
    quantiles: Floats  # (L, D, K)
    scores: Scores
    holiday_mape_percent: float | None
    cpu_s_per_forecast: float | None = None
    usage: Usage | None = None
    chain: ChainResult | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorstDay:
    """A day on which the baseline was far off."""

    day: date
    holiday: bool
    baseline_mape_percent: float
    aggregated_mape_percent: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """A whole backtest."""

    rolling: Rolling
    entries: tuple[Entry, ...]
    worst_days: tuple[WorstDay, ...]
    regret: Regret | None

    def entry(self, name: str) -> Entry:
        return next(entry for entry in self.entries if entry.name == name)

    @property
    def final(self) -> Entry:
        """Return the aggregated forecast with the expert named last, or that of the models alone."""
        return [entry for entry in self.entries if entry.chain is not None][-1]


def evaluate(
    rolling: Rolling,
    experts: Mapping[str, Expert],
    *,
    timezone: str,
    holidays: frozenset[date],
    regret_days: int,
    cpu_clock: Callable[[], float],
    progress: Progress = lambda what, done, total: None,
) -> Evaluation:
    """Return the scores of all models, each expert, and the chain without and with each expert alone."""
    zone = ZoneInfo(timezone)
    days = [start.astimezone(zone).date() for start in rolling.starts]
    free = np.array([day in holidays for day in days])
    entries = []
    for name, median in rolling.medians.items():
        quantiles = calibrated(rolling, median)
        cpu_s = rolling.cpu_s[name] / len(rolling)
        entries.append(_entry(rolling, name, median, quantiles, free, cpu_s=cpu_s))
    names: list[str | None] = [None, *experts]
    for number, expert_name in enumerate(names):
        progress("aggregation", number, len(names))
        entries += _chain_entries(rolling, experts, expert_name, free, cpu_clock)
    progress("aggregation", len(names), len(names))
    by_name = {entry.name: entry for entry in entries}
    final = entries[-1]
    compared = {name: by_name[name].median for name in (BASELINE, final.name)}
    return Evaluation(
        rolling=rolling,
        entries=tuple(entries),
        worst_days=_worst_days(rolling, final.median, days, free),
        regret=regret(rolling, compared, days=regret_days, progress=progress),
    )


def _chain_entries(
    rolling: Rolling,
    experts: Mapping[str, Expert],
    name: str | None,
    free: NDArray[np.bool_],
    cpu_clock: Callable[[], float],
) -> list[Entry]:
    started = cpu_clock()
    chain = run_chain(rolling, {} if name is None else {name: experts[name].median})
    cpu_s = (cpu_clock() - started + rolling.cpu_s[BASELINE]) / len(rolling)
    title = AGGREGATED if name is None else f"{AGGREGATED} with {name}"
    entries = []
    if name is not None:
        said = experts[name].median
        # Where there was no answer the baseline stands, as it would have.
        median = np.where(np.isfinite(said), said, rolling.medians[BASELINE])
        quantiles = calibrated(rolling, median)
        entries.append(_entry(rolling, name, median, quantiles, free, usage=experts[name].usage))
    entries.append(_entry(rolling, title, chain.median, chain.quantiles, free, cpu_s=cpu_s, chain=chain))
    return entries


def _entry(
    rolling: Rolling,
    name: str,
    median: Floats,
    quantiles: Floats,
    free: NDArray[np.bool_],
    *,
    cpu_s: float | None = None,
    usage: Usage | None = None,
    chain: ChainResult | None = None,
) -> Entry:
    counted = slice(rolling.first, None)
    actual = rolling.actual[counted]
    error = daily_mape_percent(median[counted], actual)[free[counted]]
    return Entry(
        name=name,
        median=median,
        quantiles=quantiles,
        scores=score(median[counted], quantiles[:, counted], LEVELS, actual),
        holiday_mape_percent=float(error.mean()) if len(error) else None,
        cpu_s_per_forecast=cpu_s,
        usage=usage,
        chain=chain,
    )


def _worst_days(
    rolling: Rolling, aggregated: Floats, days: list[date], free: NDArray[np.bool_]
) -> tuple[WorstDay, ...]:
    baseline = daily_mape_percent(rolling.medians[BASELINE], rolling.actual)
    final = daily_mape_percent(aggregated, rolling.actual)
    order = [int(day) for day in np.argsort(-baseline, kind="stable") if day >= rolling.first]
    return tuple(
        WorstDay(
            day=days[at],
            holiday=bool(free[at]),
            baseline_mape_percent=float(baseline[at]),
            aggregated_mape_percent=float(final[at]),
        )
        for at in order[:WORST_DAYS]
    )


def summary(evaluation: Evaluation) -> dict[str, Any]:
    """Return the scores as plain values for `scores.json`."""
    rolling = evaluation.rolling
    result: dict[str, Any] = {
        "first_day": rolling.starts[rolling.first].isoformat(),
        "days": len(rolling) - rolling.first,
        "warm_up_days": rolling.first,
        "forecasters": {entry.name: _plain(entry, rolling.first) for entry in evaluation.entries},
        "worst_days": [asdict(day) | {"day": day.day.isoformat()} for day in evaluation.worst_days],
        "regret": None,
    }
    if evaluation.regret is not None:
        found = evaluation.regret
        result["regret"] = {
            "days": found.days,
            "cost_per_day": found.cost,
            "regret_per_day": {name: found.of(name) for name in found.cost},
        }
    return result


def _plain(entry: Entry, first: int) -> dict[str, Any]:
    plain: dict[str, Any] = asdict(entry.scores)
    plain["holiday_mape_percent"] = entry.holiday_mape_percent
    plain["cpu_s_per_forecast"] = entry.cpu_s_per_forecast
    if entry.usage is not None:
        plain["usage"] = asdict(entry.usage)
    if entry.chain is not None:
        chain = entry.chain
        plain["chain"] = {
            "excess_loss": float(chain.excess.sum()),
            "proven_bound": chain.bound,
            "worst_window_excess": worst_window(chain.excess),
            "proven_window_bound": chain.window_bound,
            "final_share": float(chain.share[-1]),
            "final_weights": {name: float(weights[-1]) for name, weights in chain.weights.items()},
            "refused_days": len(chain.refused),
            "refusals": list(chain.refused[:100]),
        }
    return plain


def worst_window(excess: Floats) -> float:
    """Return the largest sum over any stretch of days, at least 0."""
    total = np.concatenate([[0.0], np.cumsum(excess)])
    return float((total - np.minimum.accumulate(total)).max())
