"""Which models there are, and which of them is the best that a history allows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from vpp.domain.errors import InvalidValueError
from vpp.forecasting.models.boosting import Boosting
from vpp.forecasting.models.interface import Model
from vpp.forecasting.models.ridge import Ridge
from vpp.forecasting.models.simple import SIMILAR_DAY, WEEKLY_NAIVE

Floats = NDArray[np.float64]

MODELS: dict[str, Model] = {model.name: model for model in (WEEKLY_NAIVE, SIMILAR_DAY, Ridge(), Boosting())}
BASELINE = "baseline"


def models_named(names: Sequence[str]) -> list[Model]:
    """Return models by name; raise InvalidValueError for one that does not exist."""
    for name in names:
        if name not in MODELS:
            raise InvalidValueError("models", name, f"one of {', '.join(MODELS)}")
    return [MODELS[name] for name in dict.fromkeys(names)]


def baseline_of(medians: Mapping[str, Floats]) -> Floats:
    """Return the mean of ridge and LightGBM; where one is missing the other, else similar days, else naive.

    Arrays of one shape; NaN where a model has nothing to say. Nothing at all is zero.
    """
    said = [medians[name] for name in ("ridge", "lightgbm") if name in medians]
    result = np.full_like(next(iter(medians.values())), np.nan)
    if said:
        count = np.isfinite(said).sum(axis=0)
        np.divide(np.nansum(said, axis=0), count, out=result, where=count > 0)
    for name in ("similar-day", "naive"):
        if name in medians:
            result = np.where(np.isfinite(result), result, medians[name])
    return np.nan_to_num(result)
