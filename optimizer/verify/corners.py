"""Convex piecewise linear functions of the stored energy, kept as corner points (x, v).

Going one interval back,

    V'(s) = min over d of  g(d) + V(s + d),     -U_out <= d <= U_in   kWh

moves the corners left of the point where V becomes flatter than charging costs by U_in to the left,
those right of where it becomes steeper than discharging earns by U_out to the right, and leaves the
rest. Where discharging would earn more than charging costs (negative prices), an asset that may do only
one of the two has at best the straight line from full discharge to full charge:

    V ▲ o                       o  corner moved by U_in and its cost
      │   o──shifted            x  corner that stays (both copies of the corner at the split are kept)
      │      x__x
      │          ‾o──shifted
      └───────────────────────► s
"""

from __future__ import annotations

from typing import Any

from numba import njit

KERNEL: dict[str, Any] = {"error_model": "numpy", "cache": True, "nogil": True}
SAME_KWH = 1e-9
"""Corners closer than this are one."""


@njit(**KERNEL)
def value_at(x, v, first, last, s):
    """Return V(s) by interpolation between the corners first .. last - 1; constant beyond the ends."""
    if s <= x[first]:
        return v[first]
    for k in range(first + 1, last):
        if s <= x[k]:
            width = x[k] - x[k - 1]
            return v[k - 1] + (v[k] - v[k - 1]) * (s - x[k - 1]) / width if width > 0.0 else v[k]
    return v[last - 1]


@njit(**KERNEL)
def cut(x, v, first, last, low, high):
    """Cut V to [low, high], interpolating at the ends; return the new (first, last)."""
    if x[first] < low:
        value = value_at(x, v, first, last, low)
        while last - first > 1 and x[first + 1] <= low:
            first += 1
        x[first], v[first] = low, value
    if x[last - 1] > high:
        value = value_at(x, v, first, last, high)
        while last - first > 1 and x[last - 2] >= high:
            last -= 1
        x[last - 1], v[last - 1] = high, value
    return first, last


@njit(**KERNEL)
def add_missing(x, v, first, last, target, penalty):
    """Add penalty * max(0, target - s) to V, with a corner at the target; return the new last."""
    last = with_corner(x, v, first, last, target)
    for k in range(first, last):
        v[k] += penalty * max(0.0, target - x[k])
    return last


@njit(**KERNEL)
def with_corner(x, v, first, last, s):
    """Make s a corner of V where it lies between two; return the new last.

    Two corners in one place would have no slope between them, which `step_back` goes by.
    """
    if not x[first] < s < x[last - 1]:
        return last
    k = first
    while x[k + 1] < s:
        k += 1
    if s - x[k] < SAME_KWH or x[k + 1] - s < SAME_KWH:
        return last
    value = value_at(x, v, first, last, s)
    for j in range(last, k + 1, -1):
        x[j], v[j] = x[j - 1], v[j - 1]
    x[k + 1], v[k + 1] = s, value
    return last + 1


@njit(**KERNEL)
def step_back(x, v, first, last, into, into_cost, out, out_gain):
    """Go one interval back: charging up to `into` kWh at `into_cost` for all, discharging up to `out` kWh.

    `out_gain` is what full discharge earns. Return the new (first, last); corners are written two
    places apart, so there have to be four free places at the end.
    """
    if into > 0.0 and out > 0.0 and out_gain * into > into_cost * out:  # both at once would pay
        slope = -(out_gain + into_cost) / (into + out)
        k = first
        while k + 1 < last and v[k + 1] - v[k] < slope * (x[k + 1] - x[k]):
            k += 1
        for j in range(last, k, -1):
            x[j], v[j] = x[j - 1] + out, v[j - 1] - out_gain
        for j in range(first, k + 1):
            x[j] -= into
            v[j] += into_cost
        return first, last + 1
    if out > 0.0:
        slope = -out_gain / out
        k = last - 1
        while k > first and v[k] - v[k - 1] > slope * (x[k] - x[k - 1]):
            k -= 1
        for j in range(last, k, -1):
            x[j], v[j] = x[j - 1] + out, v[j - 1] - out_gain
        last += 1
    if into > 0.0:
        slope = -into_cost / into
        k = first
        while k + 1 < last and v[k + 1] - v[k] < slope * (x[k + 1] - x[k]):
            k += 1
        for j in range(last, k, -1):
            x[j], v[j] = x[j - 1], v[j - 1]
        last += 1
        for j in range(first, k + 1):
            x[j] -= into
            v[j] += into_cost
    return first, last


@njit(**KERNEL)
def before_trip(x, v, first, last, trip, floor, penalty):
    """Carry V from after a trip to before it: V(max(0, s - trip)) + penalty * max(0, trip - s), s >= floor.

    Where running out is cheaper than what follows, the function is not convex; its convex hull counts.
    """
    for k in range(first, last):
        x[k] += trip
    if floor < trip:  # the energy after the trip may be zero: that corner, x[first] == trip, stays
        for j in range(last, first, -1):
            x[j], v[j] = x[j - 1], v[j - 1]
        x[first], v[first] = floor, v[first + 1] + penalty * (trip - floor)
        last += 1
        while last - first > 2:
            left = (v[first + 1] - v[first]) * (x[first + 2] - x[first + 1])
            right = (v[first + 2] - v[first + 1]) * (x[first + 1] - x[first])
            if left <= right:
                break
            for j in range(first + 1, last - 1):
                x[j], v[j] = x[j + 1], v[j + 1]
            last -= 1
    return first, last
