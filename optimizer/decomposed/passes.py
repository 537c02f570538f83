"""How many passes, how wide the smoothing, and how carefully each asset steps, by fleet size.

Wide smoothing and full multiplier steps first, tightening only at the end: from a start as rough as
a sample's trajectories, narrow smoothing locks in the first answer (3 to 11 % instead of 0.02 %).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from optimizer.decomposed.paths import ENOUGH_GAP, with_paths

TINY = 300
"""Up to this many assets all of them are the sample."""

SMALL = 3000
"""Up to this many assets the granularity of the single asset counts, and more passes are affordable."""

MEDIUM = 30_000
LARGE = 300_000
"""The more assets, the less does each count, and the fewer passes reach the same gap."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """One pass over the fleet and the multiplier step after it."""

    width: float  # smoothing of exchange and peak, in mean loads
    feeder_width: float  # smoothing of the feeders, in mean limits
    share: float  # of a full multiplier step
    chunk: int  # assets per lane between two merges
    margin: float = 0.0  # mean feeder limits that schedules stay inside the limit: smoothed ones leak
    part: float = (
        1.0  # beside those that moved, this random part of the fleet steps, where nobody is looked at
    )
    linear_below: float = 5e-4  # money per kWh
    least_promise: float = (
        0.0  # > 0: all are looked at, who promises less rests; a share of the scale per asset
    )
    fine: bool = False
    level: int = 1  # stepped assets: 0 round, 1 polish, 2 search modes
    bound: bool = True
    averaged: bool = False  # the multipliers count in their running mean
    mean_bound: bool = False  # try the bound at the mean multipliers
    keen: float = 0.0  # before the pass, step the assets that hold this share of the regret
    keen_most: float = 0.125  # ... and are this part of the fleet at most
    keen_level: int = 2
    keen_alone: bool = False  # nobody else steps
    settle: bool = False  # assets with wear by depth find a new path at the prices they meet
    anew: bool = False  # the bound finds the worths of wear by depth anew
    leap: int = 0  # where prices have settled, so many passes after it are left out


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How many passes of each kind."""

    sample: int  # on the sample
    wide: int
    narrow: int
    full: int  # of the wide passes, those over everybody
    part: float  # of the fleet, in the others
    searched: int  # of the narrow passes, the last ones that search the modes of stepped assets
    bounds: int  # evaluated before and after wide turns to narrow
    keen: float = 0.0  # the modes are searched for the holders of this share of the regret alone
    averaged: int = 0  # of the wide passes, the last ones whose mean multipliers count
    last: float = 1.0  # part of the fleet in the last pass
    feeder: tuple[float, float, float] = (1.0, 0.5, 5e-4)  # width at the start, at the turn, at the end
    sampled: tuple[float, float, float] | None = (
        None  # the same on the sample, where it is not 1.5 times as wide
    )
    margin: float = 1.5e-5
    end: float = 0.1  # width of exchange and peak at the end, as a share of that at the turn
    share: float = 0.5  # of a full multiplier step, in the narrow passes
    least_promise: tuple[float, float] = (0.0, 0.0)  # wide, and where narrow begins: it grows with 1 / width


WORN_SMALL = Course(sample=30, wide=16, narrow=8, full=16, part=1.0, searched=2, bounds=1, averaged=4)
WORN = Course(sample=30, wide=18, narrow=6, full=3, part=0.5, searched=2, bounds=1, averaged=13)
"""With wear by depth prices take longer to settle."""


def course_for(count: int, *, worn: bool = False, private: bool = False) -> Course:
    """Return the numbers of passes for `count` assets, with wear by depth or without."""
    if worn and count > TINY:
        return WORN_SMALL if count <= SMALL else WORN
    if count <= TINY:
        # One battery may be half of its feeder: smoothed more widely.
        return Course(
            sample=40, wide=20, narrow=15, full=20, part=1.0, searched=15, bounds=4,
            feeder=(4.0, 2.0, 2e-4), margin=5e-5, end=0.025,
        )  # fmt: skip
    if count <= SMALL:
        # Full steps from narrow feeders to so wide ones that prices hardly move: their mean is the bound's.
        return Course(
            sample=40, wide=40, narrow=16, full=40, part=1.0, searched=16, bounds=16, averaged=16,
            feeder=(1.0, 24.0, 2e-4), sampled=(6.0, 2.0, 2e-4), margin=5e-5, end=0.005, share=1.0,
        )  # fmt: skip
    if count <= MEDIUM:
        return Course(
            sample=30,
            wide=14 if private else 28,  # who promises little does not step: passes cost less
            narrow=6,
            full=4,
            part=0.4,
            searched=3,
            bounds=1,
            keen=0.9,
            averaged=6 if private else 18,
            last=0.4,
            least_promise=(3e-6, 1e-5),
        )
    if count <= LARGE:
        return Course(
            sample=30,
            wide=12,
            narrow=6,
            full=2,
            part=0.2,
            searched=2,
            bounds=1,
            keen=0.9,
            averaged=6,
            last=0.15,
            least_promise=(3e-5, 1e-5),
        )
    return Course(
        sample=30,
        wide=12,
        narrow=4,
        full=2,
        part=0.1,
        searched=2,
        bounds=1,
        keen=0.9,
        averaged=6,
        last=0.1,
        least_promise=(3e-5, 1e-5),
    )


def enough_for(count: int, *, warm: bool, worn: bool = False) -> float:
    """Return the gap at which a plan of `count` assets is not improved further; 0: never.

    A third of what is asked of a plan; three quarters of what is asked of the re-plan of a large fleet, and
    of a plan with wear by depth.
    """
    if count <= SMALL:
        return 0.0 if warm or count <= TINY else 7e-5
    if worn and not warm:
        return ENOUGH_GAP
    if warm:
        return 3e-4 if count <= MEDIUM else 1.5e-3
    if count <= MEDIUM:
        return 7e-5
    return 1.7e-4 if count <= LARGE else 6e-4


def sample_size(count: int) -> int:
    """Assets in the sample that the prices start from."""
    return min(count, 300 if count <= MEDIUM else 1500)


def chunk_for(count: int) -> int:
    """Assets per lane between two merges: a hundred of these chunks make a pass."""
    return max(2, min(64, count // 150))


def passes_for(
    count: int, *, sample: bool = False, worn: bool = False, private: bool = False
) -> tuple[Pass, ...]:
    """Return the passes for a fleet of `count` assets, or for its sample."""
    if sample and count <= TINY:
        settling = tuple(_settling(k, 120) for k in range(120))
        return tuple(replace(p, bound=p.bound and p.settle) for p in settling) if worn else settling
    plan, chunk = course_for(count, worn=worn, private=private), chunk_for(count)
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
