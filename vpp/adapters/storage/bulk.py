"""Many rows at once, by the shortest way each driver has: plain columns, never objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Table
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from vpp.adapters.storage.database import SQLITE
from vpp.domain.errors import InvalidValueError

_POSTGRESQL_TYPES = postgresql.dialect()  # type: ignore[no-untyped-call]


def finite_or_null(values: NDArray[np.float64]) -> list[float | None]:
    """Return the numbers, None for what is not finite: SQLite knows no NaN, and NULL is plain in SQL."""
    numbers: list[float | None] = values.tolist()
    for row in np.flatnonzero(~np.isfinite(values)).tolist():
        numbers[row] = None
    return numbers


def nan_for_null(values: Sequence[float | None]) -> NDArray[np.float64]:
    """Return the numbers as an array, NaN for None."""
    return np.array(values, dtype=np.float64)


def require_finite(field: str, values: NDArray[np.float64] | Sequence[float]) -> None:
    """Raise InvalidValueError for a column that must not hold NaN or infinity."""
    numbers = np.asarray(values, dtype=np.float64)
    bad = np.flatnonzero(~np.isfinite(numbers))
    if bad.size:
        raise InvalidValueError(f"{field}, row {bad[0]}", float(numbers[bad[0]]), "a finite number")


def storable_text(words: str) -> str:
    """Return text that both databases take: U+0000 shows as ␀, half a surrogate pair as ?."""
    return words.replace("\x00", "\u2400").encode("utf-8", "replace").decode("utf-8")


async def driver_of(connection: AsyncConnection) -> Any:
    """Return the driver's own connection, inside the transaction of `connection`."""
    if connection.dialect.name != SQLITE:
        # The asyncpg dialect begins its transaction with the first statement; this is that statement.
        await connection.exec_driver_sql("SELECT 1")
    return (await connection.get_raw_connection()).driver_connection


async def insert_columns(
    connection: AsyncConnection,
    table: Table,
    columns: Mapping[str, Sequence[Any]],
    *,
    skip_repeated: bool = False,
) -> int:
    """Insert rows given as columns of equal length; return how many rows were new.

    With `skip_repeated` a row whose key is already there changes nothing; else it is an error.
    """
    if not len(next(iter(columns.values()))):
        return 0
    driver = await driver_of(connection)
    names = ", ".join(columns)
    tail = " ON CONFLICT DO NOTHING" if skip_repeated else ""
    if connection.dialect.name == SQLITE:
        marks = ", ".join("?" * len(columns))
        statement = f"INSERT INTO {table.name} ({names}) VALUES ({marks}){tail}"  # noqa: S608 our own names
        cursor = await driver.executemany(statement, list(zip(*columns.values(), strict=True)))
        count = int(cursor.rowcount)
        await cursor.close()
        return count
    if not skip_repeated:  # COPY knows no ON CONFLICT, and is three times as fast
        status = await driver.copy_records_to_table(
            table.name, columns=list(columns), records=zip(*columns.values(), strict=True)
        )
        return int(status.split()[-1])
    arrays = ", ".join(
        f"${place}::{table.c[name].type.compile(dialect=_POSTGRESQL_TYPES)}[]"
        for place, name in enumerate(columns, start=1)
    )
    statement = f"INSERT INTO {table.name} ({names}) SELECT * FROM unnest({arrays}) ON CONFLICT DO NOTHING"  # noqa: S608
    status = await driver.execute(statement, *columns.values())
    return int(status.split()[-1])
