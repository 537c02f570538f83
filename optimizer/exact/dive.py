"""From the relaxation to a schedule: decide the modes that the relaxation left open, solve again, repeat.

Every decision only moves bounds, so each round is a few simplex steps from the basis at hand.
"""

from __future__ import annotations

import numpy as np

from optimizer.exact.cells import Cells, Wrong, wrong_cells
from optimizer.exact.session import Answer, Session
from optimizer.exact.switches import Decisions, open_switches
from optimizer.problem import Floats

GENTLE_ROUNDS = 12
"""After these a cell is only ever switched off, so that the rounds come to an end."""


def decide_modes(session: Session, cells: Cells, answer: Answer) -> Answer | None:
    """Fix modes until no rule is broken; None where even switching off does not lead there."""
    bounds = _Bounds(session, cells)
    for number in range(GENTLE_ROUNDS + len(cells.asset)):
        gently = number < GENTLE_ROUNDS
        wrong = wrong_cells(cells, answer.values)
        switches = open_switches(session.compiled, answer.values, gently=gently)
        if not wrong and not len(switches.columns):
            return answer
        bounds.decide_powers(wrong, answer.values, gently=gently)
        bounds.decide_switches(switches)
        bounds.apply()
        answer = session.run()
        if not answer.usable:
            bounds.release()
            answer = session.run()
        if not answer.usable:
            return None
    return None


class _Bounds:
    """The bounds of charge and discharge per cell and of the switches, as decided so far."""

    def __init__(self, session: Session, cells: Cells) -> None:
        compiled = session.compiled
        self.session, self.cells = session, cells
        self.powers = np.concatenate([cells.charge_at, cells.discharge_at])
        self.at = np.concatenate([self.powers, np.flatnonzero(compiled.integer)])
        self.low, self.high = compiled.low.copy(), compiled.high.copy()
        self.tried = np.zeros(int(cells.asset.max()) + 1, dtype=bool)

    def decide_powers(self, wrong: Wrong, values: Floats, *, gently: bool) -> None:
        """Keep the stronger of two directions; lift a weak power to its minimum if that is nearer than zero.

        A remainder that was switched off once and comes back elsewhere has no room in the asset's
        other cells: then it is lifted, and they give way.
        """
        cells = self.cells
        charge, discharge = values[cells.charge_at], values[cells.discharge_at]
        gains = charge * cells.charge_efficiency >= discharge / cells.discharge_efficiency
        again = self.tried[cells.asset]
        near_charge = gently & (again | (charge >= 0.5 * cells.min_charge_kw))
        near_discharge = gently & (again | (discharge >= 0.5 * cells.min_discharge_kw))
        self.tried[cells.asset[wrong.weak_charge | wrong.weak_discharge]] = True
        lift_charge = wrong.weak_charge & near_charge & (gains | ~wrong.both)
        lift_discharge = wrong.weak_discharge & near_discharge & ~lift_charge & (~gains | ~wrong.both)
        no_charge = (wrong.both & ~gains) | (wrong.weak_charge & ~lift_charge) | lift_discharge
        no_discharge = (wrong.both & gains) | (wrong.weak_discharge & ~lift_discharge) | lift_charge
        if not gently:
            busy = np.isin(cells.asset, cells.asset[wrong.weak_charge | wrong.weak_discharge])
            no_charge |= busy & (charge <= 0.0)
            no_discharge |= busy & (discharge <= 0.0)
        self.low[cells.charge_at[lift_charge]] = cells.min_charge_kw[lift_charge]
        self.low[cells.discharge_at[lift_discharge]] = cells.min_discharge_kw[lift_discharge]
        for off in (cells.charge_at[no_charge], cells.discharge_at[no_discharge]):
            self.low[off] = 0.0
            self.high[off] = 0.0

    def decide_switches(self, decisions: Decisions) -> None:
        """Fix on/off variables."""
        self.low[decisions.columns[decisions.on]] = 1.0
        self.high[decisions.columns[~decisions.on]] = 0.0
        self.low[decisions.columns[~decisions.on]] = 0.0

    def apply(self) -> None:
        self.session.set_bounds(self.at, self.low[self.at], self.high[self.at])

    def release(self) -> None:
        """Take back what must be on: that cannot be together, and zero always can."""
        self.low[self.at] = self.session.compiled.low[self.at]
        self.apply()
