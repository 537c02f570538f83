"""Reads and checks a scenario folder.

    scenario.toml  assets  feeders  load  prices
    [trips]  [weather]  [events]  [reserve]  [forecasts]  [context.jsonl]

Each table is .csv or .parquet. The load table may begin before `start`: what lies before is the history
that forecasts are made from.
"""

from __future__ import annotations

import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import ValidationError

from optimizer.files.problems import ASSET_COLUMNS
from optimizer.files.tables import Table, find_table, read_table
from optimizer.problem import ProblemError
from vpp.domain.assets import Asset, AssetKind, Feeder, Fleet
from vpp.domain.errors import InvalidValueError
from vpp.domain.intervals import IntervalGrid
from vpp.domain.prices import PricePoint
from vpp.domain.readings import ChargingSession, from_microseconds, to_microseconds
from vpp.replay.columns import table_of, times_us
from vpp.replay.events import read_events
from vpp.replay.recorded_forecasts import read_recorded_forecasts
from vpp.replay.reserve import read_reserve
from vpp.replay.scenario import FeederLimits, LoadSeries, Scenario, ScenarioHeader, feeders_at
from vpp.replay.weather import read_weather
from vpp.service.files import FileError, read_context

Floats = NDArray[np.float64]
LARGEST_KW = 1e9


def read_scenario(folder: Path) -> Scenario:
    """Read and check a scenario folder; raise FileError naming file, row, column and what was expected."""
    header = _header(folder / "scenario.toml")
    try:
        limits, feeder_ids = _limits(table_of(folder, "feeders", FEEDER_COLUMNS))
        feeders = feeders_at(limits, feeder_ids, to_microseconds(header.start))
        fleet, energy = _fleet(folder, feeders)
        slots = fleet.slots()
        trips = find_table(folder, "trips", needed=False)
        context = folder / "context.jsonl"
        return Scenario(
            header=header,
            fleet=fleet,
            initial_energy_kwh=energy,
            limits=limits,
            load=_load(table_of(folder, "load", LOAD_COLUMNS), feeder_ids, header.interval),
            prices=_prices(table_of(folder, "prices", PRICE_COLUMNS), header.interval),
            sessions=() if trips is None else _sessions(read_table(trips, TRIP_COLUMNS), slots),
            context=tuple(read_context(context)) if context.exists() else (),
            weather=read_weather(folder),
            events=read_events(folder),
            reserve=read_reserve(folder),
            forecasts=read_recorded_forecasts(folder, tuple(feeder_ids), header.interval),
        )
    except (ProblemError, InvalidValueError) as error:
        raise FileError(f"{folder}: {error}") from error


FEEDER_COLUMNS = ("feeder_id", "valid_from", "import_limit_kw", "export_limit_kw", "available_at")
LOAD_COLUMNS = ("feeder_id", "start", "consumption_kw", "pv_kw")
PRICE_COLUMNS = ("start", "import_price_per_kwh", "export_price_per_kwh", "available_at")
TRIP_COLUMNS = (
    "asset_id",
    "connected_from",
    "connected_until",
    "required_energy_kwh",
    "trip_energy_kwh",
    "announced_at",
)


