"""The chain in pages, in the order of its numbers, as bytes: the way in of verification and export."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from vpp.adapters.storage import tables
from vpp.adapters.storage.audit import read_head
from vpp.adapters.storage.bulk import driver_of
from vpp.adapters.storage.database import SQLITE
from vpp.domain.audit import ORIGIN, AuditHead, AuditKind
from vpp.domain.audit_check import RawRecord

PAGE: Final = 10_000
_TEXTS: Final = ("kind", "subject", "actor", "payload_sha256", "payload", "chain_sha256")


async def raw_pages(connection: AsyncConnection, first: int, last: int) -> AsyncIterator[list[RawRecord]]:
    """Yield the records numbered `first` to `last` in pages.

    Texts come as the bytes they are stored as: one that is no UTF-8 any more is a fault to be named, not
    an error of the driver.
    """
    driver = await driver_of(connection)
    sqlite = connection.dialect.name == SQLITE
    cast = "CAST({} AS BLOB)" if sqlite else "convert_to({}, 'UTF8')"
    names = ", ".join(["record_number", "at_us", *(cast.format(name) for name in _TEXTS)])
    marks = ("?", "?", "?") if sqlite else ("$1", "$2", "$3")
    statement = (
        f"SELECT {names} FROM audit_record WHERE record_number > {marks[0]} "  # noqa: S608 - our own names
        f"AND record_number <= {marks[1]} ORDER BY record_number LIMIT {marks[2]}"
    )
    after = first - 1
    while True:
        if sqlite:
            rows = await driver.execute_fetchall(statement, (after, last, PAGE))
        else:
            rows = await driver.fetch(statement, after, last, PAGE)
        if rows:
            yield rows
        if len(rows) < PAGE:
            return
        after = rows[-1][0]


async def start_of(connection: AsyncConnection) -> tuple[AuditHead, AuditHead]:
    """Return what the first record that is there follows, and the head.

    Where older records were cut off, the newest checkpoint says what they ended with. Without one that
    fits, the hash of the start is empty.
    """
    table = tables.audit_record
    first = await connection.scalar(select(func.min(table.c.record_number)))
    head = await read_head(connection)
    if first is None or first == 1:
        return AuditHead(0, ORIGIN), head
    query = select(table.c.payload).where(table.c.kind == AuditKind.CHECKPOINT)
    payload = await connection.scalar(query.order_by(table.c.record_number.desc()).limit(1))
    try:
        checkpoint = json.loads(payload or "{}")
        if checkpoint["cut_through"] == first - 1:
            return AuditHead(first - 1, str(checkpoint["chain_sha256"])), head
    except (ValueError, KeyError, TypeError):
        pass
    return AuditHead(0, ""), head


async def hash_of(connection: AsyncConnection, number: int) -> str:
    """Return the chain hash of a record, empty where it is not there."""
    table = tables.audit_record
    query = select(table.c.chain_sha256).where(table.c.record_number == number)
    return str(await connection.scalar(query) or "")
