"""The prices of reserve in a plan, and by what each asset's shares are limited."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optimizer.files.extras import look_up
from optimizer.files.tables import find_table, read_table
from optimizer.files.writing import write_columns
from optimizer.plan import Prices
from optimizer.problem import Floats, Problem

WEIGHTS = ("up_at_end", "up_at_start", "down_at_end", "down_at_start")


def write_reserve_prices(folder: Path, problem: Problem, prices: Prices) -> None:
    """Write `prices_reserve`, and `prices_shares` with a row for every cell whose energy limits a share."""
    if prices.reserve_per_kw_h is None:
        return
    up, down = prices.reserve_per_kw_h
    columns: dict[str, Any] = {"interval": np.arange(len(up)), "up_per_kw_h": up, "down_per_kw_h": down}
    write_columns(folder / "prices_reserve.parquet", columns)
    weight = prices.reserve_weight
    if weight is None:
        return
    row, interval = np.nonzero(weight.any(axis=2))
    chosen = weight[row, interval]
    columns = {"asset_id": problem.assets.asset_id[row], "interval": interval}
    columns |= {name: chosen[:, k] for k, name in enumerate(WEIGHTS)}
    write_columns(folder / "prices_shares.parquet", columns)


def read_reserve_prices(folder: Path, problem: Problem) -> tuple[Floats | None, NDArray[np.float32] | None]:
    """Read the prices of reserve (2, T) and the weights (N, T, 4), where a plan has them."""
    path, most = find_table(folder, "prices_reserve", needed=False), problem.intervals - 1
    if path is None:
        return None, None
    table, price = read_table(path, ("interval", "up_per_kw_h", "down_per_kw_h")), np.zeros((2, most + 1))
    interval = table.whole("interval", low=0, high=most)
    price[0, interval], price[1, interval] = table.numbers("up_per_kw_h"), table.numbers("down_per_kw_h")
    path = find_table(folder, "prices_shares", needed=False)
    if path is None:
        return price, None
    table = read_table(path, ("asset_id", "interval", *WEIGHTS))
    place = (
        look_up(table, "asset_id", problem.assets.asset_id),
        table.whole("interval", low=0, high=most),
    )
    weight = np.zeros((*problem.shape, 4), np.float32)
    for k, name in enumerate(WEIGHTS):
        weight[(*place, k)] = table.numbers(name)
    return price, weight
