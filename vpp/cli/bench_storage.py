"""`vpp bench storage`: readings per second into the database and the archive, measured here and now."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

import numpy as np
import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from vpp.adapters.storage import open_store
from vpp.adapters.storage.archive import ROWS_PER_GROUP, ReadingArchive
from vpp.adapters.storage.migrate import upgrade
from vpp.adapters.storage.reading_days import day_of
from vpp.domain.assets import Asset, AssetKind, Feeder, Fleet
from vpp.domain.errors import InvalidValueError
from vpp.domain.readings import ReadingColumns, to_microseconds
from vpp.ports import Store

START: Final = datetime(2026, 1, 5, tzinfo=UTC)
ASSETS: Final = 10_000
BATCHES: Final = (1_000, 10_000, 50_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measurement; CPU is that of this process, a server's own comes on top."""

    what: str
    rows: int
    wall_s: float
    cpu_s: float
    worst_ms: float | None = None
    bytes_per_row: float | None = None
    load: float = 0.0

    @property
    def rows_per_s(self) -> float:
        return self.rows / self.wall_s


class _Watch:
    def __init__(self) -> None:
        self.wall_s, self.cpu_s = time.perf_counter(), time.process_time()

    def figure(self, what: str, rows: int, **more: float) -> Figure:
        wall_s, cpu_s = time.perf_counter() - self.wall_s, time.process_time() - self.cpu_s
        return Figure(what=what, rows=rows, wall_s=wall_s, cpu_s=cpu_s, load=os.getloadavg()[0], **more)


class _Clock:
    at = START

    def now(self) -> datetime:
        return self.at


def make_readings(first: int, rows: int, *, assets: int = ASSETS) -> ReadingColumns:
    """Return rows from `first` on of a fleet that reports in turn, as devices measure: to 0.1 % and 1 W."""
    number = np.arange(first, first + rows)
    slot, turn = number % assets, number // assets
    generator = np.random.default_rng(first)
    at_us = to_microseconds(START) + turn * 1_000_000 + (slot * 7919) % 1_000_000
    power_kw = np.round(3.0 * np.sin(slot + turn / 900.0) + generator.normal(0, 0.02, rows), 3)
    soc = np.round(0.5 + 0.4 * np.sin(slot + turn / 7000.0), 3)
    return ReadingColumns(
        slot=slot,
        measured_at_us=at_us,
        received_at_us=at_us + generator.integers(5_000, 80_000, rows),
        soc=soc.astype(np.float32).astype(np.float64),
        power_kw=power_kw.astype(np.float32).astype(np.float64),
        connected=np.ones(rows, dtype=np.bool_),
        quality=np.zeros(rows, dtype=np.int64),
    )


def make_fleet(assets: int = ASSETS) -> Fleet:
    """Return home batteries on one feeder."""
    battery = {
        "node_id": "node",
        "feeder_id": "feeder",
        "kind": AssetKind.HOME_BATTERY,
        "capacity_kwh": 10.0,
        "energy_min_kwh": 0.0,
        "energy_max_kwh": 10.0,
        "max_charge_kw": 5.0,
        "max_discharge_kw": 5.0,
    }
    return Fleet(
        assets=tuple(Asset(asset_id=f"asset-{slot}", **battery) for slot in range(assets)),  # type: ignore[arg-type]
        feeders=(Feeder(feeder_id="feeder", import_limit_kw=1e6, export_limit_kw=1e6),),
    )


@asynccontextmanager
async def _store(url: str, clock: _Clock, archive: Path) -> AsyncIterator[Store]:
    await upgrade(url)
    store = open_store(url, clock_now=clock.now, archive=archive)
    try:
        if len(await store.load_fleet()):
            raise InvalidValueError("database", "one that is in use", "an empty one, since it is filled")
        await store.save_fleet(make_fleet())
        yield store
    finally:
        await store.close()


