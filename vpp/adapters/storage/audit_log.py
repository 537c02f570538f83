"""Reads, checks, exports and cuts the audit chain; see `vpp.ports.AuditLog`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Row, delete, exists, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from vpp.adapters.storage import audit, tables
from vpp.adapters.storage.audit_deep import DeepCheck
from vpp.adapters.storage.audit_file import AuditFile
from vpp.adapters.storage.audit_spans import LEAST_RECORDS, verdict_by_spans
from vpp.adapters.storage.audit_stream import hash_of, raw_pages, start_of
from vpp.adapters.storage.database import SQLITE, Database
from vpp.adapters.storage.erasing import erase
from vpp.adapters.storage.paging import bounded_page_size, decode_token, encode_token
from vpp.adapters.storage.sealing import open_sealed
from vpp.domain.audit import SERVICE, AuditEntry, AuditHead, AuditKind, AuditRecord
from vpp.domain.audit_check import AuditVerdict, ChainCheck
from vpp.domain.errors import InvalidValueError
from vpp.domain.readings import to_microseconds
from vpp.ports import AuditFilter, AuditLog, Erasure, Page
from vpp.ports.audit import Progress

LEAST_KEEP_DAYS: Final = 184  # six months, the longest ones


def open_audit(url: str) -> AuditLog:
    """Return the chain in the database at `url`; opens no connection yet."""
    return DatabaseAudit(Database(url))


class DatabaseAudit:
    """An AuditLog on SQLite or PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def head(self) -> AuditHead:
        async with self._database.reading() as connection:
            return await audit.read_head(connection)

    async def append(self, entry: AuditEntry) -> AuditHead:
        async with self._database.writing() as connection:
            return await audit.append(connection, entry)

    async def has(self, kind: str, subject: str) -> bool:
        table = tables.audit_record
        query = select(exists().where(table.c.kind == kind, table.c.subject == subject))
        async with self._database.reading() as connection:
            return bool(await connection.scalar(query))

    async def records(self, chosen: AuditFilter, *, page_size: int, page_token: str) -> Page[AuditRecord]:
        size, table = bounded_page_size(page_size), tables.audit_record
        listing = f"audit of {chosen.kind!r} {chosen.subject!r} {chosen.start} {chosen.end}"
        query = select(table).order_by(table.c.record_number.desc()).limit(size + 1)
        if chosen.kind:
            query = query.where(table.c.kind == chosen.kind)
        if chosen.subject:
            query = query.where(table.c.subject == chosen.subject)
        if chosen.start is not None:
            query = query.where(table.c.at_us >= to_microseconds(chosen.start))
        if chosen.end is not None:
            query = query.where(table.c.at_us < to_microseconds(chosen.end))
        if (position := decode_token(listing, page_token, 1)) is not None:
            query = query.where(table.c.record_number < position[0])
        async with self._database.reading() as connection:
            rows = (await connection.execute(query)).all()
            shown = rows[:size]
            items = await opened(connection, shown)
        return Page(
            items=items,
            next_token=encode_token(listing, (shown[-1].record_number,)) if len(rows) > size else "",
        )

    async def verify(
        self,
        *,
        anchors: Sequence[str] = (),
        first: int = 0,
        last: int = 0,
        deep: bool = False,
        archive: Path | None = None,
        processes: int = 1,
        progress: Progress | None = None,
    ) -> AuditVerdict:
        async with self._database.reading() as connection:
            if deep and connection.dialect.name != SQLITE:  # what is stored meanwhile is not looked at
                await connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
            start, head = await start_of(connection)
            missing_start = not start.chain_sha256
            last = min(last or head.number, head.number)
            if first > start.number + 1:
                start = AuditHead(first - 1, await hash_of(connection, first - 1))
            if processes > 1 and not deep and last - start.number >= LEAST_RECORDS:
                end = AuditHead(last, await hash_of(connection, last))
                split = partial(verdict_by_spans, anchors=anchors, processes=processes, progress=progress)
                if (
                    verdict := await asyncio.to_thread(split, self._database.address, start, end)
                ) is not None:
                    return verdict
            check = ChainCheck(start, anchors)
            if missing_start:
                check.fault(1, "record_number", "1, or a checkpoint that says what was cut off", "neither")
            compared = DeepCheck(connection, check, archive) if deep else None
            async for rows in raw_pages(connection, start.number + 1, last):
                await asyncio.to_thread(check.take, rows)
                if compared is not None:
                    await compared.take(rows, progress, last - start.number)
                if progress is not None:
                    progress(check.records, last - start.number)
            if compared is not None and last == head.number:
                await compared.finish()
            return check.finish(things=compared.things if compared is not None else 0)

    async def export(self, out: Path, *, progress: Progress | None = None) -> AuditHead:
        async with self._database.reading() as connection:
            start, head = await start_of(connection)
            file = await asyncio.to_thread(AuditFile.create, out, start, head)
            try:
                async for rows in raw_pages(connection, start.number + 1, head.number):
                    await asyncio.to_thread(file.write, rows)
                    if progress is not None:
                        progress(file.records, head.number - start.number)
            finally:
                await asyncio.to_thread(file.close)
        return head

    async def cut(self, *, older_than: datetime, now: datetime) -> int:
        if (now - older_than).days < LEAST_KEEP_DAYS:
            raise InvalidValueError("older_than", older_than, f"at least {LEAST_KEEP_DAYS} days before now")
        table = tables.audit_record
        async with self._database.writing() as connection:
            await audit.take_turn(connection)
            recent = table.c.at_us >= to_microseconds(older_than)
            kept = await connection.scalar(select(func.min(table.c.record_number)).where(recent))
            first = await connection.scalar(select(func.min(table.c.record_number)))
            if kept is None or first is None or kept <= first:
                return 0
            payload = {
                "cut_through": kept - 1,
                "chain_sha256": await hash_of(connection, kept - 1),
                "records": kept - first,
                "older_than": older_than.isoformat(),
            }
            entry = AuditEntry(
                kind=AuditKind.CHECKPOINT, subject=str(kept - 1), actor=SERVICE, at=now, payload=payload
            )
            await audit.append(connection, entry)
            await connection.execute(delete(table).where(table.c.record_number < kept))
        return int(kept - first)

    async def erase(self, about: str, *, reason: str, actor: str, now: datetime) -> Erasure:
        async with self._database.writing() as connection:
            return await erase(connection, about, reason=reason, actor=actor, now=now)

    async def close(self) -> None:
        await self._database.close()


