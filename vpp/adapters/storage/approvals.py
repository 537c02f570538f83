"""Approvals, what happened to them, and versions in force. Rows are only ever added."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import Row, Select, exists, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from vpp.adapters.storage import registry, tables
from vpp.adapters.storage.approval_documents import (
    decode_approval,
    decode_pending,
    encode_approval,
    encode_pending,
)
from vpp.adapters.storage.audit import append, digest
from vpp.adapters.storage.bulk import storable_text
from vpp.adapters.storage.database import Database
from vpp.adapters.storage.paging import bounded_page_size, decode_token, encode_token
from vpp.adapters.storage.writer_lock import fence_shared
from vpp.domain.approvals import (
    ENDS,
    WORDS,
    Approval,
    ApprovalEvent,
    ApprovalRecord,
    Component,
    EventKind,
    Subject,
)
from vpp.domain.audit import SERVICE, AuditEntry, Sealed
from vpp.domain.readings import from_microseconds, to_microseconds
from vpp.ports import ApprovalRegister, ComponentVersion, Page

MOST_WAITING = 100  # approvals; a new plan takes the place of the one before, so there are a few at most
AUDIT_KIND = "approval"
_ENDS = tuple(kind.value for kind in ENDS)


def open_approvals(url: str) -> ApprovalRegister:
    """Return the register in the database at `url`; the tables must be there (`migrate.upgrade`)."""
    return DatabaseApprovals(Database(url))


class DatabaseApprovals:
    """An ApprovalRegister on SQLite or PostgreSQL; see `vpp.ports.ApprovalRegister`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def open(
        self, approval: Approval, events: list[ApprovalEvent], *, epoch: int
    ) -> list[ApprovalEvent]:
        content = await asyncio.to_thread(encode_approval, approval)
        waiting = [approval.plan, *approval.lower] if approval.plan is not None else []
        plans = await asyncio.to_thread(lambda: [encode_pending(one) for one in waiting])
        async with self._database.writing() as connection:
            await _require_writer(connection, epoch)
            statement = insert(tables.approval).values(
                approval_id=approval.approval_id,
                subject=approval.subject.value,
                run_id=approval.run_id,
                requested_at_us=to_microseconds(approval.requested_at),
                expires_at_us=to_microseconds(approval.expires_at),
                requester=storable_text(approval.requester),
                persons=approval.need.persons,
                epoch=approval.epoch,
                content=content,
            )
            number = await connection.scalar(statement.returning(tables.approval.c.approval_number))
            for position, columns in enumerate(plans):
                await connection.execute(
                    insert(tables.approval_plan).values(approval_number=number, position=position, **columns)
                )
            asked = {"content_sha256": digest(content), "run_id": approval.run_id}
            asked["plans_sha256"] = " ".join(digest(columns["schedule"]) for columns in plans)
            return [
                await _append(connection, event, asked=asked if event.kind is EventKind.REQUESTED else None)
                for event in events
            ]

    async def append(self, event: ApprovalEvent, *, epoch: int) -> ApprovalEvent:
        async with self._database.writing() as connection:
            await _require_writer(connection, epoch)
            return await _append(connection, event)

    async def get(self, approval_id: str) -> ApprovalRecord | None:
        query = select(tables.approval).where(tables.approval.c.approval_id == approval_id)
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).one_or_none()
            return None if row is None else await _record(connection, row)

    async def word(self, request_id: str) -> ApprovalEvent | None:
        table = tables.approval_event
        return await self._event(select(table).where(table.c.request_id == request_id))

    async def of_run(self, run_id: str) -> ApprovalRecord | None:
        table = tables.approval_event
        event = await self._event(select(table).where(table.c.run_id == run_id))
        return None if event is None else await self.get(event.approval_id)

    async def _event(self, query: Select[Any]) -> ApprovalEvent | None:
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else _event(row)

    async def waiting(self) -> list[ApprovalRecord]:
        query = _still_waiting(select(tables.approval)).order_by(tables.approval.c.approval_number)
        async with self._database.reading() as connection:
            rows = (await connection.execute(query.limit(MOST_WAITING))).all()
            return [await _record(connection, row) for row in rows]

    async def records(self, *, waiting: bool, page_size: int, page_token: str) -> Page[ApprovalRecord]:
        size, listing = bounded_page_size(page_size), f"approvals, waiting {waiting}"
        number = tables.approval.c.approval_number
        query = select(tables.approval).order_by(number.desc()).limit(size + 1)
        if waiting:
            query = _still_waiting(query)
        position = decode_token(listing, page_token, 1)
        if position is not None:
            query = query.where(number < position[0])
        async with self._database.reading() as connection:
            rows = (await connection.execute(query)).all()
            shown = rows[:size]
            items = [await _record(connection, row) for row in shown]
        more = len(rows) > size
        token = encode_token(listing, (shown[-1].approval_number,)) if more else ""
        return Page(items=tuple(items), next_token=token)

    async def events_after(self, number: int, *, most: int) -> list[ApprovalEvent]:
        table = tables.approval_event
        query = select(table).where(table.c.event_number > number).order_by(table.c.event_number).limit(most)
        async with self._database.reading() as connection:
            return [_event(row) for row in await connection.execute(query)]

    async def newest_event(self) -> int:
        async with self._database.reading() as connection:
            return await connection.scalar(select(func.max(tables.approval_event.c.event_number))) or 0

    async def alarms(self) -> int:
        table = tables.approval_event
        query = select(func.count()).where(table.c.kind == EventKind.ALARM.value)
        async with self._database.reading() as connection:
            return await connection.scalar(query) or 0

    async def save_version(self, version: ComponentVersion) -> None:
        async with self._database.writing() as connection:
            await connection.execute(
                insert(tables.component_version).values(
                    component=version.component.value,
                    fingerprint=version.fingerprint,
                    since_us=to_microseconds(version.since),
                    settings=json.dumps(version.values),
                )
            )

    async def versions(self, component: Component, *, newest: int) -> list[ComponentVersion]:
        table = tables.component_version
        query = select(table).where(table.c.component == component.value)
        query = query.order_by(table.c.version_number.desc()).limit(newest)
        async with self._database.reading() as connection:
            rows = (await connection.execute(query)).all()
        return [
            ComponentVersion(
                component=component,
                fingerprint=row.fingerprint,
                since=from_microseconds(row.since_us),
                values=json.loads(row.settings),
            )
            for row in rows
        ]

    async def close(self) -> None:
        await self._database.close()


