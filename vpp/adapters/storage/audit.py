"""Appends to the audit chain, inside the transaction of the thing itself.

```python
async with database.writing() as connection:
    await connection.execute(insert(tables.thing).values(...))
    await append(connection, AuditEntry(kind="thing", subject=thing_id, actor=who, at=now, payload={...}))
```

So the thing and its record are stored together or not at all. Append last: from then to the end of the
transaction everybody else who appends waits, which is what keeps the chain in one line, whichever process
writes. Words that name people or households go in as `Sealed(about, words)`; what is large goes in as its
hash (`digest`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from vpp.adapters.storage import tables
from vpp.adapters.storage.bulk import storable_text
from vpp.adapters.storage.database import SQLITE
from vpp.adapters.storage.sealing import seal
from vpp.domain.audit import (
    ORIGIN,
    AuditEntry,
    AuditHead,
    Sealed,
    chain_sha256,
    one_line,
    payload_text,
    sha256,
)
from vpp.domain.readings import to_microseconds

# Key of PostgreSQL's advisory lock; its neighbours are in writer_lock.py.
_AUDIT_KEY: Final = 0x76707003


async def take_turn(connection: AsyncConnection) -> None:
    """Wait until nobody else appends, and keep others waiting until this transaction ends.

    SQLite lets one transaction write at a time anyway. Only needed before `append` where what is
    recorded must be read in the order of the records.
    """
    if connection.dialect.name != SQLITE:
        await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _AUDIT_KEY})


async def append(connection: AsyncConnection, entry: AuditEntry) -> AuditHead:
    """Add a record to the chain and return the new head; `connection` is in a writing transaction."""
    payload = payload_text(await _sealed(connection, entry.payload, entry))
    await take_turn(connection)
    head = await read_head(connection)
    number, at_us = head.number + 1, to_microseconds(entry.at)
    subject, actor = (storable_text(one_line(words)) for words in (entry.subject, entry.actor))
    payload_sha256 = sha256(payload)
    chain = chain_sha256(head.chain_sha256, number, at_us, entry.kind, subject, actor, payload_sha256)
    row = {
        "record_number": number,
        "at_us": at_us,
        "kind": str(entry.kind),
        "subject": subject,
        "actor": actor,
        "payload_sha256": payload_sha256,
        "payload": payload,
        "chain_sha256": chain,
    }
    await connection.execute(insert(tables.audit_record).values(row))
    return AuditHead(number, chain)


async def read_head(connection: AsyncConnection) -> AuditHead:
    """Return the newest record's number and hash; number 0 where there is none yet."""
    table = tables.audit_record
    query = (
        select(table.c.record_number, table.c.chain_sha256).order_by(table.c.record_number.desc()).limit(1)
    )
    row = (await connection.execute(query)).one_or_none()
    return AuditHead(0, ORIGIN) if row is None else AuditHead(row.record_number, row.chain_sha256)


def digest(content: bytes) -> str:
    """Return the hash of stored bytes, as it stands in a payload."""
    return hashlib.sha256(content).hexdigest()


async def _sealed(connection: AsyncConnection, value: Any, entry: AuditEntry) -> Any:
    """Return a payload with every `Sealed` in it encrypted, and its texts as both databases take them."""
    if isinstance(value, Sealed):
        return {"sealed": await seal(connection, value, at_us=to_microseconds(entry.at))}
    if isinstance(value, Mapping):
        return {str(name): await _sealed(connection, item, entry) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [await _sealed(connection, item, entry) for item in value]
    return storable_text(value) if isinstance(value, str) else value
