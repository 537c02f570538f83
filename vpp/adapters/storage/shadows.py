"""What shadows came to, in the database; see `vpp.ports.ShadowRegister`. Rows are added, and cut by age."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Select, Table, delete, exists, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql import ColumnElement

from vpp.adapters.storage import tables
from vpp.adapters.storage.audit import append, digest
from vpp.adapters.storage.bulk import storable_text
from vpp.adapters.storage.database import Database
from vpp.adapters.storage.documents import encode_exchange, encode_quantiles
from vpp.adapters.storage.forecasts import forecast_of, insert_model_call
from vpp.adapters.storage.paging import bounded_page_size, decode_token, encode_token
from vpp.adapters.storage.shadow_documents import (
    cycle_of,
    encode_powers,
    figures_text,
    outcomes_of,
    outcomes_text,
    scores_of,
    scores_text,
)
from vpp.domain.audit import SERVICE, AuditEntry, AuditKind
from vpp.domain.forecasts import LoadForecast, ModelCall
from vpp.domain.readings import from_microseconds, to_microseconds
from vpp.domain.shadows import ComparedCycle, ForecastScore, Outcome, Shadow, ShadowCycle
from vpp.ports import Page
from vpp.ports.shadows import ShadowProgress, ShadowRegister

MAX_CUT: Final = 2_000  # cycles, and forecasts, in one go
MAX_COMPARED: Final = 40_000  # cycles in one report: a year of quarter-hours
_CYCLE = tables.shadow_cycle


def open_shadows(url: str) -> ShadowRegister:
    """Return the register in the database at `url`; opens no connection yet."""
    return DatabaseShadows(Database(url))


class DatabaseShadows:
    """A ShadowRegister on SQLite or PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def save(self, cycle: ShadowCycle) -> None:
        powers = await asyncio.to_thread(encode_powers, cycle)
        async with self._database.writing() as connection:
            known = exists().where(
                _CYCLE.c.shadow_id == cycle.shadow_id,
                _CYCLE.c.change_sha256 == cycle.change_sha256,
                _CYCLE.c.run_id == cycle.run_id,
            )
            if await connection.scalar(select(known)):
                return
            await connection.execute(
                insert(_CYCLE).values(
                    shadow_id=cycle.shadow_id,
                    change_sha256=cycle.change_sha256,
                    run_id=cycle.run_id,
                    cycle_start_us=to_microseconds(cycle.cycle_start),
                    planned_at_us=to_microseconds(cycle.planned_at),
                    figures=figures_text(cycle),
                    powers=powers,
                )
            )

    async def has(self, shadow: Shadow, run_id: str) -> bool:
        query = select(exists().where(*_of(shadow), _CYCLE.c.run_id == run_id))
        async with self._database.reading() as connection:
            return bool(await connection.scalar(query))

    async def progress(self, shadow: Shadow) -> ShadowProgress:
        start, settled = _CYCLE.c.cycle_start_us, tables.shadow_outcome.c.cycle_number
        query = (
            select(func.count(), func.count(settled), func.min(start), func.max(start))
            .select_from(_CYCLE.outerjoin(tables.shadow_outcome))
            .where(*_of(shadow))
        )
        async with self._database.reading() as connection:
            count, outcomes, first, newest = (await connection.execute(query)).one()
        return ShadowProgress(
            cycles=int(count),
            settled=int(outcomes),
            first=None if first is None else from_microseconds(first),
            newest=None if newest is None else from_microseconds(newest),
        )

    async def unsettled(
        self, shadow: Shadow, *, start_before: datetime, most: int
    ) -> list[tuple[ShadowCycle, ShadowCycle | None]]:
        query = _open(shadow, tables.shadow_outcome, start_before, most)
        async with self._database.reading() as connection:
            rows = (await connection.execute(query)).all()
            return [(cycle_of(row, powers=True), await _before(connection, shadow, row)) for row in rows]

    async def settle(self, number: int, outcomes: tuple[Outcome, Outcome] | None, *, at: datetime) -> None:
        row = {
            "cycle_number": number,
            "settled_at_us": to_microseconds(at),
            "figures": outcomes_text(outcomes),
        }
        async with self._database.writing() as connection:
            await connection.execute(insert(tables.shadow_outcome).values(row))

    async def unscored(self, shadow: Shadow, *, start_before: datetime, most: int) -> list[ShadowCycle]:
        query = _open(shadow, tables.shadow_score, start_before, most)
        async with self._database.reading() as connection:
            return [cycle_of(row) for row in await connection.execute(query)]

    async def score(self, number: int, scores: Mapping[str, ForecastScore], *, at: datetime) -> None:
        row = {"cycle_number": number, "scored_at_us": to_microseconds(at), "figures": scores_text(scores)}
        async with self._database.writing() as connection:
            await connection.execute(insert(tables.shadow_score).values(row))

    async def compared(self, shadow: Shadow, *, start: datetime, end: datetime) -> list[ComparedCycle]:
        within = (
            _CYCLE.c.cycle_start_us >= to_microseconds(start),
            _CYCLE.c.cycle_start_us < to_microseconds(end),
        )
        last = select(func.max(_CYCLE.c.cycle_number)).where(*_of(shadow), *within)
        query = _with_all(shadow).where(_CYCLE.c.cycle_number.in_(last.group_by(_CYCLE.c.cycle_start_us)))
        query = query.order_by(_CYCLE.c.cycle_start_us.desc()).limit(MAX_COMPARED)
        async with self._database.reading() as connection:
            rows = (await connection.execute(query)).all()
        return await asyncio.to_thread(lambda: [_compared(row) for row in reversed(rows)])

    async def page(self, shadow: Shadow, *, page_size: int, page_token: str) -> Page[ComparedCycle]:
        size, listing = bounded_page_size(page_size), f"shadow {shadow.shadow_id} {shadow.change.sha256}"
        query = _with_all(shadow).order_by(_CYCLE.c.cycle_number.desc()).limit(size + 1)
        if (position := decode_token(listing, page_token, 1)) is not None:
            query = query.where(_CYCLE.c.cycle_number < position[0])
        async with self._database.reading() as connection:
            rows = (await connection.execute(query)).all()
        shown = rows[:size]
        token = encode_token(listing, (shown[-1].cycle_number,)) if len(rows) > size else ""
        return Page(items=tuple(_compared(row) for row in shown), next_token=token)

    async def save_forecast(self, shadow_id: str, forecast: LoadForecast, call: ModelCall | None) -> None:
        quantiles = await asyncio.to_thread(encode_quantiles, forecast)
        exchange = None if call is None else await asyncio.to_thread(encode_exchange, call)
        async with self._database.writing() as connection:
            if call is not None and exchange is not None:
                await insert_model_call(connection, call, exchange)
            row = {
                "shadow_id": shadow_id,
                "forecast_id": forecast.forecast_id,
                "available_at_us": to_microseconds(forecast.available_at),
                "source": forecast.source.value,
                "verdict": forecast.verdict.value,
                "reason": storable_text(forecast.reason),
                "call_id": forecast.model_call_id,
                "quantiles": quantiles,
            }
            await connection.execute(insert(tables.shadow_forecast).values(row))
            said = {"shadow_id": shadow_id, "quantiles_sha256": digest(quantiles)}
            said["call_id"] = forecast.model_call_id or ""
            entry = AuditEntry(
                kind=AuditKind.SHADOW_FORECAST,
                subject=forecast.forecast_id,
                actor=SERVICE,
                at=forecast.available_at,
                payload=said,
            )
            await append(connection, entry)

    async def newest_forecast(self, shadow_id: str, *, available_at: datetime) -> LoadForecast | None:
        table = tables.shadow_forecast
        known = table.c.available_at_us <= to_microseconds(available_at)
        query = select(table).where(table.c.shadow_id == shadow_id, known)
        query = query.order_by(table.c.available_at_us.desc(), table.c.forecast_number.desc()).limit(1)
        return await self._forecast(query)

    async def get_forecast(self, forecast_id: str) -> LoadForecast | None:
        table = tables.shadow_forecast
        return await self._forecast(select(table).where(table.c.forecast_id == forecast_id))

    async def _forecast(self, query: Select[Any]) -> LoadForecast | None:
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else forecast_of(row)

    async def cut(self, *, older_than: datetime) -> int:
        before, own = to_microseconds(older_than), tables.shadow_forecast
        async with self._database.writing() as connection:
            old = await _oldest(connection, _CYCLE, "cycle_number", "cycle_start_us", before)
            for table in (tables.shadow_outcome, tables.shadow_score, _CYCLE):
                await connection.execute(delete(table).where(table.c.cycle_number.in_(old)))
            unused = await _oldest(connection, own, "forecast_number", "available_at_us", before)
            await connection.execute(delete(own).where(own.c.forecast_number.in_(unused)))
        return len(old) + len(unused)

    async def close(self) -> None:
        await self._database.close()


