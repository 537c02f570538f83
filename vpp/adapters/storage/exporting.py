"""An archive of recorded operation: Parquet files with the columns of the tables, readings by day.

OUT/  archive.json   run  cycle_record  fleet_register  plan  setpoint  acknowledgement  forecast  model_call
      fleet_snapshot  asset  feeder  feeder_reading  charging_session  price  context_item  signal
      signal_request   (.parquet)
      model_calls.jsonl: what the reasoning model was asked and said, in words
      readings/readings-YYYY-MM-DD.parquet with its manifest
"""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Select, Table, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from vpp.adapters.storage import forecasts, tables
from vpp.adapters.storage.archive import ROWS_PER_GROUP, DayFile, ReadingArchive
from vpp.adapters.storage.cycle_records import StoredRecord
from vpp.adapters.storage.database import SQLITE, Database
from vpp.adapters.storage.folded_orders import write_missing_rows
from vpp.adapters.storage.reading_days import DAY_US
from vpp.adapters.storage.reading_scan import stream
from vpp.adapters.storage.table_files import read_rows, write_rows
from vpp.domain.model_calls import MODEL_CALLS, lines_of
from vpp.domain.readings import ReadingColumns, to_microseconds
from vpp.ports import StoreError

VERSION: Final = 1
MANIFEST: Final = "archive.json"
HISTORY: Final = timedelta(days=35)  # before the first cycle: what its forecasts and prices were made from
AHEAD: Final = timedelta(days=8)  # after the last cycle: what its horizon may have reached
_NAMES_AT_ONCE: Final = 500

Progress = Callable[[str, int, int], None]


