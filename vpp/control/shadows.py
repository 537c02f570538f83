"""A shadow: another policy, mix of forecasters or model, over the very same inputs. Pure.

It never sees another fleet than the one in force, so its first interval alone can be held against what was
metered: energy left in the assets counts at what it is worth later, for both sides alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import numpy as np

from vpp.control.cycle_values import CycleInputs
from vpp.domain.assets import Fleet
from vpp.domain.errors import InvalidValueError
from vpp.domain.forecasts import LoadForecast
from vpp.domain.intervals import IntervalGrid
from vpp.domain.shadows import Floats, Outcome, ShadowChange

_LIMITS: Final = ("import_limit_kw", "export_limit_kw")
COMMAND_KW: Final = 0.05  # less is no change


def swapped(inputs: CycleInputs, change: ShadowChange, own: LoadForecast | None = None) -> CycleInputs:
    """Return what the cycle would have known with the change; raise InvalidValueError where there is none.

    `own` is the forecast of the shadow's own model. Nobody's approval is asked for, or carried out.
    """
    forecast = inputs.forecast if own is None else own
    if change.weights and forecast is not None:
        forecast = mixed(forecast, change.weights)
    values: dict[str, Any] = dict(change.policy)
    if "horizon_intervals" in values:
        values["horizon_intervals"] = int(values["horizon_intervals"])
        inputs = _shortened(inputs, values["horizon_intervals"])
    policy = replace(inputs.policy, **values)
    return replace(inputs, policy=policy, forecast=forecast, approvals=None, approved=None)


def _shortened(inputs: CycleInputs, count: int) -> CycleInputs:
    """Return the inputs for the first `count` intervals; nobody recorded what lies beyond the horizon."""
    if count > inputs.grid.count:
        expected = f"at most the {inputs.grid.count} intervals that the cycle looked at"
        raise InvalidValueError("horizon_intervals", count, expected)
    grid = IntervalGrid(start=inputs.grid.start, length=inputs.grid.length, count=count)
    prices = inputs.prices
    if prices is not None:
        prices = replace(
            prices,
            grid=grid,
            import_price_per_kwh=prices.import_price_per_kwh[:count],
            export_price_per_kwh=prices.export_price_per_kwh[:count],
            published=prices.published[:count],
        )
    baselines = [replace(one, power_kw=one.power_kw[:count]) for one in inputs.event_baselines]
    return replace(inputs, grid=grid, prices=prices, event_baselines=baselines)


def mixed(forecast: LoadForecast, weights: Mapping[str, float]) -> LoadForecast:
    """Return the forecast with its median mixed anew; widths and scenarios move with it."""
    if forecast.parts is None:
        raise InvalidValueError("weights", forecast.forecast_id, "a forecast that was stored with its parts")
    for name in weights:
        if name not in forecast.parts.names:
            raise InvalidValueError("weights", name, f"one of {', '.join(forecast.parts.names)}")
    share = np.array([weights.get(name, 0.0) for name in forecast.parts.names])
    median = np.tensordot(share / share.sum(), forecast.parts.p50_kw, axes=1)
    moved = median - forecast.consumption_p50_kw
    scenarios = forecast.scenario_consumption_kw
    return replace(
        forecast,
        consumption_p10_kw=np.maximum(forecast.consumption_p10_kw + moved, 0.0),
        consumption_p50_kw=median,
        consumption_p90_kw=np.maximum(forecast.consumption_p90_kw + moved, 0.0),
        scenario_consumption_kw=None if scenarios is None else np.maximum(scenarios + moved, 0.0),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Metered:
    """What one interval turned out to be: net load (F,) without the fleet, and the prices."""

    start: datetime
    hours: float
    load_kw: Floats
    import_price_per_kwh: float
    export_price_per_kwh: float
    stored_value_per_kwh: float


def outcome_of(power_kw: Floats | None, before_kw: Floats | None, metered: Metered, fleet: Fleet) -> Outcome:
    """Return what orders `power_kw` (N,) come to; None, where nothing was planned, rests and has failed.

    `before_kw` (N,) is what the same side ordered in the interval before.
    """
    given_kw = np.zeros(len(fleet)) if power_kw is None else power_kw
    fleet_kw = np.zeros(len(fleet.feeders))
    np.add.at(fleet_kw, fleet.feeder_index(), given_kw)
    feeder_kw = metered.load_kw - fleet_kw
    net_kw = float(feeder_kw.sum())
    price = metered.import_price_per_kwh if net_kw > 0.0 else metered.export_price_per_kwh
    charge, discharge = np.maximum(-given_kw, 0.0), np.maximum(given_kw, 0.0)
    efficiency = fleet.column("discharge_efficiency")
    stored_kwh = (charge * fleet.column("charge_efficiency") - discharge / efficiency) * metered.hours
    wear = float(fleet.column("wear_cost_per_kwh") @ (charge + discharge)) * metered.hours
    worth = float(efficiency @ stored_kwh) * metered.stored_value_per_kwh
    limits = [np.array([getattr(item, name) for item in fleet.feeders]) for name in _LIMITS]
    over_kw = np.maximum(feeder_kw - limits[0], 0.0) + np.maximum(-feeder_kw - limits[1], 0.0)
    moved = np.zeros(len(fleet)) if before_kw is None else np.abs(given_kw - before_kw)
    return Outcome(
        start=metered.start,
        cost=net_kw * price * metered.hours + wear - worth,
        overload_kwh=float(over_kw.sum()) * metered.hours,
        import_kw=max(net_kw, 0.0),
        moved_kw=float(moved.sum()),
        commands=int((moved > COMMAND_KW).sum()),
        failed=power_kw is None,
    )
