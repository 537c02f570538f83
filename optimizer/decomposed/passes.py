"""The passes over a fleet one by one: how wide the smoothing is, and how carefully each asset steps."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from optimizer.decomposed.courses import MEDIUM, SMALL, TINY, Course, chunk_for, course_for
from optimizer.decomposed.paths import with_paths


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """One pass over the fleet and the multiplier step after it."""

    width: float  # smoothing of exchange and peak, in mean loads
    feeder_width: float  # smoothing of the feeders, in mean limits
    share: float  # of a full multiplier step
    chunk: int  # assets per lane between two merges
    margin: float = 0.0  # mean feeder limits that schedules stay inside the limit: smoothed ones leak
    part: float = 1.0  # beside those that moved, this random part steps, where nobody is looked at
    linear_below: float = 5e-4  # money per kWh
    least_promise: float = 0.0  # > 0: all are looked at, who promises less of the scale per asset rests
    fine: bool = False
    level: int = 1  # stepped assets: 0 round, 1 polish, 2 search modes
    bound: bool = True
    averaged: bool = False  # the multipliers count in their running mean
    mean_bound: bool = False  # try the bound at the mean multipliers
    keen: float = 0.0  # before the pass, step the assets that hold this share of the regret
    keen_most: float = 0.125  # ... and are this part of the fleet at most
    settle: bool = False  # assets with wear by depth find a new path at the prices they meet
    anew: bool = False  # the bound finds the worths of wear by depth anew
    leap: int = 0  # where prices have settled, so many passes after it are left out


def passes_for(
    count: int, *, sample: bool = False, worn: bool = False, costly: bool = False
) -> tuple[Pass, ...]:
    """Return the passes for a fleet of `count` assets, or for its sample."""
    if sample and count <= TINY:
        settling = tuple(_settling(k, 120) for k in range(120))
        return tuple(replace(p, bound=p.bound and p.settle) for p in settling) if worn else settling
    plan, chunk = course_for(count, worn=worn, costly=costly), chunk_for(count)
    if sample:
        feeder = plan.sampled or (1.5 * plan.feeder[0], *plan.feeder[1:])
        few = replace(plan, full=4, part=0.3, feeder=feeder)
        return tuple(_wide(k, few, plan.sample, 8, level=0) for k in range(plan.sample))
    first = [_wide(k, plan, plan.wide, chunk, level=1) for k in range(plan.wide)]
    # A bound costs a third of a pass; the best ones come where wide turns to narrow.
    first = [
        replace(
            step,
            bound=k >= plan.wide - plan.bounds,
            averaged=k >= plan.wide - plan.averaged,
            mean_bound=k >= plan.wide - min(plan.bounds, plan.averaged),
        )
        for k, step in enumerate(first)
    ]
    last = [_narrow(k, plan, plan.narrow, chunk, count) for k in range(1, plan.narrow + 1)]
    return with_paths(first, last, small=count <= SMALL) if worn and count > TINY else (*first, *last)


def passes_after(count: int, *, sample: bool = False, kept: bool = False) -> tuple[Pass, ...]:
    """Return the passes of a warm re-plan: everybody once, then those that move; a small fleet as a whole.

    kept: of a large fleet only those step that must, and then those with regret.

    A handful of assets is swept relaxed before, `sample`, as its prices have to settle anew.
    """
    if sample:
        few = 1500 // count if count <= TINY else 0
        return tuple(_settling(int(k), 120) for k in np.linspace(40, 119, min(few, 40)))
    if count <= SMALL:
        return _small_after(count, *((3, 12) if count <= TINY else (1, 3)))
    if kept:
        return _kept_after(count)
    plan, chunk = replace(course_for(count), part=0.02, last=0.02, searched=1, bounds=2), chunk_for(count)
    first = replace(_wide(2, plan, 3, chunk, level=1), part=1.0)
    narrow = (_narrow(k, plan, 4, chunk, count) for k in (2, 4))
    return (first, *(replace(step, averaged=False) for step in narrow))


def _kept_after(count: int) -> tuple[Pass, ...]:
    """Who must step; twice who promises to gain, at the width of the turn, then the bound; then narrow."""
    plan, chunk, large = replace(course_for(count), part=0.0, last=0.0), chunk_for(count), count > MEDIUM
    turn = replace(
        _wide(2, plan, 3, chunk, level=1), part=0.0, share=1.0, fine=True, bound=False,
        linear_below=1e-3 if large else 5e-4, least_promise=3e-5 if large else 1e-5,
    )  # fmt: skip
    narrow = (
        replace(
            _narrow(k, plan, 4, chunk, count), keen=keen, keen_most=0.06, averaged=False, mean_bound=False,
            bound=False,
        )
        for k, keen in ((2, 0.9), (4, 0.0))
    )  # fmt: skip
    return (replace(turn, share=0.0, least_promise=0.0), turn, replace(turn, bound=True), *narrow)


def _small_after(count: int, wide: int, narrow: int) -> tuple[Pass, ...]:
    """Full multiplier steps at the width of the turn, then narrowing; the modes in half of the passes."""
    plan = replace(course_for(min(count, TINY)), searched=(narrow + 1) // 2)
    chunk = chunk_for(count)
    turn = replace(_wide(wide, plan, wide + 1, chunk, level=1), share=1.0, fine=True)
    return (
        *(turn for _ in range(wide)),
        *(_narrow(k, plan, narrow, chunk, count) for k in range(1, narrow + 1)),
    )


def _settling(k: int, count: int) -> Pass:
    """For a handful of relaxed assets: narrow far down, until the prices settle at the relaxed optimum."""
    along = k / (count - 1)
    return Pass(
        width=5.0 * 0.04**along, feeder_width=3.0 * 0.01**along, share=0.7, chunk=1, fine=True, level=0,
        linear_below=1e-4, bound=k >= count // 3, settle=k % 8 == 0, anew=k % 8 == 0,
    )  # fmt: skip


def _wide(k: int, plan: Course, count: int, chunk: int, *, level: int) -> Pass:
    """Smoothing from 5 to 2 mean loads, and of the feeders down to the turn; half steps in the first two."""
    along, (start, turn, _) = k / max(1, count - 1), plan.feeder
    return Pass(
        width=5.0 * (2.0 / 5.0) ** along,
        feeder_width=start * (turn / start) ** along,
        margin=plan.margin,
        share=1.0 if k > 1 else 0.5,
        chunk=chunk,
        part=1.0 if k < plan.full else plan.part,
        least_promise=plan.least_promise[0],
        fine=k >= 4,
        level=level,
        bound=level > 0,
        settle=level == 0 and k % 3 == 0,
    )


def _narrow(k: int, plan: Course, count: int, chunk: int, fleet: int) -> Pass:
    """Smoothing down to 0.2 mean loads, and of the feeders to the end; the last pass steps everybody."""
    along, small, (_, turn, end) = k / count, fleet <= SMALL, plan.feeder
    searched = k > count - plan.searched
    if plan.keen > 0.0:  # every other one, so that the rest can answer before the next
        searched = (count - k) % 2 == 1 and count - k < 2 * plan.searched
    proven = k <= plan.bounds or small
    return Pass(
        width=2.0 * plan.end**along,
        feeder_width=turn * (end / turn) ** along,
        margin=plan.margin,
        share=plan.share,
        least_promise=plan.least_promise[1] / plan.end**along,  # the narrower, the less of it is kept
        chunk=chunk,
        part=1.0 if small else (plan.last if k == count else plan.part),
        fine=True,
        level=2 if searched and plan.keen == 0.0 else 1,
        keen=plan.keen if searched else 0.0,
        bound=proven and (small or plan.averaged == 0),
        averaged=proven,
        mean_bound=proven,
        settle=k % 4 == 2,
        anew=k % 4 == 2,
    )
