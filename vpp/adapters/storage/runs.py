"""Runs with their snapshot and plan."""

from __future__ import annotations

import math
from typing import Any

from sqlalchemy import ColumnElement, exists, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from vpp.adapters.storage import tables
from vpp.adapters.storage.bulk import storable_text
from vpp.adapters.storage.documents import decode_plan, decode_state
from vpp.adapters.storage.paging import decode_token, encode_token
from vpp.domain.readings import from_microseconds, to_microseconds
from vpp.domain.runs import EVERY_RUN, DispatchPlan, RunFilter, Rung, RunKind, RunSummary
from vpp.domain.state import FleetState
from vpp.ports import Page, StoreError

_LISTING = "runs"


async def insert_run(connection: AsyncConnection, run: RunSummary) -> int:
    """Store a run and return its number; raises StoreError when its id is taken."""
    if await connection.scalar(select(exists().where(tables.run.c.run_id == run.run_id))):
        raise StoreError(f"Run {run.run_id} is already stored and is never overwritten.")
    statement = insert(tables.run).values(
        run_id=run.run_id,
        cycle_start_us=to_microseconds(run.cycle_start),
        started_at_us=to_microseconds(run.started_at),
        finished_at_us=to_microseconds(run.finished_at),
        cause=storable_text(run.trigger),
        rung=run.rung.value,
        reason=storable_text(run.reason),
        forecast_id=run.forecast_id,
        input_sha256=run.input_sha256,
        objective=_number_or_null(run.objective),
        lower_bound=_number_or_null(run.lower_bound),
        gap=_number_or_null(run.gap),
        setpoint_count=run.setpoints,
        solve_duration_s=run.seconds_solve,
        killed=run.killed,
        epoch=run.epoch,
        kind=run.kind.value,
        portfolio=run.portfolio,
    )
    number: int = (await connection.execute(statement.returning(tables.run.c.run_number))).scalar_one()
    return number


async def insert_snapshot(
    connection: AsyncConnection, run_number: int, *, state: FleetState, content: bytes
) -> None:
    await connection.execute(
        insert(tables.fleet_snapshot).values(
            run_number=run_number, at_us=to_microseconds(state.at), state=content
        )
    )


async def insert_plan(connection: AsyncConnection, run_number: int, content: bytes) -> None:
    await connection.execute(insert(tables.plan).values(run_number=run_number, schedule=content))


async def last_plan(connection: AsyncConnection) -> DispatchPlan | None:
    query = (
        select(tables.plan.c.schedule)
        .join(tables.run)
        .where(tables.run.c.kind == RunKind.DISPATCH.value)
        .order_by(tables.plan.c.run_number.desc())
        .limit(1)
    )
    content = await connection.scalar(query)
    return None if content is None else decode_plan(content)


async def get_plan(connection: AsyncConnection, run_id: str) -> DispatchPlan | None:
    query = select(tables.plan.c.schedule).join(tables.run).where(tables.run.c.run_id == run_id)
    content = await connection.scalar(query)
    return None if content is None else decode_plan(content)


async def get_state(connection: AsyncConnection, run_id: str) -> FleetState | None:
    query = select(tables.fleet_snapshot.c.state).join(tables.run).where(tables.run.c.run_id == run_id)
    content = await connection.scalar(query)
    return None if content is None else decode_state(content)


async def get_run(connection: AsyncConnection, run_id: str) -> RunSummary | None:
    query = select(tables.run).where(tables.run.c.run_id == run_id)
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else run_of(row)


async def run_of_trigger(connection: AsyncConnection, trigger: str) -> RunSummary | None:
    query = select(tables.run).where(tables.run.c.cause == trigger).order_by(tables.run.c.run_number).limit(1)
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else run_of(row)


async def list_runs(
    connection: AsyncConnection, *, wanted: RunFilter, page_size: int, page_token: str
) -> Page[RunSummary]:
    listing = _LISTING if wanted == EVERY_RUN else f"{_LISTING} {_described(wanted)}"
    query = (
        select(tables.run)
        .where(*_conditions(wanted))
        .order_by(tables.run.c.run_number.desc())
        .limit(page_size + 1)
    )
    position = decode_token(listing, page_token, 1)
    if position is not None:
        query = query.where(tables.run.c.run_number < position[0])
    rows = (await connection.execute(query)).all()
    shown = rows[:page_size]
    more = len(rows) > page_size
    return Page(
        items=tuple(run_of(row) for row in shown),
        next_token=encode_token(listing, (shown[-1].run_number,)) if more else "",
    )


def _conditions(wanted: RunFilter) -> list[ColumnElement[bool]]:
    table = tables.run.c
    found: list[ColumnElement[bool]] = []
    if wanted.started_from is not None:
        found.append(table.started_at_us >= to_microseconds(wanted.started_from))
    if wanted.started_before is not None:
        found.append(table.started_at_us < to_microseconds(wanted.started_before))
    if wanted.trigger:
        # Not LIKE: SQLite's takes capitals for small letters.
        begin = f"{wanted.trigger}:"
        found.append((table.cause == wanted.trigger) | (func.substr(table.cause, 1, len(begin)) == begin))
    if wanted.rungs:
        found.append(table.rung.in_(sorted(wanted.rungs)))
    if wanted.kinds:
        found.append(table.kind.in_(sorted(wanted.kinds)))
    if wanted.portfolio:
        found.append(table.portfolio == wanted.portfolio)
    return found


def _described(wanted: RunFilter) -> str:
    """Return a filter as text, the same for the same filter."""
    times = (wanted.started_from, wanted.started_before)
    return repr((times, wanted.trigger, sorted(wanted.rungs), sorted(wanted.kinds), wanted.portfolio))


def _number_or_null(value: float | None) -> float | None:
    """Return None for NaN, which SQLite would do and PostgreSQL would not."""
    return None if value is None or math.isnan(value) else float(value)


def run_of(row: Any) -> RunSummary:
    return RunSummary(
        run_id=row.run_id,
        cycle_start=from_microseconds(row.cycle_start_us),
        started_at=from_microseconds(row.started_at_us),
        finished_at=from_microseconds(row.finished_at_us),
        trigger=row.cause,
        rung=Rung(row.rung),
        reason=row.reason,
        forecast_id=row.forecast_id,
        input_sha256=row.input_sha256,
        objective=row.objective,
        lower_bound=row.lower_bound,
        gap=row.gap,
        setpoints=row.setpoint_count,
        seconds_solve=row.solve_duration_s,
        killed=row.killed,
        epoch=row.epoch,
        kind=RunKind(row.kind),
        portfolio=row.portfolio,
    )
