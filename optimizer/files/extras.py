"""The optional tables of a problem: events, reserve, scenarios, wear, the plan in force."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from optimizer.files.tables import Table, find_table, read_table
from optimizer.problem import Assets, Events, Feeders, Floats, Ints, Names, Reserve, Scenarios, Wear


def look_up(table: Table, column: str, known: Names) -> Ints:
    """Return the index of each id of a column among the known ones; an unknown id is refused."""
    index = pd.Index(known).get_indexer(pd.Index(table.ids(column)))
    table.require(column, index >= 0, f"an id that {column.removesuffix('_id')}s have")
    return index.astype(np.int64)


def complete_grid(
    table: Table, keys: tuple[str, str], code: Ints, names: Names, step: Ints, steps: int
) -> Ints:
    """Return each row's place in a (names, steps) grid; a repeated or a missing row is refused.

    `keys` are the columns of names and steps, `code` (rows,) the index into `names`.
    """
    row, column = keys
    place = code.astype(np.int64) * steps + step
    once = f"each {column} once" if row == column else f"each {row} and {column} once"
    table.require(column, ~pd.Series(place).duplicated().to_numpy(), once)
    counts = np.bincount(place, minlength=len(names) * steps)
    if not len(counts):
        raise table.error(column, None, "no rows", f"one row for every {column} from 0 to {steps - 1}")
    if not (counts > 0).all():
        name, missing = divmod(int(np.argmin(counts)), steps)
        raise table.error(column, None, f"no row for {names[name]}, {column} {missing}", "a row for each")
    return place


def to_grid(values: Floats, place: Ints, rows: int, intervals: int) -> Floats:
    """Scatter a column into a (rows, intervals) matrix."""
    grid = np.empty(rows * intervals)
    grid[place] = values
    return grid.reshape(rows, intervals)


def _read_spans(table: Table, intervals: int) -> tuple[Ints, Ints]:
    first = table.whole("from_interval", low=0, high=intervals - 1)
    end = table.whole("to_interval", low=1, high=intervals)
    table.require("to_interval", end > first, "more than from_interval")
    return first, end


def _read_up(table: Table) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    direction = table.text("direction")
    table.require("direction", np.isin(direction.astype(str), ["up", "down"]), "up or down")
    return np.asarray(direction == "up", dtype=bool)


def _once(table: Table, column: str) -> Names:
    names = table.ids(column)
    table.require(column, ~pd.Series(names).duplicated().to_numpy(), f"each {column} once")
    return names


def read_events(folder: Path, intervals: int) -> Events | None:
    """Read `events`, if there are any."""
    path = find_table(folder, "events", needed=False)
    if path is None:
        return None
    columns = ("event_id", "from_interval", "to_interval", "target_kw", "direction", "penalty_per_kwh")
    table = read_table(path, columns)
    first, end = _read_spans(table, intervals)
    return Events(
        event_id=_once(table, "event_id"),
        from_interval=first,
        to_interval=end,
        target_kw=table.numbers("target_kw"),
        up=_read_up(table),
        penalty_per_kwh=table.numbers("penalty_per_kwh", low=0.0),
    )


def read_reserve(folder: Path, intervals: int) -> Reserve | None:
    """Read `reserve`, if there are any products."""
    path = find_table(folder, "reserve", needed=False)
    if path is None:
        return None
    spans = ("product_id", "direction", "from_interval", "to_interval")
    table = read_table(path, (*spans, "price_per_kw_h", "max_kw", "sustain_minutes"))
    first, end = _read_spans(table, intervals)
    return Reserve(
        product_id=_once(table, "product_id"),
        up=_read_up(table),
        from_interval=first,
        to_interval=end,
        price_per_kw_h=table.numbers("price_per_kw_h", low=0.0),
        max_kw=table.numbers("max_kw", low=0.0),
        sustain_h=table.numbers("sustain_minutes", low=0.0) / 60.0,
    )


def read_scenarios(folder: Path, feeders: Feeders, intervals: int) -> Scenarios | None:
    """Read `scenarios`: for each, one probability and one load for every feeder and interval."""
    path = find_table(folder, "scenarios", needed=False)
    if path is None:
        return None
    table = read_table(path, ("scenario", "probability", "feeder_id", "interval", "load_kw"))
    code, names = pd.factorize(table.ids("scenario"))
    feeder = look_up(table, "feeder_id", feeders.feeder_id)
    interval = table.whole("interval", low=0, high=intervals - 1)
    count = len(feeders)
    place = complete_grid(
        table, ("scenario", "interval"), code * count + feeder, np.repeat(names, count), interval, intervals
    )
    load = to_grid(table.numbers("load_kw"), place, len(names) * count, intervals)
    chance = table.numbers("probability", low=0.0, high=1.0)
    first = np.array([chance[int(np.argmax(code == k))] for k in range(len(names))])
    table.require("probability", chance == first[code], "the same probability in every row of a scenario")
    if abs(first.sum() - 1.0) > 1e-6:
        raise table.error("probability", None, float(first.sum()), "probabilities that sum to 1")
    return Scenarios(probability=first / first.sum(), load_kw=load.reshape(len(names), count, intervals))


def read_wear(folder: Path, assets: Assets) -> Wear | None:
    """Read `wear`: the same number of segments for every listed asset, cost non-decreasing with depth."""
    path = find_table(folder, "wear", needed=False)
    if path is None:
        return None
    table = read_table(path, ("asset_id", "segment", "cost_per_kwh"))
    asset = look_up(table, "asset_id", assets.asset_id)
    listed, code = np.unique(asset, return_inverse=True)
    segment = table.whole("segment", low=0, high=1_000)
    depth = int(segment.max()) + 1 if table.rows else 1
    cost = table.numbers("cost_per_kwh", low=0.0)
    place = complete_grid(table, ("asset_id", "segment"), code, assets.asset_id[listed], segment, depth)
    grid = to_grid(cost, place, len(listed), depth)
    falls = np.diff(grid, axis=1, prepend=0.0)[code, segment] < 0.0
    table.require("cost_per_kwh", ~falls, "a cost that does not fall with depth")
    return Wear(asset=listed.astype(np.int64), cost_per_kwh=grid)


def read_previous(folder: Path, assets: Assets, intervals: int) -> Floats | None:
    """Read `previous`, the plan in force; rows without power may be left out."""
    path = find_table(folder, "previous", needed=False)
    if path is None:
        return None
    table = read_table(path, ("asset_id", "interval", "power_kw"))
    asset = look_up(table, "asset_id", assets.asset_id)
    interval = table.whole("interval", low=0, high=intervals - 1)
    twice = pd.Series(asset * intervals + interval).duplicated().to_numpy()
    table.require("interval", ~twice, "each asset and interval once")
    power = np.zeros((len(assets), intervals))
    power[asset, interval] = table.numbers("power_kw")
    return power
