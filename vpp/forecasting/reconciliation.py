"""Feeders that add up: forecasts of the parts and of their sum, made one.

Weighted least squares (Hyndman et al. 2016, structural form for two levels): the difference between the
portfolio's own forecast and the sum of its feeders is shared out by the variance of their errors,

    f~_i = f_i + v_i / (v_sum + sum v) * (f_sum - sum f)
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def reconciled(feeders: Floats, portfolio: Floats, variance: Floats, portfolio_variance: float) -> Floats:
    """Return feeder forecasts (F, T), not negative, that use what the portfolio's forecast (T,) knows.

    `variance`, shape (F,), and `portfolio_variance` are those of the forecasts' errors. Their sum is the
    reconciled forecast of the portfolio.
    """
    total = portfolio_variance + float(variance.sum())
    share = variance / total if total > 0.0 else np.zeros_like(variance)
    moved: Floats = np.maximum(feeders + share[:, None] * (portfolio - feeders.sum(axis=0)), 0.0)
    return moved
