"""Gradient-boosted trees (LightGBM) on what the ridge got wrong: bends and combinations that no line has.

Ke et al. 2017, "LightGBM: A Highly Efficient Gradient Boosting Decision Tree".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vpp.forecasting.models.features import FeatureTable
from vpp.forecasting.models.interface import FittedModel
from vpp.forecasting.models.ridge import FIRST_PREDICTION_DAYS, FittedRidge, Ridge

Floats = NDArray[np.float64]

FIRST_TREES_DAYS = 2 * FIRST_PREDICTION_DAYS
TREE_DAYS = 42
ROUNDS = 120
PARAMETERS: dict[str, object] = {
    "objective": "l2",
    "learning_rate": 0.07,
    "num_leaves": 31,
    "min_data_in_leaf": 40,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "feature_fraction": 0.5,
    "max_bin": 127,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbose": -1,
}
COLUMNS = (
    "position",
    "hour",
    "weekday",
    "day_of_year",
    "holiday",
    "holiday_before",
    "holiday_after",
    "bridge",
    "newest_day",
    "week_ago",
    "similar_days",
    "last_half_day",
    "last_day",
    "day_before_last",
    "week_change",
    "temperature",
    "temperature_1_day_ago",
    "temperature_week_ago",
    "mean_3_hours",
    "mean_6_hours",
    "mean_24_hours",
    "mean_72_hours",
    "highest",
    "lowest",
)
LOADS = frozenset(("newest_day", "week_ago", "similar_days", "last_half_day", "last_day", "day_before_last"))


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedBoosting:
    """A version: the ridge it corrects, and trees as LightGBM's text; None while history is short."""

    ridge: FittedRidge
    trees: str | None
    booster: Any
    trained_on: int  # issues that the trees have seen

    def predict(self, table: FeatureTable, issue: int) -> Floats:
        said = self.ridge.predict(table, issue)
        if self.booster is None:
            return said
        features = _features(table, self.ridge, np.array([issue]))[0]
        correction: Floats = self.booster.predict(features, num_threads=1)
        return said + correction


@dataclass(frozen=True, slots=True, kw_only=True)
class Boosting:
    """Ridge with trees on top; the ridge follows daily, the trees every six weeks."""

    name: str = "lightgbm"
    refit_days: int = 1
    needs_days: int = FIRST_TREES_DAYS
    rounds: int = ROUNDS
    tree_days: int = TREE_DAYS
    seed: int = 0

    def fit(self, table: FeatureTable, known: int, previous: FittedModel | None) -> FittedModel:
        old = previous if isinstance(previous, FittedBoosting) else None
        ridge = Ridge().fit(table, known, old.ridge if old is not None else None)
        assert isinstance(ridge, FittedRidge)
        if old is not None and old.booster is not None and known - old.trained_on < self.tree_days:
            return FittedBoosting(
                ridge=ridge, trees=old.trees, booster=old.booster, trained_on=old.trained_on
            )
        first = FIRST_PREDICTION_DAYS + 10  # the ridge's errors of its first days teach nothing
        if known - first < FIRST_TREES_DAYS - FIRST_PREDICTION_DAYS - 10:
            return FittedBoosting(ridge=ridge, trees=None, booster=None, trained_on=0)
        booster = self._train(table, ridge, np.arange(first, known))
        return FittedBoosting(ridge=ridge, trees=booster.model_to_string(), booster=booster, trained_on=known)

    def _train(self, table: FeatureTable, ridge: FittedRidge, issues: NDArray[np.int64]) -> Any:
        import lightgbm  # noqa: PLC0415 - a second to load, and only the service's extra installs it

        features = _features(table, ridge, issues).reshape(-1, len(_names(table)))
        error = (table.target[issues] - ridge.walk[issues]).reshape(-1)
        known = np.isfinite(error)
        data = lightgbm.Dataset(features[known], error[known], free_raw_data=True)
        return lightgbm.train(dict(PARAMETERS, seed=self.seed), data, self.rounds)


RIDGE_COLUMNS = (
    "said",
    "error_newest",
    "error_week_ago",
    "error_last_day",
    "error_last_hours",
    "error_before",
)


def _names(table: FeatureTable) -> tuple[str, ...]:
    return tuple(name for name in COLUMNS if name in table.columns) + RIDGE_COLUMNS


def _features(table: FeatureTable, ridge: FittedRidge, issues: NDArray[np.int64]) -> Floats:
    """Return the table's columns with the ridge's forecast and its errors known at each issue, (d, K, C)."""
    reach = 8
    first = int(issues[0]) - reach
    said = np.stack([ridge.said(table, max(issue, 0)) for issue in range(first, int(issues[-1]) + 1)])
    said[: max(0, -first)] = np.nan
    error = np.full_like(said, np.nan)
    rows = np.arange(max(first, 0), int(issues[-1]) + 1)
    error[rows - first] = table.target[rows] - said[rows - first]
    per_day, gap, horizon = table.per_day, table.layout.gap, table.layout.horizon
    position = np.arange(horizon)
    back = (gap + position) // per_day + 1  # days back to the newest known error at the same position
    at = issues - first
    whole = np.arange(min(max(per_day - gap, 1), horizon))  # of yesterday's issue, what is known by now
    day = _mean(error[:, whole])
    hours = _mean(error[:, whole[-max(1, per_day // 8) :]])
    spread = [
        np.broadcast_to(column[:, None], (len(issues), horizon)) for column in (day[at - 1], hours[at - 1])
    ]
    added = np.stack(
        [
            said[at],
            error[at[:, None] - back, position],
            error[at - 7] if horizon + gap <= 7 * per_day else np.full((len(issues), horizon), np.nan),
            *spread,
            np.broadcast_to(day[at - 2][:, None], (len(issues), horizon)),
        ],
        axis=2,
    )
    names = tuple(name for name in COLUMNS if name in table.columns)
    plain = table.matrix(names)[issues]
    # Trees cannot follow a level that they have not seen; a difference to last week's stays familiar.
    level = table.columns["level"][issues]
    for number, name in enumerate(names):
        if name in LOADS:
            plain[:, :, number] -= level
    added[:, :, 0] -= level
    return np.concatenate([plain, added], axis=2)


def _mean(values: Floats) -> Floats:
    """Return the mean of the known values of each row, NaN where none is."""
    known = np.isfinite(values)
    count = known.sum(axis=1)
    mean = np.full(len(values), np.nan)
    np.divide(np.where(known, values, 0.0).sum(axis=1), count, out=mean, where=count > 0)
    return mean
