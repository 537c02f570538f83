"""What operators ordered. Rows are only added."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, exists, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from vpp.adapters.storage import tables
from vpp.adapters.storage.audit import append, digest
from vpp.adapters.storage.bulk import storable_text
from vpp.adapters.storage.codec import decode, encode
from vpp.adapters.storage.database import Database
from vpp.adapters.storage.paging import bounded_page_size, decode_token, encode_token
from vpp.domain.audit import SERVICE, AuditEntry
from vpp.domain.overrides import Override, OverrideKind
from vpp.domain.readings import from_microseconds, to_microseconds
from vpp.domain.target import Target
from vpp.ports import OperatorRegister, OverrideCost, Page, StopRecord, StopTimes, StoredOverride, StoreError

_POWERS = "override"
_COLUMNS = ("slot", "power_kw", "min_kw", "max_kw")
_STOPS = "stops"
MAXIMUM_IN_FORCE = 10_000
_TIMES = ("told", "away", "confirmed", "p50_s", "p99_s", "last_s")


def open_operator_register(url: str) -> OperatorRegister:
    """Return the register in the database at `url`; the tables must be there (`migrate.upgrade`)."""
    return DatabaseOperatorRegister(Database(url))


class DatabaseOperatorRegister:
    """An OperatorRegister on SQLite or PostgreSQL; see `vpp.ports.OperatorRegister`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def save_override(self, override: Override) -> None:
        powers = encode(_POWERS, header={}, arrays={name: getattr(override, name) for name in _COLUMNS})
        table = tables.override_order
        async with self._database.writing() as connection:
            if await connection.scalar(select(exists().where(table.c.override_id == override.override_id))):
                raise StoreError(f"Override {override.override_id} is already stored.")
            await connection.execute(
                insert(table).values(
                    override_id=override.override_id,
                    kind=override.kind.value,
                    asset_ids=json.dumps(override.target.asset_ids),
                    feeder_id=override.target.feeder_id,
                    author=storable_text(override.author),
                    reason=storable_text(override.reason),
                    created_at_us=to_microseconds(override.created_at),
                    valid_until_us=to_microseconds(override.valid_until),
                    powers=powers,
                )
            )
            said = {
                "kind": override.kind.value,
                "for": str(override.target),
                "until_us": to_microseconds(override.valid_until),
                "reason": override.reason,
                "powers_sha256": digest(powers),
            }
            await _record(
                connection, "override", override.override_id, override.author, override.created_at, said
            )

    async def clear_override(self, override_id: str, *, at: datetime, author: str, reason: str) -> None:
        values = {
            "cleared_at_us": to_microseconds(at),
            "author": storable_text(author),
            "reason": storable_text(reason),
        }
        await self._add_once(tables.override_end, override_id, values, author, at)

    async def save_override_cost(self, override_id: str, cost: OverrideCost) -> None:
        values = {
            "cost": cost.cost,
            "least": cost.least,
            "most": cost.most,
            "computed_at_us": to_microseconds(cost.computed_at),
        }
        await self._add_once(tables.override_cost, override_id, values, SERVICE, cost.computed_at)

    async def _add_once(
        self, table: Any, override_id: str, values: dict[str, Any], actor: str, at: datetime
    ) -> None:
        order = tables.override_order
        async with self._database.writing() as connection:
            number = await connection.scalar(
                select(order.c.override_number).where(order.c.override_id == override_id)
            )
            if number is None:
                raise StoreError(f"Override {override_id} is not stored.")
            if not await connection.scalar(select(exists().where(table.c.override_number == number))):
                await connection.execute(insert(table).values(override_number=number, **values))
                await _record(connection, table.name, override_id, actor, at, values)

    async def get_override(self, override_id: str) -> StoredOverride | None:
        query = _overrides().where(tables.override_order.c.override_id == override_id)
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else _stored(row)

    async def overrides_ending_after(self, at: datetime) -> list[Override]:
        order = tables.override_order
        query = _overrides().where(order.c.valid_until_us > to_microseconds(at))
        async with self._database.reading() as connection:
            found = await connection.execute(
                query.order_by(order.c.override_number.desc()).limit(MAXIMUM_IN_FORCE)
            )
            return [_stored(row).override for row in found][::-1]

    async def list_overrides(
        self, *, ending_after: datetime | None, page_size: int, page_token: str
    ) -> Page[StoredOverride]:
        order, end = tables.override_order, tables.override_end
        size, listing = bounded_page_size(page_size), f"overrides in force {ending_after is not None}"
        query = _overrides().order_by(order.c.override_number.desc()).limit(size + 1)
        if ending_after is not None:
            after_us = to_microseconds(ending_after)
            query = query.where(
                order.c.valid_until_us > after_us,
                or_(end.c.cleared_at_us.is_(None), end.c.cleared_at_us > after_us),
            )
        position = decode_token(listing, page_token, 1)
        if position is not None:
            query = query.where(order.c.override_number < position[0])
        async with self._database.reading() as connection:
            rows = (await connection.execute(query)).all()
        token = encode_token(listing, (rows[size - 1].override_number,)) if len(rows) > size else ""
        return Page(items=tuple(_stored(row) for row in rows[:size]), next_token=token)

    async def save_stops(self, stops: Sequence[StopRecord]) -> int:
        new = 0
        async with self._database.writing() as connection:
            for stop in stops:
                number, added = await _stop_number(connection, stop)
                new += added
                await _add_times(connection, number, stop.times)
        return new

    async def list_stops(self, *, page_size: int, page_token: str) -> Page[StopRecord]:
        order, report = tables.stop_order, tables.stop_report
        size = bounded_page_size(page_size)
        query = (
            select(order, *(report.c[name] for name in _TIMES))
            .outerjoin(report, report.c.stop_number == order.c.stop_number)
            .order_by(order.c.stop_number.desc())
            .limit(size + 1)
        )
        position = decode_token(_STOPS, page_token, 1)
        if position is not None:
            query = query.where(order.c.stop_number < position[0])
        async with self._database.reading() as connection:
            rows = (await connection.execute(query)).all()
        token = encode_token(_STOPS, (rows[size - 1].stop_number,)) if len(rows) > size else ""
        return Page(items=tuple(_stop(row) for row in rows[:size]), next_token=token)

    async def close(self) -> None:
        await self._database.close()


