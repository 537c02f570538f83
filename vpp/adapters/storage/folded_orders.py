"""Orders of a large run, stored as one object before they are sent; their rows follow.

The two indexes of `setpoint` are most of what storing orders costs, and nobody searches orders while
they go out. So the transaction that makes a run durable holds one object with all its orders, and a moment
later another one writes the rows and removes the object:

    run, record of the chain, object │ on disk ─► orders are sent ─► rows in, object out │ on disk
                                     └─ killed here: whoever reads orders next, or starts, goes on

Who searches rows calls `write_missing_rows` first, in whichever process; who reads one run's orders looks
for its object first (`folded`), then for rows. An object holds only numbers that are certainly new
(`order_numbers.py`), so that its rows are never refused.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from vpp.adapters.storage import tables
from vpp.adapters.storage.audit import digest
from vpp.adapters.storage.codec import decode, encode
from vpp.adapters.storage.database import Database
from vpp.adapters.storage.order_rows import EACH, OF_ALL, OrderRows, insert_rows
from vpp.ports import StoreError

FOLDED_FROM: Final = 2_000  # orders of a run; fewer are rows as quickly
MOST_FOLDED: Final = 16  # runs whose rows are missing; the orders of further ones are stored as rows
_KIND: Final = "orders"


def fold(rows: OrderRows) -> bytes:
    """Return the orders of a run as one compressed object."""
    return encode(_KIND, header=rows.of_all, arrays=rows.each)


async def may_fold(connection: AsyncConnection) -> bool:
    """Return whether there is room for one more run whose rows are missing."""
    return (
        int(await connection.scalar(select(func.count()).select_from(tables.folded_orders)) or 0)
        < MOST_FOLDED
    )


async def insert_folded(connection: AsyncConnection, run_number: int, content: bytes) -> None:
    row = {"run_number": run_number, "content": content, "content_sha256": digest(content)}
    await connection.execute(insert(tables.folded_orders).values(row))


async def write_missing_rows(database: Database) -> int:
    """Write the rows of all folded orders; return of how many runs.

    Each run is one transaction. Any process may do this at any time: the row of the object is locked, and who
    comes second finds it gone. Raises StoreError.
    """
    table, written = tables.folded_orders, 0
    async with database.reading() as connection:
        numbers = list(await connection.scalars(select(table.c.run_number).order_by(table.c.run_number)))
    for number in numbers:
        async with database.writing() as connection:
            written += await _write_rows(connection, number)
    return written


async def write_missing_rows_within(connection: AsyncConnection) -> None:
    """Do the same inside a transaction that goes on."""
    table = tables.folded_orders
    for number in list(await connection.scalars(select(table.c.run_number).order_by(table.c.run_number))):
        await _write_rows(connection, number)


async def _write_rows(connection: AsyncConnection, run_number: int) -> bool:
    """Turn one object into rows; return whether it was still there."""
    rows = await folded(connection, run_number, lock=True)
    if rows is None:
        return False
    await insert_rows(connection, run_number, rows)
    table = tables.folded_orders
    await connection.execute(delete(table).where(table.c.run_number == run_number))
    return True


async def folded(connection: AsyncConnection, run_number: int, *, lock: bool = False) -> OrderRows | None:
    """Return the orders of a run by slot, None where they have no object: then their rows are there.

    Raises StoreError for an object that is not as it was stored.
    """
    table = tables.folded_orders
    query = select(table).where(table.c.run_number == run_number)
    row = (await connection.execute(query.with_for_update() if lock else query)).one_or_none()
    return None if row is None else await asyncio.to_thread(_unfolded, row)


def _unfolded(row: Any) -> OrderRows:
    content = bytes(row.content)
    if (found := digest(content)) != row.content_sha256:
        raise StoreError(
            f"The stored orders of run number {row.run_number} have the hash {found}, expected "
            f"{row.content_sha256}; bring this row of folded_orders back from a backup."
        )
    stored = decode(_KIND, content)
    return OrderRows(
        each={name: stored.arrays[name] for name in EACH},
        of_all={name: stored.header[name] for name in OF_ALL},
    )
