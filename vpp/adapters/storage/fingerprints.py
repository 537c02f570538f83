"""What a record says of the rows it stands for: their columns, and hashes of what is large.

The same functions are used when a thing is stored and when `vpp audit verify --deep` reads it back; so
each takes rows, not the values they were made of.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Row, Table, select
from sqlalchemy.ext.asyncio import AsyncConnection

from vpp.adapters.storage import tables
from vpp.adapters.storage.audit import digest
from vpp.adapters.storage.folded_orders import folded
from vpp.domain.audit import one_line

# Numbers that a database counts itself say nothing of what happened.
_COUNTED: Final = {"run_number", "forecast_number"}
_ORDER_COLUMNS: Final[Mapping[str, Any]] = {
    "slot": np.int64,
    "sequence": np.int64,
    "power_kw": np.float64,
    "min_kw": np.float64,
    "max_kw": np.float64,
}
_ORDER_SCALARS: Final = ("epoch", "valid_from_us", "valid_until_us", "origin", "reason")
_SHOWN_VALUES: Final = 3  # of a column that should hold one


def plain_row(table: Table, row: Row[Any] | Mapping[str, Any]) -> dict[str, Any]:
    """Return a row's columns; bytes as their hash, under the column's name and `_sha256`."""
    values: Mapping[Any, Any] = row if isinstance(row, Mapping) else row._mapping  # noqa: SLF001 - its API
    found: dict[str, Any] = {}
    for column in table.c:
        if column.name in _COUNTED or column.name not in values:
            continue
        value = values[column.name]
        if isinstance(value, bytes | memoryview):
            found[f"{column.name}_sha256"] = digest(bytes(value))
        else:
            odd = isinstance(value, float) and not math.isfinite(value)
            found[column.name] = str(value) if odd else value
    return found


async def run_row(connection: AsyncConnection, run_number: int) -> dict[str, Any]:
    query = select(tables.run).where(tables.run.c.run_number == run_number)
    return plain_row(tables.run, (await connection.execute(query)).one())


async def run_payload(connection: AsyncConnection, run_number: int) -> dict[str, Any]:
    """Return what the record of a run says: its row, and hashes of snapshot, plan, record and orders."""
    return {
        "run": await run_row(connection, run_number),
        "snapshot_sha256": await _content(connection, tables.fleet_snapshot, "state", run_number),
        "plan_sha256": await _content(connection, tables.plan, "schedule", run_number),
        "record_sha256": await _content(connection, tables.cycle_record, "content", run_number),
        "orders": orders_payload(await _orders(connection, run_number)),
    }


async def _content(connection: AsyncConnection, table: Table, column: str, run_number: int) -> str:
    content = await connection.scalar(select(table.c[column]).where(table.c.run_number == run_number))
    return "" if content is None else digest(bytes(content))


async def _orders(connection: AsyncConnection, run_number: int) -> Mapping[str, Sequence[Any] | NDArray[Any]]:
    if (kept := await folded(connection, run_number)) is not None:
        return kept.columns
    table = tables.setpoint
    names = [*_ORDER_COLUMNS, *_ORDER_SCALARS]
    query = select(*(table.c[name] for name in names)).where(table.c.run_number == run_number)
    rows = (await connection.execute(query.order_by(table.c.slot))).all()
    return dict(zip(names, zip(*rows, strict=True), strict=False))


def orders_payload(columns: Mapping[str, Sequence[Any] | NDArray[Any]]) -> dict[str, Any]:
    """Return count, the columns that are alike in all orders, and a hash of each other column, by slot."""
    if not columns or not len(columns["slot"]):
        return {"count": 0}
    found: dict[str, Any] = {"count": len(columns["slot"])}
    for name in _ORDER_SCALARS:
        values = sorted(set(columns[name]))
        found[name] = values[0] if len(values) == 1 else [str(value) for value in values[:_SHOWN_VALUES]]
    by_slot = np.argsort(np.asarray(columns["slot"], dtype=np.int64), kind="stable")
    for name, kind in _ORDER_COLUMNS.items():
        # + 0 turns -0.0, which SQLite does not keep, into 0.0.
        numbers = np.asarray(columns[name], dtype=kind)[by_slot] + kind(0)
        found[f"{name}_sha256"] = digest(numbers.tobytes())
    return found


async def forecast_payload(connection: AsyncConnection, forecast_id: str) -> dict[str, Any]:
    """Return what the record of a forecast says: its row, and that of the exchange with the model."""
    table, calls = tables.forecast, tables.model_call
    row = (await connection.execute(select(table).where(table.c.forecast_id == forecast_id))).one()
    call = (await connection.execute(select(calls).where(calls.c.call_id == row.call_id))).one_or_none()
    return {
        "forecast": plain_row(table, row),
        "call": None if call is None else plain_row(calls, call),
    }


async def acknowledgements_payload(connection: AsyncConnection, after: int, until: int) -> dict[str, Any]:
    """Return count and hash of the acknowledgements numbered in (after, until]."""
    table = tables.acknowledgement
    number = table.c.acknowledgement_number
    query = select(table).where(number > after, number <= until).order_by(number)
    rows = [list(row) for row in await connection.execute(query)]
    return {"after": after, "until": until, "count": len(rows), "sha256": rows_sha256(rows)}


async def consent_payload(connection: AsyncConnection, consent_number: int) -> dict[str, Any] | None:
    """Return what the record of a consent says, without the reason; None where there is no such row."""
    table, asset = tables.consent, tables.asset
    query = (
        select(table, asset.c.asset_id)
        .join(asset, asset.c.slot == table.c.slot)
        .where(table.c.consent_number == consent_number)
    )
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        return None
    return {
        "consent_number": row.consent_number,
        "granted": row.granted,
        "asset_id": row.asset_id,
        "by": one_line(row.by),
        "at_us": row.at_us,
    }


def rows_sha256(rows: Sequence[Sequence[Any]]) -> str:
    """Return the hash of rows, each as a line of JSON."""
    hashed = hashlib.sha256()
    for row in rows:
        hashed.update(json.dumps(list(row), ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
    return hashed.hexdigest()
