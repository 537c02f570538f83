"""Recorded operation out of an exported archive: the same cycles, without a database."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from vpp.adapters.storage import forecasts, tables
from vpp.adapters.storage.documents import decode_plan
from vpp.adapters.storage.exporting import MANIFEST, VERSION
from vpp.adapters.storage.operation import Newest, cycle_of, setpoints_of
from vpp.adapters.storage.table_files import Row, read_columns, read_rows
from vpp.domain.forecasts import LoadForecast
from vpp.domain.readings import to_microseconds
from vpp.domain.runs import DispatchPlan
from vpp.domain.setpoints import SetpointColumns
from vpp.ports import StoreError
from vpp.ports.operation import RecordedCycle

_ORDER_COLUMNS = ("slot", "sequence", "power_kw", "min_kw", "max_kw")


def is_archive(folder: Path) -> bool:
    """Return whether a folder was made by an export."""
    return (folder / MANIFEST).exists()


class ArchivedOperation:
    """Cycles of an archive; raises StoreError for one that cannot be read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            version = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["version"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StoreError(
                f"{folder / MANIFEST} cannot be read: {error!r}; make it with vpp export."
            ) from error
        if version != VERSION:
            raise StoreError(f"{folder} is an archive of version {version}, expected {VERSION}.")
        self._runs = {row.run_number: row for row in read_rows(folder, tables.run)}
        self._numbers = {row.run_id: number for number, row in self._runs.items()}
        self._fleets = {row.fleet_sha256: row.content for row in read_rows(folder, tables.fleet_register)}
        self._forecasts = {row.forecast_id: row for row in read_rows(folder, tables.forecast)}

    async def count(self, *, start: datetime, end: datetime) -> int:
        numbers = read_columns(self._folder, tables.cycle_record, ["run_number"])["run_number"].to_pylist()
        return sum(self._within(number, start, end) for number in numbers)

    async def cycles(self, *, start: datetime, end: datetime) -> AsyncIterator[RecordedCycle]:
        newest = Newest()
        for record in read_rows(self._folder, tables.cycle_record):
            if not self._within(record.run_number, start, end):
                continue
            run = self._runs[record.run_number]
            parts = {"content": record.content, "schedule": self._schedule(record.run_number)}
            yield await cycle_of(self, Row({**vars(run), **parts}), newest)

    async def close(self) -> None:
        """Do nothing: no file stays open."""

    def _within(self, number: int, start: datetime, end: datetime) -> bool:
        return bool(to_microseconds(start) <= self._runs[number].cycle_start_us < to_microseconds(end))

    def _schedule(self, number: int) -> bytes | None:
        found = read_columns(self._folder, tables.plan, ["schedule"], pc.field("run_number") == number)
        return None if len(found) == 0 else bytes(found["schedule"][0].as_py())

    async def fleet(self, sha256: str) -> bytes | None:
        return self._fleets.get(sha256)

    async def forecast(self, forecast_id: str) -> LoadForecast | None:
        row = self._forecasts.get(forecast_id)
        return None if row is None else forecasts.forecast_of(row)

    async def plan(self, run_id: str) -> DispatchPlan | None:
        number = self._numbers.get(run_id)
        content = None if number is None else self._schedule(number)
        return None if content is None else decode_plan(content)

    async def setpoints(self, run_number: int, run_id: str) -> SetpointColumns | None:
        names = [column.name for column in tables.setpoint.columns]
        found = read_columns(self._folder, tables.setpoint, names, pc.field("run_number") == run_number)
        if len(found) == 0:
            return None
        columns: dict[str, Any] = {name: found[name].to_numpy() for name in _ORDER_COLUMNS}
        return setpoints_of(run_id, Row(found.slice(0, 1).to_pylist()[0]), columns)
