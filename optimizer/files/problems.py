"""Reads a problem folder into a checked `Problem`, and writes one; docs/problem.md states the format."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd

from optimizer.files import extras
from optimizer.files.header import FILE, Header, read_header
from optimizer.files.tables import Table, find_table, read_table
from optimizer.files.writing import write_problem
from optimizer.problem import Assets, Feeders, Floats, Ints, Names, Portfolio, Problem, ProblemError, Windows

__all__ = ["TABLES", "problem_sha256", "read_problem", "write_problem"]

TABLES = ("assets", "windows", "portfolio", "feeders", "events", "reserve", "scenarios", "wear", "previous")

SIZE_COLUMNS = (
    "capacity_kwh",
    "energy_min_kwh",
    "energy_max_kwh",
    "energy_initial_kwh",
    "max_charge_kw",
    "max_discharge_kw",
    "min_charge_kw",
    "min_discharge_kw",
)
ASSET_COLUMNS = (
    "asset_id",
    "feeder_id",
    "kind",
    *SIZE_COLUMNS,
    "charge_efficiency",
    "discharge_efficiency",
    "wear_cost_per_kwh",
    "energy_final_min_kwh",
    "energy_final_value_per_kwh",
)
WINDOW_COLUMNS = ("asset_id", "from_interval", "to_interval", "departure_energy_kwh", "trip_energy_kwh")


def read_problem(folder: Path | str) -> Problem:
    """Read and check every file of a problem folder.

    Raises:
        ProblemError: naming file, row (from 1, without the header), column, and what was expected.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ProblemError(str(folder), "(folder)", None, "no folder", "a folder with a problem")
    _refuse_strangers(folder)
    header = read_header(folder)
    feeders = _read_feeders(folder, header.intervals)
    assets = _read_assets(folder, feeders.feeder_id)
    return Problem(
        start=header.start,
        interval_h=header.interval_h,
        intervals=header.intervals,
        currency=header.currency,
        assets=assets,
        feeders=feeders,
        portfolio=_read_portfolio(folder, header),
        windows=_read_windows(folder, assets, header.intervals),
        events=extras.read_events(folder, header.intervals),
        reserve=extras.read_reserve(folder, header.intervals),
        scenarios=extras.read_scenarios(folder, feeders, header.intervals),
        wear=extras.read_wear(folder, assets),
        previous_power_kw=extras.read_previous(folder, assets, header.intervals),
        **header.figures,
    )


def problem_sha256(folder: Path | str) -> str:
    """Hash the problem's files in order of name: name, a zero byte, content."""
    digest = hashlib.sha256()
    known = {FILE, *(f"{stem}{end}" for stem in TABLES for end in (".csv", ".parquet"))}
    for path in sorted(Path(folder).iterdir(), key=lambda path: path.name):
        if path.name in known and path.is_file():
            digest.update(path.name.encode() + b"\0")
            with path.open("rb") as content:
                while block := content.read(1 << 20):
                    digest.update(block)
    return digest.hexdigest()


def _refuse_strangers(folder: Path) -> None:
    """Refuse a table under a name nobody reads: most likely a misspelt one."""
    for path in folder.iterdir():
        if path.suffix in {".csv", ".parquet"} and path.stem not in TABLES:
            raise ProblemError(path.name, "(file)", None, "an unknown table", f"only {', '.join(TABLES)}")


def _read_feeders(folder: Path, intervals: int) -> Feeders:
    """Read one row for every feeder and interval, in any order; feeders are numbered by first appearance."""
    path = find_table(folder, "feeders", needed=True)
    assert path is not None
    columns = ("feeder_id", "interval", "load_kw", "import_limit_kw", "export_limit_kw")
    table = read_table(path, columns)
    names = table.ids("feeder_id")
    code, feeder_id = pd.factorize(names)
    interval = table.whole("interval", low=0, high=intervals - 1)
    place = extras.complete_grid(table, ("feeder_id", "interval"), code, feeder_id, interval, intervals)
    values = (
        table.numbers("load_kw"),
        table.numbers("import_limit_kw", low=0.0, infinite=True),
        table.numbers("export_limit_kw", low=0.0, infinite=True),
    )
    load, import_limit, export_limit = (
        extras.to_grid(column, place, len(feeder_id), intervals) for column in values
    )
    return Feeders(
        feeder_id=np.asarray(feeder_id, dtype=object),
        load_kw=load,
        import_limit_kw=import_limit,
        export_limit_kw=export_limit,
    )


