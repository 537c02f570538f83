"""What is announced and may be announced anew: sessions, prices, remarks.

A row is identified by its key and the time it became known. The same pair twice changes nothing;
a correction carries a later time, and both stay, so that a replay sees what was known at its time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from vpp.adapters.storage import tables
from vpp.adapters.storage.bulk import insert_columns, require_finite, storable_text
from vpp.adapters.storage.registry import Directory, slots_of
from vpp.adapters.storage.telemetry import newest_known
from vpp.domain.forecasts import ContextItem
from vpp.domain.prices import PricePoint
from vpp.domain.readings import ChargingSession, from_microseconds, to_microseconds


async def save_sessions(
    connection: AsyncConnection, sessions: Sequence[ChargingSession], directory: Directory
) -> None:
    departure = [session.departure_energy_kwh for session in sessions]
    trip = [session.trip_energy_kwh for session in sessions]
    require_finite("departure_energy_kwh", departure)
    require_finite("trip_energy_kwh", trip)
    columns: dict[str, Sequence[Any]] = {
        "slot": slots_of("asset_id", (session.asset_id for session in sessions), directory.asset_slots),
        "connected_from_us": [to_microseconds(session.connected_from) for session in sessions],
        "announced_at_us": [to_microseconds(session.announced_at) for session in sessions],
        "connected_until_us": [to_microseconds(session.connected_until) for session in sessions],
        "departure_energy_kwh": departure,
        "trip_energy_kwh": trip,
    }
    await insert_columns(connection, tables.charging_session, columns, skip_repeated=True)


async def sessions_between(
    connection: AsyncConnection, *, start_us: int, end_us: int, known_at_us: int, directory: Directory
) -> list[ChargingSession]:
    """Return the sessions that overlap [start, end), by connected_from and slot."""
    table = tables.charging_session
    query = (
        select(table)
        .where(
            table.c.connected_until_us > start_us,
            table.c.connected_from_us < end_us,
            *newest_known(
                table, key=("slot", "connected_from_us"), known_by="announced_at_us", known_at_us=known_at_us
            ),
        )
        .order_by(table.c.connected_from_us, table.c.slot)
    )
    return [
        ChargingSession(
            asset_id=directory.asset_ids[row.slot],
            connected_from=from_microseconds(row.connected_from_us),
            connected_until=from_microseconds(row.connected_until_us),
            departure_energy_kwh=row.departure_energy_kwh,
            trip_energy_kwh=row.trip_energy_kwh,
            announced_at=from_microseconds(row.announced_at_us),
        )
        for row in await connection.execute(query)
    ]


async def save_prices(connection: AsyncConnection, prices: Sequence[PricePoint]) -> None:
    import_price = [price.import_price_per_kwh for price in prices]
    export_price = [price.export_price_per_kwh for price in prices]
    require_finite("import_price_per_kwh", import_price)
    require_finite("export_price_per_kwh", export_price)
    columns: dict[str, Sequence[Any]] = {
        "start_us": [to_microseconds(price.start) for price in prices],
        "available_at_us": [to_microseconds(price.available_at) for price in prices],
        "end_us": [to_microseconds(price.end) for price in prices],
        "import_price_per_kwh": import_price,
        "export_price_per_kwh": export_price,
    }
    await insert_columns(connection, tables.price, columns, skip_repeated=True)


async def prices_between(
    connection: AsyncConnection, *, start_us: int, end_us: int, known_at_us: int
) -> list[PricePoint]:
    """Return the prices that overlap [start, end), by start."""
    table = tables.price
    query = (
        select(table)
        .where(
            table.c.end_us > start_us,
            table.c.start_us < end_us,
            *newest_known(table, key=("start_us",), known_by="available_at_us", known_at_us=known_at_us),
        )
        .order_by(table.c.start_us)
    )
    return [
        PricePoint(
            start=from_microseconds(row.start_us),
            end=from_microseconds(row.end_us),
            import_price_per_kwh=row.import_price_per_kwh,
            export_price_per_kwh=row.export_price_per_kwh,
            available_at=from_microseconds(row.available_at_us),
        )
        for row in await connection.execute(query)
    ]


async def save_context(connection: AsyncConnection, items: Sequence[ContextItem]) -> None:
    columns: dict[str, Sequence[Any]] = {
        "item_id": [item.item_id for item in items],
        "content": [storable_text(item.text) for item in items],
        "valid_from_us": [to_microseconds(item.valid_from) for item in items],
        "valid_until_us": [to_microseconds(item.valid_until) for item in items],
        "available_at_us": [to_microseconds(item.available_at) for item in items],
    }
    await insert_columns(connection, tables.context_item, columns, skip_repeated=True)


async def context_between(
    connection: AsyncConnection, *, start_us: int, end_us: int, known_at_us: int
) -> list[ContextItem]:
    """Return the remarks valid within [start, end), by valid_from and id."""
    table = tables.context_item
    query = (
        select(table)
        .where(
            table.c.valid_until_us > start_us,
            table.c.valid_from_us < end_us,
            table.c.available_at_us <= known_at_us,
        )
        .order_by(table.c.valid_from_us, table.c.item_id)
    )
    return [_context_item(row) for row in await connection.execute(query)]


async def get_context(connection: AsyncConnection, item_id: str) -> ContextItem | None:
    table = tables.context_item
    row = (await connection.execute(select(table).where(table.c.item_id == item_id))).one_or_none()
    return None if row is None else _context_item(row)


def _context_item(row: Row[Any]) -> ContextItem:
    return ContextItem(
        item_id=row.item_id,
        text=row.content,
        valid_from=from_microseconds(row.valid_from_us),
        valid_until=from_microseconds(row.valid_until_us),
        available_at=from_microseconds(row.available_at_us),
    )
