"""Runs the guarded chain over rolled forecasts: aggregation, calibration, the bound, day by day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vpp.forecasting.aggregation import (
    STRETCHED,
    Aggregation,
    Mixed,
    excess_bound,
    scale_of,
    stretched,
)
from vpp.forecasting.backtest.rolling import Rolling
from vpp.forecasting.conformal import LEVELS, Calibration, error_quantiles, part_of_day
from vpp.forecasting.models.catalogue import BASELINE
from vpp.forecasting.plausibility import implausible

Floats = NDArray[np.float64]

DELAY_ROUNDS = 2  # at the issue for a day, the day before is not over: the one before that is known
STATISTICAL = ("ridge", "lightgbm")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainResult:
    """The aggregated forecast of each day and how it came about; arrays over all D days of the rolling."""

    median: Floats  # (D, K)
    quantiles: Floats  # (L, D, K)
    share: Floats  # (D,) of the inner forecast
    weights: dict[str, Floats]  # of each expert within it, (D,)
    excess: Floats  # (D,) loss over the baseline's, in shares of the scale; the outcome of each day
    bound: float  # of the sum of `excess` from the first day on
    window_bound: float  # of its sum over any stretch of days
    refused: tuple[str, ...]  # days whose expert was not plausible, with the reason


def run_chain(rolling: Rolling, experts: Mapping[str, Floats]) -> ChainResult:
    """Return the aggregated forecasts when `experts` ((D, K) each, NaN: no answer) speak beside the models.

    What a day is made of is settled from the outcomes of the days before yesterday and earlier.
    """
    statistical = [name for name in STATISTICAL if name in rolling.medians]
    names = [BASELINE, *statistical, *experts, *(name + STRETCHED for name in experts)]
    state = Aggregation.fresh(names, delay=DELAY_ROUNDS, first_round=int(rolling.round_number[0]))
    tracker = QuantileTracker(rolling)
    waiting: list[tuple[int, Mixed]] = []
    mixes: list[Mixed] = []
    excess, refused = np.zeros(len(rolling)), []
    for day, number in enumerate(rolling.round_number.tolist()):
        while waiting and waiting[0][1].round_number <= number - DELAY_ROUNDS:
            past, mixed = waiting.pop(0)
            state, excess[past] = _learned(state, mixed, rolling.actual[past])
        members, reasons = _members(rolling, experts, statistical, day)
        refused += reasons
        mixed = state.mix(
            number, rolling.medians[BASELINE][day], members, typical_peak=float(rolling.peak[day])
        )
        tracker.issue(day, mixed.forecast)
        waiting.append((day, mixed))
        mixes.append(mixed)
    for past, mixed in waiting:
        state, excess[past] = _learned(state, mixed, rolling.actual[past])
    return ChainResult(
        median=np.stack([mixed.forecast for mixed in mixes]),
        quantiles=tracker.quantiles,
        share=np.array([mixed.share for mixed in mixes]),
        weights={name: np.array([mixed.weights[name] for mixed in mixes]) for name in names},
        excess=excess,
        bound=state.bound,
        window_bound=excess_bound(DELAY_ROUNDS, window=True),
        refused=tuple(refused),
    )


def _learned(state: Aggregation, mixed: Mixed, actual: Floats) -> tuple[Aggregation, float]:
    if not np.isfinite(actual).any():
        return state, 0.0
    state, outcome = state.learn(mixed, actual)
    return state, outcome.excess


def _members(
    rolling: Rolling, experts: Mapping[str, Floats], statistical: list[str], day: int
) -> tuple[dict[str, Floats], list[str]]:
    """Return what takes part on one day, and why some of it does not."""
    baseline = rolling.medians[BASELINE][day]
    members = {BASELINE: baseline} | {name: rolling.medians[name][day] for name in statistical}
    refused = []
    for name, said in experts.items():
        answered = bool(np.isfinite(said[day]).any())
        reason = implausible(said[day], baseline) if answered else "no answer"
        if reason and answered:
            refused.append(f"{rolling.starts[day].isoformat()} {name}: {reason}")
        members[name] = baseline if reason else said[day]
        members[name + STRETCHED] = stretched(members[name], baseline)
    return members, refused


def calibrated(rolling: Rolling, median: Floats) -> Floats:
    """Return calibrated quantiles (L, D, K) around any model's medians (D, K)."""
    tracker = QuantileTracker(rolling)
    for day in range(len(rolling)):
        tracker.issue(day, median[day])
    return tracker.quantiles


class QuantileTracker:
    """Gives each day its quantiles, from the errors of the days before yesterday and earlier."""

    def __init__(self, rolling: Rolling) -> None:
        self._rolling = rolling
        days, horizon = rolling.actual.shape
        self._errors = np.full((days, horizon), np.nan)  # in units of the scale
        self._calibration = Calibration.fresh()
        self._part = part_of_day(horizon, horizon)
        self._scale = np.ones((days, horizon))
        self._median = np.full((days, horizon), np.nan)
        self.quantiles = np.full((len(LEVELS), days, horizon), np.nan)

    def issue(self, day: int, median: Floats) -> None:
        """Set the quantiles of one day; days come in order."""
        past = day - DELAY_ROUNDS
        if past >= 0:
            actual = self._rolling.actual[past]
            self._errors[past] = (actual - self._median[past]) / self._scale[past]
            self._calibration = self._calibration.learned(self.quantiles[:, past], actual, self._part)
        self._median[day] = median
        self._scale[day] = scale_of(np.nan_to_num(median), float(self._rolling.peak[day]))
        spread = error_quantiles(self._errors[: max(past + 1, 0)]) * self._scale[day]
        self.quantiles[:, day] = self._calibration.quantiles(median, spread, self._part)
