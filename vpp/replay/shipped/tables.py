"""A scenario as tables in memory, and how they become files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Times = NDArray[np.datetime64]
Columns = Mapping[str, Any]
SMALL_ROWS = 400  # a table up to this is a CSV, which people read; a longer one is Parquet
HISTORY_DAYS = 28


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """What is to be made: `days` from `start` on, with what lies before and after them."""

    start: datetime
    days: int
    interval_minutes: int = 60
    seed: int = 0

    @property
    def hours(self) -> float:
        return self.interval_minutes / 60

    def times(self, *, before_days: int = HISTORY_DAYS, after_days: int = 2) -> Times:
        """Return the starts of the intervals, UTC, from the history's first to the horizon's last."""
        first = np.datetime64((self.start - timedelta(days=before_days)).replace(tzinfo=None), "us")
        per_day = 1440 // self.interval_minutes
        count = (before_days + self.days + after_days) * per_day
        return first + np.arange(count) * np.timedelta64(self.interval_minutes, "m")

    @property
    def end(self) -> datetime:
        return self.start + timedelta(days=self.days)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioTables:
    """Everything that becomes a scenario folder; times are numpy datetimes in UTC."""

    header: Columns
    assets: Columns
    feeders: Columns
    load: Columns
    prices: Columns
    trips: Columns | None = None
    weather: Columns | None = None
    events: Columns | None = None
    reserve: Columns | None = None
    context: Sequence[Mapping[str, str]] = ()
    extra: Mapping[str, str] = field(default_factory=dict)  # further text files by name

    def write(self, folder: Path) -> None:
        """Write the folder; a table of an earlier build is replaced, whatever its format."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "scenario.toml").write_text(_toml(self.header), encoding="utf-8")
        for stem in ("assets", "feeders", "load", "prices", "trips", "weather", "events", "reserve"):
            for ending in (".csv", ".parquet"):
                (folder / (stem + ending)).unlink(missing_ok=True)
            columns = getattr(self, stem)
            if columns is not None:
                _write(folder, stem, columns)
        lines = [json.dumps(item, ensure_ascii=False) + "\n" for item in self.context]
        (folder / "context.jsonl").unlink(missing_ok=True)
        if lines:
            (folder / "context.jsonl").write_text("".join(lines), encoding="utf-8")
        for name, text in self.extra.items():
            (folder / name).write_text(text, encoding="utf-8")


def as_datetime(time: np.datetime64) -> datetime:
    """Return a numpy time as an aware datetime, UTC."""
    return datetime.fromisoformat(str(time.astype("datetime64[us]"))).replace(tzinfo=UTC)


def as_time(at: datetime) -> np.datetime64:
    """Return an aware datetime as a numpy time, UTC."""
    return np.datetime64(at.astimezone(UTC).replace(tzinfo=None), "us")


def text_of(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def load_columns(feeder_ids: Sequence[str], times: Times, consumption_kw: Floats, pv_kw: Floats) -> Columns:
    """Return the load table of (F, T) matrices, rounded to a watt."""
    return {
        "feeder_id": np.repeat(np.array(feeder_ids, dtype=object), len(times)),
        "start": np.tile(times, len(feeder_ids)),
        "consumption_kw": np.round(consumption_kw, 3).ravel(),
        "pv_kw": np.round(pv_kw, 3).ravel(),
    }


def header_of(span: Span, title: str, timezone: str, **more: object) -> Columns:
    """Return the header of a scenario that looks a day ahead; `more` is what differs from the defaults."""
    return {
        "title": title,
        "start": span.start,
        "days": span.days,
        "interval_minutes": span.interval_minutes,
        "horizon_intervals": round(24 / span.hours),
        "timezone": timezone,
        "history_days": HISTORY_DAYS,
    } | more


def feeder_columns(times: Times, import_kw: Mapping[str, float], export_kw: Mapping[str, float]) -> Columns:
    """Return the feeders table of limits that hold, and are known, from the first of `times` on."""
    return {
        "feeder_id": np.array(list(import_kw), dtype=object),
        "valid_from": np.repeat(times[:1], len(import_kw)),
        "import_limit_kw": np.array(list(import_kw.values())),
        "export_limit_kw": np.array([export_kw[name] for name in import_kw]),
        "available_at": np.repeat(times[:1], len(import_kw)),
    }


def asset_columns(rows: Sequence[Mapping[str, Any]]) -> Columns:
    """Return the assets table of rows that name what differs from a battery at rest."""
    from optimizer.files.problems import ASSET_COLUMNS  # noqa: PLC0415 - pulls in the readers

    standard: dict[str, Any] = {"min_charge_kw": 0.0, "min_discharge_kw": 0.0, "energy_min_kwh": 0.0}
    standard |= {"energy_final_min_kwh": 0.0, "energy_final_value_per_kwh": 0.0}
    full = [standard | {"energy_max_kwh": row["capacity_kwh"]} | dict(row) for row in rows]
    return {name: np.array([row[name] for row in full], dtype=_kind(full[0][name])) for name in ASSET_COLUMNS}


def _kind(value: object) -> type:
    return object if isinstance(value, str) else float


def _write(folder: Path, stem: str, columns: Columns) -> None:
    rows = len(next(iter(columns.values())))
    if rows <= SMALL_ROWS:
        shown = {name: _text(values) for name, values in columns.items()}
        pd.DataFrame(shown).to_csv(folder / f"{stem}.csv", index=False, lineterminator="\n")
        return
    arrays = {name: _arrow(np.asarray(values)) for name, values in columns.items()}
    pq.write_table(pa.table(arrays), folder / f"{stem}.parquet", compression="zstd", compression_level=19)


def _text(values: Any) -> Any:
    array = np.asarray(values)
    if array.dtype.kind == "M":
        return np.char.add(np.datetime_as_string(array, unit="s"), "Z")
    return array


def _arrow(values: NDArray[Any]) -> pa.Array:
    if values.dtype.kind == "M":
        return pa.array(values.astype("datetime64[us]")).cast(pa.timestamp("us", "UTC"))
    if values.dtype == object:
        return pa.array(values.tolist(), pa.string()).dictionary_encode()
    return pa.array(values)


def _toml(header: Columns) -> str:
    return "".join(f"{name} = {_toml_value(value)}\n" for name, value in header.items())


def _toml_value(value: Any) -> str:
    if isinstance(value, datetime):
        return text_of(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml_value(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else str(value)
