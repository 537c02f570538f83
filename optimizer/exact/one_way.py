"""One direction at a time, as far as a linear program can say it.

The relaxation lets a battery charge and discharge at once, which pays at prices far below zero. A battery
that goes one way at a time, and may spend part of an interval on each, keeps within

    charge / max_charge + discharge / max_discharge <= 1.

That is one row per cell; those that the optimum breaks are added, and it is solved again, a few times.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import sparse

from optimizer.exact.compiled import Compiled
from optimizer.exact.relaxation import Relaxation
from optimizer.exact.session import proven_bound
from optimizer.problem import Floats, Ints

ROUNDS = 4
"""Rounds of rows; those after them prove less than a hundred-thousandth of the bound more."""
SHARE_TOLERANCE = 1e-6


def share_directions(relaxation: Relaxation) -> Relaxation:
    """Return the relaxation with the rows that its optimum broke, solved to its end again.

    The session keeps the rows: every schedule that goes one way at a time is within them.
    """
    rounds = ROUNDS
    while rounds > 0 and len(cells := _crowded(relaxation)):
        relaxation = _with_rows(relaxation, cells)
        rounds -= 1
    return relaxation


def _crowded(relaxation: Relaxation) -> Ints:
    """Return the cells whose two directions take more than the whole interval."""
    cells, high, values = relaxation.cells, relaxation.compiled.high, relaxation.answer.values
    share = np.zeros(len(cells.asset))
    for at in (cells.charge_at, cells.discharge_at):
        share += values[at] / np.maximum(high[at], SHARE_TOLERANCE)
    both = (high[cells.charge_at] > 0.0) & (high[cells.discharge_at] > 0.0)
    return np.flatnonzero(both & (share > 1.0 + SHARE_TOLERANCE))


def _with_rows(relaxation: Relaxation, at: Ints) -> Relaxation:
    """Add the rows of some cells and solve again."""
    cells, high = relaxation.cells, relaxation.compiled.high
    columns = np.column_stack([cells.charge_at[at], cells.discharge_at[at]])
    rows = sparse.csr_array(
        (1.0 / high[columns].ravel(), columns.ravel(), np.arange(0, columns.size + 1, 2)),
        shape=(len(at), len(high)),
    )
    relaxation.session.add_rows(rows, np.ones(len(at)))
    answer, compiled = relaxation.session.run(), _extended(relaxation.compiled, rows)
    if not answer.optimal:
        raise RuntimeError("the relaxation was not solved to its end")
    bound = max(relaxation.bound, proven_bound(compiled, answer.row_prices))
    return replace(relaxation, answer=answer, compiled=compiled, bound=bound)


def _extended(compiled: Compiled, rows: sparse.csr_array) -> Compiled:
    """Return the compiled model with rows at most one below its own."""
    most: Floats = np.ones(rows.shape[0])
    return replace(
        compiled,
        rows=sparse.vstack([compiled.rows, rows], format="csr"),
        row_low=np.concatenate([compiled.row_low, np.full(len(most), -np.inf)]),
        row_high=np.concatenate([compiled.row_high, most]),
    )
