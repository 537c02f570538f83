"""The problem's assets and windows as records, the form the verifier's kernels read."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from optimizer.problem import Ints, Problem, ProblemError

Records = NDArray[np.void]

FLOATS = (
    "energy_min_kwh",
    "energy_max_kwh",
    "energy_initial_kwh",
    "max_charge_kw",
    "max_discharge_kw",
    "min_charge_kw",
    "min_discharge_kw",
    "charge_efficiency",
    "discharge_efficiency",
    "wear_cost_per_kwh",
    "energy_final_min_kwh",
    "energy_final_value_per_kwh",
    "discharge_budget_kwh",
)

ASSET = np.dtype(
    [
        ("feeder", np.int64),
        ("first_window", np.int64),
        ("last_window", np.int64),  # one past
        ("wear_row", np.int64),  # -1 without segments of depth; the flat wear cost is zero with them
        *((name, np.float64) for name in FLOATS),
    ],
    align=True,
)

WINDOW = np.dtype(
    [
        ("row", np.int64),  # place in the problem's windows
        ("from_interval", np.int64),
        ("to_interval", np.int64),
        ("departure_energy_kwh", np.float64),
        ("trip_energy_kwh", np.float64),
    ],
    align=True,
)


def read_only(values: Any) -> Any:
    """Return a contiguous read-only view of doubles: one type, so that nothing is compiled twice."""
    view = np.ascontiguousarray(values, dtype=np.float64).view()
    view.setflags(write=False)
    return view


def window_order(problem: Problem) -> tuple[Ints, Ints]:
    """Return the windows' order by asset and time, and where each asset's begin in it (N + 1)."""
    windows = problem.windows
    order = np.arange(len(windows))
    place = windows.asset * (problem.intervals + 1) + windows.from_interval
    if np.any(place[1:] < place[:-1]):  # as a rule they are in order already
        order = np.argsort(place, kind="stable")
    count = np.bincount(windows.asset, minlength=len(problem.assets))
    return order, np.concatenate([[0], np.cumsum(count)])


def window_records(problem: Problem, order: Ints) -> Records:
    """Return the windows by asset and time, whatever order the problem has them in."""
    records = np.zeros(len(order), WINDOW)
    records["row"] = order
    for name in WINDOW.names[1:]:  # type: ignore[index]
        records[name] = getattr(problem.windows, name)[order]
    return records


def asset_records(problem: Problem, chosen: slice | Ints, first_window: Ints) -> Records:
    """Return the records of some assets."""
    assets, rows = problem.assets, np.arange(len(problem.assets))[chosen]
    records = np.zeros(len(rows), ASSET)
    records["feeder"] = assets.feeder[chosen]
    records["first_window"], records["last_window"] = first_window[rows], first_window[rows + 1]
    for name in FLOATS:
        records[name] = getattr(assets, name)[chosen]
    records["wear_row"] = -1
    if problem.wear is not None and len(problem.wear):
        row = np.full(len(assets), -1, dtype=np.int64)
        row[problem.wear.asset] = np.arange(len(problem.wear))
        records["wear_row"] = row[chosen]
        records["wear_cost_per_kwh"][records["wear_row"] >= 0] = 0.0
    return records


def require_indices(problem: Problem) -> None:
    """Refuse what the kernels would follow out of an array: they check no index. Raises ProblemError."""
    windows, feeder = problem.windows, problem.assets.feeder
    spans = (windows.from_interval >= 0) & (windows.from_interval < windows.to_interval)
    spans &= windows.to_interval <= problem.intervals
    spans &= (windows.asset >= 0) & (windows.asset < len(problem.assets))
    if not spans.all():
        row = int(np.argmin(spans))
        found = int(windows.from_interval[row]), int(windows.to_interval[row])
        raise ProblemError("windows", "to_interval", row + 1, found, "intervals and an asset of the problem")
    known = (feeder >= 0) & (feeder < len(problem.feeders))
    if not known.all():
        row = int(np.argmin(known))
        raise ProblemError("assets", "feeder", row + 1, int(feeder[row]), "a feeder of the problem")
