"""A last look at what an expert says before it takes part: whole days that cannot be are not used."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MEAN_LIMIT = 0.25  # of the baseline's mean; real days with context are closer
SHAPE_LIMIT = 0.5  # correlation with the baseline over the day
FLAT = 1e-6  # a baseline that varies by less than this share of its mean has no shape to compare


def implausible(said: Floats, baseline: Floats) -> str:
    """Return why a day's forecast (..., K) cannot be, in words, or nothing when it can."""
    if not np.isfinite(said).all():
        return "a value is missing or not finite"
    mean = float(baseline.mean())
    if mean <= 0.0:
        return ""
    off = float(said.mean()) / mean - 1.0
    if abs(off) > MEAN_LIMIT:
        return f"the mean is {off:+.0%} off the baseline, more than {MEAN_LIMIT:.0%}"
    if float(baseline.std()) < FLAT * mean:
        return ""
    alike = float(np.corrcoef(said.ravel(), baseline.ravel())[0, 1]) if said.std() > 0.0 else 0.0
    if not alike >= SHAPE_LIMIT:
        return f"the shape has correlation {alike:.2f} with the baseline, less than {SHAPE_LIMIT:g}"
    return ""