async def opened(connection: AsyncConnection, rows: Sequence[Row[Any]]) -> tuple[AuditRecord, ...]:
    """Return rows as records, with the words that are still there."""
    payloads = await _opened(connection, [row.payload for row in rows])
    return tuple(
        AuditRecord(
            number=row.record_number,
            at_us=row.at_us,
            kind=row.kind,
            subject=row.subject,
            actor=row.actor,
            payload_sha256=row.payload_sha256,
            payload=payload,
            chain_sha256=row.chain_sha256,
        )
        for row, payload in zip(rows, payloads, strict=True)
    )


async def _opened(connection: AsyncConnection, payloads: Sequence[str]) -> list[str]:
    """Return payloads with their sealed words opened, or with the word that they were erased."""
    trees = [json.loads(text) if '"sealed"' in text else None for text in payloads]
    texts: list[str] = []
    for tree in trees:
        _visit(tree, texts, None)
    words = await open_sealed(connection, texts) if texts else {}
    return [
        text if tree is None else json.dumps(_visit(tree, [], words), ensure_ascii=False, sort_keys=True)
        for text, tree in zip(payloads, trees, strict=True)
    ]


def _visit(value: Any, texts: list[str], words: dict[str, str] | None) -> Any:
    """Collect sealed texts of a payload, and put their words in their places where these are given."""
    if isinstance(value, dict):
        if set(value) == {"sealed"} and isinstance(value["sealed"], str):
            texts.append(value["sealed"])
            return value if words is None else words[value["sealed"]]
        return {name: _visit(item, texts, words) for name, item in value.items()}
    if isinstance(value, list):
        return [_visit(item, texts, words) for item in value]
    return value
