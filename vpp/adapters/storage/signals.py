"""What operators signal. Rows are only added: a later announcement of an id supersedes the one before."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, Select, and_, exists, func, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql import ColumnElement
from sqlalchemy.sql.selectable import NamedFromClause

from vpp.adapters.storage import tables
from vpp.adapters.storage.audit import append
from vpp.adapters.storage.bulk import insert_columns
from vpp.adapters.storage.database import Database
from vpp.adapters.storage.paging import bounded_page_size, decode_token, encode_token
from vpp.adapters.storage.signal_content import decode_content, digest, encode_content
from vpp.domain.audit import AuditEntry
from vpp.domain.readings import from_microseconds, to_microseconds
from vpp.domain.signals import Signal, SignalKind
from vpp.ports import Page, RequestReusedError, SignalRegister, TooManySignalsError

MAX_LIVE_SIGNALS: Final = 20_000  # that are valid now or later; a plan looks at them all
_SIGNAL, _REQUEST = tables.signal, tables.signal_request


def open_signals(url: str) -> SignalRegister:
    """Return the signals in the database at `url`; the tables must be there (`migrate.upgrade`)."""
    return DatabaseSignals(Database(url))


class DatabaseSignals:
    """A SignalRegister on SQLite or PostgreSQL; see `vpp.ports.SignalRegister`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def announce(self, signals: Sequence[Signal]) -> tuple[Signal, ...]:
        request_id, said = signals[0].request_id, digest(signals)
        async with self._database.writing() as connection:
            request: dict[str, Sequence[Any]] = {
                "request_id": [request_id],
                "author": [signals[0].author],
                "received_at_us": [to_microseconds(signals[0].available_at)],
                "content_sha256": [said],
            }
            if await insert_columns(connection, _REQUEST, request, skip_repeated=True):
                await connection.execute(insert(_SIGNAL), [_values(signal) for signal in signals])
                await _require_room(connection, to_microseconds(signals[0].available_at))
                await append(connection, _record(signals, said))
            query = select(_REQUEST.c.content_sha256).where(_REQUEST.c.request_id == request_id)
            if await connection.scalar(query) != said:
                raise RequestReusedError(
                    f"request_id: {request_id!r} stands for other signals already; choose another one"
                )
            return await _of_request(connection, request_id)

    async def get_signal(self, signal_id: str, *, known_at: datetime) -> Signal | None:
        query = _announcements(to_microseconds(known_at)).where(
            _SIGNAL.c.signal_id == signal_id, ~_superseded(to_microseconds(known_at))
        )
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else _signal(row)

    async def request_of(self, request_id: str) -> tuple[Signal, ...]:
        async with self._database.reading() as connection:
            return await _of_request(connection, request_id)

    async def signals_between(self, *, start: datetime, end: datetime, known_at: datetime) -> list[Signal]:
        known_at_us = to_microseconds(known_at)
        query = (
            select(_SIGNAL)
            .where(
                _SIGNAL.c.valid_until_us > to_microseconds(start),
                _SIGNAL.c.valid_from_us < to_microseconds(end),
                _SIGNAL.c.available_at_us <= known_at_us,
                ~_SIGNAL.c.withdrawn,
                ~_superseded(known_at_us),
            )
            .order_by(_SIGNAL.c.signal_id)
        )
        async with self._database.reading() as connection:
            return [_signal(row) for row in await connection.execute(query)]

    async def list_signals(
        self,
        *,
        known_at: datetime,
        kind: SignalKind | None,
        with_superseded: bool,
        page_size: int,
        page_token: str,
    ) -> Page[Signal]:
        known_at_us, size = to_microseconds(known_at), bounded_page_size(page_size)
        listing = f"signals of {kind} {with_superseded}"
        query = _announcements(known_at_us).order_by(_SIGNAL.c.signal_number.desc()).limit(size + 1)
        if kind is not None:
            query = query.where(_SIGNAL.c.kind == kind.value)
        if not with_superseded:
            query = query.where(~_superseded(known_at_us))
        position = decode_token(listing, page_token, 1)
        if position is not None:
            query = query.where(_SIGNAL.c.signal_number < position[0])
        async with self._database.reading() as connection:
            rows = (await connection.execute(query)).all()
        shown = rows[:size]
        return Page(
            items=tuple(_signal(row) for row in shown),
            next_token=encode_token(listing, (shown[-1].signal_number,)) if len(rows) > size else "",
        )

    async def close(self) -> None:
        await self._database.close()


