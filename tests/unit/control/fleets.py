"""Small fleets and inputs for the tests of decisions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from vpp.control.cycle_values import CycleInputs
from vpp.control.leases import OrdersInForce
from vpp.domain.assets import Asset, AssetKind, Feeder, Fleet
from vpp.domain.forecasts import ForecastSource, LoadForecast, ReplyVerdict
from vpp.domain.intervals import IntervalGrid
from vpp.domain.policy import DispatchPolicy
from vpp.domain.prices import PriceCurve
from vpp.domain.readings import ChargingSession, ReadingColumns, to_microseconds

QUARTER = timedelta(minutes=15)
NOON = datetime(2020, 5, 20, 12, tzinfo=UTC)
INTERVALS = 16


def fleet() -> Fleet:
    """One home battery and one car on feeder a, a grid battery on feeder b."""
    common = {"charge_efficiency": 0.95, "discharge_efficiency": 0.95, "wear_cost_per_kwh": 0.01}
    battery = Asset(
        asset_id="battery",
        node_id="node-1",
        feeder_id="a",
        kind=AssetKind.HOME_BATTERY,
        capacity_kwh=10.0,
        energy_min_kwh=1.0,
        energy_max_kwh=10.0,
        max_charge_kw=5.0,
        max_discharge_kw=5.0,
        **common,
    )
    car = Asset(
        asset_id="car",
        node_id="node-2",
        feeder_id="a",
        kind=AssetKind.EV_CHARGER,
        capacity_kwh=50.0,
        energy_min_kwh=0.0,
        energy_max_kwh=50.0,
        max_charge_kw=11.0,
        max_discharge_kw=0.0,
        min_charge_kw=1.4,
        **common,
    )
    grid_battery = Asset(
        asset_id="grid-battery",
        node_id="node-3",
        feeder_id="b",
        kind=AssetKind.GRID_BATTERY,
        capacity_kwh=100.0,
        energy_min_kwh=5.0,
        energy_max_kwh=100.0,
        max_charge_kw=50.0,
        max_discharge_kw=50.0,
        **common,
    )
    feeders = tuple(Feeder(feeder_id=name, import_limit_kw=40.0, export_limit_kw=40.0) for name in "ab")
    return Fleet(assets=(battery, car, grid_battery), feeders=feeders)


def readings(at: datetime, soc: tuple[float, ...] = (0.5, 0.2, 0.5)) -> ReadingColumns:
    count = len(soc)
    times = np.full(count, to_microseconds(at))
    return ReadingColumns(
        slot=np.arange(count),
        measured_at_us=times,
        received_at_us=times,
        soc=np.array(soc),
        power_kw=np.zeros(count),
        connected=np.ones(count, dtype=bool),
        quality=np.zeros(count, dtype=np.int64),
    )


def grid(start: datetime = NOON, count: int = INTERVALS) -> IntervalGrid:
    return IntervalGrid(start=start, length=QUARTER, count=count)


def forecast(load_kw: float = 20.0, start: datetime = NOON, count: int = INTERVALS) -> LoadForecast:
    load = np.full((2, count), load_kw)
    return LoadForecast(
        forecast_id="forecast-1",
        feeder_ids=("a", "b"),
        grid=grid(start, count),
        available_at=start - QUARTER,
        consumption_p10_kw=load * 0.9,
        consumption_p50_kw=load,
        consumption_p90_kw=load * 1.1,
        pv_kw=np.zeros((2, count)),
        source=ForecastSource.BASELINE,
        verdict=ReplyVerdict.NOT_ASKED,
    )


def prices(count: int = INTERVALS) -> PriceCurve:
    """Cheap in the first half, dear in the second."""
    imports = np.where(np.arange(count) < count // 2, 0.10, 0.30)
    return PriceCurve(
        grid=grid(NOON, count),
        import_price_per_kwh=imports,
        export_price_per_kwh=imports - 0.05,
        published=np.ones(count, dtype=bool),
    )


def session(departure_energy_kwh: float = 20.0, hours: float = 3.0) -> ChargingSession:
    return ChargingSession(
        asset_id="car",
        connected_from=NOON - timedelta(hours=1),
        connected_until=NOON + timedelta(hours=hours),
        departure_energy_kwh=departure_energy_kwh,
        trip_energy_kwh=8.0,
        announced_at=NOON - timedelta(hours=1),
    )


def inputs(**changes: Any) -> CycleInputs:
    """A cycle at three minutes to noon for the quarter of an hour from noon."""
    values: dict[str, Any] = {
        "run_id": "run-1",
        "now": NOON - timedelta(minutes=3),
        "grid": grid(),
        "fleet": fleet(),
        "readings": readings(NOON - timedelta(minutes=4)),
        "quarantined": np.zeros(3, dtype=bool),
        "orders": OrdersInForce.none(3),
        "reachable": np.ones(3, dtype=bool),
        "forecast": forecast(),
        "prices": prices(),
        "sessions": [session()],
        "previous": None,
        "peak_so_far_kw": 0.0,
        "epoch": 7,
        "policy": DispatchPolicy(horizon_intervals=INTERVALS, peak_price_per_kw=0.2),
    }
    return CycleInputs(**(values | changes))
