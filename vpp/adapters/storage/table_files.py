"""Rows of a table as a Parquet file with the same columns, and back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import BigInteger, Boolean, Double, Float, Integer, LargeBinary, Select, Table
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import TypeEngine

from vpp.ports import StoreError

ROWS_PER_STEP: Final = 50_000
ROWS_PER_STEP_OF_OBJECTS: Final = 16  # each up to some megabytes
_KINDS: Final[tuple[tuple[Any, Any], ...]] = (
    (Boolean, pa.bool_()),
    (BigInteger, pa.int64()),
    (Integer, pa.int64()),
    (Double, pa.float64()),
    (Float, pa.float64()),
    (LargeBinary, pa.large_binary()),
)


def schema_of(table: Table) -> Any:
    """Return the Arrow schema of a table; what is not a number, a flag or bytes is text."""
    fields = [
        pa.field(column.name, _arrow(column.type), nullable=bool(column.nullable)) for column in table.columns
    ]
    return pa.schema(
        fields, metadata={b"table": table.name.encode(), b"content": (table.comment or "").encode()}
    )


async def write_rows(connection: AsyncConnection, query: Select[Any], table: Table, folder: Path) -> int:
    """Write what a query of the table's own columns gives, a step at a time; return how many rows."""
    schema, count = schema_of(table), 0
    objects = any(isinstance(column.type, LargeBinary) for column in table.columns)
    step = ROWS_PER_STEP_OF_OBJECTS if objects else ROWS_PER_STEP
    result = await connection.stream(query.execution_options(yield_per=step))
    with pq.ParquetWriter(_path(folder, table), schema, compression="zstd") as writer:
        async for rows in result.partitions():
            columns = [
                pa.array(values, type=kind.type)
                for values, kind in zip(zip(*rows, strict=True), schema, strict=True)
            ]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))
            count += len(rows)
    return count


def read_rows(folder: Path, table: Table) -> Iterator[Any]:
    """Yield the rows of a file in order, a few in memory at a time; attributes are the table's columns."""
    try:
        with pq.ParquetFile(_path(folder, table)) as file:
            for batch in file.iter_batches(batch_size=ROWS_PER_STEP_OF_OBJECTS):
                for row in batch.to_pylist():
                    yield Row(row)
    except (OSError, pa.ArrowException) as error:
        raise StoreError(f"{_path(folder, table)} cannot be read: {error}.") from error


def read_columns(folder: Path, table: Table, names: Sequence[str], where: Any = None) -> Any:
    """Return columns of a file as an Arrow table."""
    try:
        return pq.read_table(_path(folder, table), columns=list(names), filters=where)
    except (OSError, pa.ArrowException) as error:
        raise StoreError(f"{_path(folder, table)} cannot be read: {error}.") from error


class Row:
    """One row; its columns are attributes."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.__dict__.update(values)

    def __getattr__(self, name: str) -> Any:
        raise StoreError(f"An exported row has no {name}; it was written by another version.")


def _path(folder: Path, table: Table) -> Path:
    return folder / f"{table.name}.parquet"


def _arrow(kind: TypeEngine[Any]) -> Any:
    return next((arrow for sql, arrow in _KINDS if isinstance(kind, sql)), pa.string())