async def _require_writer(connection: AsyncConnection, epoch: int) -> None:
    await fence_shared(connection)
    await registry.require_newest_epoch(connection, epoch)


async def _append(
    connection: AsyncConnection, event: ApprovalEvent, *, asked: Mapping[str, str] | None = None
) -> ApprovalEvent:
    """Store an event with its record in the audit chain; a person's own words are sealed there."""
    values = {
        "approval_id": event.approval_id,
        "kind": event.kind.value,
        "at_us": to_microseconds(event.at),
        "person": storable_text(event.person),
        "request_id": event.request_id or None,
        "run_id": event.run_id or None,
        "detail": storable_text(event.detail),
    }
    statement = insert(tables.approval_event).values(values)
    number = await connection.scalar(statement.returning(tables.approval_event.c.event_number))
    told = Sealed(f"person:{event.person}", event.detail) if event.kind in WORDS else event.detail
    payload = {"event": event.kind.value, "run_id": event.run_id, "words": told} | dict(asked or {})
    entry = AuditEntry(
        kind=AUDIT_KIND,
        subject=event.approval_id,
        actor=event.person or SERVICE,
        at=event.at,
        payload=payload,
    )
    await append(connection, entry)
    return replace(event, number=int(number or 0))


def _still_waiting(query: Select[Any]) -> Select[Any]:
    table = tables.approval_event
    ended = exists().where(table.c.approval_id == tables.approval.c.approval_id, table.c.kind.in_(_ENDS))
    return query.where(~ended)


async def _record(connection: AsyncConnection, row: Row[Any]) -> ApprovalRecord:
    plans, events = tables.approval_plan, tables.approval_event
    query = select(plans).where(plans.c.approval_number == row.approval_number).order_by(plans.c.position)
    waiting = [decode_pending(one.rung, one.need, one.schedule) for one in await connection.execute(query)]
    said = select(events).where(events.c.approval_id == row.approval_id).order_by(events.c.event_number)
    fields: dict[str, Any] = decode_approval(row.content)
    approval = Approval(
        approval_id=row.approval_id,
        subject=Subject(row.subject),
        run_id=row.run_id,
        requested_at=from_microseconds(row.requested_at_us),
        expires_at=from_microseconds(row.expires_at_us),
        requester=row.requester,
        epoch=row.epoch,
        plan=waiting[0] if waiting else None,
        lower=tuple(waiting[1:]),
        **fields,
    )
    return ApprovalRecord(
        approval=approval, events=tuple(_event(one) for one in await connection.execute(said))
    )


def _event(row: Row[Any]) -> ApprovalEvent:
    return ApprovalEvent(
        approval_id=row.approval_id,
        kind=EventKind(row.kind),
        at=from_microseconds(row.at_us),
        number=row.event_number,
        person=row.person,
        request_id=row.request_id or "",
        run_id=row.run_id or "",
        detail=row.detail,
    )
