"""The rare on/off variables that stand in the relaxation itself, and what to make of a fractional one.

recovered[i,t]: an asset below its minimum may discharge or hold reserve again.
importing[s,t]: where exporting pays more than importing costs, which of the two happens.
stranded[w]: a trip took all there was and fell short.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from optimizer.exact.compiled import Columns, Compiled
from optimizer.problem import Floats, Ints

SMALL = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Decisions:
    """Columns of on/off variables and the value, 0 or 1, that each is to take."""

    columns: Ints
    on: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]


def open_switches(compiled: Compiled, values: Floats, *, gently: bool) -> Decisions:
    """Find the on/off variables whose fraction a point makes use of, and decide each.

    Not gently: only decisions that leave the point's other decisions possible.
    """
    found = list(_open_recoveries(compiled, values, gently=gently)) + list(_open_trips(compiled, values))
    if gently:
        found += _open_directions(compiled, values)
    return Decisions(
        columns=np.array([column for column, _ in found], dtype=np.int64),
        on=np.array([on for _, on in found], dtype=bool),
    )


def _open_recoveries(compiled: Compiled, values: Floats, *, gently: bool) -> Iterator[tuple[int, bool]]:
    recovered = compiled.columns.get("recovered")
    if recovered is None:
        return
    used = [_table(compiled, values, name) for name in ("discharge", "reserve_up")]
    for key, column in zip(map(tuple, recovered.keys.tolist()), recovered.at.tolist(), strict=True):
        power = max(table.get(key, 0.0) for table in used)
        if power > SMALL * 0.1 and values[column] < 1.0 - SMALL:
            yield column, gently and values[column] >= 0.5


def _open_trips(compiled: Compiled, values: Floats) -> Iterator[tuple[int, bool]]:
    """Empty the asset whose trip took more than it had left; let no other trip fall short."""
    stranded = compiled.columns.get("stranded")
    if stranded is None:
        return
    left, missing = _table(compiled, values, "energy_left"), _table(compiled, values, "trip_missing")
    for key, column in zip(map(tuple, stranded.keys.tolist()), stranded.at.tolist(), strict=True):
        if min(left[key], missing.get(key, 0.0)) > SMALL:
            yield column, left[key] < missing[key]


def _open_directions(compiled: Compiled, values: Floats) -> list[tuple[int, bool]]:
    """Follow the sign of the exchange where the relaxation imports and exports at once."""
    importing = compiled.columns.get("importing")
    if importing is None:
        return []
    imported, exported = _table(compiled, values, "imported"), _table(compiled, values, "exported")
    keys = [tuple(key) for key in importing.keys.tolist()]
    return [
        (column, imported[key] >= exported[key])
        for key, column in zip(keys, importing.at.tolist(), strict=True)
        if min(imported[key], exported[key]) > SMALL
    ]


def _table(compiled: Compiled, values: Floats, name: str) -> dict[tuple[int, ...], float]:
    columns: Columns | None = compiled.columns.get(name)
    if columns is None:
        return {}
    return dict(zip(map(tuple, columns.keys.tolist()), values[columns.at].tolist(), strict=True))