async def measure_database(name: str, url: str, rows: int, folder: Path) -> AsyncIterator[Figure]:
    """Yield the figures of one database: append, append again, a page, archive, drop."""
    clock, first = _Clock(), 0
    async with _store(url, clock, folder / name) as store:
        await store.keep_readings()
        for size in BATCHES:
            count = min(rows, 200 * size) // size
            batches = [make_readings(first + k * size, size) for k in range(count)]
            yield await _append(store, f"{name}: {size:,} a batch", batches)
            first += count * size
        yield await _append(store, f"{name}: sent again", batches[-5:])
        watch = _Watch()
        page = await store.readings_between(
            start=START, end=START + timedelta(hours=1), slots=np.arange(100), page_size=10_000, page_token=""
        )
        yield watch.figure(f"{name}: a page of 100 assets", len(page.readings))
        clock.at, watch = START + timedelta(days=11), _Watch()
        report = await store.keep_readings()
        size_bytes = sum(entry.size for entry in ReadingArchive(folder / name).days())
        yield watch.figure(
            f"{name}: to the archive", report.archived_rows, bytes_per_row=size_bytes / report.archived_rows
        )
        clock.at, watch = START + timedelta(days=20), _Watch()
        dropped = await store.keep_readings()
        assert not dropped.problems, dropped.problems
        yield watch.figure(f"{name}: checked and dropped", first)


async def _append(store: Store, what: str, batches: list[ReadingColumns]) -> Figure:
    watch, worst_s = _Watch(), 0.0
    for batch in batches:
        began = time.perf_counter()
        await store.append_readings(batch)
        worst_s = max(worst_s, time.perf_counter() - began)
    return watch.figure(what, sum(map(len, batches)), worst_ms=1000 * worst_s)


def measure_archive(folder: Path, rows: int) -> list[Figure]:
    """Return how fast a day of `rows` readings is written, checked, and loaded whole and for one asset."""
    archive, day = ReadingArchive(folder / "one-day"), day_of(START)
    readings = make_readings(0, rows)
    readings = readings.take(np.lexsort((readings.measured_at_us, readings.slot)))
    watch = _Watch()
    file = archive.write(day)
    for first in range(0, rows, ROWS_PER_GROUP):
        file.add(readings.take(np.arange(first, min(rows, first + ROWS_PER_GROUP))))
    entry = file.finish()
    figures = [watch.figure("archive: write a day", rows, bytes_per_row=entry.size / rows)]
    watch = _Watch()
    assert archive.problem(entry) == ""
    figures.append(watch.figure("archive: verify", rows))
    start_us, end_us = to_microseconds(START), to_microseconds(START + timedelta(days=1))
    watch = _Watch()
    found = archive.load(day, start_us=start_us, end_us=end_us)
    figures.append(watch.figure("archive: load a day", len(found)))
    assert found.power_kw.tobytes() == readings.power_kw.tobytes()
    watch = _Watch()
    one = archive.load(day, start_us=start_us, end_us=end_us, slots=np.array([ASSETS // 2]))
    figures.append(watch.figure("archive: load one asset", len(one)))
    return figures


def bench_storage_command(
    database: Annotated[
        list[str] | None,
        typer.Option(help="URL of an empty database to fill; repeat for more. SQLite in a file if left out."),
    ] = None,
    rows: Annotated[int, typer.Option(help="Readings for each batch size.")] = 2_000_000,
    archive_rows: Annotated[int, typer.Option(help="Readings of the archived day.")] = 14_400_000,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per line, no table.")] = False,
) -> None:
    """Measure storage: durable readings per second, archive, load and drop, with CPU and load.

    Example: vpp bench storage --database postgresql://vpp@localhost/empty --rows 500000
    """
    figures: list[Figure] = []
    with (
        tempfile.TemporaryDirectory() as scratch,
        Progress(console=Console(stderr=True), transient=True) as progress,
    ):
        task = progress.add_task("measuring", total=None)
        folder = Path(scratch)

        def note(figure: Figure) -> None:
            figures.append(figure)
            progress.update(task, description=figure.what)
            if as_json:
                print(json.dumps({**asdict(figure), "rows_per_s": figure.rows_per_s}), flush=True)

        async def databases() -> None:
            for url in database or [f"sqlite:///{folder / 'bench.sqlite'}"]:
                name = url.partition(":")[0]
                async for figure in measure_database(name, url, rows, folder):
                    note(figure)

        asyncio.run(databases())
        if archive_rows:
            for figure in measure_archive(folder, archive_rows):
                note(figure)
    if not as_json:
        _show(figures)


def _show(figures: list[Figure]) -> None:
    table = Table("what", "readings", "readings/s", "wall s", "CPU s", "worst ms", "bytes each", "load")
    for f in figures:
        table.add_row(
            f.what,
            f"{f.rows:,}",
            f"{f.rows_per_s:,.0f}",
            f"{f.wall_s:.2f}",
            f"{f.cpu_s:.2f}",
            "" if f.worst_ms is None else f"{f.worst_ms:.0f}",
            "" if f.bytes_per_row is None else f"{f.bytes_per_row:.1f}",
            f"{f.load:.1f}",
        )
    Console().print(table)
