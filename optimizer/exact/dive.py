"""From the relaxation to a schedule: decide the modes that the relaxation left open, solve again, repeat.

Every decision only moves bounds, so each round is a few simplex steps from the basis at hand.
"""

from __future__ import annotations

import numpy as np

from optimizer.exact.cells import Cells, Wrong, wrong_cells
from optimizer.exact.session import Answer, Session
from optimizer.problem import Floats

GENTLE_ROUNDS = 12
"""After these a cell is only ever switched off, so that the rounds come to an end."""


def decide_modes(session: Session, cells: Cells, answer: Answer) -> Answer | None:
    """Fix modes until no rule is broken; None where even switching off does not lead there."""
    bounds = _Bounds(session, cells)
    for number in range(GENTLE_ROUNDS + len(cells.asset)):
        wrong = wrong_cells(cells, answer.values)
        if not wrong:
            return answer
        bounds.decide(wrong, answer.values, gently=number < GENTLE_ROUNDS)
        answer = session.run()
        if not answer.usable:
            bounds.release()
            answer = session.run()
        if not answer.usable:
            return None
    return None


class _Bounds:
    """The bounds of charge and discharge per cell, as decided so far."""

    def __init__(self, session: Session, cells: Cells) -> None:
        compiled = session.compiled
        self.session, self.cells = session, cells
        self.at = np.concatenate([cells.charge_at, cells.discharge_at])
        self.low = compiled.low[self.at].copy()
        self.high = compiled.high[self.at].copy()

    def decide(self, wrong: Wrong, values: Floats, *, gently: bool) -> None:
        """Keep the stronger of two directions; lift a weak power to its minimum if it is nearer than zero."""
        cells, count = self.cells, len(self.cells.asset)
        charge, discharge = values[cells.charge_at], values[cells.discharge_at]
        gains = charge * cells.charge_efficiency >= discharge / cells.discharge_efficiency
        keep_charge = charge >= 0.5 * cells.min_charge_kw if gently else np.zeros(count, dtype=bool)
        keep_discharge = discharge >= 0.5 * cells.min_discharge_kw if gently else np.zeros(count, dtype=bool)
        no_charge = (wrong.both & ~gains) | (wrong.weak_charge & ~keep_charge)
        no_discharge = (wrong.both & gains) | (wrong.weak_discharge & ~keep_discharge) | wrong.low_discharge
        lift_charge = wrong.weak_charge & ~no_charge
        lift_discharge = wrong.weak_discharge & ~no_discharge
        no_charge |= lift_discharge
        no_discharge |= lift_charge
        self.low[:count][lift_charge] = cells.min_charge_kw[lift_charge]
        self.low[count:][lift_discharge & ~lift_charge] = cells.min_discharge_kw[
            lift_discharge & ~lift_charge
        ]
        off = np.concatenate([no_charge & ~lift_charge, no_discharge])
        if not gently:
            idle = np.concatenate([charge, discharge]) <= 0.0
            busy = np.isin(cells.asset, cells.asset[wrong.weak_charge | wrong.weak_discharge])
            off |= idle & np.tile(busy, 2)
        self.low[off] = 0.0
        self.high[off] = 0.0
        self.session.set_bounds(self.at, self.low, self.high)

    def release(self) -> None:
        """Take back every lifted minimum: what was asked together cannot be, and zero always can."""
        self.low[:] = 0.0
        self.session.set_bounds(self.at, self.low, self.high)
