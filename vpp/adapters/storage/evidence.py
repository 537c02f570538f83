"""Collects what is stored about one setpoint, each part by an index: see `vpp.ports.evidence`."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Row, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from vpp.adapters.storage import forecasts, orders, runs, tables
from vpp.adapters.storage.audit_log import opened
from vpp.adapters.storage.database import Database
from vpp.adapters.storage.folded_orders import write_missing_rows
from vpp.domain.audit import AuditRecord
from vpp.domain.readings import from_microseconds, to_microseconds
from vpp.domain.runs import DispatchPlan
from vpp.ports.evidence import EvidenceStore, Metering, SetpointEvidence

MAX_RECORDS: Final = 50
_WITHOUT_PLAN: Final = timedelta(minutes=15)  # what is looked at after an order that has no plan


def open_evidence(url: str) -> EvidenceStore:
    """Return the evidence in the database at `url`; opens no connection yet."""
    return DatabaseEvidence(Database(url))


class DatabaseEvidence:
    """An EvidenceStore on SQLite or PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def evidence(
        self, *, asset_id: str, epoch: int = 0, sequence: int = 0, at: datetime | None = None
    ) -> SetpointEvidence | None:
        await write_missing_rows(self._database)
        async with self._database.reading() as connection:
            row = await _order(connection, asset_id, epoch, sequence, at)
            if row is None:
                return None
            run = await runs.get_run(connection, row.run_id)
            assert run is not None  # a foreign key holds it
            plan = await runs.get_plan(connection, row.run_id)
            forecast = await forecasts.get_forecast(connection, run.forecast_id) if run.forecast_id else None
            call_id = forecast.model_call_id if forecast else None
            setpoint = orders.stored_setpoint(row)
            until_us = row.valid_from_us + _length(plan) // timedelta(microseconds=1)
            subjects = [name for name in (run.run_id, run.forecast_id) if name]
            return SetpointEvidence(
                setpoint=setpoint,
                run=run,
                plan=plan,
                forecast=forecast,
                call=await forecasts.get_model_call(connection, call_id) if call_id else None,
                acknowledgements=await orders.acknowledgements_of(
                    connection, asset_id=asset_id, slot=row.slot, epoch=row.epoch, sequence=row.sequence
                ),
                metering=await _metering(connection, row.slot, row.valid_from_us, until_us),
                records=await _records(connection, subjects, asset_id, row.valid_from_us, until_us),
            )

    async def close(self) -> None:
        await self._database.close()


def _length(plan: DispatchPlan | None) -> timedelta:
    return _WITHOUT_PLAN if plan is None else plan.grid.length


async def _order(
    connection: AsyncConnection, asset_id: str, epoch: int, sequence: int, at: datetime | None
) -> Row[Any] | None:
    """Return the order of this number, or the newest of the asset that had begun by `at`."""
    order = tables.setpoint
    slot = await connection.scalar(select(tables.asset.c.slot).where(tables.asset.c.asset_id == asset_id))
    if slot is None:
        return None
    query = orders.stored_setpoints().where(order.c.slot == slot)
    if sequence:
        query = query.where(order.c.epoch == epoch, order.c.sequence == sequence)
    elif at is not None:
        query = query.where(order.c.valid_from_us <= to_microseconds(at))
    query = query.order_by(order.c.run_number.desc()).limit(1)
    row: Row[Any] | None = (await connection.execute(query)).one_or_none()
    return row


async def _metering(connection: AsyncConnection, slot: int, start_us: int, until_us: int) -> Metering:
    table = tables.reading
    query = select(func.count(), func.avg(table.c.power_kw)).where(
        table.c.measured_at_us >= start_us,
        table.c.measured_at_us < until_us,
        table.c.slot == slot,
        table.c.quality == 0,
        table.c.power_kw.is_not(None),
    )
    count, mean = (await connection.execute(query)).one()
    return Metering(
        readings=count, mean_kw=math.nan if mean is None else float(mean), until=from_microseconds(until_us)
    )


async def _records(
    connection: AsyncConnection, subjects: list[str], asset_id: str, start_us: int, until_us: int
) -> tuple[AuditRecord, ...]:
    """Return the records about a run and its forecast, and those about the asset while the order held."""
    table = tables.audit_record
    about_asset = (table.c.subject == asset_id) & (table.c.at_us >= start_us) & (table.c.at_us < until_us)
    query = select(table).where(or_(table.c.subject.in_(subjects), about_asset))
    rows = (await connection.execute(query.order_by(table.c.record_number).limit(MAX_RECORDS))).all()
    return await opened(connection, rows)