def _later(newer: NamedFromClause, known_at_us: int | None) -> ColumnElement[bool]:
    """Return whether `newer` supersedes an announcement, as far as was known."""
    later = and_(
        newer.c.signal_id == _SIGNAL.c.signal_id,
        or_(
            newer.c.available_at_us > _SIGNAL.c.available_at_us,
            and_(
                newer.c.available_at_us == _SIGNAL.c.available_at_us,
                newer.c.signal_number > _SIGNAL.c.signal_number,
            ),
        ),
    )
    return later if known_at_us is None else and_(later, newer.c.available_at_us <= known_at_us)


def _superseded(known_at_us: int | None) -> ColumnElement[bool]:
    newer = _SIGNAL.alias("newer")
    return exists().where(_later(newer, known_at_us))


def _announcements(known_at_us: int | None) -> Select[Any]:
    """Return the query for announcements with the request that superseded each."""
    newer = _SIGNAL.alias("next")
    superseded_by = (
        select(newer.c.request_id)
        .where(_later(newer, known_at_us))
        .order_by(newer.c.available_at_us, newer.c.signal_number)
        .limit(1)
        .scalar_subquery()
        .label("superseded_by")
    )
    query = select(_SIGNAL, superseded_by)
    return query if known_at_us is None else query.where(_SIGNAL.c.available_at_us <= known_at_us)


async def _of_request(connection: AsyncConnection, request_id: str) -> tuple[Signal, ...]:
    query = _announcements(None).where(_SIGNAL.c.request_id == request_id).order_by(_SIGNAL.c.signal_number)
    return tuple(_signal(row) for row in await connection.execute(query))


async def _require_room(connection: AsyncConnection, now_us: int) -> None:
    query = (
        select(func.count())
        .select_from(_SIGNAL)
        .where(_SIGNAL.c.valid_until_us > now_us, ~_SIGNAL.c.withdrawn, ~_superseded(None))
    )
    live = await connection.scalar(query) or 0
    if live > MAX_LIVE_SIGNALS:
        raise TooManySignalsError(
            f"signals: {live} would be valid now or later, expected at most {MAX_LIVE_SIGNALS}; "
            "withdraw some first"
        )


def _record(signals: Sequence[Signal], said: str) -> AuditEntry:
    """Return what the audit chain keeps of a request: the hash of all that it said."""
    first = signals[0]
    payload = {"signals": len(signals), "content_sha256": said}
    return AuditEntry(
        kind="signals", subject=first.request_id, actor=first.author, at=first.available_at, payload=payload
    )


def _values(signal: Signal) -> dict[str, Any]:
    return {
        "signal_id": signal.signal_id,
        "request_id": signal.request_id,
        "kind": signal.kind.value,
        "valid_from_us": to_microseconds(signal.valid_from),
        "valid_until_us": to_microseconds(signal.valid_until),
        "primacy": signal.primacy,
        "author": signal.author,
        "available_at_us": to_microseconds(signal.available_at),
        "withdrawn": signal.withdrawn,
        "content": encode_content(signal.content),
    }


def _signal(row: Row[Any]) -> Signal:
    return Signal(
        signal_id=row.signal_id,
        valid_from=from_microseconds(row.valid_from_us),
        valid_until=from_microseconds(row.valid_until_us),
        primacy=row.primacy,
        request_id=row.request_id,
        author=row.author,
        available_at=from_microseconds(row.available_at_us),
        content=decode_content(row.kind, row.content),
        withdrawn=row.withdrawn,
        superseded_by=getattr(row, "superseded_by", None) or "",
    )
