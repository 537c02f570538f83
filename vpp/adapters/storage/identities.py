"""Tokens, issued certificates, revocations and their audit, in the service's database.

Every row of the three kinds carries the number of its row in the audit. A certificate remembers the
number of the token that it goes back to, through all renewals; it survives the revocation of its node
only when that token was made later. So it does not matter which of two transactions was faster.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from vpp.adapters.storage import tables
from vpp.adapters.storage.audit import append
from vpp.adapters.storage.database import Database
from vpp.adapters.storage.paging import bounded_page_size, decode_token, encode_token
from vpp.domain.audit import AuditEntry, AuditKind, Sealed
from vpp.domain.errors import InvalidValueError
from vpp.domain.identity import (
    CertificateRecord,
    DenyList,
    EnrolmentToken,
    IdentityEvent,
    Revocation,
    TokenRevocation,
)
from vpp.domain.readings import from_microseconds, to_microseconds
from vpp.ports import IdentityRegister, Page, StoreError

MAX_OPEN_TOKENS = 10_000
_LISTING = "identity_events"


def open_identities(url: str) -> IdentityRegister:
    """Return the register in the database at `url`; opens no connection yet."""
    return DatabaseIdentities(Database(url))


class DatabaseIdentities:
    """An IdentityRegister on SQLite or PostgreSQL; see `vpp.ports.IdentityRegister`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def save_token(self, token: EnrolmentToken, event: IdentityEvent) -> None:
        async with self._database.writing() as connection:
            now_us = to_microseconds(token.created_at)
            count = select(func.count()).where(tables.enrolment_token.c.expires_at_us > now_us)
            if (await connection.scalar(count) or 0) >= MAX_OPEN_TOKENS:
                raise InvalidValueError(
                    "tokens",
                    MAX_OPEN_TOKENS,
                    f"fewer than {MAX_OPEN_TOKENS} open ones",
                    "wait for some to end",
                )
            row = {
                "token_id": token.token_id,
                "event_number": await _append(connection, event),
                "secret_sha256": token.secret_sha256,
                "node_id": token.node_id,
                "asset_ids": json.dumps(token.asset_ids),
                "created_at_us": now_us,
                "created_by": token.created_by,
                "expires_at_us": to_microseconds(token.expires_at),
            }
            await connection.execute(insert(tables.enrolment_token).values(row))

    async def token(self, token_id: str) -> EnrolmentToken | None:
        query = select(tables.enrolment_token).where(tables.enrolment_token.c.token_id == token_id)
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            return None
        return EnrolmentToken(
            token_id=row.token_id,
            secret_sha256=row.secret_sha256,
            node_id=row.node_id,
            asset_ids=tuple(json.loads(row.asset_ids)),
            created_at=from_microseconds(row.created_at_us),
            created_by=row.created_by,
            expires_at=from_microseconds(row.expires_at_us),
        )

    async def token_revoked(self, token_id: str) -> bool:
        tokens, revocations = tables.enrolment_token.c, tables.revocation.c
        query = (
            select(func.count())
            .select_from(tables.enrolment_token)
            .join(tables.revocation, revocations.node_id == tokens.node_id)
            .where(tokens.token_id == token_id, revocations.event_number > tokens.event_number)
        )
        async with self._database.reading() as connection:
            return bool(await connection.scalar(query))

    async def certificate_of_token(self, token_id: str) -> CertificateRecord | None:
        query = select(tables.certificate).where(tables.certificate.c.token_id == token_id)
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else _record(row)

    async def save_certificate(self, record: CertificateRecord, event: IdentityEvent) -> bool:
        try:
            async with self._database.writing() as connection:
                await _insert_certificate(connection, record, event)
        except StoreError as error:
            if record.token_id is not None and isinstance(error.__cause__, IntegrityError):
                return False
            raise
        return True

    async def newest_certificates(self) -> list[CertificateRecord]:
        columns = tables.certificate.c
        newest = select(func.max(columns.event_number)).group_by(columns.node_id)
        query = select(tables.certificate).where(columns.event_number.in_(newest)).order_by(columns.node_id)
        async with self._database.reading() as connection:
            return [_record(row) for row in (await connection.execute(query)).all()]

    async def revoke(self, revocation: Revocation) -> None:
        async with self._database.writing() as connection:
            node_id = revocation.node_id
            if revocation.serial is not None:
                columns = tables.certificate.c
                node_id = await connection.scalar(
                    select(columns.node_id).where(columns.serial == revocation.serial)
                )
            words = f"certificate {revocation.serial}: " if revocation.serial else ""
            event = IdentityEvent(
                at=revocation.at,
                kind="revoked",
                node_id=node_id or "",
                actor=revocation.by,
                detail=f"{words}{revocation.reason}",
            )
            number = await _append(connection, event)
            row = {"event_number": number, "node_id": revocation.node_id, "serial": revocation.serial}
            await connection.execute(insert(tables.revocation).values(row))

    async def revoke_tokens(self, revocation: TokenRevocation) -> None:
        who = f"token {revocation.token_id}" if revocation.token_id else f"tokens of {revocation.person}"
        async with self._database.writing() as connection:
            event = IdentityEvent(
                at=revocation.at,
                kind="token_revoked",
                node_id="",
                actor=revocation.by,
                detail=f"{who}: {revocation.reason}",
            )
            row = {
                "event_number": await _append(connection, event),
                "token_id": revocation.token_id or None,
                "person": revocation.person or None,
            }
            await connection.execute(insert(tables.token_revocation).values(row))

    async def deny_list(self) -> DenyList:
        revocations, certificates = tables.revocation.c, tables.certificate.c
        last = (
            select(revocations.node_id, func.max(revocations.event_number).label("number"))
            .where(revocations.node_id.is_not(None))
            .group_by(revocations.node_id)
            .subquery()
        )
        later = select(last.c.node_id, certificates.serial).outerjoin_from(
            last,
            tables.certificate,
            (certificates.node_id == last.c.node_id) & (certificates.admitted_by > last.c.number),
        )
        async with self._database.reading() as connection:
            denied = frozenset((await connection.scalars(_revoked_serials())).all())
            nodes: dict[str, set[str]] = {}
            for node_id, serial in (await connection.execute(later)).all():
                nodes.setdefault(node_id, set()).update({serial} if serial else ())
            tokens, people = await _revoked_tokens(connection)
        allowed_serials = {node_id: frozenset(allowed) for node_id, allowed in nodes.items()}
        return DenyList(denied, allowed_serials, tokens, people)

    async def append_event(self, event: IdentityEvent) -> None:
        async with self._database.writing() as connection:
            await _append(connection, event)

    async def events(self, *, page_size: int, page_token: str) -> Page[IdentityEvent]:
        size = bounded_page_size(page_size)
        columns = tables.identity_event.c
        query = select(tables.identity_event).order_by(columns.event_number.desc()).limit(size + 1)
        if (position := decode_token(_LISTING, page_token, 1)) is not None:
            query = query.where(columns.event_number < position[0])
        async with self._database.reading() as connection:
            rows = (await connection.execute(query)).all()
        shown = rows[:size]
        return Page(
            items=tuple(
                IdentityEvent(
                    at=from_microseconds(row.at_us),
                    kind=row.kind,
                    node_id=row.node_id,
                    actor=row.actor,
                    detail=row.detail,
                )
                for row in shown
            ),
            next_token=encode_token(_LISTING, (shown[-1].event_number,)) if len(rows) > size else "",
        )

    async def close(self) -> None:
        await self._database.close()


