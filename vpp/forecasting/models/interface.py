"""What every statistical model is: fitted on issues whose outcome is known, then a pure function."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vpp.forecasting.models.features import FeatureTable

Floats = NDArray[np.float64]


class FittedModel(Protocol):
    """One version of a model. `predict` reads nothing but its arguments."""

    def predict(self, table: FeatureTable, issue: int) -> Floats:
        """Return the medians of one issue, shape (K,), transformed and above the level, as `table.target`."""


class Model(Protocol):
    """A way to forecast. `refit_days` is how long a version stays good."""

    @property
    def name(self) -> str:
        """Return the name by which it is asked for and stored."""

    @property
    def refit_days(self) -> int:
        """Return after how many days a new version is due."""

    @property
    def needs_days(self) -> int:
        """Return of how much history a first version is worth anything."""

    def fit(self, table: FeatureTable, known: int, previous: FittedModel | None) -> FittedModel:
        """Return a version that has learned from the first `known` issues of `table`.

        `previous` is an earlier version for the same table, which may be continued.
        """
