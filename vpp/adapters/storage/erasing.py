"""Forgets what a subject's words were: its keys, and the same words where live rows hold them.

asset:ID    keys of the asset, reasons of its consents
node:ID     keys of the node, details in the identity events
remark:ID   keys of the remark, the remark itself, exchanges with the model that may repeat it
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from vpp.adapters.storage import tables
from vpp.adapters.storage.audit import append, digest
from vpp.adapters.storage.codec import encode
from vpp.adapters.storage.documents import EXCHANGE, decode_exchange
from vpp.adapters.storage.sealing import ERASED, destroy_keys
from vpp.domain.audit import AuditEntry, AuditKind
from vpp.domain.errors import InvalidValueError
from vpp.domain.readings import to_microseconds
from vpp.ports import Erasure

_PARTS: Final = ("asset", "node", "remark", "operator", "request")
_REMARKS_IN: Final = "Context:"  # stands in a prompt that quotes remarks


async def erase(
    connection: AsyncConnection, about: str, *, reason: str, actor: str, now: datetime
) -> Erasure:
    """Destroy keys, remove words from live rows, and record that, but not what, in the chain."""
    kind, _, name = about.partition(":")
    if kind not in _PARTS or not name:
        raise InvalidValueError("subject", about, f"KIND:ID with a kind of {', '.join(_PARTS)}")
    left: list[str] = []
    rows = 0
    if kind == "remark":
        rows, left = await _forget_remark(connection, name)
    elif kind == "asset":
        rows = await _forget_consents(connection, name)
    elif kind == "node":
        table = tables.identity_event
        statement = update(table).where(table.c.node_id == name).values(detail=ERASED)
        rows = int((await connection.execute(statement)).rowcount)
    keys = await destroy_keys(connection, about, at_us=to_microseconds(now))
    if not keys and not rows:
        raise InvalidValueError(
            "subject", about, "a subject with words that are not erased yet", "see `vpp audit list`"
        )
    payload = {"keys": keys, "live_rows": rows, "reason": reason, "left": left}
    await append(
        connection, AuditEntry(kind=AuditKind.ERASURE, subject=about, actor=actor, at=now, payload=payload)
    )
    return Erasure(about=about, keys=keys, live_rows=rows)


async def _forget_consents(connection: AsyncConnection, asset_id: str) -> int:
    """Remove the reasons of an asset's consents, and return how many; what was said stays."""
    table, asset = tables.consent, tables.asset
    slot = select(asset.c.slot).where(asset.c.asset_id == asset_id).scalar_subquery()
    change = update(table).where(table.c.slot == slot, table.c.reason != ERASED).values(reason=ERASED)
    return int((await connection.execute(change)).rowcount)


async def _forget_remark(connection: AsyncConnection, item_id: str) -> tuple[int, list[str]]:
    """Return how many rows lost their words, and the hashes of what is left of exchanges."""
    table, calls = tables.context_item, tables.model_call
    row = (await connection.execute(select(table).where(table.c.item_id == item_id))).one_or_none()
    if row is None or row.content == ERASED:
        return 0, []
    statement = update(table).where(table.c.item_id == item_id).values(content=ERASED)
    await connection.execute(statement)
    emptied = encode(EXCHANGE, header={"prompt": ERASED, "replies": [ERASED], "reasoning": ERASED}, arrays={})
    # Quoting changes words, and a model may repeat them: every exchange of that time that quotes goes.
    query = select(calls.c.call_id, calls.c.exchange).where(
        calls.c.asked_at_us >= row.available_at_us, calls.c.asked_at_us <= row.valid_until_us
    )
    repeated = 0
    for call in await connection.execute(query):
        if _REMARKS_IN in decode_exchange(bytes(call.exchange))[0]:
            change = update(calls).where(calls.c.call_id == call.call_id).values(exchange=emptied)
            await connection.execute(change)
            repeated += 1
    return 1 + repeated, [digest(emptied)] if repeated else []
