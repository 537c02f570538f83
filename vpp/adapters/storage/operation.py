"""Recorded operation out of a database: cycles as they were, one at a time, in the order of their runs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import numpy as np
from sqlalchemy import Row, func, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql import ColumnElement

from vpp.adapters.storage import forecasts, runs, tables
from vpp.adapters.storage.cycle_records import StoredRecord, decode_fleet
from vpp.adapters.storage.database import Database
from vpp.adapters.storage.documents import decode_plan
from vpp.domain.assets import Fleet
from vpp.domain.forecasts import LoadForecast
from vpp.domain.readings import from_microseconds, to_microseconds
from vpp.domain.runs import DispatchPlan
from vpp.domain.setpoints import Origin, SetpointColumns
from vpp.ports import StoreError
from vpp.ports.operation import RecordedCycle

RUNS_A_PAGE: Final = 16


@dataclass(slots=True)
class Newest:
    """What neighbouring cycles share, the newest of each kind."""

    fleets: dict[str, Fleet] = field(default_factory=dict)
    forecasts: dict[str, LoadForecast] = field(default_factory=dict)
    plans: dict[str, DispatchPlan] = field(default_factory=dict)


class DatabaseOperation:
    """Cycles of a database; it may be in use, nothing is written and no lock is taken."""

    def __init__(self, url: str) -> None:
        self._database = Database(url)

    async def count(self, *, start: datetime, end: datetime) -> int:
        query = select(func.count()).select_from(tables.cycle_record.join(tables.run))
        async with self._database.reading() as connection:
            return int(await connection.scalar(query.where(*_between(start, end))) or 0)

    async def cycles(self, *, start: datetime, end: datetime) -> AsyncIterator[RecordedCycle]:
        newest, last = Newest(), 0
        while True:
            query = (
                select(tables.run, tables.cycle_record.c.content, tables.plan.c.schedule)
                .join(tables.cycle_record)
                .outerjoin(tables.plan, tables.plan.c.run_number == tables.run.c.run_number)
                .where(tables.run.c.run_number > last, *_between(start, end))
                .order_by(tables.run.c.run_number)
                .limit(RUNS_A_PAGE)
            )
            async with self._database.reading() as connection:
                page = (await connection.execute(query)).all()
                found = [await _cycle(connection, row, newest) for row in page]
            for cycle in found:
                yield cycle
            if len(page) < RUNS_A_PAGE:
                return
            last = page[-1].run_number

    async def close(self) -> None:
        await self._database.close()


def _between(start: datetime, end: datetime) -> list[ColumnElement[bool]]:
    column = tables.run.c.cycle_start_us
    return [column >= to_microseconds(start), column < to_microseconds(end)]


async def _cycle(connection: AsyncConnection, row: Row[Any], newest: Newest) -> RecordedCycle:
    stored, run = StoredRecord(row.content), runs.run_of(row)
    names, plan = stored.names, None if row.schedule is None else decode_plan(row.schedule)
    record = stored.record(
        fleet=await _fleet(connection, names.fleet_sha256, newest),
        forecast=await _forecast(connection, names.forecast_id, newest),
        previous=await _previous(connection, names.previous_run_id, newest),
        plan=plan,
    )
    if plan is not None:
        newest.plans = {plan.run_id: plan}
    return RecordedCycle(
        run=run, record=record, plan=plan, setpoints=await _setpoints(connection, row.run_number, run.run_id)
    )


async def _fleet(connection: AsyncConnection, sha256: str, newest: Newest) -> Fleet:
    if sha256 not in newest.fleets:
        table = tables.fleet_register
        content = await connection.scalar(select(table.c.content).where(table.c.fleet_sha256 == sha256))
        if content is None:
            raise StoreError(f"The fleet {sha256[:16]} of a recorded cycle is not in the database.")
        newest.fleets = {sha256: decode_fleet(content)}
    return newest.fleets[sha256]


async def _forecast(
    connection: AsyncConnection, forecast_id: str | None, newest: Newest
) -> LoadForecast | None:
    if forecast_id is None:
        return None
    if forecast_id not in newest.forecasts:
        forecast = await forecasts.get_forecast(connection, forecast_id)
        if forecast is None:
            raise StoreError(f"The forecast {forecast_id} of a recorded cycle is not in the database.")
        newest.forecasts = {forecast_id: forecast}
    return newest.forecasts[forecast_id]


async def _previous(connection: AsyncConnection, run_id: str | None, newest: Newest) -> DispatchPlan | None:
    if run_id is None:
        return None
    if run_id not in newest.plans:
        plan = await runs.get_plan(connection, run_id)
        if plan is None:
            raise StoreError(f"The plan of {run_id}, which a recorded cycle began from, is not there.")
        newest.plans = {run_id: plan}
    return newest.plans[run_id]


async def _setpoints(connection: AsyncConnection, run_number: int, run_id: str) -> SetpointColumns | None:
    table = tables.setpoint
    query = select(table).where(table.c.run_number == run_number).order_by(table.c.slot)
    rows = (await connection.execute(query)).all()
    return None if not rows else setpoints_of(run_id, rows)


def setpoints_of(run_id: str, rows: Any) -> SetpointColumns:
    """Return the orders of one run from its rows, by slot."""
    first = rows[0]
    columns: dict[str, Any] = {
        name: np.array([getattr(row, name) for row in rows])
        for name in ("slot", "sequence", "power_kw", "min_kw", "max_kw")
    }
    return SetpointColumns(
        run_id=run_id,
        epoch=first.epoch,
        valid_from=from_microseconds(first.valid_from_us),
        valid_until=from_microseconds(first.valid_until_us),
        origin=Origin(first.origin),
        reason=first.reason,
        **columns,
    )
