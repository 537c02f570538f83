"""Prices of the exchange with the grid."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from vpp.domain.intervals import IntervalGrid


@dataclass(frozen=True, slots=True, kw_only=True)
class PricePoint:
    """Prices of one interval as published; money per kWh, any sign."""

    start: datetime
    end: datetime
    import_price_per_kwh: float
    export_price_per_kwh: float
    available_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceCurve:
    """Prices over a grid, shape (T,). `published` is False where an older day stands in."""

    grid: IntervalGrid
    import_price_per_kwh: NDArray[np.float64]
    export_price_per_kwh: NDArray[np.float64]
    published: NDArray[np.bool_]
