"""The tables of a replay beside its decisions: what the meters showed, what it cost, what was forecast.

feeders.parquet    a row per interval and feeder
intervals.parquet  a row per interval: prices, state of charge, money with control, without, with foresight
forecasts.parquet  the first forecast of every day
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from vpp.control.settle import MeteredDay
from vpp.domain.intervals import IntervalGrid
from vpp.replay.course import SOC_LEVELS, Counterpart, Course
from vpp.replay.kpis import event_account, metered
from vpp.replay.reserve import WAYS, ReserveMeter
from vpp.replay.scenario import Scenario

Floats = NDArray[np.float64]
KINDS = ("battery", "vehicle")
CONTROL, NO_CONTROL, FORESIGHT = "control", "no_control", "foresight"
ALL_FEEDERS = ""  # the name of their sum in forecasts.parquet


def write_tables(folder: Path, scenario: Scenario, ways: Mapping[str, Counterpart]) -> None:
    """Write the tables of a replay; `ways` has `CONTROL`, `NO_CONTROL` and maybe `FORESIGHT`."""
    days = {name: metered(scenario, way) for name, way in ways.items()}
    grid = ways[CONTROL].course.grid
    for name, table in {
        "feeders": _feeders(scenario, grid, days),
        "intervals": _intervals(scenario, ways, days),
        "forecasts": _forecasts(scenario, ways[CONTROL].course),
    }.items():
        pq.write_table(table, folder / f"{name}.parquet", compression="zstd")


def interval_costs(scenario: Scenario, way: Counterpart, day: MeteredDay) -> Floats:
    """Return the money of every interval, (T,): energy, wear, event penalties, less reserve and stored value.

    Their sum is the settlement's total without the peak charge, which belongs to no single interval.
    """
    net_kw = (day.load_kw - day.fleet_kw).sum(axis=0)
    energy = np.where(net_kw > 0.0, net_kw * day.import_price_per_kwh, net_kw * day.export_price_per_kwh)
    wear, stored = np.diff(way.course.wear_cost), np.diff(way.course.stored_kwh)
    asked = event_account(scenario, way.fleet).penalties - way.course.reserve.revenue()
    costs: Floats = day.hours * energy + wear + asked - stored * day.stored_value_per_kwh
    return costs


def _feeders(scenario: Scenario, grid: IntervalGrid, days: Mapping[str, MeteredDay]) -> pa.Table:
    names = [feeder.feeder_id for feeder in scenario.fleet.feeders]
    shape = (len(names), grid.count)
    day = days[CONTROL]
    columns = {
        "load_kw": day.load_kw,
        **{f"fleet_{name}_kw": one.fleet_kw for name, one in days.items()},
        "import_limit_kw": day.import_limit_kw,
        "export_limit_kw": day.export_limit_kw,
    }
    code = np.repeat(np.arange(len(names), dtype=np.int32), grid.count)
    return pa.table(
        {
            "start": pa.concat_arrays([_starts(grid)] * len(names)),
            "feeder_id": pa.DictionaryArray.from_arrays(pa.array(code), pa.array(names, pa.string())),
            **{name: np.broadcast_to(values, shape).ravel() for name, values in columns.items()},
        }
    )


def _intervals(
    scenario: Scenario, ways: Mapping[str, Counterpart], days: Mapping[str, MeteredDay]
) -> pa.Table:
    columns: dict[str, Floats] = {
        "import_price_per_kwh": days[CONTROL].import_price_per_kwh,
        "export_price_per_kwh": days[CONTROL].export_price_per_kwh,
        **{f"cost_{name}": interval_costs(scenario, way, days[name]) for name, way in ways.items()},
    }
    course = ways[CONTROL].course
    for kind, quantiles in zip(KINDS, course.soc, strict=True):
        for column, level in enumerate(SOC_LEVELS):
            columns[f"{kind}_soc_p{100 * level:02.0f}"] = quantiles[1:, column]  # at the end of the interval
    if course.reserve.products:
        columns |= _reserve(course.reserve)
    return pa.table({"start": _starts(course.grid), **columns})


def _reserve(meter: ReserveMeter) -> dict[str, Floats]:
    """Return what reserve was asked, held and there, by direction, kW."""
    shown = {"asked": meter.asked_kw, "held": meter.held_kw(), "backed": meter.backed_kw()}
    return {
        f"reserve_{way}_{name}_kw": values[row]
        for row, way in enumerate(WAYS)
        for name, values in shown.items()
    }


def _forecasts(scenario: Scenario, course: Course) -> pa.Table:
    names = [ALL_FEEDERS, *(scenario.fleet.feeders[k].feeder_id for k in course.fan_feeders)]
    schema = pa.schema(
        [
            ("forecast_id", pa.string()),
            ("available_at", pa.timestamp("us", "UTC")),
            ("source", pa.string()),
            ("verdict", pa.string()),
            ("reason", pa.string()),
            ("feeder_id", pa.string()),
            ("start", pa.timestamp("us", "UTC")),
            *((name, pa.float64()) for name in ("p10_kw", "p50_kw", "p90_kw", "pv_kw")),
        ]
    )
    tables = []
    for fan in course.fans:
        count = fan.grid.count
        rows = count * len(names)
        one = [fan.forecast_id, fan.available_at, fan.source, fan.verdict, fan.reason]
        columns = [pa.array([value] * rows, schema.field(k).type) for k, value in enumerate(one)]
        columns.append(pa.array(np.repeat(np.array(names, dtype=object), count), pa.string()))
        columns.append(pa.concat_arrays([_starts(fan.grid)] * len(names)))
        columns += [pa.array(values.ravel()) for values in (fan.p10_kw, fan.p50_kw, fan.p90_kw, fan.pv_kw)]
        tables.append(pa.Table.from_arrays(columns, schema=schema))
    return pa.concat_tables(tables) if tables else schema.empty_table()


def _starts(grid: IntervalGrid) -> pa.Array:
    start = np.datetime64(grid.start.replace(tzinfo=None), "us")
    length = np.timedelta64(grid.length)
    return pa.array(start + np.arange(grid.count) * length).cast(pa.timestamp("us", "UTC"))
