"""The multipliers of single assets in a plan: of budgets, wear by depth, stored energy, and reserve."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from optimizer.files.extras import look_up
from optimizer.files.reserve_prices import write_reserve_prices
from optimizer.files.tables import find_table, read_table
from optimizer.files.writing import write_columns
from optimizer.plan import EnergyWorths, Prices
from optimizer.problem import Floats, Problem


def write_own_prices(folder: Path, problem: Problem, prices: Prices) -> None:
    """Write `prices_budgets`, `prices_wear`, `prices_energy` and `prices_reserve` where the plan has them."""
    names = problem.assets.asset_id
    if prices.budget_per_kwh is not None:
        limited = np.flatnonzero(np.isfinite(problem.assets.discharge_budget_kwh))
        columns = {"asset_id": names[limited], "price_per_kwh": prices.budget_per_kwh[limited]}
        write_columns(folder / "prices_budgets.parquet", columns)
    if prices.wear_per_kwh is not None and problem.wear is not None:
        rows, depth, intervals = prices.wear_per_kwh.shape
        columns = {
            "asset_id": np.repeat(names[problem.wear.asset], depth * intervals),
            "segment": np.tile(np.repeat(np.arange(depth), intervals), rows),
            "interval": np.tile(np.arange(intervals), rows * depth),
            "worth_per_kwh": prices.wear_per_kwh.ravel(),
        }
        write_columns(folder / "prices_wear.parquet", columns)
    if prices.energy is not None:
        count, points = prices.energy.worth_per_kwh.shape
        columns = {
            "asset_id": np.repeat(names[prices.energy.asset], points),
            "interval": np.tile(np.arange(points), count),
            "worth_per_kwh": prices.energy.worth_per_kwh.ravel(),
            "cell_kwh": np.repeat(prices.energy.cell_kwh, points),
        }
        write_columns(folder / "prices_energy.parquet", columns)
    write_reserve_prices(folder, problem, prices)


def read_own_prices(folder: Path, problem: Problem) -> tuple[Floats | None, Floats | None]:
    """Read the prices of budgets (N) and the worths of wear by depth (W, J, T), where a plan has them."""
    budget, worn, names = None, None, problem.assets.asset_id
    path = find_table(folder, "prices_budgets", needed=False)
    if path is not None:
        table, budget = read_table(path, ("asset_id", "price_per_kwh")), np.zeros(len(names))
        budget[look_up(table, "asset_id", names)] = table.numbers("price_per_kwh")
    path = find_table(folder, "prices_wear", needed=False)
    if path is not None and problem.wear is not None:
        table = read_table(path, ("asset_id", "segment", "interval", "worth_per_kwh"))
        worn = np.zeros((*problem.wear.cost_per_kwh.shape, problem.intervals))
        place = (
            look_up(table, "asset_id", names[problem.wear.asset]),
            table.whole("segment", low=0, high=worn.shape[1] - 1),
            table.whole("interval", low=0, high=problem.intervals - 1),
        )
        worn[place] = table.numbers("worth_per_kwh")
    return budget, worn


def read_energy_worths(folder: Path, problem: Problem) -> EnergyWorths | None:
    """Read the worths of stored energy of the assets that a plan names."""
    path = find_table(folder, "prices_energy", needed=False)
    if path is None:
        return None
    table = read_table(path, ("asset_id", "interval", "worth_per_kwh", "cell_kwh"))
    row = look_up(table, "asset_id", problem.assets.asset_id)
    asset, place = np.unique(row, return_inverse=True)
    worth, cell = np.zeros((len(asset), problem.intervals + 1)), np.zeros(len(asset))
    worth[place, table.whole("interval", low=0, high=problem.intervals)] = table.numbers("worth_per_kwh")
    cell[place] = table.numbers("cell_kwh")
    return EnergyWorths(asset=asset, cell_kwh=cell, worth_per_kwh=worth)
