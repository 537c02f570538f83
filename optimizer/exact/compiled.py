"""From a Pyomo model to arrays: sparse rows, bounds and costs, and where each variable's columns are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from pyomo.repn.plugins.standard_form import LinearStandardFormCompiler
from scipy import sparse

from optimizer.exact.assets import Model
from optimizer.problem import Floats, Ints

Booleans = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """The columns of one indexed variable: `keys` (K, dimensions), `at` (K,) column numbers."""

    keys: Ints
    at: Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """min cost @ x + offset with row_low <= rows @ x <= row_high and low <= x <= high."""

    cost: Floats
    offset: float
    rows: sparse.csr_array
    row_low: Floats
    row_high: Floats
    low: Floats
    high: Floats
    integer: Booleans
    columns: dict[str, Columns]
    row_names: dict[str, Columns]


def compile_model(model: Model) -> Compiled:
    """Compile a linear Pyomo model; every variable keeps its declared order of indices."""
    form = LinearStandardFormCompiler().write(model, mixed_form=True)
    variables = form.columns
    low, high = _bounds(variables)
    row_low, row_high, row_names = _rows(form)
    return Compiled(
        cost=np.asarray(form.c.todense(), dtype=float).ravel(),
        offset=float(form.c_offset[0]),
        rows=form.A.tocsr(),
        row_low=row_low,
        row_high=row_high,
        low=low,
        high=high,
        integer=np.array([not variable.is_continuous() for variable in variables], dtype=bool),
        columns=_positions(variables),
        row_names=row_names,
    )


def _bounds(variables: list[Any]) -> tuple[Floats, Floats]:
    low = np.array([variable.lb for variable in variables], dtype=float)
    high = np.array([variable.ub for variable in variables], dtype=float)
    return np.where(np.isnan(low), -np.inf, low), np.where(np.isnan(high), np.inf, high)


def _rows(form: Any) -> tuple[Floats, Floats, dict[str, Columns]]:
    """Turn right-hand sides of ==, <= and >= rows (0, 1, -1) into ranges."""
    side = np.asarray(form.rhs, dtype=float)
    kind = np.array([row.bound_type for row in form.rows], dtype=np.int64)
    low = np.where(kind == 1, -np.inf, side)
    high = np.where(kind == -1, np.inf, side)
    return low, high, _positions([row.constraint for row in form.rows])


def _positions(items: list[Any]) -> dict[str, Columns]:
    """Group columns or rows by the indexed component they belong to."""
    groups: dict[int, tuple[Any, list[Any], list[int]]] = {}
    for position, item in enumerate(items):
        parent = item._component()  # noqa: SLF001 - parent_component() costs three times as much per item
        group = groups.get(id(parent))
        if group is None:
            group = groups[id(parent)] = (parent, [], [])
        group[1].append(item.index())
        group[2].append(position)
    found: dict[str, Columns] = {}
    for parent, keys, at in groups.values():
        table = np.array([key if isinstance(key, tuple) else (-1 if key is None else key,) for key in keys])
        found[parent.name] = Columns(keys=table.reshape(len(keys), -1), at=np.array(at, dtype=np.int64))
    return found
