"""Forecasts that need no fitting: last week's value, and the mean of similar days."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vpp.forecasting.models.features import FeatureTable
from vpp.forecasting.models.interface import FittedModel

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ColumnModel:
    """Takes one column of the table for the forecast; where it is missing, the newest day known, or 0."""

    name: str
    column: str
    needs_days: int
    refit_days: int = 3650

    def fit(self, table: FeatureTable, known: int, previous: FittedModel | None) -> FittedModel:
        """Return itself: there is nothing to learn."""
        return self

    def predict(self, table: FeatureTable, issue: int) -> Floats:
        said = table.columns[self.column][issue]
        newest = table.columns["newest_day"][issue]
        said = np.where(np.isfinite(said), said, newest)
        return np.where(np.isfinite(said), said, 0.0)


WEEKLY_NAIVE = ColumnModel("naive", "week_ago", needs_days=7)
SIMILAR_DAY = ColumnModel("similar-day", "similar_days", needs_days=14)
