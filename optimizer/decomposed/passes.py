"""How many passes, how wide the smoothing, and how carefully each asset steps, by fleet size.

Wide smoothing and full multiplier steps first, tightening only at the end: from a start as rough as
a sample's trajectories, narrow smoothing locks in the first answer (3 to 11 % instead of 0.02 %).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

TINY = 300
"""Up to this many assets all of them are the sample."""

SMALL = 3000
"""Up to this many assets the granularity of the single asset counts, and more passes are affordable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """One pass over the fleet and the multiplier step after it."""

    width: float  # smoothing of exchange and peak, in mean loads
    feeder_width: float  # smoothing of the feeders, in mean limits
    share: float  # of a full multiplier step
    chunk: int  # assets per lane between two merges
    part: float = 1.0  # beside those that moved, this random part of the fleet steps
    linear_below: float = 5e-4  # money per kWh
    fine: bool = False
    level: int = 1  # stepped assets: 0 round, 1 polish, 2 search modes
    bound: bool = True
    averaged: bool = False  # also try the bound at the mean multipliers


def sample_size(count: int) -> int:
    """Assets in the sample that the prices start from."""
    return min(count, 300 if count <= 30_000 else 1500)


def passes_for(count: int, *, sample: bool = False) -> tuple[Pass, ...]:
    """Return the passes for a fleet of `count` assets, or for its sample."""
    if sample and count <= TINY:
        return tuple(_settling(k, 120) for k in range(120))
    if sample:
        return tuple(_wide(k, 40, 8, from_feeder=3.0, level=0) for k in range(40))
    chunk = max(2, min(64, count // 600))
    wide, narrow = (11, 7) if count <= 30_000 else (9, 6)
    if count <= SMALL:
        wide, narrow = 15, 15
    first = [_wide(k, wide, chunk, from_feeder=2.0, level=1) for k in range(wide)]
    # A bound costs a third of a pass; the best ones come where wide turns to narrow.
    first = [replace(step, bound=k >= wide - 4) for k, step in enumerate(first)]
    return (*first, *(_narrow(k, narrow, chunk, count) for k in range(1, narrow + 1)))


def passes_after(count: int) -> tuple[Pass, ...]:
    """Return the passes of a warm re-plan: everybody once, then those that move."""
    chunk = max(2, min(64, count // 600))
    narrow = tuple(_narrow(k, 4, chunk, max(count, SMALL + 1)) for k in range(2, 5))
    first = _wide(2, 3, chunk, from_feeder=2.0, level=1)
    return (first, *(replace(step, part=0.1, averaged=False) for step in narrow))


def _settling(k: int, count: int) -> Pass:
    """For a handful of relaxed assets: narrow far down, until the prices settle at the relaxed optimum."""
    along = k / (count - 1)
    return Pass(
        width=5.0 * 0.04**along, feeder_width=3.0 * 0.01**along, share=0.7, chunk=1, fine=True, level=0,
        linear_below=1e-4, bound=k >= count // 3,
    )  # fmt: skip


def _wide(k: int, count: int, chunk: int, *, from_feeder: float, level: int) -> Pass:
    """Smoothing from 5 to 2 mean loads; half steps in the first two passes."""
    along = k / max(1, count - 1)
    return Pass(
        width=5.0 * (2.0 / 5.0) ** along,
        feeder_width=from_feeder * (1.0 / from_feeder) ** along,
        share=1.0 if k > 1 else 0.5,
        chunk=chunk,
        part=1.0 if k < 4 else 0.3,
        fine=k >= 4,
        level=level,
        bound=level > 0,
    )


def _narrow(k: int, count: int, chunk: int, fleet: int) -> Pass:
    """Smoothing down to 0.2 mean loads and 0.002 mean feeder limits; the last pass steps everybody."""
    along = k / count
    return Pass(
        width=2.0 * (0.025 if fleet <= SMALL else 0.1) ** along,
        feeder_width=0.002**along,
        share=0.5,
        chunk=chunk,
        part=1.0 if k == count or fleet <= SMALL else 0.3,
        fine=True,
        level=2 if fleet <= 30_000 or k > count - 2 else 1,
        bound=k <= 3 or fleet <= SMALL,
        averaged=k <= 3 or fleet <= SMALL,
    )
