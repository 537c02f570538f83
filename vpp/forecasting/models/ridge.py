"""One ridge regression for each interval ahead, learning day by day with slow forgetting.

    w_k = (sum_d g^(n-d) x_dk x_dk' + alpha I)^-1  sum_d g^(n-d) x_dk y_dk

The sums are kept, so that a further day costs one update and one solve. Hoerl, Kennard 1970; forgetting
as in recursive least squares (Haykin, Adaptive Filter Theory, chapter 10).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from vpp.forecasting.models.features import FeatureTable
from vpp.forecasting.models.interface import FittedModel

Floats = NDArray[np.float64]

NOT_LINEAR = ("position", "hour", "weekday", "day_of_year")
PENALTY = 10.0
HALF_LIFE_DAYS = 1000.0
FIRST_PREDICTION_DAYS = 45  # before that a version would know too little to be worth an error
INTERCEPT_PENALTY = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedRidge:
    """A version: scaling, sums and weights, and its own forecasts of the issues it learned from.

    `walk`, shape (n, K), holds what the version of that day said of each issue, NaN for the first weeks:
    honest errors to learn from.
    """

    names: tuple[str, ...]
    centre: Floats  # (C,)
    spread: Floats  # (C,)
    gram: Floats  # (K, C + 1, C + 1)
    moment: Floats  # (K, C + 1)
    weights: tuple[Floats, ...]  # each (K, C + 1), after the last issues learned from, oldest first
    walk: Floats

    def predict(self, table: FeatureTable, issue: int) -> Floats:
        row = self.design(table, slice(issue, issue + 1))[0]
        said: Floats = (row * self.weights[-1]).sum(axis=1)
        return said

    def said(self, table: FeatureTable, issue: int) -> Floats:
        """Return what was said of an issue on its day, or what this version says of it."""
        if issue < len(self.walk) and np.isfinite(self.walk[issue]).any():
            said: Floats = self.walk[issue]
            return said
        return self.predict(table, issue)

    def design(self, table: FeatureTable, issues: slice) -> Floats:
        """Return scaled features with a constant, (d, K, C + 1); what is missing counts as ordinary."""
        scaled = np.nan_to_num((table.matrix(self.names)[issues] - self.centre) / self.spread)
        np.clip(scaled, -10.0, 10.0, out=scaled)
        return np.concatenate([scaled, np.ones((*scaled.shape[:2], 1))], axis=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ridge:
    """Ridge per interval ahead; a new version every day costs milliseconds."""

    name: str = "ridge"
    refit_days: int = 1
    needs_days: int = FIRST_PREDICTION_DAYS
    half_life_days: float = HALF_LIFE_DAYS
    penalty: float = PENALTY

    def fit(self, table: FeatureTable, known: int, previous: FittedModel | None) -> FittedModel:
        state = previous if isinstance(previous, FittedRidge) else self._blank(table, known)
        gram, moment, weights = state.gram.copy(), state.moment.copy(), list(state.weights)
        walk = list(state.walk)
        keep = 0.5 ** (1.0 / self.half_life_days)
        penalty = np.eye(gram.shape[1]) * self.penalty
        penalty[-1, -1] = INTERCEPT_PENALTY
        rows = state.design(table, slice(len(walk), known))
        for row, target in zip(rows, table.target[len(walk) : known], strict=True):
            # Of the issues just before, not all targets were known when this one was made.
            walk.append((row * weights[0]).sum(axis=1) if weights[0].any() else np.full(len(row), np.nan))
            seen = np.where(np.isfinite(target)[:, None], row, 0.0)
            gram *= keep
            gram += seen[:, :, None] * seen[:, None, :]
            moment *= keep
            moment += seen * np.nan_to_num(target)[:, None]
            solved: Floats = weights[-1]
            if len(walk) >= FIRST_PREDICTION_DAYS:
                solved = np.asarray(np.linalg.solve(gram + penalty, moment[:, :, None])[:, :, 0])
            weights = [*weights[1:], solved]
        return replace(
            state,
            gram=gram,
            moment=moment,
            weights=tuple(weights),
            walk=np.array(walk).reshape(len(walk), table.layout.horizon),
        )

    def _blank(self, table: FeatureTable, known: int) -> FittedRidge:
        names = tuple(name for name in table.columns if name not in NOT_LINEAR)
        seen = table.matrix(names)[:known].reshape(-1, len(names))
        finite = np.isfinite(seen)
        count = np.maximum(finite.sum(axis=0), 1)
        centre = np.where(finite, seen, 0.0).sum(axis=0) / count
        spread = np.sqrt((np.where(finite, seen - centre, 0.0) ** 2).sum(axis=0) / count)
        size, horizon = len(names) + 1, table.layout.horizon
        lag = -(-(table.layout.gap + horizon) // table.per_day)
        return FittedRidge(
            names=names,
            centre=centre,
            spread=np.where(spread > 1e-9, spread, 1.0),
            gram=np.zeros((horizon, size, size)),
            moment=np.zeros((horizon, size)),
            weights=(np.zeros((horizon, size)),) * lag,
            walk=np.zeros((0, horizon)),
        )
