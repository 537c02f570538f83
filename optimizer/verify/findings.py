"""Collecting violations from arrays: the worst cells of a broken rule, bounded in number."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from optimizer.problem import Floats, Names
from optimizer.verify.verdict import Violation, ViolationKind

LISTED_PER_RULE = 20
"""A rule that is broken everywhere is listed with its worst cells and counted in full."""


@dataclass(slots=True)
class Findings:
    """Violations found so far, and how many there are with those not listed."""

    violations: list[Violation] = field(default_factory=list)
    count: int = 0

    def add(
        self, kind: ViolationKind, name: str, interval: int, amount: float, unit: str, sentence: str
    ) -> None:
        self.count += 1
        self.violations.append(
            Violation(kind=kind, id=name, interval=interval, amount=amount, unit=unit, sentence=sentence)
        )

    def over(
        self, kind: ViolationKind, names: Names, excess: Floats, tolerance: float, unit: str, what: str
    ) -> None:
        """Report the cells of a (rows, T) or (rows,) matrix whose excess is above tolerance or no number."""
        table = excess if excess.ndim == 2 else excess[:, None]
        fine = table <= tolerance
        if fine.all():
            return
        broken = np.argwhere(~fine)
        self.count += len(broken)
        amounts = table[broken[:, 0], broken[:, 1]]
        worst = np.argsort(-np.nan_to_num(amounts, nan=np.inf), kind="stable")[:LISTED_PER_RULE]
        for row, column in broken[worst]:
            interval = int(column) if excess.ndim == 2 else -1
            amount = float(table[row, column])
            place = f" in interval {interval}" if interval >= 0 else ""
            sentence = f"{names[row]}{place}: {what} by {amount:.9g} {unit}"
            self.violations.append(
                Violation(
                    kind=kind,
                    id=str(names[row]),
                    interval=interval,
                    amount=amount,
                    unit=unit,
                    sentence=sentence,
                )
            )
