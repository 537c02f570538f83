"""Recorded operation out of a database: cycles as they were, one at a time, in the order of their runs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import SimpleNamespace
from typing import Any, Final, Protocol, TypeVar

import numpy as np
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql import ColumnElement

from vpp.adapters.storage import forecasts, runs, tables
from vpp.adapters.storage.cycle_records import StoredRecord, decode_fleet
from vpp.adapters.storage.database import Database
from vpp.adapters.storage.documents import decode_plan
from vpp.adapters.storage.folded_orders import folded
from vpp.domain.assets import Fleet
from vpp.domain.forecasts import LoadForecast
from vpp.domain.readings import from_microseconds, to_microseconds
from vpp.domain.runs import DispatchPlan
from vpp.domain.setpoints import Origin, SetpointColumns
from vpp.ports import StoreError
from vpp.ports.operation import RecordedCycle

T = TypeVar("T")
RUNS_A_PAGE: Final = 16


@dataclass(slots=True)
class Newest:
    """What neighbouring cycles share: the newest of each kind."""

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
                found = [await cycle_of(DatabaseShelf(connection), row, newest) for row in page]
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


class Shelf(Protocol):
    """Where a record's parts are found by their names; None or nothing where they are not."""

    async def fleet(self, sha256: str) -> bytes | None: ...

    async def forecast(self, forecast_id: str) -> LoadForecast | None: ...

    async def plan(self, run_id: str) -> DispatchPlan | None: ...

    async def setpoints(self, run_number: int, run_id: str) -> SetpointColumns | None: ...


@dataclass(slots=True)
class DatabaseShelf:
    """The parts of records that lie in a database."""

    connection: AsyncConnection

    async def fleet(self, sha256: str) -> bytes | None:
        table = tables.fleet_register
        query = select(table.c.content).where(table.c.fleet_sha256 == sha256)
        content: bytes | None = await self.connection.scalar(query)
        return content

    async def forecast(self, forecast_id: str) -> LoadForecast | None:
        return await forecasts.get_forecast(self.connection, forecast_id)

    async def plan(self, run_id: str) -> DispatchPlan | None:
        return await runs.get_plan(self.connection, run_id)

    async def setpoints(self, run_number: int, run_id: str) -> SetpointColumns | None:
        if (found := await folded(self.connection, run_number)) is not None:
            return setpoints_of(run_id, SimpleNamespace(**found.of_all), found.each)
        table = tables.setpoint
        query = select(table).where(table.c.run_number == run_number).order_by(table.c.slot)
        rows = (await self.connection.execute(query)).all()
        names = ("slot", "sequence", "power_kw", "min_kw", "max_kw")
        columns = {name: np.array([getattr(row, name) for row in rows]) for name in names}
        return None if not rows else setpoints_of(run_id, rows[0], columns)


async def cycle_of(shelf: Shelf, row: Any, newest: Newest) -> RecordedCycle:
    """Return a cycle from its row of run, `content` and `schedule`, with what it names from the shelf.

    Raises StoreError for what is not there.
    """
    stored, run = StoredRecord(row.content), runs.run_of(row)
    names, plan = stored.names, None if row.schedule is None else decode_plan(row.schedule)
    if names.fleet_sha256 not in newest.fleets:
        content = _there(await shelf.fleet(names.fleet_sha256), f"The fleet {names.fleet_sha256[:16]}")
        newest.fleets = {names.fleet_sha256: decode_fleet(content)}
    forecast = previous = None
    if names.forecast_id is not None:
        forecast = newest.forecasts.get(names.forecast_id) or _there(
            await shelf.forecast(names.forecast_id), f"The forecast {names.forecast_id}"
        )
        newest.forecasts = {names.forecast_id: forecast}
    if names.previous_run_id is not None:
        previous = newest.plans.get(names.previous_run_id) or _there(
            await shelf.plan(names.previous_run_id), f"The plan of {names.previous_run_id}"
        )
    record = stored.record(
        fleet=newest.fleets[names.fleet_sha256], forecast=forecast, previous=previous, plan=plan
    )
    newest.plans = {one.run_id: one for one in (previous, plan) if one is not None}
    return RecordedCycle(
        run=run, record=record, plan=plan, setpoints=await shelf.setpoints(row.run_number, run.run_id)
    )


def _there(found: T | None, what: str) -> T:
    if found is None:
        raise StoreError(f"{what}, which a recorded cycle rests on, is not there.")
    return found


def setpoints_of(run_id: str, first: Any, columns: Mapping[str, Any]) -> SetpointColumns:
    """Return the orders of one run from its first row and its columns, by slot."""
    return SetpointColumns(
        run_id=run_id,
        epoch=first.epoch,
        valid_from=from_microseconds(first.valid_from_us),
        valid_until=from_microseconds(first.valid_until_us),
        origin=Origin(first.origin),
        reason=first.reason,
        **columns,
    )
