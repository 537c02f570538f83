"""Archive of readings: one Parquet file for each closed UTC day, and beside it a manifest with its checksum.

```
  readings-2026-11-20.parquet.part ─fsync─► readings-2026-11-20.parquet ─► readings-2026-11-20.json ─fsync─►
```

A day is archived when its manifest is there. Rows lie in the order of asset and time, in groups, so that
the readings of one asset are in one or two groups of a file. Numbers come back to the bit: their bytes
are kept apart by position (BYTE_STREAM_SPLIT), and what a float of four bytes sent compresses as such.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from vpp.adapters.storage.reading_columns import TYPES, columns_of
from vpp.adapters.storage.reading_days import date_of
from vpp.domain.readings import NO_READINGS, ReadingColumns
from vpp.ports import StoreError

VERSION: Final = 1
ROWS_PER_GROUP: Final = 1_000_000
_SCHEMA: Final = pa.schema(
    [
        pa.field("slot", pa.int32(), nullable=False),
        pa.field("measured_at_us", pa.int64(), nullable=False),
        pa.field("received_at_us", pa.int64(), nullable=False),
        pa.field("soc", pa.float64(), nullable=False),
        pa.field("power_kw", pa.float64(), nullable=False),
        pa.field("connected", pa.bool_(), nullable=False),
        pa.field("quality", pa.int16(), nullable=False),
        pa.field("clock_ahead_ms", pa.int16(), nullable=False),
    ],
    metadata={b"content": b"vpp readings; power_kw > 0 discharges into the grid; NaN where none was sent"},
)
_ENCODINGS: Final = {
    "measured_at_us": "DELTA_BINARY_PACKED",
    "received_at_us": "DELTA_BINARY_PACKED",
    "soc": "BYTE_STREAM_SPLIT",
    "power_kw": "BYTE_STREAM_SPLIT",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivedDay:
    """What the manifest says of a day's file."""

    day: int  # UTC days since 1970-01-01
    rows: int
    size: int  # bytes
    sha256: str
    version: int = VERSION

    @property
    def date(self) -> date:
        return date_of(self.day)


class DayFile:
    """A day's file while it is written; without `finish` nothing of it counts."""

    def __init__(self, folder: Path, day: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._day, self._rows = folder, day, 0
        self._path = _data_path(folder, day)
        self._part = self._path.with_name(self._path.name + ".part")
        self._writer = pq.ParquetWriter(
            self._part,
            _SCHEMA,
            compression="zstd",
            compression_level=6,
            use_dictionary=["slot", "quality", "clock_ahead_ms"],
            column_encoding=_ENCODINGS,
        )

    def add(self, readings: ReadingColumns) -> None:
        """Write a group of rows."""
        columns = columns_of(readings)
        arrays = [pa.array(columns[field.name].astype(field.type.to_pandas_dtype())) for field in _SCHEMA]
        table = pa.Table.from_arrays(arrays, schema=_SCHEMA)
        self._writer.write_table(table, row_group_size=ROWS_PER_GROUP)
        self._rows += len(readings)

    def finish(self) -> ArchivedDay:
        """Bring file and manifest to disk, and return the manifest."""
        self._writer.close()
        _sync(self._part)
        entry = ArchivedDay(
            day=self._day, rows=self._rows, size=self._part.stat().st_size, sha256=_sha256(self._part)
        )
        self._part.replace(self._path)
        manifest = _manifest_path(self._folder, self._day)
        part = manifest.with_name(manifest.name + ".part")
        part.write_text(json.dumps({"date": str(entry.date), **asdict(entry)}, indent=2) + "\n")
        _sync(part)
        part.replace(manifest)
        _sync(self._folder)
        return entry

    def abandon(self) -> None:
        """Remove what was written so far."""
        self._writer.close()
        self._part.unlink(missing_ok=True)


class ReadingArchive:
    """The days in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def days(self) -> list[ArchivedDay]:
        """Return the archived days, oldest first; raise StoreError for a manifest that cannot be read."""
        return [_read_manifest(path) for path in sorted(self.folder.glob("readings-*.json"))]

    def entry(self, day: int) -> ArchivedDay | None:
        """Return the manifest of a day, None where it is not archived."""
        path = _manifest_path(self.folder, day)
        return _read_manifest(path) if path.exists() else None

    def write(self, day: int) -> DayFile:
        """Begin the file of a day."""
        return DayFile(self.folder, day)

    def problem(self, entry: ArchivedDay) -> str:
        """Return in words what is wrong with a day's file, nothing when it is whole."""
        path = _data_path(self.folder, entry.day)
        try:
            if path.stat().st_size != entry.size:
                return f"{path} has {path.stat().st_size} bytes, its manifest says {entry.size}"
            if _sha256(path) != entry.sha256:
                return f"{path} is not what its manifest says: the checksum differs"
            rows = pq.read_metadata(path).num_rows
        except (OSError, pa.ArrowException) as error:
            return f"{path} cannot be read: {error}"
        return "" if rows == entry.rows else f"{path} has {rows} readings, its manifest says {entry.rows}"

    def load(
        self, day: int, *, start_us: int, end_us: int, slots: NDArray[np.int64] | None = None
    ) -> ReadingColumns:
        """Return a day's readings measured in [start_us, end_us), of `slots` or all, by slot and time."""
        path = _data_path(self.folder, day)
        try:
            with pq.ParquetFile(path, memory_map=True) as file:
                groups = [
                    group
                    for group in range(file.num_row_groups)
                    if _may_hold(file.metadata.row_group(group), slots)
                ]
                if not groups:
                    return NO_READINGS
                table = file.read_row_groups(groups, use_threads=True)
        except (OSError, pa.ArrowException) as error:
            raise StoreError(f"The archive file {path} cannot be read: {error}.") from error
        columns = {name: table[name].to_numpy() for name in TYPES}
        chosen = (columns["measured_at_us"] >= start_us) & (columns["measured_at_us"] < end_us)
        if slots is not None:
            chosen &= np.isin(columns["slot"], slots)
        every = bool(chosen.all())
        return ReadingColumns(
            **{
                name: (column if every else column[chosen]).astype(TYPES[name], copy=False)
                for name, column in columns.items()
            }
        )


def _may_hold(group: Any, slots: NDArray[np.int64] | None) -> bool:
    if slots is None:
        return True
    place = _SCHEMA.get_field_index("slot")
    statistics = group.column(place).statistics
    if statistics is None or not statistics.has_min_max:
        return True
    return bool(((slots >= statistics.min) & (slots <= statistics.max)).any())


def _data_path(folder: Path, day: int) -> Path:
    return folder / f"readings-{date_of(day):%Y-%m-%d}.parquet"


def _manifest_path(folder: Path, day: int) -> Path:
    return folder / f"readings-{date_of(day):%Y-%m-%d}.json"


def _read_manifest(path: Path) -> ArchivedDay:
    try:
        values = json.loads(path.read_text())
        entry = ArchivedDay(**{name: values[name] for name in ("day", "rows", "size", "sha256", "version")})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(f"The manifest {path} cannot be read: {error!r}; restore it from a copy.") from error
    if entry.version != VERSION:
        raise StoreError(f"The manifest {path} is of version {entry.version}, expected {VERSION}.")
    return entry


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
