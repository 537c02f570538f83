"""Readings between columns of numpy and rows of a database."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vpp.domain.readings import ReadingColumns

TYPES: dict[str, Any] = {
    "slot": np.int64,
    "measured_at_us": np.int64,
    "received_at_us": np.int64,
    "soc": np.float64,
    "power_kw": np.float64,
    "connected": np.bool_,
    "quality": np.int64,
    "clock_ahead_ms": np.int64,
}


def columns_of(readings: ReadingColumns) -> dict[str, NDArray[Any]]:
    """Return readings as named columns."""
    return {item.name: getattr(readings, item.name) for item in fields(readings)}


def reading_columns(names: Sequence[str], columns: Iterable[Sequence[Any]]) -> ReadingColumns:
    """Return readings from columns of a database, NaN for NULL; flags that are left out are 0."""
    arrays = {name: np.array(column, dtype=TYPES[name]) for name, column in zip(names, columns, strict=True)}
    if "quality" not in arrays:
        arrays["quality"] = np.zeros(len(arrays["slot"]), dtype=np.int64)
    return ReadingColumns(**arrays)


def first_of_each(readings: ReadingColumns) -> ReadingColumns:
    """Return readings by (measured_at, slot), the first to come of each: later ones change nothing."""
    order = np.lexsort((readings.slot, readings.measured_at_us))
    slot, at_us = readings.slot[order], readings.measured_at_us[order]
    repeated = (slot[1:] == slot[:-1]) & (at_us[1:] == at_us[:-1])
    return readings.take(order[np.concatenate(([True], ~repeated))[: len(order)]])


def newest_of_each_slot(ordered: ReadingColumns) -> NDArray[np.int64]:
    """Return the row of the newest reading of every slot, of readings in the order of time."""
    _, from_the_end = np.unique(ordered.slot[::-1], return_index=True)
    return len(ordered) - 1 - from_the_end
