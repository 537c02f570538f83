"""How good forecasts were; arrays of any one shape, NaN where nothing is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """Errors in percent of the actual value (MAPE) or of its mean (the others); coverage as a share.

    CRPS is twice the mean pinball loss over the levels 5 %, 10 %, ..., 95 % (Laio, Tamea 2007).
    """

    mape_percent: float
    nmae_percent: float
    crps_percent: float
    pinball_percent: float
    coverage_90: float
    width_90_percent: float


def pinball(quantiles: Floats, levels: tuple[float, ...], actual: Floats) -> Floats:
    """Return the pinball loss of quantiles (L, ...), in the unit of `actual` (...)."""
    level = np.array(levels).reshape((-1,) + (1,) * actual.ndim)
    error = actual - quantiles
    loss: Floats = np.maximum(level * error, (level - 1.0) * error)
    return loss


def score(median: Floats, quantiles: Floats, levels: tuple[float, ...], actual: Floats) -> Scores:
    """Return the scores of medians (...) and quantiles (L, ...) where the actual value is known."""
    known = np.isfinite(actual) & np.isfinite(median)
    said, was = median[known], actual[known]
    mean = max(float(np.mean(np.abs(was))), 1e-9)
    error = np.abs(said - was)
    positive = np.abs(was) > 1e-9
    loss = float(np.mean(pinball(quantiles, levels, actual)[:, known]))
    low, high = quantiles[0][known], quantiles[-1][known]
    return Scores(
        mape_percent=100.0 * float(np.mean(error[positive] / np.abs(was[positive]))),
        nmae_percent=100.0 * float(np.mean(error)) / mean,
        crps_percent=200.0 * loss / mean,
        pinball_percent=100.0 * loss / mean,
        coverage_90=float(np.mean((was >= low) & (was <= high))),
        width_90_percent=100.0 * float(np.mean(high - low)) / mean,
    )


def daily_mape_percent(median: Floats, actual: Floats) -> Floats:
    """Return the mean absolute percentage error of each day, (D,), from arrays (D, K)."""
    ratio = np.abs(median - actual) / np.maximum(np.abs(actual), 1e-9)
    count = np.maximum(np.isfinite(ratio).sum(axis=1), 1)
    mean: Floats = 100.0 * np.where(np.isfinite(ratio), ratio, 0.0).sum(axis=1) / count
    return mean
