"""Writes a `Problem` as a folder in the documented format, the inverse of reading."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from optimizer.files.header import DEFAULTS, OPTIONAL, write_header
from optimizer.problem import Floats, Names, Problem

Format = Literal["csv", "parquet"]
Columns = dict[str, Any]


def write_problem(folder: Path | str, problem: Problem, *, fmt: Format = "csv") -> None:
    """Write every table of a problem; the folder is made if need be and must not hold other tables."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    write_header(folder, _header(problem))
    tables = {
        "assets": _assets(problem),
        "windows": _windows(problem),
        "portfolio": _portfolio(problem),
        "feeders": _feeders(problem),
        "events": _events(problem),
        "reserve": _reserve(problem),
        "scenarios": _scenarios(problem),
        "wear": _wear(problem),
        "previous": _previous(problem),
    }
    for stem, columns in tables.items():
        if columns is not None:
            write_columns(folder / f"{stem}.{fmt}", columns)


def write_columns(path: Path, columns: Columns) -> None:
    """Write columns as CSV or Parquet, by the file's ending, the same bytes for the same columns."""
    table = pa.table({name: _typed(values) for name, values in columns.items()})
    if path.suffix == ".csv":
        pa_csv.write_csv(table, path, pa_csv.WriteOptions(quoting_style="needed"))
    else:
        pq.write_table(table, path, compression="zstd")


def _typed(values: Any) -> pa.Array:
    if values.dtype == object:
        return pa.array(values, pa.string())
    return pa.array(values)


def _header(problem: Problem) -> dict[str, Any]:
    required: dict[str, Any] = {
        "start": problem.start,
        "interval_minutes": round(problem.interval_h * 60.0, 9),
        "intervals": problem.intervals,
        "import_limit_kw": problem.import_limit_kw,
        "export_limit_kw": problem.export_limit_kw,
        "peak_price_per_kw": problem.peak_price_per_kw,
        "peak_so_far_kw": problem.peak_so_far_kw,
        "feeder_penalty_per_kwh": problem.feeder_penalty_per_kwh,
        "unmet_energy_penalty_per_kwh": problem.unmet_energy_penalty_per_kwh,
        "currency": problem.currency,
    }
    optional = {name: getattr(problem, name) for name in OPTIONAL}
    return required | {name: value for name, value in optional.items() if value != DEFAULTS.get(name, 0.0)}


def _assets(problem: Problem) -> Columns:
    assets = problem.assets
    columns: Columns = {
        "asset_id": assets.asset_id,
        "feeder_id": problem.feeders.feeder_id[assets.feeder],
        "kind": assets.kind,
    }
    names = [
        name
        for name in assets.__slots__
        if name not in {"asset_id", "feeder", "kind", "discharge_budget_kwh"}
    ]
    columns |= {name: getattr(assets, name) for name in names}
    if np.isfinite(assets.discharge_budget_kwh).any():
        columns["discharge_budget_kwh"] = assets.discharge_budget_kwh
    return columns


def _windows(problem: Problem) -> Columns | None:
    windows = problem.windows
    if not len(windows):
        return None
    return {
        "asset_id": problem.assets.asset_id[windows.asset],
        "from_interval": windows.from_interval,
        "to_interval": windows.to_interval,
        "departure_energy_kwh": windows.departure_energy_kwh,
        "trip_energy_kwh": windows.trip_energy_kwh,
    }


def _portfolio(problem: Problem) -> Columns:
    portfolio = problem.portfolio
    columns: Columns = {
        "interval": np.arange(problem.intervals),
        "import_price_per_kwh": portfolio.import_price_per_kwh,
        "export_price_per_kwh": portfolio.export_price_per_kwh,
    }
    if portfolio.carbon_kg_per_kwh.any():
        columns["carbon_kg_per_kwh"] = portfolio.carbon_kg_per_kwh
    return columns


def _feeders(problem: Problem) -> Columns:
    feeders, intervals = problem.feeders, problem.intervals
    return {
        "feeder_id": np.repeat(feeders.feeder_id, intervals),
        "interval": np.tile(np.arange(intervals), len(feeders)),
        "load_kw": feeders.load_kw.ravel(),
        "import_limit_kw": feeders.import_limit_kw.ravel(),
        "export_limit_kw": feeders.export_limit_kw.ravel(),
    }


def _direction(up: Any) -> Names:
    return np.asarray(np.where(up, "up", "down"), dtype=object)


def _events(problem: Problem) -> Columns | None:
    events = problem.events
    if events is None:
        return None
    return {
        "event_id": events.event_id,
        "from_interval": events.from_interval,
        "to_interval": events.to_interval,
        "target_kw": events.target_kw,
        "direction": _direction(events.up),
        "penalty_per_kwh": events.penalty_per_kwh,
    }


def _reserve(problem: Problem) -> Columns | None:
    reserve = problem.reserve
    if reserve is None:
        return None
    return {
        "product_id": reserve.product_id,
        "direction": _direction(reserve.up),
        "from_interval": reserve.from_interval,
        "to_interval": reserve.to_interval,
        "price_per_kw_h": reserve.price_per_kw_h,
        "max_kw": reserve.max_kw,
        "sustain_minutes": reserve.sustain_h * 60.0,
    }


def _scenarios(problem: Problem) -> Columns | None:
    scenarios = problem.scenarios
    if scenarios is None:
        return None
    count, feeders, intervals = scenarios.load_kw.shape
    names = np.array([f"s{k}" for k in range(count)], dtype=object)
    return {
        "scenario": np.repeat(names, feeders * intervals),
        "probability": np.repeat(scenarios.probability, feeders * intervals),
        "feeder_id": np.tile(np.repeat(problem.feeders.feeder_id, intervals), count),
        "interval": np.tile(np.arange(intervals), count * feeders),
        "load_kw": scenarios.load_kw.ravel(),
    }


def _wear(problem: Problem) -> Columns | None:
    wear = problem.wear
    if wear is None:
        return None
    depth = wear.cost_per_kwh.shape[1]
    return {
        "asset_id": np.repeat(problem.assets.asset_id[wear.asset], depth),
        "segment": np.tile(np.arange(depth), len(wear)),
        "cost_per_kwh": wear.cost_per_kwh.ravel(),
    }


def _previous(problem: Problem) -> Columns | None:
    power: Floats | None = problem.previous_power_kw
    if power is None:
        return None
    asset, interval = np.nonzero(power)
    return {
        "asset_id": problem.assets.asset_id[asset],
        "interval": interval,
        "power_kw": power[asset, interval],
    }