def _header(path: Path) -> ScenarioHeader:
    try:
        with path.open("rb") as file:
            return ScenarioHeader.model_validate(tomllib.load(file))
    except FileNotFoundError:
        raise FileError(f"{path}: there is no such file") from None
    except tomllib.TOMLDecodeError as error:
        raise FileError(f"{path}: not a TOML file: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise FileError(f"{path}: {name}: got {first['input']!r}, expected: {first['msg']}") from None


def _limits(table: Table) -> tuple[tuple[FeederLimits, ...], list[str]]:
    code, names = pd.factorize(table.ids("feeder_id"))
    rows = zip(
        code.tolist(),
        times_us(table, "valid_from").tolist(),
        table.numbers("import_limit_kw", low=0.0, low_open=True, infinite=True).tolist(),
        table.numbers("export_limit_kw", low=0.0, low_open=True, infinite=True).tolist(),
        times_us(table, "available_at").tolist(),
        strict=True,
    )
    limits = [
        FeederLimits(
            feeder=feeder,
            valid_from_us=valid,
            import_limit_kw=imports,
            export_limit_kw=exports,
            available_at_us=known,
        )
        for feeder, valid, imports, exports, known in rows
    ]
    limits.sort(key=lambda row: (row.valid_from_us, row.available_at_us))
    return tuple(limits), [str(name) for name in names]


def _fleet(folder: Path, feeders: tuple[Feeder, ...]) -> tuple[Fleet, Floats]:
    table = table_of(folder, "assets", ASSET_COLUMNS)
    known = {feeder.feeder_id for feeder in feeders}
    asset_ids, feeder_ids, kinds = table.ids("asset_id"), table.ids("feeder_id"), table.text("kind")
    table.require("feeder_id", np.isin(feeder_ids, list(known)), "a feeder of the feeders table")
    names = [name for name in ASSET_COLUMNS[3:] if not name.startswith("energy_final")]
    columns = {name: table.numbers(name, low=0.0, high=LARGEST_KW) for name in names}
    initial = columns.pop("energy_initial_kwh")
    values = zip(*(column.tolist() for column in columns.values()), strict=True)
    rows: list[dict[str, Any]] = [dict(zip(columns, sizes, strict=True)) for sizes in values]
    assets = tuple(
        Asset(
            asset_id=asset_id,
            node_id=asset_id,
            feeder_id=feeder_id,
            kind=_kind(str(kind)),
            **row,
        )
        for asset_id, feeder_id, kind, row in zip(asset_ids, feeder_ids, kinds, rows, strict=True)
    )
    return Fleet(assets=assets, feeders=feeders), initial


def _kind(label: str) -> AssetKind:
    """Return the kind of a free label: what names a car is a charger, everything else a home battery."""
    if label in {str(kind) for kind in AssetKind}:
        return AssetKind(label)
    return AssetKind.EV_CHARGER if label.lower().startswith(("ev", "car")) else AssetKind.HOME_BATTERY


def _load(table: Table, feeder_ids: list[str], interval: timedelta) -> LoadSeries:
    start_us, length_us = times_us(table, "start"), interval // timedelta(microseconds=1)
    feeder = pd.Index(feeder_ids).get_indexer(pd.Index(table.ids("feeder_id")))
    table.require("feeder_id", feeder >= 0, "a feeder of the feeders table")
    first = int(start_us.min())
    position = (start_us - first) // length_us
    table.require(
        "start", (start_us - first) % length_us == 0, f"a multiple of {interval} after the first row"
    )
    shape = (len(feeder_ids), int(position.max()) + 1)
    consumption, pv = np.full(shape, np.nan), np.full(shape, np.nan)
    consumption[feeder, position] = table.numbers("consumption_kw", low=0.0, high=LARGEST_KW)
    pv[feeder, position] = table.numbers("pv_kw", low=0.0, high=LARGEST_KW)
    grid = IntervalGrid(start=from_microseconds(first), length=interval, count=shape[1])
    return LoadSeries(grid=grid, consumption_kw=consumption, pv_kw=pv)


def _prices(table: Table, interval: timedelta) -> tuple[PricePoint, ...]:
    starts, known = times_us(table, "start"), times_us(table, "available_at")
    imports = table.numbers("import_price_per_kwh", low=-1e4, high=1e4)
    exports = table.numbers("export_price_per_kwh", low=-1e4, high=1e4)
    order = np.lexsort((known, starts))
    following = np.unique(starts)
    step_us = int(np.diff(following).min()) if len(following) > 1 else interval // timedelta(microseconds=1)
    return tuple(
        PricePoint(
            start=from_microseconds(int(starts[k])),
            end=from_microseconds(int(starts[k]) + step_us),
            import_price_per_kwh=float(imports[k]),
            export_price_per_kwh=float(exports[k]),
            available_at=from_microseconds(int(known[k])),
        )
        for k in order
    )


def _sessions(table: Table, slots: dict[str, int]) -> tuple[ChargingSession, ...]:
    ids = table.ids("asset_id")
    table.require("asset_id", np.array([name in slots for name in ids], dtype=np.bool_), "a known asset")
    begin, end = times_us(table, "connected_from"), times_us(table, "connected_until")
    table.require("connected_until", end > begin, "a time after connected_from")
    known = times_us(table, "announced_at")
    asked = table.numbers("required_energy_kwh", low=0.0, high=LARGEST_KW)
    used = table.numbers("trip_energy_kwh", low=0.0, high=LARGEST_KW)
    return tuple(
        ChargingSession(
            asset_id=str(ids[k]),
            connected_from=from_microseconds(int(begin[k])),
            connected_until=from_microseconds(int(end[k])),
            departure_energy_kwh=float(asked[k]),
            trip_energy_kwh=float(used[k]),
            announced_at=from_microseconds(int(known[k])),
        )
        for k in np.argsort(begin, kind="stable")
    )
