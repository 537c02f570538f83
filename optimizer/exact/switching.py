"""Better modes around a polished schedule: switch a few cells, solve all powers again, keep what is cheaper.

With the modes held the problem is linear, and its cost is convex in the bounds of the powers. So the reduced
costs of the powers say at least what another mode costs; what cannot gain by that is never tried:

    at least   off → charge                reduced cost * (minimum, or the maximum where it is negative)
               charge → off                the same with the other sign
               two cells at once           the sum of both

First every battery that rests and has no minimum power is let go the way it wants to: that costs nothing,
at negative prices it matters which. Then single cells and pairs, the most promising first, each solved from
the basis at hand until its cost passes that of the present schedule.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import numpy as np

from optimizer.exact.cells import POWER_TOLERANCE_KW, schedule_of
from optimizer.exact.polish import held_bounds
from optimizer.exact.relaxation import Relaxation
from optimizer.exact.session import Answer
from optimizer.plan import Schedule
from optimizer.problem import Floats, Ints, Problem

LEAST_GAIN = 1e-6
"""Money; less is rounding."""
ROUNDS = 6
"""Rounds in which resting batteries choose their direction, at most."""
LIKELY = 250
"""Cells with the largest possible gain that pairs are made of; each with this many others:"""
PARTNERS = 4
OFF, CHARGE, DISCHARGE = 0, 1, 2

MORE = 3

Move = tuple[tuple[int, int], ...]
"""Cells and the modes that they change to."""


def switch_modes(
    problem: Problem, relaxation: Relaxation, schedule: Schedule, *, tries: int, worth: float
) -> Schedule | None:
    """Return a schedule with better modes; None where nothing better is found.

    At most `tries` solves, and `MORE` times as many again once that gained the money `worth`. The session's
    costs stand as `steer` left them.
    """
    modes = _Modes(problem, relaxation, schedule)
    if not modes.answer.usable:
        return None
    first = modes.answer.objective
    modes.direct()
    modes.search(tries)
    if first - modes.answer.objective >= worth:
        modes.search(MORE * tries)
    if first - modes.answer.objective < LEAST_GAIN:
        return None
    return schedule_of(problem, relaxation.compiled, relaxation.cells, modes.answer.values)


class _Modes:
    """The mode of every cell, and the linear program solved with them."""

    def __init__(self, problem: Problem, relaxation: Relaxation, schedule: Schedule) -> None:
        cells, compiled = relaxation.cells, relaxation.compiled
        self.session, self.cells = relaxation.session, cells
        columns, low, high = held_bounds(problem, relaxation, schedule)
        self.session.set_bounds(columns, low, high)
        self.columns = np.stack([cells.charge_at, cells.discharge_at])
        self.least = np.stack([cells.min_charge_kw, cells.min_discharge_kw])
        self.most = compiled.high[self.columns]
        place = cells.asset, cells.interval
        self.mode = np.where(schedule.charge_kw[place] > 0.0, CHARGE, OFF)
        self.mode[schedule.discharge_kw[place] > 0.0] = DISCHARGE
        self.answer = self.session.run()
        self.tried: set[Move] = set()

    def direct(self) -> None:
        """Let batteries that rest and have no minimum power go the way that pays, while that gains."""
        free = (self.least == 0.0).all(axis=0) & (self.most > 0.0).all(axis=0)
        for _ in range(ROUNDS):
            power, price = self.answer.values[self.columns], self.session.reduced_costs()[self.columns]
            wanted = np.where(price[0] <= price[1], CHARGE, DISCHARGE)
            resting = free & (power <= POWER_TOLERANCE_KW).all(axis=0) & (price.min(axis=0) < -LEAST_GAIN)
            changed = np.flatnonzero(resting & (self.mode != wanted))
            if not len(changed):
                return
            before = self.answer.objective
            self._apply(changed, wanted[changed])
            self.answer = self.session.run()
            if self.answer.objective > before - LEAST_GAIN:
                return

    def search(self, tries: int) -> None:
        """Try moves, the most promising first; start anew from each that gains."""
        left = tries
        while left > 0:
            fresh = (move for move in self._moves() if move not in self.tried)
            for move in islice(fresh, left):
                left -= 1
                self.tried.add(move)
                if better := self._try(move):
                    self.answer = better
                    self.tried.clear()
                    break
            else:
                break
        self.answer = self.session.run()

    def _try(self, move: Move) -> Answer | None:
        """Solve with other modes; put them back unless that gains."""
        cells, modes = (np.array(part) for part in zip(*move, strict=True))
        before = self.mode[cells]
        self._apply(cells, modes)
        answer = self.session.run(below=self.answer.objective - LEAST_GAIN)
        if answer.optimal and answer.objective < self.answer.objective - LEAST_GAIN:
            return answer
        self._apply(cells, before)
        return None

    def _apply(self, cells: Ints, modes: Ints) -> None:
        """Set the modes of some cells and the bounds of their powers."""
        self.mode[cells] = modes
        on = np.stack([modes == CHARGE, modes == DISCHARGE])
        low, high = np.where(on, self.least[:, cells], 0.0), np.where(on, self.most[:, cells], 0.0)
        self.session.set_bounds(self.columns[:, cells].ravel(), low.ravel(), high.ravel())

    def _moves(self) -> Iterator[Move]:
        """Yield single cells and pairs of one asset or one interval that may gain, the most likely first."""
        change = self._changes()
        mode, gain = change.argmin(axis=0), change.min(axis=0)
        likely = np.argsort(gain, kind="stable")[:LIKELY]
        found: dict[Move, float] = {}
        for k in likely.tolist():
            self._add(found, gain, mode, (k,))
            for group in (self.cells.asset, self.cells.interval):
                others = np.flatnonzero(group == group[k])
                others = others[others != k]
                for other in others[np.argsort(gain[others], kind="stable")[:PARTNERS]].tolist():
                    self._add(found, gain, mode, (min(k, other), max(k, other)))
        yield from sorted(found, key=lambda move: (found[move], move))

    @staticmethod
    def _add(found: dict[Move, float], gain: Floats, mode: Ints, cells: tuple[int, ...]) -> None:
        change = float(sum(gain[k] for k in cells))
        if change < -LEAST_GAIN:
            found[tuple((k, int(mode[k])) for k in cells)] = change

    def _changes(self) -> Floats:
        """Return by how much the cost changes at least with each mode, shape (3, K); inf for the present."""
        price = self.session.reduced_costs()[self.columns]
        on = np.where(price > 0.0, price * self.least, price * self.most)
        cost = np.concatenate([np.zeros((1, on.shape[1])), np.where(self.most > 0.0, on, np.inf)])
        here = self.mode, np.arange(on.shape[1])
        change: Floats = cost - cost[here]
        change[here] = np.inf
        return change
