"""The files of a finished replay, read back."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from vpp.domain.intervals import IntervalGrid
from vpp.pages.axes import Floats, Ticks, bins, time_ticks
from vpp.replay.facts import FACTS
from vpp.replay.tables import CONTROL, FORESIGHT, NO_CONTROL
from vpp.replay.timings import TIMINGS
from vpp.service.files import FileError

MAXIMUM_POINTS = 400  # of a curve; more intervals than this are drawn as mean, least and greatest
LONGEST_WITHIN_A_DAY = timedelta(hours=3)  # of a point; beyond, a point is a day, or days would only flicker


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayFolder:
    """What a replay left behind; matrices of shape (F, T), kW, power_kw > 0 discharges."""

    path: Path
    facts: dict[str, Any]
    kpis: dict[str, Any]
    timings: dict[str, Any]
    log_sha256: str
    grid: IntervalGrid
    feeder_ids: tuple[str, ...]
    load_kw: Floats
    fleet_kw: dict[str, Floats]  # by way: with control, without, with foresight
    import_limit_kw: Floats
    export_limit_kw: Floats
    intervals: pd.DataFrame
    cycles: pd.DataFrame
    forecasts: pd.DataFrame

    @property
    def timezone(self) -> str:
        return str(self.facts["timezone"])

    @property
    def currency(self) -> str:
        return str(self.facts["currency"])

    @property
    def name(self) -> str:
        return str(self.facts["title"] or self.facts["scenario"])

    def step(self, most: int = MAXIMUM_POINTS) -> int:
        """Return how many intervals one point of a drawing stands for."""
        size = bins(self.grid.count, most)
        if size * self.grid.length <= LONGEST_WITHIN_A_DAY or self.grid.length > timedelta(days=1):
            return size
        day = round(timedelta(days=1) / self.grid.length)
        return -(-size // day) * day

    def ticks(self, size: int) -> Ticks:
        """Return labels for drawings with one point for `size` intervals."""
        marks = time_ticks(self.grid.start, self.grid.length, self.grid.count, self.timezone)
        return [(place / size, text) for place, text in marks]

    def local(self, interval: int) -> datetime:
        """Return the start of an interval where the people are."""
        at = pd.Timestamp(self.grid.start_of(interval)).tz_convert(self.timezone)
        return at.to_pydatetime()

    def days(self) -> tuple[list[datetime], NDArray[np.int64]]:
        """Return the local days, and the day of every interval, shape (T,)."""
        starts = pd.date_range(self.grid.start, periods=self.grid.count, freq=self.grid.length)
        code, days = pd.factorize(starts.tz_convert(self.timezone).normalize())
        return [day.to_pydatetime() for day in days], code.astype(np.int64)

    def net_kw(self, way: str = CONTROL) -> Floats:
        """Return the metered net load of every feeder with the fleet, (F, T)."""
        return self.load_kw - self.fleet_kw[way]

    def loading(self, way: str = CONTROL) -> Floats:
        """Return the feeders' loading, (F, T), 1 is the limit in the direction of the flow."""
        net = self.net_kw(way)
        return np.maximum(net / self.import_limit_kw, -net / self.export_limit_kw)

    def overload_kwh(self, way: str = CONTROL) -> Floats:
        """Return the energy above the limits of every feeder and interval, (F, T)."""
        net = self.net_kw(way)
        over = np.maximum(net - self.import_limit_kw, 0.0) + np.maximum(-net - self.export_limit_kw, 0.0)
        return np.asarray(over * self.grid.hours)


def read_folder(path: Path) -> ReplayFolder:
    """Read a folder that `vpp replay` finished; raise FileError naming what is missing."""
    facts, kpis = _json(path / FACTS), _json(path / "kpis.json")
    grid = IntervalGrid(
        start=datetime.fromisoformat(facts["start"]),
        length=timedelta(minutes=facts["interval_minutes"]),
        count=int(facts["intervals"]),
    )
    feeders = _table(path / "feeders.parquet").combine_chunks()
    names = feeders["feeder_id"].chunk(0).dictionary.to_pylist()

    def matrix(column: str) -> Floats:
        return np.asarray(feeders[column].to_numpy()).reshape(len(names), grid.count)

    ways = [way for way in (CONTROL, NO_CONTROL, FORESIGHT) if f"fleet_{way}_kw" in feeders.column_names]
    digest = path / "decision_log.sha256"
    return ReplayFolder(
        path=path,
        facts=facts,
        kpis=kpis,
        timings=_json(path / TIMINGS) if (path / TIMINGS).exists() else {},
        log_sha256=digest.read_text().strip() if digest.exists() else "",
        grid=grid,
        feeder_ids=tuple(names),
        load_kw=matrix("load_kw"),
        fleet_kw={way: matrix(f"fleet_{way}_kw") for way in ways},
        import_limit_kw=matrix("import_limit_kw"),
        export_limit_kw=matrix("export_limit_kw"),
        intervals=_table(path / "intervals.parquet").to_pandas(),
        cycles=_table(path / "cycles.parquet").to_pandas(),
        forecasts=_table(path / "forecasts.parquet").to_pandas(),
    )


def _json(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise FileError(f"{path}: is missing; give a folder that `vpp replay` has finished") from None
    except ValueError as error:
        raise FileError(f"{path}: not JSON: {error}; replay again") from error
    return content


def _table(path: Path) -> pa.Table:
    try:
        return pq.read_table(path)
    except FileNotFoundError:
        raise FileError(f"{path}: is missing; give a folder that `vpp replay` has finished") from None
    except pa.ArrowInvalid as error:
        raise FileError(f"{path}: not a Parquet file: {error}; replay again") from error
