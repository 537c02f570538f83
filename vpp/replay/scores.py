"""How good the forecasts of a replay were, by source, and what the reasoning model's calls cost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vpp.domain.forecasts import ModelCall
from vpp.replay.course import Course, Fan
from vpp.replay.scenario import Scenario
from vpp.replay.world import over_grid

Floats = NDArray[np.float64]
LEVELS = (0.1, 0.5, 0.9)


def forecast_figures(scenario: Scenario, course: Course, calls: Iterable[ModelCall]) -> dict[str, Any]:
    """Return `forecast_scores` by source and `model`: calls, tokens and money in the model's currency.

    Scored is the consumption of all feeders together, kW, over the first forecast of each day, a day ahead:
    mean absolute error of the median, mean pinball loss, and the share that came within p10 and p90.
    """
    by_source: dict[str, list[tuple[Fan, Floats]]] = defaultdict(list)
    for fan in course.fans:
        came = over_grid(scenario.load, fan.grid)[0].sum(axis=0)
        by_source[fan.source].append((fan, came))
    asked = list(calls)
    return {
        "forecast_scores": {source: _scores(pairs) for source, pairs in sorted(by_source.items())},
        "model": {
            "calls": len(asked),
            "prompt_tokens": sum(call.prompt_tokens for call in asked),
            "completion_tokens": sum(call.completion_tokens for call in asked),
            "cost": float(sum(call.cost for call in asked)),
        },
    }


def _scores(pairs: list[tuple[Fan, Floats]]) -> dict[str, float | int | None]:
    """Return the scores of forecasts, paired with what came; None where nothing was metered."""
    quantiles = np.concatenate(
        [np.stack([fan.p10_kw[0], fan.p50_kw[0], fan.p90_kw[0]]) for fan, _ in pairs], 1
    )
    came = np.concatenate([values for _, values in pairs])
    known = np.isfinite(came)
    if not known.any():
        return {"days": len(pairs), "mae_kw": None, "pinball_kw": None, "within_p10_p90": None}
    quantiles, came = quantiles[:, known], came[known]
    above = came - quantiles
    levels = np.array(LEVELS)[:, None]
    return {
        "days": len(pairs),
        "mae_kw": float(np.abs(above[1]).mean()),
        "pinball_kw": float(np.maximum(levels * above, (levels - 1.0) * above).mean()),
        "within_p10_p90": float(((above[0] >= 0.0) & (above[2] <= 0.0)).mean()),
    }