def _read_portfolio(folder: Path, header: Header) -> Portfolio:
    path = find_table(folder, "portfolio", needed=True)
    assert path is not None
    columns = ("interval", "import_price_per_kwh", "export_price_per_kwh")
    table = read_table(path, columns, ("carbon_kg_per_kwh",))
    interval = table.whole("interval", low=0, high=header.intervals - 1)
    whole = np.zeros(table.rows, dtype=np.int64)
    place = extras.complete_grid(
        table, ("interval", "interval"), whole, np.array(["portfolio"]), interval, header.intervals
    )

    def ordered(column: str) -> Floats:
        return extras.to_grid(table.numbers(column), place, 1, header.intervals).ravel()

    carbon = ordered("carbon_kg_per_kwh") if "carbon_kg_per_kwh" in table else np.zeros(header.intervals)
    return Portfolio(
        import_price_per_kwh=ordered("import_price_per_kwh"),
        export_price_per_kwh=ordered("export_price_per_kwh"),
        carbon_kg_per_kwh=carbon,
    )


def _read_assets(folder: Path, feeder_id: Names) -> Assets:
    path = find_table(folder, "assets", needed=True)
    assert path is not None
    table = read_table(path, ASSET_COLUMNS, ("discharge_budget_kwh",))
    if not table.rows:
        raise table.error("asset_id", None, "no rows", "at least one asset")
    asset_id = table.ids("asset_id")
    table.require("asset_id", ~pd.Series(asset_id).duplicated().to_numpy(), "each asset once")
    feeder = extras.look_up(table, "feeder_id", feeder_id)
    budget = np.full(table.rows, np.inf)
    if "discharge_budget_kwh" in table:
        budget = table.numbers("discharge_budget_kwh", low=0.0, infinite=True)
    sizes = {name: table.numbers(name, low=0.0) for name in SIZE_COLUMNS}
    assets = Assets(
        asset_id=asset_id,
        feeder=feeder,
        kind=table.text("kind"),
        charge_efficiency=table.numbers("charge_efficiency", low=0.0, high=1.0, low_open=True),
        discharge_efficiency=table.numbers("discharge_efficiency", low=0.0, high=1.0, low_open=True),
        wear_cost_per_kwh=table.numbers("wear_cost_per_kwh", low=0.0),
        energy_final_min_kwh=table.numbers("energy_final_min_kwh", low=0.0),
        energy_final_value_per_kwh=table.numbers("energy_final_value_per_kwh"),
        discharge_budget_kwh=budget,
        **sizes,
    )
    _check_order(table, assets)
    return assets


def _check_order(table: Table, assets: Assets) -> None:
    """Check that minima do not exceed maxima."""
    table.require("energy_max_kwh", assets.energy_max_kwh <= assets.capacity_kwh, "at most capacity_kwh")
    table.require("energy_min_kwh", assets.energy_min_kwh <= assets.energy_max_kwh, "at most energy_max_kwh")
    table.require(
        "energy_initial_kwh", assets.energy_initial_kwh <= assets.energy_max_kwh, "at most energy_max_kwh"
    )
    table.require("min_charge_kw", assets.min_charge_kw <= assets.max_charge_kw, "at most max_charge_kw")
    table.require(
        "min_discharge_kw", assets.min_discharge_kw <= assets.max_discharge_kw, "at most max_discharge_kw"
    )


def _read_windows(folder: Path, assets: Assets, intervals: int) -> Windows:
    path = find_table(folder, "windows", needed=False)
    if path is None:
        return Windows.none()
    table = read_table(path, WINDOW_COLUMNS)
    asset = extras.look_up(table, "asset_id", assets.asset_id)
    first = table.whole("from_interval", low=0, high=intervals - 1)
    end = table.whole("to_interval", low=1, high=intervals)
    table.require("to_interval", end > first, "more than from_interval")
    order = np.lexsort((first, asset))
    _refuse_overlaps(table, asset[order], first[order], end[order], order)
    return Windows(
        asset=asset[order],
        from_interval=first[order],
        to_interval=end[order],
        departure_energy_kwh=table.numbers("departure_energy_kwh", low=0.0)[order],
        trip_energy_kwh=table.numbers("trip_energy_kwh", low=0.0)[order],
    )


def _refuse_overlaps(table: Table, asset: Ints, first: Ints, end: Ints, order: Ints) -> None:
    clash = (asset[1:] == asset[:-1]) & (first[1:] < end[:-1])
    if clash.any():
        place = int(np.argmax(clash)) + 1
        expected = "windows of one asset that do not overlap"
        raise table.error("from_interval", int(order[place]), int(first[place]), expected)
