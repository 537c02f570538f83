"""The arithmetic behind an adjustment: several replies become one, bounded, on consumption alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from vpp.domain.intervals import IntervalGrid
from vpp.forecasting.baseline import BaselineForecast
from vpp.forecasting.contract import MAXIMUM_MULTIPLIER, MINIMUM_MULTIPLIER, Adjustment
from vpp.forecasting.prompt import BLOCK

Matrix = NDArray[np.float64]

CLIP_SHARE = 0.15
SCALE_FLOOR_SHARE = 0.1  # of the typical peak, so that a load near zero can still be moved
MINIMUM_VALID_SAMPLES = 2


def combine(samples: Sequence[Sequence[Adjustment]], *, asked: int, block_count: int) -> Matrix | None:
    """Return the median multipliers of the valid samples, shape (3, blocks) for p10, p50, p90.

    None when too few of the `asked` samples were valid: two are needed, one if only one was asked for.
    """
    if len(samples) < min(MINIMUM_VALID_SAMPLES, asked) or not samples:
        return None
    multipliers = np.ones((len(samples), 3, block_count))
    for sample, adjustments in zip(multipliers, samples, strict=True):
        for one in adjustments:
            sample[:, one.start_block : one.end_block + 1] = np.array(
                [one.multiplier_p10, one.multiplier_p50, one.multiplier_p90]
            )[:, None]
    # The median of values in order is in order, so p10 <= p50 <= p90 survives.
    median: Matrix = np.median(multipliers, axis=0)
    return median


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What the model said in one accepted call: multipliers (3, B) of two-hour blocks from `start` on."""

    call_id: str
    start: datetime
    multipliers: Matrix
    evidence: frozenset[str]  # what it was asked about

    @property
    def end(self) -> datetime:
        return self.start + int(self.multipliers.shape[1]) * BLOCK


def multipliers_over(advice: Sequence[Advice], grid: IntervalGrid) -> Matrix:
    """Return the multipliers of each interval, (3, T); where two pieces speak, the later one counts."""
    result = np.ones((3, grid.count))
    for one in advice:
        offset = (grid.start - one.start) / BLOCK + np.arange(grid.count) * (grid.length / BLOCK)
        block = np.floor(offset + 1e-9).astype(np.int64)
        inside = (block >= 0) & (block < one.multipliers.shape[1])
        said = one.multipliers[:, np.where(inside, block, 0)]
        result = np.where(inside & (said != 1.0).any(axis=0), said, result)
    return result


def apply(baseline: BaselineForecast, multipliers: Matrix) -> tuple[Matrix, Matrix, Matrix]:
    """Return adjusted p10, p50 and p90 of consumption, (F, T), kW, within a band around the baseline.

        |adjusted - baseline| <= 15 % of max(baseline p50, 10 % of the feeder's typical peak)

    holds for each quantile, whatever `multipliers` (3, T) contains. PV is not touched: a net load that
    crosses zero would make any percentage meaningless.
    """
    scale_kw = np.maximum(baseline.consumption_p50_kw, SCALE_FLOOR_SHARE * baseline.typical_peak_kw[:, None])
    band_kw = CLIP_SHARE * scale_kw
    bounded = np.clip(np.nan_to_num(multipliers, nan=1.0), MINIMUM_MULTIPLIER, MAXIMUM_MULTIPLIER)
    low_kw, median_kw, high_kw = (
        np.maximum(np.clip(quantile_kw * multiplier, quantile_kw - band_kw, quantile_kw + band_kw), 0.0)
        for quantile_kw, multiplier in zip(
            (baseline.consumption_p10_kw, baseline.consumption_p50_kw, baseline.consumption_p90_kw),
            bounded,
            strict=True,
        )
    )
    # Restoring the order cannot leave the band: each bound of it rises from p10 to p90.
    return np.minimum(low_kw, median_kw), median_kw, np.maximum(high_kw, median_kw)
