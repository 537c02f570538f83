"""Promotions in the database; see `vpp.ports.promotions`."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import insert, or_, select

from vpp.adapters.storage import registry, tables
from vpp.adapters.storage.audit import append
from vpp.adapters.storage.bulk import storable_text
from vpp.adapters.storage.database import Database
from vpp.adapters.storage.writer_lock import fence_shared
from vpp.domain.audit import AuditEntry, AuditKind, Sealed
from vpp.domain.promotions import Overlay, Promotion, PromotionKind
from vpp.domain.readings import from_microseconds, to_microseconds
from vpp.ports import StoreError
from vpp.ports.promotions import PromotionRegister

MAX_PROMOTIONS: Final = 10_000  # all of them are read at a start


def open_promotions(url: str) -> PromotionRegister:
    """Return the register in the database at `url`; opens no connection yet."""
    return DatabasePromotions(Database(url))


class DatabasePromotions:
    """A PromotionRegister on SQLite or PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, promotion: Promotion, *, epoch: int) -> Promotion:
        table = tables.promotion
        names = ("promotion_id", "approval_id", "request_id")
        given = {name: value for name in names if (value := getattr(promotion, name))}
        same = or_(*(table.c[name] == value for name, value in given.items()))
        async with self._database.writing() as connection:
            await fence_shared(connection)
            await registry.require_newest_epoch(connection, epoch)
            found = (await connection.execute(select(table).where(same).limit(1))).one_or_none()
            if found is not None:
                return _promotion(found)
            values = {
                "promotion_id": promotion.promotion_id,
                "kind": promotion.kind.value,
                "shadow_id": promotion.shadow_id,
                "overlay": json.dumps(promotion.overlay.plain(), sort_keys=True),
                "at_us": to_microseconds(promotion.at),
                "people": json.dumps([storable_text(name) for name in promotion.people]),
                "reason": storable_text(promotion.reason),
                "approval_id": promotion.approval_id or None,
                "request_id": promotion.request_id or None,
                "epoch": epoch,
            }
            result = await connection.execute(insert(table).values(values))
            key = result.inserted_primary_key
            assert key is not None
            await append(connection, _entry(promotion))
            return replace(promotion, number=int(key[0]))

    async def history(self) -> list[Promotion]:
        table = tables.promotion
        query = select(table).order_by(table.c.promotion_number).limit(MAX_PROMOTIONS + 1)
        async with self._database.reading() as connection:
            rows = (await connection.execute(query)).all()
        if len(rows) > MAX_PROMOTIONS:
            raise StoreError(
                f"There are more than {MAX_PROMOTIONS} promotions; what is in force is not known."
            )
        return [_promotion(row) for row in rows]

    async def close(self) -> None:
        await self._database.close()


def _entry(promotion: Promotion) -> AuditEntry:
    """Return the record of a promotion; a person's own words are sealed."""
    who = promotion.people[0] if promotion.people else ""
    payload = {
        "event": promotion.kind.value,
        "shadow_id": promotion.shadow_id,
        "overlay": promotion.overlay.plain(),
        "approval_id": promotion.approval_id,
        "people": list(promotion.people),
        "reason": Sealed(f"person:{who}", promotion.reason),
    }
    return AuditEntry(
        kind=AuditKind.PROMOTION,
        subject=promotion.promotion_id,
        actor=" and ".join(promotion.people),
        at=promotion.at,
        payload=payload,
    )


def _promotion(row: Any) -> Promotion:
    return Promotion(
        promotion_id=row.promotion_id,
        kind=PromotionKind(row.kind),
        shadow_id=row.shadow_id,
        overlay=Overlay(**json.loads(row.overlay)),
        at=from_microseconds(row.at_us),
        people=tuple(json.loads(row.people)),
        reason=row.reason,
        approval_id=row.approval_id or "",
        request_id=row.request_id or "",
        number=row.promotion_number,
    )
