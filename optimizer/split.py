"""Split a fleet target over the assets now, between plans: exact, in milliseconds.

    minimise  sum_i weight_i / 2 (p_i - base_i)^2   subject to  sum_i p_i = target,  low_i <= p_i <= high_i

The optimum is p_i = clip(base_i + m / weight_i, low_i, high_i) for one multiplier m. The sum grows with
m, piecewise linearly, so Newton with a bracket ends in a few steps:

    sum p ▲              ┌──── sum high
          │          /
   target │ ─ ─ ─ /─ ─            each kink: one asset reaches a limit
          │ ────┘
          └───────┴──────► m
"""

from __future__ import annotations

import numpy as np
from numba import njit

from optimizer.problem import Floats

MOST_STEPS = 100


def split_target(
    target_kw: float, base_kw: Floats, low_kw: Floats, high_kw: Floats, weight: Floats | None = None
) -> Floats:
    """Return signed powers (N) between low and high that sum to the target, as near to base as possible.

    Signs follow the caller's: any, if all arguments share it. A target out of reach gives the nearest
    sum. `weight` (default one) is the reluctance of an asset: twice the weight, half the move.
    Raises ValueError where low is above high, or a weight is not positive.
    """
    reluctance = np.ones_like(base_kw) if weight is None else weight
    if np.any(low_kw > high_kw) or np.any(reluctance <= 0.0):
        raise ValueError("expected low_kw <= high_kw and positive weights")
    if target_kw <= low_kw.sum():
        return low_kw.copy()
    if target_kw >= high_kw.sum():
        return high_kw.copy()
    power = _water_fill(target_kw, base_kw, low_kw, high_kw, 1.0 / reluctance)
    return _settle(target_kw, power, low_kw, high_kw)


def _water_fill(target_kw: float, base_kw: Floats, low_kw: Floats, high_kw: Floats, give: Floats) -> Floats:
    """Newton on the multiplier, halving the bracket where it leaves it."""
    multiplier, below, above = 0.0, -np.inf, np.inf
    base_kw, low_kw, high_kw, give = (np.array(a, dtype=np.float64) for a in (base_kw, low_kw, high_kw, give))
    power = np.empty_like(base_kw)
    for _ in range(MOST_STEPS):
        total, slope = _fill(base_kw, low_kw, high_kw, give, multiplier, power)
        missing = target_kw - total
        if abs(missing) <= 1e-12 * max(1.0, abs(target_kw)):
            break
        below, above = (multiplier, above) if missing > 0.0 else (below, multiplier)
        following = multiplier + missing / slope if slope > 0.0 else np.nan
        if not below < following < above:
            following = _inside(below, above, base_kw, low_kw, high_kw, give)
        if following == multiplier:
            break
        multiplier = following
    return power


@njit(cache=True, error_model="numpy", fastmath={"nnan", "nsz", "reassoc"})
def _fill(
    base: Floats, low: Floats, high: Floats, give: Floats, multiplier: float, power: Floats
) -> tuple[float, float]:
    """Write the powers at a multiplier; return their sum and how fast it grows."""
    total, slope = 0.0, 0.0
    for i in range(base.size):
        wish = base[i] + multiplier * give[i]
        power[i] = min(max(wish, low[i]), high[i])
        total += power[i]
        slope += give[i] if low[i] < wish < high[i] else 0.0
    return total, slope


def _inside(
    below: float, above: float, base_kw: Floats, low_kw: Floats, high_kw: Floats, give: Floats
) -> float:
    """Return the middle of the bracket; an open side ends where every asset is at its limit."""
    below = below if np.isfinite(below) else float(((low_kw - base_kw) / give).min())
    above = above if np.isfinite(above) else float(((high_kw - base_kw) / give).max())
    return 0.5 * (below + above)


def _settle(target_kw: float, power_kw: Floats, low_kw: Floats, high_kw: Floats) -> Floats:
    """Give the last rounding error to the assets with the most room, so that the sum is exact."""
    for _ in range(3):
        missing = target_kw - float(power_kw.sum())
        if missing == 0.0:
            break
        room = high_kw - power_kw if missing > 0.0 else power_kw - low_kw
        most = int(np.argmax(room))
        power_kw[most] = np.clip(power_kw[most] + missing, low_kw[most], high_kw[most])
    return power_kw