class Exporter:
    """Writes what lies between two times; the database may be in use."""

    def __init__(self, url: str, out: Path, *, archive: Path | None = None) -> None:
        self._database, self._out = Database(url), out
        self._archived = None if archive is None else ReadingArchive(archive)

    async def write(self, *, start: datetime, end: datetime, progress: Progress) -> dict[str, int]:
        """Write the archive of the cycles that plan from [start, end) on; return the rows of each file."""
        self._out.mkdir(parents=True, exist_ok=True)
        rows: dict[str, int] = {}
        await write_missing_rows(self._database)
        async with self._database.reading() as connection:
            if connection.dialect.name != SQLITE:  # what is stored meanwhile is not looked at
                await connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
            queries = await self._queries(connection, start, end)
            for done, (table, query) in enumerate(queries):
                progress("tables", done, len(queries))
                rows[table.name] = await write_rows(connection, query, table, self._out)
            progress("tables", len(queries), len(queries))
        await asyncio.to_thread(write_calls, self._out)
        rows["readings"] = await self._readings(start, end, progress)
        manifest = {"version": VERSION, "from": start.isoformat(), "to": end.isoformat(), "rows": rows}
        content = json.dumps(manifest, indent=2, sort_keys=True) + "\n"
        await asyncio.to_thread((self._out / MANIFEST).write_text, content, encoding="utf-8")
        return rows

    async def close(self) -> None:
        await self._database.close()

    async def _queries(
        self, connection: AsyncConnection, start: datetime, end: datetime
    ) -> list[tuple[Table, Select[Any]]]:
        run = tables.run
        within = (run.c.cycle_start_us >= to_microseconds(start), run.c.cycle_start_us < to_microseconds(end))
        unwritten = select(tables.folded_orders.c.run_number)  # stored this moment: not yet in the archive
        ids = select(run.c.run_number).where(*within, run.c.run_number.not_in(unwritten))
        names = await _names(connection, ids)
        if not names["runs"]:
            raise StoreError(
                f"No cycle that plans from {start.isoformat()} to {end.isoformat()} was recorded; "
                "give another time with --from and --to."
            )
        known = (to_microseconds(start - HISTORY), to_microseconds(end + AHEAD))
        kept = select(run.c.run_number).where(run.c.run_id.in_(names["previous"])).union(ids)
        by_run = [
            (table, select(table).where(table.c.run_number.in_(ids)).order_by(table.c.run_number))
            for table in (tables.cycle_record, tables.fleet_snapshot)
        ]
        orders, words, calls = tables.setpoint, tables.acknowledgement, tables.model_call
        chosen = tables.forecast.c.forecast_id.in_(names["forecasts"])
        return [
            (run, select(run).where(run.c.run_number.in_(kept)).order_by(run.c.run_number)),
            *by_run,
            (
                tables.plan,
                select(tables.plan).where(tables.plan.c.run_number.in_(kept)).order_by("run_number"),
            ),
            (tables.fleet_register, _with(tables.fleet_register.c.fleet_sha256, names["fleets"])),
            (orders, select(orders).where(orders.c.run_number.in_(ids)).order_by("run_number", "slot")),
            (words, select(words).where(words.c.at_us >= known[0], words.c.at_us < known[1])),
            (tables.forecast, select(tables.forecast).where(chosen)),
            (calls, select(calls).where(calls.c.asked_at_us >= known[0], calls.c.asked_at_us < known[1])),
            (tables.asset, select(tables.asset).order_by("slot")),
            (tables.feeder, select(tables.feeder).order_by("feeder_slot")),
            *[_overlapping(table, begin, finish, known) for table, begin, finish in _ANNOUNCED],
            (tables.signal_request, select(tables.signal_request)),
        ]

    async def _readings(self, start: datetime, end: datetime, progress: Progress) -> int:
        """Write the readings of every UTC day, or copy the files of days that were archived."""
        first, last = to_microseconds(start - timedelta(days=1)) // DAY_US, to_microseconds(end) // DAY_US
        target, total = ReadingArchive(self._out / "readings"), 0
        days = await self._days(first, last)
        for done, day in enumerate(days):
            progress("readings", done, len(days))
            entry = None if self._archived is None else self._archived.entry(day)
            if entry is not None and self._archived is not None:
                target.folder.mkdir(parents=True, exist_ok=True)
                for path in self._archived.folder.glob(f"readings-{entry.date}.*"):
                    await asyncio.to_thread(shutil.copy2, path, target.folder / path.name)
                total += entry.rows
                continue
            file = await asyncio.to_thread(target.write, day)
            rows = await stream(
                self._database,
                start_us=day * DAY_US,
                end_us=(day + 1) * DAY_US,
                rows_per_group=ROWS_PER_GROUP,
                take=partial(_in_thread, file),
            )
            await asyncio.to_thread(file.finish if rows else file.abandon)
            total += rows
        progress("readings", len(days), len(days))
        return total

    async def _days(self, first: int, last: int) -> list[int]:
        """Return the days of [first, last] that have readings somewhere."""
        table = tables.reading
        found = [] if self._archived is None else [entry.day for entry in self._archived.days()]
        async with self._database.reading() as connection:
            ends = select(func.min(table.c.measured_at_us), func.max(table.c.measured_at_us))
            oldest, newest = (await connection.execute(ends)).one()
            held = range(0) if oldest is None else range(oldest // DAY_US, newest // DAY_US + 1)
            for day in range(max(first, held.start), min(last + 1, held.stop)):
                within = (table.c.measured_at_us >= day * DAY_US, table.c.measured_at_us < (day + 1) * DAY_US)
                if await connection.scalar(select(table.c.slot).where(*within).limit(1)) is not None:
                    found.append(day)
        return sorted({day for day in found if first <= day <= last})


_ANNOUNCED: Final = (
    (tables.feeder_reading, "start_us", "start_us"),
    (tables.charging_session, "connected_from_us", "connected_until_us"),
    (tables.price, "start_us", "end_us"),
    (tables.context_item, "valid_from_us", "valid_until_us"),
    (tables.signal, "valid_from_us", "valid_until_us"),
)


def write_calls(folder: Path) -> None:
    """Write the model calls of an archive as text, in the order in which they were asked."""
    calls = sorted(
        (forecasts.model_call_of(row) for row in read_rows(folder, tables.model_call)),
        key=lambda call: (call.asked_at, call.call_id),
    )
    (folder / MODEL_CALLS).write_text(lines_of(calls), encoding="utf-8")


async def _in_thread(file: DayFile, group: ReadingColumns) -> None:
    await asyncio.to_thread(file.add, group)


def _overlapping(table: Table, begin: str, finish: str, known: tuple[int, int]) -> tuple[Table, Select[Any]]:
    condition = (table.c[begin] < known[1], table.c[finish] >= known[0])
    return table, select(table).where(*condition).order_by(*table.primary_key.columns)


def _with(column: Any, names: list[str]) -> Select[Any]:
    return select(column.table).where(column.in_(names))


async def _names(connection: AsyncConnection, ids: Select[Any]) -> dict[str, list[str]]:
    """Return what the records of these runs name: fleets, forecasts, earlier plans."""
    table, found = tables.cycle_record, {name: set[str]() for name in ("fleets", "forecasts", "previous")}
    query = select(table.c.content).where(table.c.run_number.in_(ids)).order_by(table.c.run_number)
    runs = 0
    result = await connection.stream_scalars(query.execution_options(yield_per=_NAMES_AT_ONCE))
    async for content in result:
        names, runs = StoredRecord(content).names, runs + 1
        found["fleets"].add(names.fleet_sha256)
        for kind, name in (("forecasts", names.forecast_id), ("previous", names.previous_run_id)):
            if name is not None:
                found[kind].add(name)
    return {kind: sorted(names) for kind, names in found.items()} | {"runs": [""] * runs}
