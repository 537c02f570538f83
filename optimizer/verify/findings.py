"""Collecting violations from arrays: the worst cells of a broken rule, bounded in number."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from optimizer.problem import Floats, Ints, Names
from optimizer.verify.verdict import Violation, ViolationKind

LISTED_PER_RULE = 20
"""A rule that is broken everywhere is listed with its worst cells and counted in full."""

LISTED_PER_CLAIM = 1_000
"""Claims that are not true are listed one by one up to this number of a kind, and counted in full."""


@dataclass(slots=True)
class Findings:
    """Violations found so far by rule or kind of claim, and how many there are with those not listed."""

    listed: dict[str, list[Violation]] = field(default_factory=dict)
    count: int = 0

    @property
    def violations(self) -> tuple[Violation, ...]:
        return tuple(violation for rule in self.listed.values() for violation in rule)

    def add(
        self, kind: ViolationKind, name: str, interval: int, amount: float, unit: str, sentence: str
    ) -> None:
        """Add one claim that is not true."""
        self.count += 1
        rule = self.listed.setdefault(kind, [])
        if len(rule) < LISTED_PER_CLAIM:
            rule.append(
                Violation(kind=kind, id=name, interval=interval, amount=amount, unit=unit, sentence=sentence)
            )

    def over(
        self, kind: ViolationKind, names: Names, excess: Floats, tolerance: float, unit: str, what: str
    ) -> None:
        """Report the cells of a (rows, T) or (rows,) matrix whose excess is above tolerance or no number.

        May be called block by block for one rule (`what`); the worst cells of all blocks stay.
        """
        table = excess if excess.ndim == 2 else excess[:, None]
        broken = np.argwhere(~(table <= tolerance))
        if not len(broken):
            return
        self.count += len(broken)
        amounts = table[broken[:, 0], broken[:, 1]]
        worst = np.argsort(-np.nan_to_num(amounts, nan=np.inf), kind="stable")[:LISTED_PER_RULE]
        fresh = _worded(kind, names, table, broken[worst], unit, what, timed=excess.ndim == 2)
        rule = [*self.listed.get(what, []), *fresh]
        rule.sort(key=lambda v: -np.nan_to_num(v.amount, nan=np.inf))
        self.listed[what] = rule[:LISTED_PER_RULE]


def _worded(
    kind: ViolationKind, names: Names, table: Floats, cells: Ints, unit: str, what: str, *, timed: bool
) -> Iterator[Violation]:
    for row, column in cells.tolist():
        amount = float(table[row, column])
        place = f" in interval {column}" if timed else ""
        yield Violation(
            kind=kind,
            id=str(names[row]),
            interval=column if timed else -1,
            amount=amount,
            unit=unit,
            sentence=f"{names[row]}{place}: {what} by {amount:.9g} {unit}",
        )
