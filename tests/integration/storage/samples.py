"""Small values of every kind, and eyes on the database that are not the store's."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from vpp.adapters.storage.database import parse_url
from vpp.domain.assets import Asset, AssetKind, DefaultControl, Feeder, Fleet
from vpp.domain.forecasts import ForecastSource, LoadForecast, ModelCall, ReplyVerdict
from vpp.domain.intervals import IntervalGrid
from vpp.domain.prices import PricePoint
from vpp.domain.readings import ChargingSession, FeederReading, ReadingColumns, to_microseconds
from vpp.domain.runs import DispatchPlan, Rung, RunSummary
from vpp.domain.setpoints import Acknowledgement, AcknowledgementState, Origin, SetpointColumns
from vpp.domain.state import FleetState

NOON = datetime(2020, 5, 20, 12, 0, 0, 123456, tzinfo=UTC)
HOUR = timedelta(hours=1)
QUARTER = timedelta(minutes=15)
# A number whose last bit is lost by any detour over decimal text or single precision.
THIRD = float(np.nextafter(1.0 / 3.0, 1.0))


def fleet(count: int = 3) -> Fleet:
    """`count` assets on the feeders `west` and `east`."""
    return Fleet(
        assets=tuple(asset(f"asset-{index}", "west" if index % 2 == 0 else "east") for index in range(count)),
        feeders=(
            Feeder(feeder_id="west", import_limit_kw=100.0 * THIRD, export_limit_kw=float("inf")),
            Feeder(feeder_id="east", import_limit_kw=50.0, export_limit_kw=25.0),
        ),
    )


def asset(asset_id: str, feeder_id: str, **changes: Any) -> Asset:
    values: dict[str, Any] = {
        "node_id": "node:1",
        "kind": AssetKind.EV_CHARGER,
        "capacity_kwh": 40.0 * THIRD,
        "energy_min_kwh": 0.5,
        "energy_max_kwh": 12.0,
        "max_charge_kw": 11.0,
        "max_discharge_kw": 7.0 * THIRD,
        "min_charge_kw": 1.4,
        "min_discharge_kw": 0.1,
        "charge_efficiency": 0.95,
        "discharge_efficiency": THIRD,
        "wear_cost_per_kwh": 0.03,
        "default_control": DefaultControl.SELF_CONSUMPTION,
    }
    return Asset(asset_id=asset_id, feeder_id=feeder_id, **{**values, **changes})


def readings(*rows: tuple[float, ...]) -> ReadingColumns:
    """Return rows of (slot, seconds after noon, soc, power_kw) and, where it is not good, quality."""
    count = len(rows)
    at_us = [to_microseconds(NOON) + round(row[1] * 1e6) for row in rows]
    return ReadingColumns(
        slot=np.array([row[0] for row in rows], dtype=np.int64),
        measured_at_us=np.array(at_us, dtype=np.int64),
        received_at_us=np.array(at_us, dtype=np.int64) + 250_000,
        soc=np.array([row[2] for row in rows], dtype=np.float64),
        power_kw=np.array([row[3] for row in rows], dtype=np.float64),
        connected=np.arange(count) % 2 == 0,
        quality=np.array([int(row[4]) if len(row) > 4 else 0 for row in rows], dtype=np.int64),
    )


def feeder_reading(feeder_id: str, start: datetime, kw: float, available_at: datetime) -> FeederReading:
    return FeederReading(
        feeder_id=feeder_id, start=start, consumption_kw=kw, pv_kw=kw * THIRD, available_at=available_at
    )


def session(
    announced_at: datetime,
    *,
    asset_id: str = "asset-1",
    start: datetime = NOON,
    end: datetime = NOON + 8 * HOUR,
    departure_energy_kwh: float = 30.0 * THIRD,
) -> ChargingSession:
    return ChargingSession(
        asset_id=asset_id,
        connected_from=start,
        connected_until=end,
        departure_energy_kwh=departure_energy_kwh,
        trip_energy_kwh=8.5,
        announced_at=announced_at,
    )


def price(start: datetime, available_at: datetime, import_price_per_kwh: float = THIRD) -> PricePoint:
    return PricePoint(
        start=start,
        end=start + QUARTER,
        import_price_per_kwh=import_price_per_kwh,
        export_price_per_kwh=-0.07,
        available_at=available_at,
    )


def grid(count: int = 4) -> IntervalGrid:
    return IntervalGrid(start=NOON.replace(microsecond=0), length=QUARTER, count=count)


def model_call(call_id: str = "call-1") -> ModelCall:
    return ModelCall(
        call_id=call_id,
        asked_at=NOON,
        model="a-model",
        endpoint="http://127.0.0.1:1/v1",
        prompt="Wie viel?\x00 ☃ \ud800",
        replies=("{}", '{"adjust": []}\x00'),
        reasoning="because",
        verdict=ReplyVerdict.ACCEPTED,
        reason="a reason\x00",
        prompt_tokens=123,
        completion_tokens=45,
        cached_tokens=6,
        cost=THIRD,
        currency="EUR",
        seconds=1.25,
    )


def forecast(
    forecast_id: str = "forecast-1", *, available_at: datetime = NOON, call_id: str | None = None
) -> LoadForecast:
    middle = np.random.default_rng(7).normal(size=(2, 4)) * THIRD
    return LoadForecast(
        forecast_id=forecast_id,
        feeder_ids=("west", "east"),
        grid=grid(),
        available_at=available_at,
        consumption_p10_kw=middle - 1.0,
        consumption_p50_kw=middle,
        consumption_p90_kw=middle + 1.0,
        pv_kw=np.abs(middle),
        source=ForecastSource.ADJUSTED if call_id else ForecastSource.BASELINE,
        verdict=ReplyVerdict.ACCEPTED if call_id else ReplyVerdict.NOT_ASKED,
        reason="" if call_id else "nothing was flagged",
        model_call_id=call_id,
    )


def run(run_id: str = "run-1", *, epoch: int = 1, forecast_id: str | None = None) -> RunSummary:
    return RunSummary(
        run_id=run_id,
        cycle_start=NOON,
        started_at=NOON - timedelta(seconds=30),
        finished_at=NOON - timedelta(seconds=20, microseconds=1),
        trigger="schedule",
        rung=Rung.INCUMBENT,
        reason="the deadline came first",
        forecast_id=forecast_id,
        input_sha256="ab" * 32,
        objective=-12.0 * THIRD,
        lower_bound=None,
        gap=0.01,
        setpoints=3,
        seconds_solve=8.5,
        killed=True,
        epoch=epoch,
    )


def plan(run_id: str = "run-1") -> DispatchPlan:
    generator = np.random.default_rng(11)
    return DispatchPlan(
        run_id=run_id,
        grid=grid(),
        asset_ids=("asset-0", "asset-1", "asset-2"),
        power_kw=generator.normal(size=(3, 4)),
        energy_end_kwh=generator.normal(size=(3, 4)) * THIRD,
        net_load_kw=np.array([[0.0, -0.0, np.inf, np.nan]] * 2),
        certificate={"bound": -1.0 * THIRD, "binding": [["west", 2]], "solver": {"status": "optimal"}},
    )


def state(*, measured_at_us: Sequence[int] = (0, 0, 0)) -> FleetState:
    return FleetState(
        at=NOON,
        energy_kwh=np.array([1.0, 2.0 * THIRD, 3.0]),
        power_kw=np.array([-1.5, np.nan, -0.0]),
        connected=np.array([True, False, True]),
        usable=np.array([True, True, False]),
        measured_at_us=np.array(measured_at_us, dtype=np.int64),
    )


def setpoints(run_id: str = "run-1", *, epoch: int = 1, sequence: int = 1, count: int = 3) -> SetpointColumns:
    return SetpointColumns(
        run_id=run_id,
        epoch=epoch,
        valid_from=NOON,
        valid_until=NOON + timedelta(seconds=60),
        origin=Origin.OPTIMIZER,
        reason="plan",
        slot=np.arange(count),
        sequence=np.full(count, sequence, dtype=np.int64),
        power_kw=np.linspace(-5.0, 5.0, count) * THIRD,
        min_kw=np.full(count, -7.0 * THIRD),
        max_kw=np.full(count, 7.0 * THIRD),
    )


def acknowledgement(
    state_: AcknowledgementState, *, seconds: float, sequence: int = 1, asset_id: str = "asset-1"
) -> Acknowledgement:
    return Acknowledgement(
        asset_id=asset_id,
        epoch=1,
        sequence=sequence,
        state=state_,
        at=NOON + timedelta(seconds=seconds),
        detail=f"{state_.value} it is",
    )


def assert_same(found: Any, expected: Any) -> None:
    """Compare values field by field, arrays by type, shape and bits."""
    assert type(found) is type(expected)
    if isinstance(expected, np.ndarray):
        assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
        assert found.tobytes() == expected.tobytes()
    elif dataclasses.is_dataclass(expected):
        for item in dataclasses.fields(expected):
            assert_same(getattr(found, item.name), getattr(expected, item.name))
    elif isinstance(expected, (list, tuple)):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert_same(one, other)
    else:
        assert found == expected


async def fetch(url: str, statement: str) -> list[tuple[Any, ...]]:
    """Return the rows of a statement, seen over a connection of its own."""
    engine = create_async_engine(parse_url(url))
    try:
        async with engine.begin() as connection:
            result = await connection.execute(text(statement))
            return [tuple(row) for row in result] if result.returns_rows else []
    finally:
        await engine.dispose()
