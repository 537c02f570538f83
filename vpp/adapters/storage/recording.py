"""What is stored together with its record in the audit chain."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import astuple
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from vpp.adapters.storage import announcements, runs, tables
from vpp.adapters.storage.archive import ArchivedDay
from vpp.adapters.storage.audit import append, digest, take_turn
from vpp.adapters.storage.fingerprints import (
    acknowledgements_payload,
    forecast_payload,
    orders_payload,
    run_row,
)
from vpp.adapters.storage.folded_orders import insert_folded
from vpp.adapters.storage.order_rows import OrderRows, insert_rows, require_assets
from vpp.adapters.storage.orders import append_acknowledgements
from vpp.adapters.storage.registry import Directory
from vpp.domain.assets import Fleet
from vpp.domain.audit import SERVICE, AuditEntry, AuditKind, Sealed
from vpp.domain.forecasts import ContextItem, LoadForecast
from vpp.domain.runs import RunSummary
from vpp.domain.setpoints import Acknowledgement
from vpp.domain.state import FleetState


async def save_run(
    connection: AsyncConnection,
    run: RunSummary,
    *,
    state: FleetState,
    snapshot: bytes,
    schedule: bytes | None,
    orders: OrderRows | None,
    folded: bytes | None = None,
    record: bytes | None = None,
) -> int:
    """Store a run with its snapshot, plan and orders, and return its number.

    Orders are stored as the object `folded` where that is given, else as rows. `record` is what the caller
    stores of the cycle beside them; its hash is written down here.
    """
    number = await runs.insert_run(connection, run)
    await runs.insert_snapshot(connection, number, state=state, content=snapshot)
    if schedule is not None:
        await runs.insert_plan(connection, number, schedule)
    if orders is not None:
        await require_assets(connection, orders)
        if folded is None:
            await insert_rows(connection, number, orders)
        else:
            await insert_folded(connection, number, folded)
    payload = {
        "run": await run_row(connection, number),
        "snapshot_sha256": digest(snapshot),
        "plan_sha256": "" if schedule is None else digest(schedule),
        "record_sha256": "" if record is None else digest(record),
        "orders": orders_payload({} if orders is None else orders.columns),
    }
    entry = AuditEntry(
        kind=AuditKind.RUN, subject=run.run_id, actor=SERVICE, at=run.finished_at, payload=payload
    )
    await append(connection, entry)
    return number


async def record_forecast(connection: AsyncConnection, forecast: LoadForecast) -> None:
    payload = await forecast_payload(connection, forecast.forecast_id)
    entry = AuditEntry(
        kind=AuditKind.FORECAST,
        subject=forecast.forecast_id,
        actor=SERVICE,
        at=forecast.available_at,
        payload=payload,
    )
    await append(connection, entry)


async def save_acknowledgements(
    connection: AsyncConnection, words: Sequence[Acknowledgement], directory: Directory, now: datetime
) -> None:
    """Store what nodes said; one record for all that is new of it."""
    if not words:
        return
    await take_turn(connection)  # so that nobody else's rows come between
    newest = select(func.max(tables.acknowledgement.c.acknowledgement_number))
    after = await connection.scalar(newest) or 0
    await append_acknowledgements(connection, words, directory)
    until = await connection.scalar(newest) or 0
    if until == after:
        return
    payload = await acknowledgements_payload(connection, after, until)
    entry = AuditEntry(
        kind=AuditKind.ACKNOWLEDGEMENTS, subject=str(until), actor=SERVICE, at=now, payload=payload
    )
    await append(connection, entry)


async def save_context(connection: AsyncConnection, items: Sequence[ContextItem]) -> None:
    """Store remarks; the words of each new one are sealed under its own key."""
    for item in items:
        if await announcements.get_context(connection, item.item_id) is not None:
            continue
        await announcements.save_context(connection, [item])
        payload = {
            "words": Sealed(f"remark:{item.item_id}", item.text),
            "valid_from": item.valid_from.isoformat(),
            "valid_until": item.valid_until.isoformat(),
        }
        entry = AuditEntry(
            kind=AuditKind.REMARK,
            subject=item.item_id,
            actor="operator",
            at=item.available_at,
            payload=payload,
        )
        await append(connection, entry)


async def record_fleet(connection: AsyncConnection, fleet: Fleet, now: datetime) -> None:
    digest_of = hashlib.sha256()
    parts: list[Any] = [*fleet.feeders, *fleet.assets]
    for part in parts:
        digest_of.update(repr(astuple(part)).encode() + b"\n")
    payload = {
        "assets": len(fleet.assets),
        "feeders": len(fleet.feeders),
        "sha256": digest_of.hexdigest(),
    }
    await append(
        connection, AuditEntry(kind=AuditKind.FLEET, subject="fleet", actor=SERVICE, at=now, payload=payload)
    )


async def record_epoch(connection: AsyncConnection, epoch: int, holder: str, now: datetime) -> None:
    entry = AuditEntry(
        kind=AuditKind.EPOCH, subject=str(epoch), actor=SERVICE, at=now, payload={"holder": holder}
    )
    await append(connection, entry)


async def record_archived(connection: AsyncConnection, day: ArchivedDay, now: datetime) -> None:
    entry = AuditEntry(
        kind=AuditKind.READINGS,
        subject=str(day.date),
        actor=SERVICE,
        at=now,
        payload={"rows": day.rows, "file_sha256": day.sha256},
    )
    await append(connection, entry)
