"""Readings into one file for other programs."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from vpp.domain.readings import ReadingColumns

_TIME: Final = pa.timestamp("us", tz="UTC")
_SCHEMA: Final = pa.schema(
    [
        pa.field("asset_id", pa.string()),
        pa.field("measured_at", _TIME),  # by the service's clock
        pa.field("received_at", _TIME),
        pa.field("soc", pa.float64()),
        pa.field("power_kw", pa.float64()),
        pa.field("connected", pa.bool_()),
        pa.field("quality", pa.int16()),
    ]
)


class ReadingFile:
    """A Parquet or CSV file that readings are added to; power_kw > 0 discharges into the grid."""

    def __init__(self, path: Path, asset_ids: list[str]) -> None:
        self._asset_ids = pa.array(asset_ids, type=pa.string())
        kind: Any = pq.ParquetWriter if path.suffix == ".parquet" else pyarrow.csv.CSVWriter
        self._writer = kind(path, _SCHEMA)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._writer.close()

    def add(self, readings: ReadingColumns) -> None:
        """Write rows."""
        columns = [
            self._asset_ids.take(pa.array(readings.slot)),
            pa.array(readings.at_us()).cast(_TIME),
            pa.array(readings.received_at_us).cast(_TIME),
            pa.array(readings.soc),
            pa.array(readings.power_kw),
            pa.array(readings.connected),
            pa.array(readings.quality).cast(pa.int16()),
        ]
        self._writer.write_table(pa.Table.from_arrays(columns, schema=_SCHEMA))
