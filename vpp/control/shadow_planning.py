"""What is kept of a plan of either side, and how good a forecast was. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

import numpy as np

from vpp.control.cycle_values import CycleInputs
from vpp.control.rehearsal import Rehearsed
from vpp.domain.assets import Fleet
from vpp.domain.forecasts import LoadForecast
from vpp.domain.intervals import IntervalGrid
from vpp.domain.runs import DispatchPlan
from vpp.domain.setpoints import SetpointColumns
from vpp.domain.shadows import (
    Floats,
    ForecastScore,
    PlannedSide,
    Shadow,
    ShadowCycle,
    ShadowPrices,
)

LEVELS: Final = (0.1, 0.5, 0.9)
IN_FORCE, SHADOW = "in force", "shadow"


def shadow_cycle(
    shadow: Shadow,
    sides: tuple[Rehearsed, Rehearsed],
    before: tuple[DispatchPlan | None, DispatchPlan | None],
    *,
    planned_at: datetime,
) -> ShadowCycle:
    """Return what is kept of a cycle that both sides planned: as it was in force, and the shadow.

    `before` are the plans of both sides in the cycle that was compared before, None where there was none.
    """
    inputs = sides[0].inputs
    in_force, own = (side_of(side, earlier) for side, earlier in zip(sides, before, strict=True))
    return ShadowCycle(
        shadow_id=shadow.shadow_id,
        change_sha256=shadow.change.sha256,
        run_id=inputs.run_id,
        cycle_start=inputs.grid.start,
        planned_at=planned_at,
        hours=inputs.grid.hours,
        in_force=in_force,
        shadow=own,
        prices=_prices(inputs),
    )


def _prices(inputs: CycleInputs) -> ShadowPrices | None:
    prices = inputs.prices
    if prices is None:
        return None
    return ShadowPrices(
        import_price_per_kwh=float(prices.import_price_per_kwh[0]),
        export_price_per_kwh=float(prices.export_price_per_kwh[0]),
        stored_value_per_kwh=float(np.median(prices.import_price_per_kwh)),
    )


def side_of(side: Rehearsed, before: DispatchPlan | None) -> PlannedSide:
    """Return what is kept of one side's plan."""
    inputs, decision = side.inputs, side.decision
    plan = decision.plan
    return PlannedSide(
        rung=decision.rung,
        cost=None if plan is None else plan.certificate.get("objective"),
        horizon_intervals=inputs.grid.count,
        refused=decision.refused,
        overload_kwh=0.0 if plan is None else foreseen_overload_kwh(plan, inputs.fleet),
        change_kw=None if plan is None or before is None else mean_change_kw(before, plan),
        seconds=0.0 if side.outcome is None else side.outcome.seconds,
        forecast_id=None if inputs.forecast is None else inputs.forecast.forecast_id,
        powers_kw=_powers(decision.setpoints, inputs.fleet),
    )


def _powers(setpoints: SetpointColumns | None, fleet: Fleet) -> Floats | None:
    if setpoints is None:
        return None
    power_kw = np.zeros(len(fleet))
    power_kw[setpoints.slot] = setpoints.power_kw
    return power_kw


def foreseen_overload_kwh(plan: DispatchPlan, fleet: Fleet) -> float:
    """Return by how much a plan's feeders are beyond their limits, over all feeders and its horizon."""
    if plan.limits is not None:
        imports, exports = plan.limits.import_limit_kw, plan.limits.export_limit_kw
    else:
        imports = np.array([[feeder.import_limit_kw] for feeder in fleet.feeders])
        exports = np.array([[feeder.export_limit_kw] for feeder in fleet.feeders])
    net_kw = plan.net_load_kw.copy()
    np.add.at(net_kw, fleet.feeder_index(), -plan.power_kw)
    over_kw = np.maximum(net_kw - imports, 0.0) + np.maximum(-net_kw - exports, 0.0)
    return float(over_kw.sum()) * plan.grid.hours


def mean_change_kw(before: DispatchPlan, plan: DispatchPlan) -> float | None:
    """Return how far a plan moved: sum over assets, mean over intervals shared with the one before, kW."""
    start, end = max(before.grid.start, plan.grid.start), min(before.grid.end, plan.grid.end)
    if start >= end or before.asset_ids != plan.asset_ids:
        return None
    parts = []
    for one in (before, plan):
        first, last = one.grid.index_of(start), one.grid.index_of(start) + (end - start) // one.grid.length
        parts.append(one.power_kw[:, first:last])
    return float(np.abs(parts[1] - parts[0]).sum(axis=0).mean())


def scores_of(
    in_force: LoadForecast, shadow: LoadForecast, grid: IntervalGrid, actual_kw: Floats
) -> dict[str, ForecastScore]:
    """Return how good both forecasts, and the parts of the one in force, were over `grid`.

    `actual_kw`, shape (F, T), is metered consumption, feeders as in the forecasts, NaN where not known.
    """
    found: dict[str, ForecastScore] = {}
    for name, forecast in ((IN_FORCE, in_force), (SHADOW, shadow)):
        here = _slice(forecast, grid)
        quantiles = np.stack(
            [
                forecast.consumption_p10_kw[:, here],
                forecast.consumption_p50_kw[:, here],
                forecast.consumption_p90_kw[:, here],
            ]
        )
        found[name] = _score(quantiles[1], quantiles, actual_kw)
    if in_force.parts is not None:
        here = _slice(in_force, grid)
        for name, median in zip(in_force.parts.names, in_force.parts.p50_kw, strict=True):
            found[name] = _score(median[:, here], None, actual_kw)
    return found


def _slice(forecast: LoadForecast, grid: IntervalGrid) -> slice:
    first = forecast.grid.index_of(grid.start)
    return slice(first, first + grid.count)


def _score(median: Floats, quantiles: Floats | None, actual_kw: Floats) -> ForecastScore:
    known = np.isfinite(actual_kw)
    loss = None
    if quantiles is not None:
        level = np.array(LEVELS)[:, None, None]
        above = actual_kw - quantiles
        loss = float(np.maximum(level * above, (level - 1.0) * above).mean(axis=0)[known].sum())
    return ForecastScore(
        values=int(known.sum()),
        actual_kw=float(np.abs(actual_kw[known]).sum()),
        error_kw=float(np.abs(median - actual_kw)[known].sum()),
        pinball_kw=loss,
    )


def total_scores(cycles: list[Mapping[str, ForecastScore]]) -> dict[str, ForecastScore]:
    """Return the sums of scores by source."""
    total: dict[str, ForecastScore] = {}
    for scores in cycles:
        for name, score in scores.items():
            total[name] = score if name not in total else total[name].plus(score)
    return total
