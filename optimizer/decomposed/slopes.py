"""A convex cost-to-go as a sorted list of slopes: the arithmetic every single-asset solve shares.

V(s), the cheapest cost from here on with energy s in the asset, is convex and piecewise linear:

    V ▲ `                         slope[head..end)   money per kWh, ascending
      │  `__                      length[head..end)  kWh, from `low` to `high`
      │     ‾‾──────/
      └──┬──────────┬──► s
        low        high

An interval in which the asset may move energy u at a convex cost is the infimal convolution with that
cost: its segments (key = minus the marginal cost per stored kWh) are merged in slope order. Reached
energies outside [floor, ceiling] are trimmed from the ends. Lists live in two work arrays; `head` and
`end` move, nothing is allocated.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from optimizer.decomposed.coupling import EXACT

HEADROOM = 4  # free places before the list, for segments added at its low end


@njit(**EXACT)
def start_list(slope, length, low, high, final_value, final_min, penalty):
    """V at the horizon: penalty * max(0, final_min - s) - final_value * s; return (head, end)."""
    slope[HEADROOM] = -final_value
    length[HEADROOM] = high - low
    return add_shortfall(slope, length, HEADROOM, HEADROOM + 1, low, final_min, penalty)


@njit(**EXACT)
def add_shortfall(slope, length, head, end, low, target, penalty):
    """Add penalty * max(0, target - s): slopes below the target fall by the penalty; return (head, end)."""
    room = target - low
    k = head
    while k < end and room > 0.0:
        if length[k] > room:  # split the segment at the target
            for j in range(end, k, -1):
                slope[j], length[j] = slope[j - 1], length[j - 1]
            end += 1
            length[k] = room
            length[k + 1] -= room
        slope[k] -= penalty
        room -= length[k]
        k += 1
    return head, end


ONE = np.uint64(1)  # indices that cannot be negative skip numba's wrap-around test: twice as fast


@njit(inline="always", **EXACT)
def merge_one(slope, length, head, read, write, energy, key, width):
    """Move the segments with slopes from `key` on up by the distance of write to read, and insert one.

    Return (read, write, energy below which the segment is worth using); `read` and `write` are unsigned.
    """
    first = np.uint64(head)
    while read >= first and slope[read] >= key:
        moved = length[read]
        slope[write], length[write] = slope[read], moved
        energy -= moved
        read -= ONE
        write -= ONE
    slope[write], length[write] = key, width
    return read, write - ONE, energy


@njit(inline="always", **EXACT)
def merge_segments(slope, length, head, end, high, count, key, width, threshold, place):
    """Merge `count` segments with non-increasing keys, from the upper end down; return the new end.

    `threshold[place + k]` becomes the energy below which segment k is worth using: low + sum of the lengths
    whose slope is below its key.
    """
    read, write, energy = np.uint64(end - 1), np.uint64(end - 1 + count), high
    for k in range(count):
        read, write, energy = merge_one(slope, length, head, read, write, energy, key[k], width[place + k])
        threshold[place + k] = energy
    return end + count


@njit(inline="always", **EXACT)
def trim_low(slope, length, head, end, amount):
    """Cut `amount` kWh from the low end; return (head, rise of V at the low end)."""
    rise = 0.0
    while head < end and amount >= length[head]:
        amount -= length[head]
        rise += slope[head] * length[head]
        head += 1
    if head < end and amount > 0.0:
        rise += slope[head] * amount
        length[head] -= amount
    return head, rise


@njit(inline="always", **EXACT)
def trim_high(length, head, end, amount):
    """Cut `amount` kWh from the high end; return the new end."""
    while end > head and amount >= length[end - 1]:
        amount -= length[end - 1]
        end -= 1
    if end > head and amount > 0.0:
        length[end - 1] -= amount
    return end


@njit(inline="always", **EXACT)
def trim(slope, length, head, end, low, high, floor, ceiling):
    """Cut the list at floor and ceiling; return (head, end, low, high)."""
    if low < floor:
        head, _ = trim_low(slope, length, head, end, floor - low)
        low = floor
    if high > ceiling:
        end = trim_high(length, head, end, high - ceiling)
        high = ceiling
    return head, end, low, high


@njit(**EXACT)
def pull_back(slope, length, head, end):
    """Move the list to the front of its work arrays; return (head, end)."""
    shift = head - HEADROOM
    for k in range(head, end):
        slope[k - shift], length[k - shift] = slope[k], length[k]
    return HEADROOM, end - shift


@njit(**EXACT)
def before_trip(slope, length, head, end, low, high, trip, floor, ceiling, penalty):
    """Carry V from after a trip to before it: V(s) := V(max(0, s - trip)) + penalty * max(0, trip - s).

    Return (head, end, low, high, rise of V at the low end). Where the shortage is cheaper than what
    follows, the convex hull is taken: a valid bound, and rare.
    """
    low, high, rise = low + trip, high + trip, 0.0
    if low <= trip + 1e-12 and floor < trip:  # the energy may run out on the way
        head -= 1
        slope[head], length[head] = -penalty, trip - floor
        rise += penalty * length[head]
        low = floor
        while end - head > 1 and slope[head] > slope[head + 1]:
            total = length[head] + length[head + 1]
            slope[head + 1] = (slope[head] * length[head] + slope[head + 1] * length[head + 1]) / total
            length[head + 1] = total
            head += 1
    if floor > low:
        head, lift = trim_low(slope, length, head, end, floor - low)
        low, rise = floor, rise + lift
    if high > ceiling:
        end = trim_high(length, head, end, high - ceiling)
        high = ceiling
    return head, end, low, high, rise


@njit(**EXACT)
def before_departure(slope, length, head, end, low, stay, penalty):
    """Add the soft departure target of a stay, with its bridge; return (head, end, rise of V at the low end).

    slope  ── -penalty ──┬── -penalty * share ──┬── 0 ──     (share 1, bridge 0: a plain target)
                  target - bridge            target
    """
    target, bridge = stay.target_kwh, stay.bridge_kwh
    if target <= low:
        return head, end, 0.0
    share = penalty * stay.bridge_share if bridge > 0.0 else penalty
    head, end = add_shortfall(slope, length, head, end, low, target, share)
    rise = share * (target - low)
    if bridge > 0.0 and target - bridge > low:
        head, end = add_shortfall(slope, length, head, end, low, target - bridge, penalty - share)
        rise += (penalty - share) * (target - bridge - low)
    return head, end, rise


@njit(**EXACT)
def shortfall_kwh(stay, energy):
    """Energy missing at departure, in kWh that cost the full penalty."""
    missing = stay.target_kwh - energy
    if missing <= 0.0:
        return 0.0
    if missing < stay.bridge_kwh:
        return missing * stay.bridge_share
    return missing - stay.bridge_kwh * (1.0 - stay.bridge_share) if stay.bridge_kwh > 0.0 else missing
