"""PV from forecasts of irradiance: what each kW per W/m² gave at the same time of day, times the sun ahead.

pv(f, t) = k(f, slot of t) · G(t),      k = Σ w pv G / Σ w G²   over past days, newer ones weigh more
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vpp.domain.intervals import IntervalGrid

Floats = NDArray[np.float64]

FAINT_W_M2 = 20.0  # below, a ratio of two small numbers says nothing
DAILY_DECAY = 0.9  # weight of a day relative to the one after it
FEWEST_DAYS = 3.0  # weighted days of sun at a time of day before it is trusted
NOWCAST_HOURS = 1.5  # over which the last hours' sunshine gives way to the forecast of it
BELIEVED_SHARE = (
    0.7  # of what the usual day misses; a feeder whose PV the sun does not explain better keeps it
)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class SunSource(Protocol):
    """Irradiance as it was measured, and as it was last forecast."""

    def irradiance_over(self, grid: IntervalGrid, known_at: datetime) -> Floats:
        """Return what was known of each interval, (T,), W/m², NaN where nothing was."""


def pv_with_sun(
    pv_kw: Floats,
    past: IntervalGrid,
    past_w_m2: Floats,
    ahead: IntervalGrid,
    ahead_w_m2: Floats,
    without_kw: Floats,
) -> Floats:
    """Return PV over `ahead`, (F, T), kW.

    pv_kw (F, H): metered over `past`, NaN where not known; past_w_m2 (H,), ahead_w_m2 (T,); without_kw
    (F, T): what would be forecast without the sun, which stands where too little is known, and which follows
    the sunshine of the last hours.
    """
    per_day = max(1, timedelta(days=1) // past.length)
    slot, then = _slots(past, per_day), _slots(ahead, per_day)
    lit = np.isfinite(pv_kw) & np.isfinite(past_w_m2) & (past_w_m2 > FAINT_W_M2)
    age_days = (past.count - np.arange(past.count)) // per_day
    weight = np.where(lit, DAILY_DECAY**age_days, 0.0)
    sun, fed_kw = np.nan_to_num(past_w_m2), np.nan_to_num(pv_kw)

    def by_slot(values: Floats) -> Floats:
        """Return sums of (F, H) by slot of the day, (F, S)."""
        sums = np.zeros((per_day, len(pv_kw)))
        np.add.at(sums, slot, values.T)
        return sums.T

    days, size = by_slot(weight), by_slot(weight * sun**2)
    seen = days >= FEWEST_DAYS
    per_w_m2 = np.divide(by_slot(weight * fed_kw * sun), size, out=np.zeros_like(size), where=seen)
    usual_kw = np.divide(by_slot(weight * fed_kw), days, out=np.zeros_like(size), where=seen)
    missed = (weight * np.abs(fed_kw - per_w_m2[:, slot] * sun)).sum(axis=1)
    missed_without = (weight * np.abs(fed_kw - usual_kw[:, slot])).sum(axis=1)
    believed = missed < BELIEVED_SHARE * missed_without
    known = seen[:, then] & np.isfinite(ahead_w_m2) & believed[:, None]
    share = 1.0 - np.exp(-np.arange(ahead.count) * ahead.hours / NOWCAST_HOURS)
    said_kw = per_w_m2[:, then] * np.nan_to_num(ahead_w_m2)
    mixed: Floats = np.where(known, share * said_kw + (1.0 - share) * without_kw, without_kw)
    return mixed


def _slots(grid: IntervalGrid, per_day: int) -> NDArray[np.int64]:
    """Return the slot of the day, UTC: the sun knows no summer time."""
    first = (grid.start - EPOCH) // grid.length
    return (first + np.arange(grid.count)) % per_day
