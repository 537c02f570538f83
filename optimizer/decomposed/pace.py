"""How fast the multipliers of events move: faster while their shortfall keeps its sign, slower when it turns.

A full step of the method of multipliers moves a price by smoothing * kW missed. Smoothing is as wide as the
whole load, so a tenth of an event missed moves its price by a hundredth, and the penalty, several times the
spread of prices, is never reached. The pace is one factor per event and interval (Riedmiller and Braun
1993); multipliers stay within [0, step], where any are valid.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimizer.decomposed.coupling import Coupling
from optimizer.problem import Floats

FASTER, SLOWER = 1.6, 0.4
MOST = 24.0
"""Times a full step, at most; 1 at least."""


@dataclass(slots=True)
class Pace:
    """The events' ramps are the last of the portfolio's before the peaks, `events` of them."""

    events: int
    factor: Floats | None = None  # (E, T)
    before: Floats | None = None  # (E, T): kW beyond the kink at the last move

    def move(self, coupling: Coupling, fleet_kw: Floats, share: float) -> None:
        """Move the multipliers of the events, in place, by what the usual step leaves of theirs."""
        if not self.events:
            return
        rows = slice(coupling.peak_first - self.events, coupling.peak_first)
        over = fleet_kw[None, :] - coupling.kink[rows]
        if self.factor is None or self.before is None:
            self.factor, self.before = np.ones_like(over), over
        kept = over * self.before > 0.0
        self.factor = np.clip(self.factor * np.where(kept, FASTER, SLOWER), 1.0, MOST)
        self.before = over
        more = share * (self.factor - 1.0) * coupling.stiffness[0] * over
        coupling.multiplier[rows] = np.clip(coupling.multiplier[rows] + more, 0.0, coupling.step[rows])
