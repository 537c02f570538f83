"""What reserve is asked for, what the reserve held earns, and what a plan's prices of it prove."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from optimizer.plan import Prices
from optimizer.problem import Floats, Problem
from optimizer.verify.records import read_only

if TYPE_CHECKING:
    from optimizer.verify.holding import Held


def has_reserve(problem: Problem) -> bool:
    """Tell whether any reserve is asked for."""
    return problem.reserve is not None and len(problem.reserve) > 0


def held_terms(problem: Problem, prices: Prices) -> tuple[Held, float]:
    """Return a plan's prices of reserve for the recursion, and the sale's part of the bound in money.

    Against a price rho per kW and hour the sale of all products is worth at most
    dt * sum over products and their intervals of max(0, price - rho) * max_kw.
    """
    from optimizer.verify.holding import Held  # noqa: PLC0415 - loads numba

    products = problem.reserve
    if products is None or not len(products) or prices.reserve_per_kw_h is None:
        nothing = read_only(np.zeros((2, 0)))
        return Held(nothing, nothing, _frozen(np.zeros((0, 0, 4)))), 0.0
    up, down = asked_reserve(problem, up=True), asked_reserve(problem, up=False)
    rho = np.maximum(prices.reserve_per_kw_h, 0.0) * np.stack([up[0], down[0]])
    weight = np.zeros((*problem.shape, 4)) if prices.reserve_weight is None else prices.reserve_weight
    constant = 0.0
    for r in range(len(products)):
        span, way = (
            slice(int(products.from_interval[r]), int(products.to_interval[r])),
            int(not products.up[r]),
        )
        above = np.maximum(float(products.price_per_kw_h[r]) - rho[way, span], 0.0)
        constant -= problem.interval_h * float(products.max_kw[r]) * float(above.sum())
    return Held(read_only(rho), read_only(np.stack([up[1], down[1]])), _frozen(weight)), constant


def _frozen(weight: NDArray[Any]) -> NDArray[np.float32]:
    """Return contiguous singles that nobody writes: one type, so that nothing is compiled twice."""
    view = np.ascontiguousarray(weight, np.float32).view()
    view.setflags(write=False)
    return view


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
