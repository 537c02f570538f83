"""Words on schedules and their firings in the database; see `vpp.ports.schedules`."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from vpp.adapters.storage import tables
from vpp.adapters.storage.audit import append
from vpp.adapters.storage.bulk import insert_columns, storable_text
from vpp.adapters.storage.database import Database
from vpp.adapters.storage.paging import bounded_page_size, decode_token, encode_token
from vpp.domain.audit import AuditEntry, AuditKind
from vpp.domain.readings import from_microseconds, to_microseconds
from vpp.domain.schedules import Firing, ScheduleWord
from vpp.ports import Page, RequestReusedError
from vpp.ports.schedules import ScheduleRegister

_WORD, _FIRING = tables.schedule_word, tables.schedule_firing


def open_schedules(url: str) -> ScheduleRegister:
    """Return the register in the database at `url`; opens no connection yet."""
    return DatabaseSchedules(Database(url))


class DatabaseSchedules:
    """A ScheduleRegister on SQLite or PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def say(self, word: ScheduleWord) -> ScheduleWord:
        columns: dict[str, list[Any]] = {
            "schedule_id": [word.schedule_id],
            "paused": [word.paused],
            "request_id": [word.request_id],
            "author": [storable_text(word.author)],
            "reason": [storable_text(word.reason)],
            "at_us": [to_microseconds(word.at)],
        }
        async with self._database.writing() as connection:
            if await insert_columns(connection, _WORD, columns, skip_repeated=True):
                await append(connection, _record(word))
            row = (await connection.execute(select(_WORD).where(_WORD.c.request_id == word.request_id))).one()
        stored = _word(row)
        if (stored.schedule_id, stored.paused) != (word.schedule_id, word.paused):
            raise RequestReusedError(
                f"request_id: {word.request_id!r} stands for another word already; choose another one"
            )
        return stored

    async def newest_words(self) -> dict[str, ScheduleWord]:
        newest = select(func.max(_WORD.c.word_number)).group_by(_WORD.c.schedule_id)
        async with self._database.reading() as connection:
            rows = await connection.execute(select(_WORD).where(_WORD.c.word_number.in_(newest)))
            return {row.schedule_id: _word(row) for row in rows}

    async def add_firing(self, firing: Firing) -> None:
        values = {
            "schedule_id": firing.schedule_id,
            "fired_at_us": to_microseconds(firing.fired_at),
            "run_id": firing.run_id,
            "failure": storable_text(firing.failure),
        }
        async with self._database.writing() as connection:
            await connection.execute(insert(_FIRING).values(values))

    async def newest_firings(self) -> dict[str, Firing]:
        newest = select(func.max(_FIRING.c.firing_number)).group_by(_FIRING.c.schedule_id)
        async with self._database.reading() as connection:
            rows = await connection.execute(select(_FIRING).where(_FIRING.c.firing_number.in_(newest)))
            return {row.schedule_id: _firing(row) for row in rows}

    async def firings(
        self, *, schedule_ids: Collection[str], page_size: int, page_token: str
    ) -> Page[Firing]:
        size, listing = bounded_page_size(page_size), f"firings of {sorted(schedule_ids)}"
        query = select(_FIRING).where(_FIRING.c.schedule_id.in_(sorted(schedule_ids)))
        query = query.order_by(_FIRING.c.firing_number.desc()).limit(size + 1)
        if (position := decode_token(listing, page_token, 1)) is not None:
            query = query.where(_FIRING.c.firing_number < position[0])
        async with self._database.reading() as connection:
            rows = (await connection.execute(query)).all()
        token = encode_token(listing, (rows[size - 1].firing_number,)) if len(rows) > size else ""
        return Page(items=tuple(_firing(row) for row in rows[:size]), next_token=token)

    async def close(self) -> None:
        await self._database.close()


def _record(word: ScheduleWord) -> AuditEntry:
    said = {"paused": word.paused, "request_id": word.request_id, "reason": word.reason}
    return AuditEntry(
        kind=AuditKind.SCHEDULE, subject=word.schedule_id, actor=word.author, at=word.at, payload=said
    )


def _word(row: Any) -> ScheduleWord:
    return ScheduleWord(
        schedule_id=row.schedule_id,
        paused=row.paused,
        request_id=row.request_id,
        author=row.author,
        reason=row.reason,
        at=from_microseconds(row.at_us),
    )


def _firing(row: Any) -> Firing:
    return Firing(
        schedule_id=row.schedule_id,
        fired_at=from_microseconds(row.fired_at_us),
        run_id=row.run_id,
        failure=row.failure,
    )


async def drop_firings(connection: AsyncConnection, *, before_us: int) -> None:
    """Drop the firings of runs that nobody can replay any more."""
    await connection.execute(_FIRING.delete().where(_FIRING.c.fired_at_us < before_us))
