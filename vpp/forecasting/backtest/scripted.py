"""Experts that behave as reasoning models may: made from the truth or against it, for tests and reports.

They know the actual values, which no forecaster does. They show what the chain makes of a model, not what
a model can do.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from vpp.domain.errors import InvalidValueError
from vpp.forecasting.aggregation import BAND_SHARE
from vpp.forecasting.scores import daily_mape_percent

Floats = NDArray[np.float64]
Generator = np.random.Generator

HARD_SHARE = 0.2  # of days, those on which the baseline is worst: there context would have helped
HELP_ON_HARD_DAYS = 0.6  # share of the baseline's error that a good model takes away
HELP_OTHERWISE = 0.05
BAD_SHARE = 0.1
FAILING_SHARE = 0.25


def scripted_expert(behaviour: str, baseline: Floats, actual: Floats, seed: int) -> Floats:
    """Return what an expert of this behaviour says on each day, (D, K); NaN on days without an answer.

    Raises InvalidValueError for a behaviour that does not exist.
    """
    if behaviour not in BEHAVIOURS:
        raise InvalidValueError("models", f"scripted:{behaviour}", f"one of {', '.join(BEHAVIOURS)}")
    generator = np.random.default_rng([seed, *behaviour.encode()])
    return BEHAVIOURS[behaviour](baseline, np.where(np.isfinite(actual), actual, baseline), generator)


def _noise(shape: tuple[int, ...], share: float, generator: Generator) -> Floats:
    """Return factors around one that wander over a few intervals."""
    plain = generator.normal(size=shape)
    smooth = np.stack([np.convolve(day, np.ones(9) / 3.0, "same") for day in plain])
    factors: Floats = np.exp(share * smooth)
    return factors


def _good(baseline: Floats, actual: Floats, generator: Generator) -> Floats:
    error = daily_mape_percent(baseline, actual)
    hard = error > np.quantile(error, 1.0 - HARD_SHARE)
    helped = np.where(hard, HELP_ON_HARD_DAYS, HELP_OTHERWISE)[:, None]
    said: Floats = (baseline + helped * (actual - baseline)) * _noise(baseline.shape, 0.01, generator)
    return said


def _biased(baseline: Floats, actual: Floats, generator: Generator) -> Floats:
    return baseline * 1.06 * _noise(baseline.shape, 0.01, generator)


def _hallucinating(baseline: Floats, actual: Floats, generator: Generator) -> Floats:
    said = _good(baseline, actual, generator)
    for day in np.flatnonzero(generator.random(len(said)) < BAD_SHARE):
        kind = generator.integers(4)
        if kind == 0:
            said[day] *= generator.uniform(0.1, 0.6)
        elif kind == 1:
            said[day] *= generator.uniform(1.5, 10.0)
        elif kind == 2:
            said[day] = np.roll(said[day], len(said[day]) // 2)
        else:
            said[day] = generator.uniform(0.0, 4.0 * np.nanmean(baseline))
    return said


def _drifting(baseline: Floats, actual: Floats, generator: Generator) -> Floats:
    said = _good(baseline, actual, generator)
    bad = baseline * _noise(baseline.shape, 0.03, generator)
    bad *= 1.0 + 0.12 * np.sign(generator.normal(size=(len(said), 1)))
    half = len(said) // 2
    said[half:] = bad[half:]
    return said


def _adversarial(baseline: Floats, actual: Floats, generator: Generator) -> Floats:
    return baseline + np.sign(baseline - actual) * BAND_SHARE * baseline


def _failing(baseline: Floats, actual: Floats, generator: Generator) -> Floats:
    said = _good(baseline, actual, generator)
    said[generator.random(len(said)) < FAILING_SHARE] = np.nan
    return said


def _noisy(baseline: Floats, actual: Floats, generator: Generator) -> Floats:
    return baseline * _noise(baseline.shape, 0.02, generator)


BEHAVIOURS: dict[str, Callable[[Floats, Floats, Generator], Floats]] = {
    "good": _good,
    "biased": _biased,
    "hallucinating": _hallucinating,
    "drifting": _drifting,
    "adversarial": _adversarial,
    "failing": _failing,
    "noisy": _noisy,
}