async def _oldest(
    connection: AsyncConnection, table: Table, number: str, at: str, before_us: int
) -> list[int]:
    """Return which of the first rows to be written are of an earlier time; an index finds them."""
    first = select(table.c[number], table.c[at]).order_by(table.c[number]).limit(MAX_CUT).subquery()
    return list(await connection.scalars(select(first.c[number]).where(first.c[at] < before_us)))


def _of(shadow: Shadow) -> list[ColumnElement[bool]]:
    """Return what picks the cycles of a shadow as it is now, and of no earlier version of it."""
    return [_CYCLE.c.shadow_id == shadow.shadow_id, _CYCLE.c.change_sha256 == shadow.change.sha256]


def _open(shadow: Shadow, done: Any, start_before: datetime, most: int) -> Select[Any]:
    over = exists().where(done.c.cycle_number == _CYCLE.c.cycle_number)
    early = _CYCLE.c.cycle_start_us < to_microseconds(start_before)
    query = select(_CYCLE).where(*_of(shadow), early, ~over)
    return query.order_by(_CYCLE.c.cycle_number).limit(most)


async def _before(connection: AsyncConnection, shadow: Shadow, row: Any) -> ShadowCycle | None:
    """Return the last cycle of the interval that was compared before."""
    query = select(_CYCLE).where(*_of(shadow), _CYCLE.c.cycle_start_us < row.cycle_start_us)
    query = query.order_by(_CYCLE.c.cycle_start_us.desc(), _CYCLE.c.cycle_number.desc()).limit(1)
    found = (await connection.execute(query)).one_or_none()
    return None if found is None else cycle_of(found, powers=True)


def _with_all(shadow: Shadow) -> Select[Any]:
    outcome, score = tables.shadow_outcome, tables.shadow_score
    columns = [column for column in _CYCLE.c if column.name != "powers"]
    joined = _CYCLE.outerjoin(outcome).outerjoin(score, score.c.cycle_number == _CYCLE.c.cycle_number)
    return (
        select(*columns, outcome.c.figures.label("outcomes"), score.c.figures.label("scores"))
        .select_from(joined)
        .where(*_of(shadow))
    )


def _compared(row: Any) -> ComparedCycle:
    return ComparedCycle(
        cycle=cycle_of(row), outcomes=outcomes_of(row.outcomes), scores=scores_of(row.scores)
    )
