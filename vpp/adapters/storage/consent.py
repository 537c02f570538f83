"""Consent by asset in the database; see `vpp.ports.ConsentRegister`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from vpp.adapters.storage import audit, tables
from vpp.adapters.storage.bulk import storable_text
from vpp.adapters.storage.database import Database
from vpp.adapters.storage.paging import bounded_page_size, decode_token, encode_token
from vpp.adapters.storage.registry import load_directory, slots_of
from vpp.domain.audit import AuditEntry, AuditKind, Sealed
from vpp.domain.consent import Consent, ConsentChange
from vpp.domain.errors import InvalidValueError
from vpp.domain.readings import from_microseconds, to_microseconds
from vpp.ports import ConsentRegister, Page

# Everybody who appends to the chain waits for a transaction's end, so that a large feeder takes several.
ASSETS_PER_TRANSACTION: Final = 200


def open_consents(url: str) -> ConsentRegister:
    """Return the register in the database at `url`; opens no connection yet."""
    return DatabaseConsents(Database(url))


class DatabaseConsents:
    """A ConsentRegister on SQLite or PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def change(
        self,
        change: ConsentChange,
        *,
        asset_ids: Sequence[str] = (),
        feeder_id: str = "",
        progress: Callable[[int, int], None] | None = None,
    ) -> int:
        async with self._database.reading() as connection:
            chosen = await _chosen(connection, asset_ids, feeder_id)
        for first in range(0, len(chosen), ASSETS_PER_TRANSACTION):
            part = chosen[first : first + ASSETS_PER_TRANSACTION]
            async with self._database.writing() as connection:
                await audit.take_turn(connection)  # numbers and records in one order
                for slot, asset_id in part:
                    await _store(connection, slot, asset_id, change)
            if progress is not None:
                progress(first + len(part), len(chosen))
        return len(chosen)

    async def newest(self, *, granted: bool | None, page_size: int, page_token: str) -> Page[Consent]:
        size, table, asset = bounded_page_size(page_size), tables.consent, tables.asset
        listing = f"consent {granted}"
        query = (
            select(table, asset.c.asset_id)
            .join(asset, asset.c.slot == table.c.slot)
            .where(table.c.consent_number.in_(_newest_numbers()))
            .order_by(table.c.slot)
            .limit(size + 1)
        )
        if granted is not None:
            query = query.where(table.c.granted == granted)
        if (position := decode_token(listing, page_token, 1)) is not None:
            query = query.where(table.c.slot > position[0])
        async with self._database.reading() as connection:
            rows = (await connection.execute(query)).all()
        shown = rows[:size]
        return Page(
            items=tuple(_consent(row) for row in shown),
            next_token=encode_token(listing, (shown[-1].slot,)) if len(rows) > size else "",
        )

    async def granted_slots(self) -> NDArray[np.int64]:
        async with self._database.reading() as connection:
            return await _granted(connection)

    async def record_export(self, entry: AuditEntry, slots: NDArray[np.int64]) -> None:
        async with self._database.writing() as connection:
            await audit.take_turn(connection)  # a withdrawal is either seen here or comes after the record
            ended = np.setdiff1d(slots, await _granted(connection))
            if len(ended):
                raise InvalidValueError(
                    "consent",
                    f"withdrawn for {len(ended)} assets during the export",
                    "consent that holds until the end",
                    "nothing was kept; export again",
                )
            await audit.append(connection, entry)

    async def close(self) -> None:
        await self._database.close()


def _newest_numbers() -> Any:
    table = tables.consent
    return select(func.max(table.c.consent_number)).group_by(table.c.slot)


async def _granted(connection: AsyncConnection) -> NDArray[np.int64]:
    table = tables.consent
    query = select(table.c.slot).where(table.c.consent_number.in_(_newest_numbers()), table.c.granted)
    return np.array(list(await connection.scalars(query.order_by(table.c.slot))), dtype=np.int64)


async def _chosen(
    connection: AsyncConnection, asset_ids: Sequence[str], feeder_id: str
) -> list[tuple[int, str]]:
    """Return slots and names of the assets named and of those on the feeder."""
    known = await load_directory(connection)
    slots = set(slots_of("asset", asset_ids, known.asset_slots))
    if feeder_id:
        (feeder_slot,) = slots_of("feeder", [feeder_id], known.feeder_slots)
        query = select(tables.asset.c.slot).where(tables.asset.c.feeder_slot == feeder_slot)
        slots.update(await connection.scalars(query))
    if not slots:
        raise InvalidValueError("asset", "", "at least one asset, or a feeder that has assets")
    return [(slot, known.asset_ids[slot]) for slot in sorted(slots)]


async def _store(connection: AsyncConnection, slot: int, asset_id: str, change: ConsentChange) -> None:
    row = {
        "slot": slot,
        "granted": change.granted,
        "at_us": to_microseconds(change.at),
        "by": storable_text(change.by),
        "reason": storable_text(change.reason),
    }
    result = await connection.execute(insert(tables.consent).values(row))
    key = result.inserted_primary_key
    assert key is not None
    payload = {
        "consent_number": int(key[0]),
        "granted": change.granted,
        "reason": Sealed(f"asset:{asset_id}", change.reason),
    }
    entry = AuditEntry(
        kind=AuditKind.CONSENT, subject=asset_id, actor=change.by, at=change.at, payload=payload
    )
    await audit.append(connection, entry)


def _consent(row: Any) -> Consent:
    return Consent(
        asset_id=row.asset_id,
        change=ConsentChange(
            granted=row.granted, at=from_microseconds(row.at_us), by=row.by, reason=row.reason
        ),
    )
