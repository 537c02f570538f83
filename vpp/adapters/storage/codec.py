"""Fleet-wide values as ONE compressed object each: an Arrow IPC stream with zstd.

A plan of 10,000 assets over 96 intervals is two million numbers; as rows they would cost more than
the solve. An object holds one record batch with one row: each column is a whole array, flattened,
with its shape in the field's metadata, and what is not an array is JSON in the column `header`.
Any Arrow reader opens it. Numbers come back bit for bit, and equal values give equal bytes.

    +-- schema metadata: kind, version -------------------------------------------------+
    | header: [JSON]   power_kw: [n * t numbers], shape n,t   asset_ids: [n strings] ... |
    +-----------------------------------------------------------------------------------+
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from vpp.domain.intervals import IntervalGrid
from vpp.domain.readings import MICROSECOND, from_microseconds, to_microseconds

VERSION = 1
_KIND, _VERSION, _SHAPE = b"kind", b"version", b"shape"
_HEADER = "header"
_OPTIONS = pa.ipc.IpcWriteOptions(compression=pa.Codec("zstd", 1))


class CodecError(ValueError):
    """Stored bytes that are not what they should be; the message says what was found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """Arrays (read-only) and header of one stored object."""

    header: dict[str, Any]
    arrays: dict[str, NDArray[Any]]
    texts: dict[str, tuple[str, ...]]


def encode(
    kind: str,
    *,
    header: Mapping[str, Any],
    arrays: Mapping[str, NDArray[Any]],
    texts: Mapping[str, Sequence[str]] | None = None,
) -> bytes:
    """Return the arrays, lists of strings and JSON-able header as compressed bytes."""
    head = json.dumps(header, sort_keys=True, separators=(",", ":"), default=_plain)
    fields, columns = [], []
    for name, strings in {_HEADER: [head], **(texts or {})}.items():
        column = pa.array(list(strings), type=pa.large_string())
        fields.append(_field(name, column.type, (len(column),)))
        columns.append(_one_row(column))
    for name, array in arrays.items():
        column = pa.array(np.ascontiguousarray(array).reshape(-1))
        fields.append(_field(name, column.type, array.shape))
        columns.append(_one_row(column))
    schema = pa.schema(fields, metadata={_KIND: kind, _VERSION: str(VERSION)})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema, options=_OPTIONS) as writer:
        writer.write_batch(pa.record_batch(columns, schema=schema))
    return bytes(sink.getvalue())


def decode(kind: str, content: bytes) -> Decoded:
    """Return what `encode` was given; raises CodecError for anything else."""
    try:
        with pa.ipc.open_stream(content) as reader:
            batch = reader.read_next_batch()
    except (pa.ArrowInvalid, StopIteration, OSError) as error:
        raise CodecError(f"stored {kind} cannot be read: {error}") from error
    marks = batch.schema.metadata or {}
    found = f"{marks.get(_KIND, b'').decode()} version {marks.get(_VERSION, b'').decode()}"
    if found != f"{kind} version {VERSION}":
        raise CodecError(f"stored object is {found}, expected {kind} version {VERSION}")
    arrays: dict[str, NDArray[Any]] = {}
    texts: dict[str, tuple[str, ...]] = {}
    for field, column in zip(batch.schema, batch.columns, strict=True):
        values = column.flatten()
        if pa.types.is_large_string(values.type):
            texts[field.name] = tuple(values.to_pylist())
        else:
            array = values.to_numpy(zero_copy_only=False).reshape(json.loads(field.metadata[_SHAPE]))
            array.setflags(write=False)
            arrays[field.name] = array
    (head,) = texts.pop(_HEADER)
    return Decoded(header=json.loads(head), arrays=arrays, texts=texts)


def grid_header(grid: IntervalGrid) -> dict[str, int]:
    """Return a grid as integers: start and length in microseconds, count."""
    return {
        "start_us": to_microseconds(grid.start),
        "length_us": grid.length // MICROSECOND,
        "count": grid.count,
    }


def grid_of(header: Mapping[str, int]) -> IntervalGrid:
    """Return the grid that `grid_header` was given."""
    return IntervalGrid(
        start=from_microseconds(header["start_us"]),
        length=timedelta(microseconds=header["length_us"]),
        count=header["count"],
    )


def _field(name: str, kind: Any, shape: tuple[int, ...]) -> Any:
    metadata = {_SHAPE: json.dumps(list(shape)).encode("ascii")}
    return pa.field(name, pa.large_list(kind), nullable=False, metadata=metadata)


def _one_row(column: Any) -> Any:
    offsets = pa.array([0, len(column)], type=pa.int64())
    return pa.LargeListArray.from_arrays(offsets, column)


def _plain(value: object) -> object:
    """Return numpy's scalars and arrays as what JSON knows."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} cannot be stored in a certificate")
