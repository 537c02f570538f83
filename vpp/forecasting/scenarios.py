"""Equally likely courses of consumption that keep the quantiles and move together as past errors did.

Schaake shuffle (Clark et al. 2004): S values of each feeder and interval are drawn evenly from the quantiles
and handed out in the order of the errors of S past days, so that a day on which every feeder was above its
forecast all evening gives a scenario that is above everywhere all evening.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from vpp.domain.errors import InvalidValueError

Floats = NDArray[np.float64]

MAXIMUM_SCENARIOS = 50
TENTH = float(ndtri(0.9))  # standard deviations from the median to p90


def scenarios(
    quantiles: tuple[Floats, Floats, Floats], past_errors: Floats, *, count: int, seed: int
) -> Floats:
    """Return `count` scenarios (S, F, T), not negative, of p10, p50 and p90, each of shape (F, T).

    `past_errors`, shape (D, F, T), are what was consumed above the forecast on past days at the same times,
    NaN where not known. Days are drawn by `seed`, without repetition as long as there are enough. The
    distribution between and beyond the quantiles is taken as normal, with one width on either side.

    Raises InvalidValueError for a count out of bounds.
    """
    if not 1 <= count <= MAXIMUM_SCENARIOS:
        raise InvalidValueError("scenarios", count, f"1 to {MAXIMUM_SCENARIOS}")
    low, median, high = quantiles
    generator = np.random.default_rng(seed)
    known = past_errors[np.isfinite(past_errors).any(axis=(1, 2))]
    if len(known) >= 2:
        drawn = np.concatenate([generator.permutation(len(known)) for _ in range(-(-count // len(known)))])
        template = np.nan_to_num(known[drawn[:count]])
        # Days drawn twice, and hours without errors, still need an order: that of the whole day's error.
        whole = template.sum(axis=(1, 2)) + 1e-9 * generator.normal(size=count)
        template = template + 1e-9 * whole[:, None, None]
    else:
        template = np.broadcast_to(generator.permutation(count)[:, None, None], (count, *median.shape))
    rank = template.argsort(axis=0, kind="stable").argsort(axis=0, kind="stable")
    deviation = ndtri((np.arange(count) + 0.5) / count)[rank]
    width = np.where(deviation < 0.0, median - low, high - median) / TENTH
    drawn_kw: Floats = np.maximum(median + deviation * np.maximum(width, 0.0), 0.0)
    return drawn_kw