def _overrides() -> Select[Any]:
    order, end, cost = tables.override_order, tables.override_end, tables.override_cost
    return (
        select(
            order,
            end.c.cleared_at_us,
            end.c.author.label("cleared_by"),
            cost.c.cost,
            cost.c.least,
            cost.c.most,
            cost.c.computed_at_us,
        )
        .outerjoin(end, end.c.override_number == order.c.override_number)
        .outerjoin(cost, cost.c.override_number == order.c.override_number)
    )


def _stored(row: Row[Any]) -> StoredOverride:
    override = Override(
        override_id=row.override_id,
        kind=OverrideKind(row.kind),
        target=Target(asset_ids=tuple(json.loads(row.asset_ids)), feeder_id=row.feeder_id),
        author=row.author,
        reason=row.reason,
        created_at=from_microseconds(row.created_at_us),
        valid_until=from_microseconds(row.valid_until_us),
        cleared_at=None if row.cleared_at_us is None else from_microseconds(row.cleared_at_us),
        cleared_by=row.cleared_by or "",
        **decode(_POWERS, row.powers).arrays,
    )
    if row.computed_at_us is None:
        return StoredOverride(override=override, cost=None)
    at = from_microseconds(row.computed_at_us)
    cost = OverrideCost(cost=row.cost, least=row.least, most=row.most, computed_at=at)
    return StoredOverride(override=override, cost=cost)


async def _stop_number(connection: AsyncConnection, stop: StopRecord) -> tuple[int, bool]:
    """Return the number of a stop, and whether its row had to be added."""
    table = tables.stop_order
    known = await connection.scalar(select(table.c.stop_number).where(table.c.request_id == stop.request_id))
    if known is not None:
        return known, False
    statement = insert(table).values(
        request_id=stop.request_id,
        action=stop.action,
        operator=storable_text(stop.operator),
        reason=storable_text(stop.reason),
        at_us=to_microseconds(stop.at),
        asset_ids=json.dumps(stop.asset_ids),
        feeder_id=stop.feeder_id,
    )
    return (await connection.execute(statement.returning(table.c.stop_number))).scalar_one(), True


async def _add_times(connection: AsyncConnection, number: int, times: StopTimes | None) -> None:
    table = tables.stop_report
    if times is None or await connection.scalar(select(exists().where(table.c.stop_number == number))):
        return
    values = {name: getattr(times, name) for name in _TIMES}
    await connection.execute(insert(table).values(stop_number=number, **values))


def _stop(row: Row[Any]) -> StopRecord:
    times = None if row.told is None else StopTimes(**{name: getattr(row, name) for name in _TIMES})
    return StopRecord(
        request_id=row.request_id,
        action=row.action,
        operator=row.operator,
        reason=row.reason,
        at=from_microseconds(row.at_us),
        asset_ids=tuple(json.loads(row.asset_ids)),
        feeder_id=row.feeder_id,
        times=times,
    )


async def _record(
    connection: AsyncConnection, kind: str, subject: str, actor: str, at: datetime, payload: dict[str, Any]
) -> None:
    """Add what is stored to the audit chain, in its transaction."""
    await append(connection, AuditEntry(kind=kind, subject=subject, actor=actor, at=at, payload=payload))
