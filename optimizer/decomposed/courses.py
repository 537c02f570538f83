"""How many passes of each kind, by the size of a fleet and by what its steps cost.

Wide smoothing and full multiplier steps first, tightening only at the end: from a start as rough as
a sample's trajectories, narrow smoothing locks in the first answer (3 to 11 % instead of 0.02 %).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from optimizer.decomposed.paths import ENOUGH_GAP

TINY = 300
"""Up to this many assets all of them are the sample."""

SMALL = 3000
"""Up to this many assets the granularity of the single asset counts, and more passes are affordable."""

MEDIUM = 30_000
LARGE = 300_000
"""The more assets, the less does each count, and the fewer passes reach the same gap."""


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
    sampled: tuple[float, float, float] | None = None  # on the sample, where it is not 1.5 times as wide
    margin: float = 1.5e-5
    end: float = 0.1  # width of exchange and peak at the end, as a share of that at the turn
    share: float = 0.5  # of a full multiplier step, in the narrow passes
    least_promise: tuple[float, float] = (0.0, 0.0)  # wide, and where narrow begins: it grows with 1 / width


FEW = Course(
    sample=40, wide=20, narrow=15, full=20, part=1.0, searched=15, bounds=4,
    feeder=(4.0, 2.0, 2e-4), margin=5e-5, end=0.025,
)  # fmt: skip
"""Up to `TINY`: one battery may be half of its feeder, so that is smoothed more widely."""

HUNDREDS = Course(
    sample=40, wide=40, narrow=16, full=40, part=1.0, searched=16, bounds=16, averaged=16,
    feeder=(1.0, 24.0, 2e-4), sampled=(6.0, 2.0, 2e-4), margin=5e-5, end=0.005, share=1.0,
)  # fmt: skip
"""Full steps from narrow feeders to so wide ones that prices hardly move: their mean is the bound's."""

THOUSANDS = Course(
    sample=30, wide=28, narrow=6, full=4, part=0.4, searched=3, bounds=1, keen=0.9, averaged=18, last=0.4,
    least_promise=(3e-6, 1e-5),
)  # fmt: skip
"""Who promises little does not step: passes cost little, and there may be many."""

THOUSANDS_COSTLY = replace(THOUSANDS, wide=14, averaged=6)
"""The same where a step costs more: assets with parts of their own, or many load scenarios."""

TENS_OF_THOUSANDS = Course(
    sample=30, wide=12, narrow=6, full=2, part=0.2, searched=2, bounds=1, keen=0.9, averaged=6, last=0.15,
    least_promise=(3e-5, 1e-5),
)  # fmt: skip

A_MILLION = replace(TENS_OF_THOUSANDS, narrow=4, part=0.1, last=0.1)

HUNDREDS_WORN = Course(sample=30, wide=16, narrow=8, full=16, part=1.0, searched=2, bounds=1, averaged=4)
THOUSANDS_WORN = Course(sample=30, wide=18, narrow=6, full=3, part=0.5, searched=2, bounds=1, averaged=13)
"""With wear by depth prices take longer to settle."""


def course_for(count: int, *, worn: bool = False, costly: bool = False) -> Course:
    """Return the numbers of passes for `count` assets.

    worn: with wear by depth; costly: with parts of their own otherwise, or with load scenarios.
    """
    if count <= TINY:
        return FEW
    if worn:
        return HUNDREDS_WORN if count <= SMALL else THOUSANDS_WORN
    if count <= SMALL:
        return HUNDREDS
    if count <= MEDIUM:
        return THOUSANDS_COSTLY if costly else THOUSANDS
    return TENS_OF_THOUSANDS if count <= LARGE else A_MILLION


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
