"""When assets with wear by depth find new paths, and which passes settled prices spare them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optimizer.decomposed.passes import Pass

ENOUGH_GAP = 1.5e-3
"""Where a plan with wear by depth ends, of the 0.2 % that are asked."""
SETTLED_GAP = 4e-3
"""Wide passes that have come so close need no more of their kind: narrow ones close the rest."""
LOOK = 8
"""The wide pass of a large fleet after which its bound is taken for that."""


def with_paths(wide: list[Pass], narrow: list[Pass], *, small: bool) -> tuple[Pass, ...]:
    """Return the passes with new paths in every third or fourth wide one and in the second narrow one.

    A bound finds them as well; the best is at the mean multipliers at the end of the wide passes. A small
    fleet has one more after the second narrow pass, a large one in the middle of the wide ones, where it
    leaps to the narrow ones if that is close.
    """
    often, look = (3, len(wide)) if small else (4, LOOK)
    few = [
        replace(
            step, settle=k % often == 0, bound=False, mean_bound=k in {look, len(wide) - 1}, anew=True,
            leap=len(wide) - 1 - k if k == look else 0,
        )
        for k, step in enumerate(wide)
    ]  # fmt: skip
    last = [
        replace(step, settle=k == 1, bound=False, averaged=k < 2, mean_bound=k == 1 and small, anew=True)
        for k, step in enumerate(narrow)
    ]
    return (*few, *last)
