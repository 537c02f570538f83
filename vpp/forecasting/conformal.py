"""Quantiles that keep their promise: widths follow the share of values that fell outside.

For each level and part of the day a factor stretches the distance from the median,

    log factor  <-  log factor + rate * (share outside - share promised)

so that over n days the share outside differs from the promise by at most (range of log factor) / (rate n),
whatever the errors do. Adaptive conformal inference (Gibbs, Candes 2021) in the form of quantile tracking
(Angelopoulos, Candes, Tibshirani 2023).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LEVELS = tuple(round(0.05 * step, 2) for step in range(1, 20))  # 5 % to 95 %
PARTS = 4  # of the day
RATE = 0.15
LIMIT = 3.0  # of the logarithm: widths from a twentieth to twentyfold
WINDOW_DAYS = 60
NEIGHBOURS = 2
MINIMUM_DAYS = 7
UNKNOWN_SPREAD = 0.5  # of the scale, on either side, while there are no errors to learn from


def error_quantiles(errors: Floats, levels: tuple[float, ...] = LEVELS) -> Floats:
    """Return quantiles of past errors at each position, (L, K), from the newest days of (D, K) errors.

    Errors are in units of the scale: (actual - median) / scale, NaN where not known. Neighbouring positions
    are pooled, for smoother quantiles.
    """
    newest = errors[-WINDOW_DAYS:]
    horizon = errors.shape[1]
    if np.isfinite(newest).any(axis=1).sum() < MINIMUM_DAYS:
        normal = np.array(levels)[:, None] - 0.5
        return np.broadcast_to(2.0 * UNKNOWN_SPREAD * normal, (len(levels), horizon)).copy()
    shifts = range(-NEIGHBOURS, NEIGHBOURS + 1)
    index = np.clip(np.arange(horizon)[None] + np.array(shifts)[:, None], 0, horizon - 1)
    pooled = np.sort(newest[:, index].reshape(-1, horizon), axis=0)
    count = np.isfinite(pooled).sum(axis=0)
    place = np.array(levels)[:, None] * np.maximum(count - 1, 0)
    low = np.floor(place).astype(np.int64)
    high = np.minimum(low + 1, np.maximum(count - 1, 0))
    columns = np.arange(horizon)
    below, above = pooled[low, columns], pooled[high, columns]
    quantiles: Floats = np.nan_to_num(below + (place - low) * (above - below))
    return quantiles


def part_of_day(positions: int, per_day: int) -> NDArray[np.int64]:
    """Return to which quarter of a day each position belongs, counted from the first one, (K,)."""
    return (np.arange(positions) % per_day) * PARTS // per_day


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """The stretch of each level in each part of the day, as logarithms of shape (L, PARTS)."""

    levels: tuple[float, ...]
    log_stretch: Floats

    @classmethod
    def fresh(cls, levels: tuple[float, ...] = LEVELS) -> Calibration:
        return cls(levels=levels, log_stretch=np.zeros((len(levels), PARTS)))

    def quantiles(self, median: Floats, spread: Floats, part: NDArray[np.int64]) -> Floats:
        """Return quantiles (L, ..., K) around `median` (..., K), in order.

        `spread`, shape (L, ..., K), is where each level lies relative to the median before calibration.
        """
        stretch = np.exp(self.log_stretch)[:, part]
        shape = (len(self.levels),) + (1,) * (median.ndim - 1) + (len(part),)
        ordered: Floats = np.sort(median + spread * stretch.reshape(shape), axis=0)
        return ordered

    def learned(self, quantiles: Floats, actual: Floats, part: NDArray[np.int64]) -> Calibration:
        """Return the state after the outcome `actual` (..., K) of a day that was given `quantiles`."""
        change = np.zeros_like(self.log_stretch)
        for one in range(PARTS):
            here = (part == one) & np.isfinite(actual)
            if not here.any():
                continue
            for number, level in enumerate(self.levels):
                below = float(np.mean((actual < quantiles[number])[here]))
                outside, promised = (1.0 - below, 1.0 - level) if level > 0.5 else (below, level)
                change[number, one] = RATE * (outside - promised) if level != 0.5 else 0.0
        return replace(self, log_stretch=np.clip(self.log_stretch + change, -LIMIT, LIMIT))
