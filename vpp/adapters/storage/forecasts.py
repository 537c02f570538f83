"""Forecasts and the exchanges with the reasoning model behind them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import exists, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from vpp.adapters.storage import tables
from vpp.adapters.storage.bulk import storable_text
from vpp.adapters.storage.documents import decode_exchange, decode_forecast
from vpp.adapters.storage.paging import decode_token, encode_token
from vpp.domain.forecasts import LoadForecast, ModelCall, ReplyVerdict
from vpp.domain.readings import from_microseconds, to_microseconds
from vpp.ports import Page, StoreError

_LISTING = "forecasts"
MAXIMUM_IN_FORCE = 300  # of one day, which is one every five minutes


async def insert_model_call(connection: AsyncConnection, call: ModelCall, exchange: bytes) -> None:
    """Store a model call, unless it is there: a forecast may rest on an earlier reply to the same request."""
    known = exists().where(tables.model_call.c.call_id == call.call_id)
    if await connection.scalar(select(known)):
        return
    await connection.execute(
        insert(tables.model_call).values(
            call_id=call.call_id,
            asked_at_us=to_microseconds(call.asked_at),
            model=call.model,
            endpoint=call.endpoint,
            verdict=call.verdict.value,
            reason=storable_text(call.reason),
            prompt_tokens=call.prompt_tokens,
            completion_tokens=call.completion_tokens,
            cached_tokens=call.cached_tokens,
            cost=call.cost,
            currency=call.currency,
            duration_s=call.seconds,
            exchange=exchange,
        )
    )


async def insert_forecast(connection: AsyncConnection, forecast: LoadForecast, quantiles: bytes) -> None:
    """Store a forecast; raises StoreError when its id is taken."""
    known = exists().where(tables.forecast.c.forecast_id == forecast.forecast_id)
    if await connection.scalar(select(known)):
        raise StoreError(f"Forecast {forecast.forecast_id} is already stored and is never overwritten.")
    await connection.execute(
        insert(tables.forecast).values(
            forecast_id=forecast.forecast_id,
            available_at_us=to_microseconds(forecast.available_at),
            source=forecast.source.value,
            verdict=forecast.verdict.value,
            reason=storable_text(forecast.reason),
            call_id=forecast.model_call_id,
            quantiles=quantiles,
        )
    )


async def newest_forecast(connection: AsyncConnection, *, available_at_us: int) -> LoadForecast | None:
    table = tables.forecast
    query = (
        select(table)
        .where(table.c.available_at_us <= available_at_us)
        .order_by(table.c.available_at_us.desc(), table.c.forecast_number.desc())
        .limit(1)
    )
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else forecast_of(row)


async def forecasts_available(
    connection: AsyncConnection, *, start_us: int, end_us: int
) -> list[LoadForecast]:
    """Return the newest forecast at `start_us` and those that became available before `end_us`, in order."""
    table = tables.forecast
    first = (
        select(table.c.forecast_number)
        .where(table.c.available_at_us <= start_us)
        .order_by(table.c.available_at_us.desc(), table.c.forecast_number.desc())
        .limit(1)
        .scalar_subquery()
    )
    later = (table.c.available_at_us > start_us) & (table.c.available_at_us < end_us)
    query = (
        select(table)
        .where((table.c.forecast_number == first) | later)
        .order_by(table.c.available_at_us, table.c.forecast_number)
        .limit(MAXIMUM_IN_FORCE)
    )
    return [forecast_of(row) for row in (await connection.execute(query)).all()]


async def get_forecast(connection: AsyncConnection, forecast_id: str) -> LoadForecast | None:
    query = select(tables.forecast).where(tables.forecast.c.forecast_id == forecast_id)
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else forecast_of(row)


async def get_model_call(connection: AsyncConnection, call_id: str) -> ModelCall | None:
    query = select(tables.model_call).where(tables.model_call.c.call_id == call_id)
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else model_call_of(row)


async def list_forecasts(
    connection: AsyncConnection, *, page_size: int, page_token: str
) -> Page[LoadForecast]:
    table = tables.forecast
    query = select(table).order_by(table.c.forecast_number.desc()).limit(page_size + 1)
    position = decode_token(_LISTING, page_token, 1)
    if position is not None:
        query = query.where(table.c.forecast_number < position[0])
    rows = (await connection.execute(query)).all()
    shown = rows[:page_size]
    more = len(rows) > page_size
    return Page(
        items=tuple(forecast_of(row) for row in shown),
        next_token=encode_token(_LISTING, (shown[-1].forecast_number,)) if more else "",
    )


def forecast_of(row: Any) -> LoadForecast:
    return decode_forecast(
        row.quantiles,
        forecast_id=row.forecast_id,
        available_at_us=row.available_at_us,
        source=row.source,
        verdict=row.verdict,
        reason=row.reason,
        call_id=row.call_id,
    )


def model_call_of(row: Any) -> ModelCall:
    prompt, replies, reasoning = decode_exchange(row.exchange)
    return ModelCall(
        call_id=row.call_id,
        asked_at=from_microseconds(row.asked_at_us),
        model=row.model,
        endpoint=row.endpoint,
        prompt=prompt,
        replies=replies,
        reasoning=reasoning,
        verdict=ReplyVerdict(row.verdict),
        reason=row.reason,
        prompt_tokens=row.prompt_tokens,
        completion_tokens=row.completion_tokens,
        cached_tokens=row.cached_tokens,
        cost=row.cost,
        currency=row.currency,
        seconds=row.duration_s,
    )