def _revoked_serials() -> Any:
    """Return the query for the revoked certificates and all that were renewed from one of them."""
    revocations, certificates = tables.revocation.c, tables.certificate.c
    given = select(revocations.serial).where(revocations.serial.is_not(None)).cte(recursive=True)
    renewed = select(certificates.serial).join(given, certificates.previous_serial == given.c.serial)
    everything = given.union(renewed)
    return select(everything.c.serial)


async def _revoked_tokens(connection: AsyncConnection) -> tuple[frozenset[str], dict[str, datetime]]:
    """Return the ids of revoked tokens, and of each person when all were revoked last."""
    table, event = tables.token_revocation, tables.identity_event
    single = await connection.scalars(select(table.c.token_id).where(table.c.token_id.is_not(None)))
    query = (
        select(table.c.person, func.max(event.c.at_us))
        .join(event, event.c.event_number == table.c.event_number)
        .where(table.c.person.is_not(None))
        .group_by(table.c.person)
    )
    people = {name: from_microseconds(at_us) for name, at_us in (await connection.execute(query)).all()}
    return frozenset(single), people


async def _append(connection: AsyncConnection, event: IdentityEvent) -> int:
    row = {
        "at_us": to_microseconds(event.at),
        "kind": event.kind,
        "node_id": event.node_id,
        "actor": event.actor,
        "detail": event.detail,
    }
    result = await connection.execute(insert(tables.identity_event).values(row))
    number = result.inserted_primary_key
    assert number is not None
    await append(
        connection,
        AuditEntry(
            kind=AuditKind.IDENTITY,
            subject=event.node_id,
            actor=event.actor,
            at=event.at,
            payload={
                "event": event.kind,
                "event_number": int(number[0]),
                "detail": Sealed(f"node:{event.node_id}", event.detail),
            },
        ),
    )
    return int(number[0])


async def _insert_certificate(
    connection: AsyncConnection, record: CertificateRecord, event: IdentityEvent
) -> None:
    row = {
        "serial": record.serial,
        "event_number": await _append(connection, event),
        "admitted_by": await _admitted_by(connection, record),
        "node_id": record.node_id,
        "public_key_sha256": record.public_key_sha256,
        "chain_pem": record.chain_pem if record.token_id else "",
        "issued_at_us": to_microseconds(record.issued_at),
        "not_after_us": to_microseconds(record.not_after),
        "token_id": record.token_id,
        "previous_serial": record.previous_serial,
    }
    await connection.execute(insert(tables.certificate).values(row))


async def _admitted_by(connection: AsyncConnection, record: CertificateRecord) -> int:
    """Return the event of the token behind a certificate, 0 when there is none."""
    tokens, certificates = tables.enrolment_token.c, tables.certificate.c
    if record.token_id is not None:
        query: Any = select(tokens.event_number).where(tokens.token_id == record.token_id)
    else:
        query = select(certificates.admitted_by).where(certificates.serial == record.previous_serial)
    return int(await connection.scalar(query) or 0)


def _record(row: Any) -> CertificateRecord:
    return CertificateRecord(
        serial=row.serial,
        node_id=row.node_id,
        public_key_sha256=row.public_key_sha256,
        chain_pem=row.chain_pem,
        issued_at=from_microseconds(row.issued_at_us),
        not_after=from_microseconds(row.not_after_us),
        token_id=row.token_id,
        previous_serial=row.previous_serial,
    )
