"""Fakes of the ports: a store in memory, and clocks that tests move. Small on purpose."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np

from vpp.domain.assets import Fleet
from vpp.domain.readings import NO_READINGS, Quality, ReadingColumns, from_microseconds, to_microseconds
from vpp.domain.runs import EVERY_RUN
from vpp.domain.setpoints import Acknowledgement, SetpointColumns
from vpp.ports import FeederHistory, Page, SetpointTrail, StoredSetpoint, WriterLockError


class ManualClock:
    """A plant clock that stands still until a test moves it."""

    def __init__(self, at: datetime) -> None:
        self._at = at
        self._moved = asyncio.Event()

    def now(self) -> datetime:
        return self._at

    def advance(self, seconds: float) -> None:
        self._at += timedelta(seconds=seconds)
        self._moved.set()
        self._moved = asyncio.Event()

    def wall_seconds(self, duration: timedelta) -> float:
        return 0.0

    async def sleep_until(self, at: datetime) -> None:
        while self._at < at:
            await self._moved.wait()


class ScaledClock:
    """A plant clock that runs `speed` times faster than the wall."""

    def __init__(self, origin: datetime, speed: float) -> None:
        self.origin, self.speed = origin, speed
        self.origin_wall = time.time()
        self._origin_monotonic = time.monotonic()

    def now(self) -> datetime:
        return self.origin + timedelta(seconds=(time.monotonic() - self._origin_monotonic) * self.speed)

    def wall_seconds(self, duration: timedelta) -> float:
        return duration.total_seconds() / self.speed

    async def sleep_until(self, at: datetime) -> None:
        await asyncio.sleep(max(0.0, self.wall_seconds(at - self.now())))


def page_of(items, page_size, page_token):
    """Return one page of `items`; a token is the position of its first item."""
    first = int(page_token or 0)
    last = first + page_size
    return Page(items=tuple(items[first:last]), next_token=str(last) if last < len(items) else "")


@dataclass
class MemoryStore:
    """vpp.ports.Store in memory. Set `broken` to have every write fail as a lost database would."""

    fleet: Fleet | None = None
    broken: bool = False
    epoch: int = 0
    locked: bool = False
    readings: dict[tuple[int, int], tuple] = field(default_factory=dict)
    feeder_readings: dict[tuple[str, datetime], object] = field(default_factory=dict)
    sessions: list = field(default_factory=list)
    prices: list = field(default_factory=list)
    context: dict[str, object] = field(default_factory=dict)
    forecasts: list = field(default_factory=list)
    model_calls: dict[str, object] = field(default_factory=dict)
    runs: list = field(default_factory=list)  # (run, plan, state, setpoints), oldest first
    acknowledgements: list[Acknowledgement] = field(default_factory=list)
    writes: int = 0

    def _write(self) -> None:
        if self.broken:
            raise ConnectionError("the database is away")
        self.writes += 1

    async def save_fleet(self, fleet):
        self._write()
        self.fleet = fleet

    async def load_fleet(self):
        return self.fleet

    async def next_epoch(self):
        if self.locked:
            raise WriterLockError("another service writes to this database; stop it first")
        self._write()
        self.locked, self.epoch = True, self.epoch + 1
        return self.epoch

    # what comes in ------------------------------------------------------------------------------
    async def append_readings(self, readings):
        self._write()
        rows = zip(
            readings.slot.tolist(),
            readings.measured_at_us.tolist(),
            readings.received_at_us.tolist(),
            readings.soc.tolist(),
            readings.power_kw.tolist(),
            readings.connected.tolist(),
            readings.quality.tolist(),
            strict=True,
        )
        for row in rows:
            self.readings.setdefault(row[:2], row)

    async def latest_readings(self):
        newest: dict[int, tuple] = {}
        for row in self.readings.values():
            if row[6] == Quality.GOOD and (row[0] not in newest or row[1] > newest[row[0]][1]):
                newest[row[0]] = row
        if not newest:
            return NO_READINGS
        slot, measured, received, soc, power, connected, quality = zip(*newest.values(), strict=True)
        return ReadingColumns(
            slot=np.array(slot),
            measured_at_us=np.array(measured),
            received_at_us=np.array(received),
            soc=np.array(soc),
            power_kw=np.array(power),
            connected=np.array(connected),
            quality=np.array(quality),
        )

    async def append_feeder_readings(self, readings):
        self._write()
        for reading in readings:
            self.feeder_readings.setdefault((reading.feeder_id, reading.start), reading)

    async def feeder_history(self, *, grid, known_at):
        feeder_ids = tuple(feeder.feeder_id for feeder in self.fleet.feeders)
        consumption, pv = np.full((2, len(feeder_ids), grid.count), np.nan)
        for (feeder_id, start), reading in self.feeder_readings.items():
            index = grid.index_of(start)
            if 0 <= index < grid.count and reading.available_at <= known_at:
                row = feeder_ids.index(feeder_id)
                consumption[row, index], pv[row, index] = reading.consumption_kw, reading.pv_kw
        return FeederHistory(feeder_ids=feeder_ids, grid=grid, consumption_kw=consumption, pv_kw=pv)

    async def save_sessions(self, sessions):
        self._write()
        self.sessions.extend(sessions)

    async def sessions_between(self, *, start, end, known_at):
        last = {}
        for item in sorted(self.sessions, key=lambda item: item.announced_at):
            if item.announced_at <= known_at:
                last[item.asset_id, item.connected_from] = item
        return [item for item in last.values() if item.connected_from < end and item.connected_until > start]

    async def save_prices(self, prices):
        self._write()
        self.prices.extend(prices)

    async def prices_between(self, *, start, end, known_at):
        last = {}
        for item in sorted(self.prices, key=lambda item: item.available_at):
            if item.available_at <= known_at and item.start < end and item.end > start:
                last[item.start] = item
        return [last[key] for key in sorted(last)]

    async def save_context(self, items):
        self._write()
        for item in items:
            self.context.setdefault(item.item_id, item)

    async def get_context(self, item_id):
        return self.context.get(item_id)

    async def context_between(self, *, start, end, known_at):
        return [
            item
            for item in self.context.values()
            if item.valid_from < end and item.valid_until > start and item.available_at <= known_at
        ]

    # forecasts ----------------------------------------------------------------------------------
    async def save_forecast(self, forecast, call):
        self._write()
        self.forecasts.append(forecast)
        if call is not None:
            self.model_calls[call.call_id] = call

    async def newest_forecast(self, *, available_at):
        known = [item for item in self.forecasts if item.available_at <= available_at]
        return max(known, key=lambda item: item.available_at, default=None)

    async def get_forecast(self, forecast_id):
        return next((item for item in self.forecasts if item.forecast_id == forecast_id), None)

    async def get_model_call(self, call_id):
        return self.model_calls.get(call_id)

    async def list_forecasts(self, *, page_size, page_token):
        return page_of(self.forecasts[::-1], page_size, page_token)

    # runs ---------------------------------------------------------------------------------------
    async def save_run(self, run, *, plan, state, setpoints, record=None):
        self._write()
        self.runs.append((run, plan, state, setpoints))

    async def last_plan(self):
        return next((plan for _, plan, _, _ in reversed(self.runs) if plan is not None), None)

    async def get_run(self, run_id):
        return next((run for run, _, _, _ in self.runs if run.run_id == run_id), None)

    async def run_of_trigger(self, trigger):
        return next((run for run, _, _, _ in self.runs if run.trigger == trigger), None)

    async def acknowledged_orders(self, run_id):
        orders = (await self.list_setpoints(run_id=run_id, asset_id="", page_size=10**9, page_token="")).items
        return sum(1 for order in orders if order.acknowledged)

    async def get_plan(self, run_id):
        return next((plan for run, plan, _, _ in self.runs if run.run_id == run_id), None)

    async def list_runs(self, *, page_size, page_token, wanted=EVERY_RUN):
        assert wanted == EVERY_RUN, "filters are tested with the databases"
        return page_of([run for run, _, _, _ in self.runs[::-1]], page_size, page_token)

    async def list_setpoints(self, *, run_id, asset_id, page_size, page_token):
        rows = [
            self._stored(setpoints, row)
            for _, _, _, setpoints in self.runs[::-1]
            if setpoints is not None
            for row in range(len(setpoints))
        ]
        chosen = [row for row in rows if run_id in ("", row.run_id) and asset_id in ("", row.asset_id)]
        return page_of(chosen, page_size, page_token)

    def _stored(self, orders: SetpointColumns, row: int) -> StoredSetpoint:
        asset = self.fleet.assets[int(orders.slot[row])]
        sequence = int(orders.sequence[row])
        words = self._words(asset.asset_id, orders.epoch, sequence)
        return StoredSetpoint(
            asset_id=asset.asset_id,
            feeder_id=asset.feeder_id,
            run_id=orders.run_id,
            epoch=orders.epoch,
            sequence=sequence,
            power_kw=float(orders.power_kw[row]),
            min_kw=float(orders.min_kw[row]),
            max_kw=float(orders.max_kw[row]),
            valid_from=orders.valid_from,
            valid_until=orders.valid_until,
            origin=orders.origin,
            reason=orders.reason,
            acknowledged=words[-1].state if words else "",
            acknowledged_at=words[-1].at if words else None,
        )

    def _words(self, asset_id, epoch, sequence):
        key = (asset_id, epoch, sequence)
        return tuple(
            item for item in self.acknowledgements if (item.asset_id, item.epoch, item.sequence) == key
        )

    async def append_acknowledgements(self, acknowledgements):
        self._write()
        self.acknowledgements.extend(acknowledgements)

    async def trail(self, *, asset_id, epoch, sequence):
        for run, _, state, setpoints in self.runs:
            if setpoints is None or setpoints.epoch != epoch:
                continue
            slot = self.fleet.slots()[asset_id]
            for row in np.flatnonzero((setpoints.slot == slot) & (setpoints.sequence == sequence)):
                forecast = await self.get_forecast(run.forecast_id or "")
                measured_us = int(state.measured_at_us[slot])
                reading = self.readings.get((slot, measured_us))
                return SetpointTrail(
                    setpoint=self._stored(setpoints, int(row)),
                    run=run,
                    forecast=forecast,
                    model_call=self.model_calls.get(forecast.model_call_id) if forecast else None,
                    state_at=state.at,
                    energy_kwh=float(state.energy_kwh[slot]),
                    reading_measured_at=from_microseconds(measured_us) if reading else None,
                    reading_soc=reading[3] if reading else None,
                    reading_power_kw=reading[4] if reading else None,
                    acknowledgements=self._words(asset_id, epoch, sequence),
                )
        return None

    async def close(self):
        self.locked = False

    # for assertions -----------------------------------------------------------------------------
    def readings_of(self, slot: int) -> list[tuple]:
        """Return (slot, measured, received, soc, power, connected, quality) rows, oldest first."""
        return sorted(row for row in self.readings.values() if row[0] == slot)

    def has_reading(self, slot: int, measured_at: datetime) -> bool:
        return (slot, to_microseconds(measured_at)) in self.readings


class ManualNodeClock:
    """A node's clock that stands still until a test moves it; a second of plant time takes none."""

    def __init__(self, at: datetime, monotonic_s: float = 1_000.0) -> None:
        self._at, self._monotonic_s = at, monotonic_s

    def now(self) -> datetime:
        return self._at

    def monotonic(self) -> float:
        return self._monotonic_s

    def advance(self, seconds: float) -> None:
        self._at += timedelta(seconds=seconds)
        self._monotonic_s += seconds

    def step_wall(self, seconds: float) -> None:
        """Set the wall's clock forward or back; the monotonic one does not notice."""
        self._at += timedelta(seconds=seconds)

    def wall_seconds(self, duration_s: float) -> float:
        return duration_s / 1_000.0
