"""What reserve is asked for, and what the reserve held earns."""

from __future__ import annotations

import numpy as np

from optimizer.problem import Floats, Problem


def asked_reserve(problem: Problem, *, up: bool) -> tuple[Floats, Floats]:
    """Return per interval whether a product asks for this direction (1), and the longest time asked (T)."""
    asked, sustain_h = np.zeros(problem.intervals), np.zeros(problem.intervals)
    products = problem.reserve
    if products is not None:
        for r in np.flatnonzero(products.up == up):
            span = slice(int(products.from_interval[r]), int(products.to_interval[r]))
            asked[span] = 1.0
            sustain_h[span] = np.maximum(sustain_h[span], products.sustain_h[r])
    return asked, sustain_h


def revenue(problem: Problem, held_kw: Floats) -> float:
    """Return what the reserve held, (2, T) up and down, earns: the best paid product is served first."""
    products = problem.reserve
    if products is None:
        return 0.0
    total = 0.0
    for t in range(problem.intervals):
        for row, up in enumerate((True, False)):
            left = float(held_kw[row, t])
            running = (products.from_interval <= t) & (t < products.to_interval) & (products.up == up)
            for r in sorted(np.flatnonzero(running), key=lambda r: -products.price_per_kw_h[r]):
                sold = min(left, float(products.max_kw[r])) if products.price_per_kw_h[r] > 0.0 else 0.0
                total += problem.interval_h * sold * float(products.price_per_kw_h[r])
                left -= sold
    return total
