"""The same cycle under other circumstances. Pure: nothing of it is in force anywhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from vpp.control.cycle_values import CycleInputs
from vpp.domain.assets import Fleet
from vpp.domain.errors import InvalidValueError
from vpp.domain.forecasts import LoadForecast


@dataclass(frozen=True, slots=True, kw_only=True)
class FeederLimits:
    """Other limits of one feeder, kW, positive; None leaves one as it is."""

    import_limit_kw: float | None = None
    export_limit_kw: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What is taken to be different. Prices in money per kWh, limits in kW, scales as factors."""

    price_scale: float = 1.0
    price_added_per_kwh: float = 0.0
    load_scale: float = 1.0  # of consumption on every feeder; generation stays
    feeders: Mapping[str, FeederLimits] = field(default_factory=dict)
    import_limit_kw: float | None = None  # of the portfolio
    export_limit_kw: float | None = None
    peak_price_per_kw: float | None = None
    excluded_assets: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("price_scale", "load_scale"):
            _require(name, getattr(self, name), 0.0, 100.0)
        _require("price_added_per_kwh", self.price_added_per_kwh, -100.0, 100.0)
        if self.peak_price_per_kw is not None:
            _require("peak_price_per_kw", self.peak_price_per_kw, 0.0, 1e6)

    def applied_to(self, inputs: CycleInputs) -> CycleInputs:
        """Return the inputs of a cycle as they would be; raise InvalidValueError for unknown names."""
        slots = inputs.fleet.slots()
        reachable = inputs.reachable.copy()
        for asset_id in self.excluded_assets:
            if asset_id not in slots:
                raise InvalidValueError("excluded_assets", asset_id, "an asset of the fleet register")
            reachable[slots[asset_id]] = False
        given = {
            name: value
            for name in ("import_limit_kw", "export_limit_kw", "peak_price_per_kw")
            if (value := getattr(self, name)) is not None
        }
        prices = inputs.prices
        if prices is not None:
            changed = {
                name: self.price_scale * getattr(prices, name) + self.price_added_per_kwh
                for name in ("import_price_per_kwh", "export_price_per_kwh")
            }
            prices = replace(prices, **changed)
        return replace(
            inputs,
            fleet=self._fleet(inputs.fleet),
            reachable=reachable,
            prices=prices,
            forecast=None if inputs.forecast is None else self._forecast(inputs.forecast),
            policy=replace(inputs.policy, **given),
        )

    def _fleet(self, fleet: Fleet) -> Fleet:
        known = {feeder.feeder_id for feeder in fleet.feeders}
        for feeder_id in self.feeders:
            if feeder_id not in known:
                raise InvalidValueError("feeders", feeder_id, "a feeder of the fleet register")
        feeders = []
        for feeder in fleet.feeders:
            limits = self.feeders.get(feeder.feeder_id, FeederLimits())
            names = ("import_limit_kw", "export_limit_kw")
            given = {name: value for name in names if (value := getattr(limits, name)) is not None}
            feeders.append(replace(feeder, **given))
        return Fleet(assets=fleet.assets, feeders=tuple(feeders))

    def _forecast(self, forecast: LoadForecast) -> LoadForecast:
        names = ("consumption_p10_kw", "consumption_p50_kw", "consumption_p90_kw")
        scaled = {name: getattr(forecast, name) * self.load_scale for name in names}
        scenarios = forecast.scenario_consumption_kw
        return replace(
            forecast,
            **scaled,
            scenario_consumption_kw=None if scenarios is None else scenarios * self.load_scale,
        )


def _require(field_name: str, value: float, low: float, high: float) -> None:
    if not (np.isfinite(value) and low <= value <= high):
        raise InvalidValueError(field_name, value, f"{low:g} to {high:g}")
