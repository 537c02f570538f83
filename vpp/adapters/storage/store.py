"""The database behind `vpp.ports.Store`: where transactions begin and end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.ext.asyncio import AsyncConnection

from vpp.adapters.storage import announcements, forecasts, orders, recording, registry, runs, telemetry
from vpp.adapters.storage.archive import ReadingArchive
from vpp.adapters.storage.database import SQLITE, Database
from vpp.adapters.storage.documents import encode_exchange, encode_quantiles
from vpp.adapters.storage.paging import bounded_page_size
from vpp.adapters.storage.reading_history import readings_between
from vpp.adapters.storage.reading_upkeep import Upkeep
from vpp.adapters.storage.readings_postgresql import PostgresqlReadings
from vpp.adapters.storage.readings_sqlite import SqliteReadings
from vpp.adapters.storage.run_writer import DEFAULT_KEEP_RECORDS_DAYS, RunWriter
from vpp.adapters.storage.writer_lock import fence, holder_name, new_writer_lock
from vpp.control.record import CycleRecord
from vpp.domain.assets import Fleet
from vpp.domain.forecasts import ContextItem, LoadForecast, ModelCall
from vpp.domain.intervals import IntervalGrid
from vpp.domain.prices import PricePoint
from vpp.domain.readings import ChargingSession, FeederReading, ReadingColumns, to_microseconds
from vpp.domain.runs import EVERY_RUN, DispatchPlan, RunFilter, RunSummary
from vpp.domain.setpoints import Acknowledgement, SetpointColumns
from vpp.domain.state import FleetState
from vpp.ports import (
    FeederHistory,
    Page,
    ReadingDays,
    ReadingPage,
    ReadingUpkeep,
    SetpointTrail,
    Store,
    StoredSetpoint,
)

DEFAULT_KEEP_DAYS = 14


def open_store(
    url: str,
    *,
    clock_now: Callable[[], datetime],
    archive: Path | None = None,
    keep_days: int = DEFAULT_KEEP_DAYS,
    keep_records_days: int = DEFAULT_KEEP_RECORDS_DAYS,
) -> Store:
    """Return the store at `sqlite:///FILE` or `postgresql://USER@HOST/DATABASE`.

    Opens no connection yet; the tables must be there (`migrate.upgrade`). `clock_now` gives the
    plant's time, UTC. Readings of closed days go to the folder `archive`, and those older than
    `keep_days` leave the database; records of cycles stay `keep_records_days`. Raises StoreError for any
    other URL.
    """
    return DatabaseStore(
        Database(url), clock_now, archive=archive, keep_days=keep_days, keep_records_days=keep_records_days
    )


class DatabaseStore:
    """A Store on SQLite or PostgreSQL; see `vpp.ports.Store` for what each method promises."""

    def __init__(
        self,
        database: Database,
        clock_now: Callable[[], datetime],
        *,
        archive: Path | None = None,
        keep_days: int = DEFAULT_KEEP_DAYS,
        keep_records_days: int = DEFAULT_KEEP_RECORDS_DAYS,
    ) -> None:
        self._database = database
        self._clock_now = clock_now
        self._lock = new_writer_lock(database)
        self._writer = RunWriter(database, self._lock, keep_days=keep_records_days)
        self._known: registry.Directory | None = None
        self._archive = None if archive is None else ReadingArchive(archive)
        self._upkeep = Upkeep(database, self._archive, keep_days=keep_days)
        self._readings: SqliteReadings | PostgresqlReadings = (
            SqliteReadings(database) if database.backend == SQLITE else PostgresqlReadings(database)
        )

    # fleet -------------------------------------------------------------------------------------

    async def save_fleet(self, fleet: Fleet) -> None:
        self._known = None
        async with self._database.writing() as connection:
            await registry.save_fleet(connection, fleet)
            await recording.record_fleet(connection, fleet, self._clock_now())

    async def load_fleet(self) -> Fleet:
        async with self._database.reading() as connection:
            return await registry.load_fleet(connection)

    async def next_epoch(self) -> int:
        with self._database.translated():
            await self._lock.take()
        async with self._database.writing() as connection:
            await fence(connection)
            now, holder = self._clock_now(), holder_name()
            epoch = await registry.insert_epoch(connection, taken_at_us=to_microseconds(now), holder=holder)
            await recording.record_epoch(connection, epoch, holder, now)
        self._writer.begin(epoch)
        return epoch

    async def _directory(self, connection: AsyncConnection) -> registry.Directory:
        """Return names and slots, read once: slots are kept for good, and this service alone adds some."""
        if self._known is None:
            self._known = await registry.load_directory(connection)
        return self._known

    # what comes in -----------------------------------------------------------------------------

    async def append_readings(self, readings: ReadingColumns) -> None:
        if len(readings):
            await self._readings.append(readings)

    async def latest_readings(self) -> ReadingColumns:
        return await self._readings.latest()

    async def readings_between(
        self,
        *,
        start: datetime,
        end: datetime,
        slots: NDArray[np.int64] | None,
        page_size: int,
        page_token: str,
    ) -> ReadingPage:
        return await readings_between(
            self._database,
            self._archive,
            start_us=to_microseconds(start),
            end_us=to_microseconds(end),
            slots=slots,
            page_size=page_size,
            page_token=page_token,
        )

    async def reading_days(self) -> ReadingDays:
        return await self._upkeep.days(self._clock_now())

    async def keep_readings(self) -> ReadingUpkeep:
        report = await self._upkeep.run(self._clock_now())
        if report.dropped:
            self._readings.days_changed()
        return report

    async def append_feeder_readings(self, readings: Sequence[FeederReading]) -> None:
        async with self._database.writing() as connection:
            directory = await self._directory(connection)
            await telemetry.append_feeder_readings(connection, readings, directory)

    async def feeder_history(self, *, grid: IntervalGrid, known_at: datetime) -> FeederHistory:
        async with self._database.reading() as connection:
            return await telemetry.feeder_history(
                connection, grid=grid, known_at_us=to_microseconds(known_at)
            )

    async def save_sessions(self, sessions: Sequence[ChargingSession]) -> None:
        async with self._database.writing() as connection:
            await announcements.save_sessions(connection, sessions, await self._directory(connection))

    async def sessions_between(
        self, *, start: datetime, end: datetime, known_at: datetime
    ) -> list[ChargingSession]:
        async with self._database.reading() as connection:
            return await announcements.sessions_between(
                connection,
                start_us=to_microseconds(start),
                end_us=to_microseconds(end),
                known_at_us=to_microseconds(known_at),
                directory=await self._directory(connection),
            )

    async def save_prices(self, prices: Sequence[PricePoint]) -> None:
        async with self._database.writing() as connection:
            await announcements.save_prices(connection, prices)

    async def prices_between(self, *, start: datetime, end: datetime, known_at: datetime) -> list[PricePoint]:
        async with self._database.reading() as connection:
            return await announcements.prices_between(
                connection,
                start_us=to_microseconds(start),
                end_us=to_microseconds(end),
                known_at_us=to_microseconds(known_at),
            )

    async def save_context(self, items: Sequence[ContextItem]) -> None:
        async with self._database.writing() as connection:
            await recording.save_context(connection, items)

    async def get_context(self, item_id: str) -> ContextItem | None:
        async with self._database.reading() as connection:
            return await announcements.get_context(connection, item_id)

    async def context_between(
        self, *, start: datetime, end: datetime, known_at: datetime
    ) -> list[ContextItem]:
        async with self._database.reading() as connection:
            return await announcements.context_between(
                connection,
                start_us=to_microseconds(start),
                end_us=to_microseconds(end),
                known_at_us=to_microseconds(known_at),
            )

    # forecasts ---------------------------------------------------------------------------------

    async def save_forecast(self, forecast: LoadForecast, call: ModelCall | None) -> None:
        quantiles = await asyncio.to_thread(encode_quantiles, forecast)
        exchange = None if call is None else await asyncio.to_thread(encode_exchange, call)
        async with self._database.writing() as connection:
            if call is not None and exchange is not None:
                await forecasts.insert_model_call(connection, call, exchange)
            await forecasts.insert_forecast(connection, forecast, quantiles)
            await recording.record_forecast(connection, forecast)

    async def newest_forecast(self, *, available_at: datetime) -> LoadForecast | None:
        async with self._database.reading() as connection:
            return await forecasts.newest_forecast(connection, available_at_us=to_microseconds(available_at))

    async def get_forecast(self, forecast_id: str) -> LoadForecast | None:
        async with self._database.reading() as connection:
            return await forecasts.get_forecast(connection, forecast_id)

    async def get_model_call(self, call_id: str) -> ModelCall | None:
        async with self._database.reading() as connection:
            return await forecasts.get_model_call(connection, call_id)

    async def list_forecasts(self, *, page_size: int, page_token: str) -> Page[LoadForecast]:
        async with self._database.reading() as connection:
            return await forecasts.list_forecasts(
                connection, page_size=bounded_page_size(page_size), page_token=page_token
            )

    # runs, plans, orders -----------------------------------------------------------------------

    async def save_run(
        self,
        run: RunSummary,
        *,
        plan: DispatchPlan | None,
        state: FleetState,
        setpoints: SetpointColumns | None,
        record: CycleRecord | None = None,
    ) -> None:
        await self._writer.save(run, plan=plan, state=state, setpoints=setpoints, record=record)

    async def keep_records(self) -> int:
        return await self._writer.drop_old_records(self._clock_now)

    async def last_plan(self) -> DispatchPlan | None:
        async with self._database.reading() as connection:
            return await runs.last_plan(connection)

    async def get_run(self, run_id: str) -> RunSummary | None:
        async with self._database.reading() as connection:
            return await runs.get_run(connection, run_id)

    async def run_of_trigger(self, trigger: str) -> RunSummary | None:
        async with self._database.reading() as connection:
            return await runs.run_of_trigger(connection, trigger)

    async def acknowledged_orders(self, run_id: str) -> int:
        await self._writer.rows.complete()
        async with self._database.reading() as connection:
            return await orders.acknowledged_orders(connection, run_id)

    async def get_plan(self, run_id: str) -> DispatchPlan | None:
        async with self._database.reading() as connection:
            return await runs.get_plan(connection, run_id)

    async def list_runs(
        self, *, page_size: int, page_token: str, wanted: RunFilter = EVERY_RUN
    ) -> Page[RunSummary]:
        size = bounded_page_size(page_size)
        async with self._database.reading() as connection:
            return await runs.list_runs(connection, wanted=wanted, page_size=size, page_token=page_token)

    async def list_setpoints(
        self, *, run_id: str, asset_id: str, page_size: int, page_token: str
    ) -> Page[StoredSetpoint]:
        await self._writer.rows.complete()
        async with self._database.reading() as connection:
            return await orders.list_setpoints(
                connection,
                run_id=run_id,
                asset_id=asset_id,
                page_size=bounded_page_size(page_size),
                page_token=page_token,
            )

    async def append_acknowledgements(self, acknowledgements: Sequence[Acknowledgement]) -> None:
        async with self._database.writing() as connection:
            directory = await self._directory(connection)
            await recording.save_acknowledgements(connection, acknowledgements, directory, self._clock_now())

    async def trail(self, *, asset_id: str, epoch: int, sequence: int) -> SetpointTrail | None:
        await self._writer.rows.complete()
        async with self._database.reading() as connection:
            return await orders.trail(connection, asset_id=asset_id, epoch=epoch, sequence=sequence)

    async def close(self) -> None:
        await self._writer.rows.close()
        await self._lock.release()
        await self._database.close()
