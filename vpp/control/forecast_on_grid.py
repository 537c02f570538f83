"""What a forecast says on a cycle's grid."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vpp.domain.forecasts import LoadForecast
from vpp.domain.intervals import IntervalGrid


def net_load_on(forecast: LoadForecast, grid: IntervalGrid, feeder_ids: Sequence[str]) -> NDArray[np.float64]:
    """Return the forecast's median net load on `grid`, shape (F, T), kW.

    Beyond the forecast's end its last day repeats: an old forecast is a poor one, not none.
    Raises ValueError when it has not even one value for the grid's start or lacks a feeder.
    """
    rows, index = _place(forecast, grid, feeder_ids)
    net_load: NDArray[np.float64] = forecast.net_load_kw[np.ix_(rows, index)]
    return net_load


def scenarios_on(
    forecast: LoadForecast, grid: IntervalGrid, feeder_ids: Sequence[str]
) -> NDArray[np.float64] | None:
    """Return the forecast's scenarios of net load on `grid`, shape (S, F, T), kW; None where it has none."""
    if forecast.scenario_consumption_kw is None:
        return None
    rows, index = _place(forecast, grid, feeder_ids)
    net_load_kw = forecast.scenario_consumption_kw - forecast.pv_kw
    scenarios: NDArray[np.float64] = net_load_kw[:, rows][:, :, index]
    return scenarios


def _place(
    forecast: LoadForecast, grid: IntervalGrid, feeder_ids: Sequence[str]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return which rows and columns of a forecast stand for the feeders and for the intervals of `grid`."""
    missing = sorted(set(feeder_ids) - set(forecast.feeder_ids))
    if missing:
        raise ValueError(f"forecast {forecast.forecast_id} lacks feeder {missing[0]}")
    rows = [forecast.feeder_ids.index(feeder_id) for feeder_id in feeder_ids]
    first = forecast.grid.index_of(grid.start)
    if first < 0 or forecast.grid.count == 0:
        raise ValueError(f"forecast {forecast.forecast_id} begins after {grid.start.isoformat()}")
    index = np.arange(first, first + grid.count)
    per_day = max(1, round(24 / forecast.grid.hours))
    days_over = np.maximum(0, -((forecast.grid.count - 1 - index) // per_day))
    index = np.clip(index - days_over * per_day, 0, forecast.grid.count - 1)
    return np.array(rows, dtype=np.int64), index
