"""The statistical forecast that stands on its own: similar days, the recent level, the last hours.

Never fails: with little history the quantiles grow wide, with none the median is zero.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from vpp.domain.intervals import IntervalGrid
from vpp.forecasting.local_days import DAY, DayCube, LocalTimes, day_cube, local_times
from vpp.ports import FeederHistory

Matrix = NDArray[np.float64]

SIMILAR_DAYS = 6
SIMILAR_DAY_DECAY = 0.8  # weight of each older similar day relative to the newer one
SIMILAR_DAY_REACH_DAYS = 63
LEVEL_DAYS = 7
LEVEL_SHARE = 0.5  # how much of the recent days' relative error is believed
LEVEL_LIMIT = 0.3
RESIDUAL_DAYS = 35
RESIDUAL_POOL_SLOTS = 2  # residuals of neighbouring slots are pooled, for smoother quantiles
MINIMUM_RESIDUALS = 20
RECENT_WINDOW = timedelta(hours=2)
RECENT_REACH = timedelta(hours=6)  # an error older than this says nothing about the next hours
RECENT_SHARE = 0.7  # small feeders are noisy: part of the last error is chance
RECENT_DECAY_HOURS = 4.0
PV_DAYS = 7
PV_DECAY = 0.8
PV_DECAY_HOURS = 3.0
ERROR_DAYS = 7
UNKNOWN_FEEDER_KW = 10.0  # upper quantile where no feeder has any history


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineForecast:
    """Quantiles of consumption and PV per feeder and interval, matrices of shape (F, T), kW, never negative.

    `typical_peak_kw`, shape (F,), is the load that a feeder exceeds on 2 % of its history.
    `recent_error`, shape (7, T), is what the same rule got wrong 1 to 7 days before each interval over
    all feeders: 0.05 where 5 % more was consumed than it said, NaN where that is not known.
    """

    feeder_ids: tuple[str, ...]
    grid: IntervalGrid
    consumption_p10_kw: Matrix
    consumption_p50_kw: Matrix
    consumption_p90_kw: Matrix
    pv_kw: Matrix
    typical_peak_kw: NDArray[np.float64]
    recent_error: Matrix


def forecast_baseline(
    history: FeederHistory,
    grid: IntervalGrid,
    *,
    timezone: str = "Europe/Berlin",
    holidays: frozenset[date] = frozenset(),
    issued_at: datetime | None = None,
) -> BaselineForecast:
    """Forecast every feeder over `grid` from what was metered before `issued_at` (default: its start).

    consumption = level * weighted mean of the last 6 days of the same type + decaying last error
    PV          = weighted mean of the last 7 days at the same time of day, scaled by the last hours
    """
    issue = _issue(history.grid, grid, ZoneInfo(timezone), holidays, issued_at or grid.start)
    consumption_kw = _known(history.consumption_kw, issue)
    pv_kw = _known(history.pv_kw, issue)
    cube = _cube(consumption_kw, issue)
    rule = _levelled(cube, _similar_days(cube))
    day = issue.ahead.ordinal - cube.first_ordinal
    low_kw, high_kw = (width[:, issue.ahead.slot] for width in _residual_quantiles(cube.values - rule))
    median_kw, low_kw, high_kw = _filled(rule[:, day, issue.ahead.slot], low_kw, high_kw, consumption_kw)
    error_kw = consumption_kw - _at(rule, issue.past, cube.first_ordinal)
    last_error_kw = _last_error(error_kw, issue.history_grid, grid, issue.issued_at)
    median_kw = np.maximum(median_kw + last_error_kw, 0.0)
    return BaselineForecast(
        feeder_ids=history.feeder_ids,
        grid=grid,
        consumption_p10_kw=np.maximum(median_kw - low_kw, 0.0),
        consumption_p50_kw=median_kw,
        consumption_p90_kw=median_kw + high_kw,
        pv_kw=_forecast_pv(_cube(pv_kw, issue), pv_kw, issue),
        typical_peak_kw=_typical_peak(consumption_kw, median_kw + high_kw),
        recent_error=_recent_error(cube, rule, issue),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Issue:
    """The calendar of one issue: what is past, what is ahead, and where the line lies."""

    history_grid: IntervalGrid
    grid: IntervalGrid
    issued_at: datetime
    holidays: frozenset[date]
    ordinal: int  # the local day of the issue
    slots: int  # of a local day
    past: LocalTimes
    ahead: LocalTimes


def _issue(
    history_grid: IntervalGrid,
    grid: IntervalGrid,
    zone: ZoneInfo,
    holidays: frozenset[date],
    issued_at: datetime,
) -> _Issue:
    slot_length = max(history_grid.length, grid.length)
    return _Issue(
        history_grid=history_grid,
        grid=grid,
        issued_at=issued_at,
        holidays=holidays,
        ordinal=issued_at.astimezone(zone).toordinal(),
        slots=-(-DAY // slot_length),
        past=local_times(history_grid, zone, slot_length),
        ahead=local_times(grid, zone, slot_length),
    )


def _cube(values_kw: Matrix, issue: _Issue) -> DayCube:
    return day_cube(
        values_kw,
        issue.past,
        slots=issue.slots,
        last_ordinal=int(issue.ahead.ordinal.max(initial=issue.ordinal)),
        holidays=issue.holidays,
    )


def _known(values_kw: Matrix, issue: _Issue) -> Matrix:
    # An interval that had not ended at the issue time must not be seen; what is not finite is a gap.
    seen = np.where(np.isfinite(values_kw), np.maximum(values_kw, 0.0), np.nan)
    seen[:, max(issue.history_grid.index_of(issue.issued_at), 0) :] = np.nan
    return seen


def _weighted_newest(values: Matrix, count: int, decay: float) -> Matrix:
    """Return the mean over axis 1 of the `count` newest finite values; axis 1 runs from new to old."""
    finite = np.isfinite(values)
    rank = np.cumsum(finite, axis=1)
    weight = np.where(finite & (rank <= count), decay ** (rank - 1.0), 0.0)
    total = weight.sum(axis=1)
    mean: Matrix = np.full_like(total, np.nan)
    np.divide((np.where(finite, values, 0.0) * weight).sum(axis=1), total, out=mean, where=total > 0)
    return mean


def _similar_days(cube: DayCube) -> Matrix:
    """Return the mean of the similar days before each day, (F, D, S); NaN long ago and where unknown."""
    rule = np.full_like(cube.values, np.nan)
    for day in range(max(0, cube.days - RESIDUAL_DAYS - LEVEL_DAYS - ERROR_DAYS), cube.days):
        earlier = np.arange(day - 1, max(-1, day - 1 - SIMILAR_DAY_REACH_DAYS), -1)
        similar = earlier[cube.types[earlier] == cube.types[day]]
        # A few to spare, because the newest of them may have gaps.
        same_type = _weighted_newest(
            cube.values[:, similar[: 2 * SIMILAR_DAYS]], SIMILAR_DAYS, SIMILAR_DAY_DECAY
        )
        any_type = _weighted_newest(cube.values[:, earlier[:SIMILAR_DAYS]], SIMILAR_DAYS, SIMILAR_DAY_DECAY)
        rule[:, day] = np.where(np.isfinite(same_type), same_type, any_type)
    return rule


def _levelled(cube: DayCube, rule: Matrix) -> Matrix:
    """Return the rule scaled by what it got wrong on the last days, bounded."""
    both = np.isfinite(cube.values) & np.isfinite(rule)
    actual = np.where(both, cube.values, 0.0).sum(axis=2)
    said = np.where(both, rule, 0.0).sum(axis=2)
    level = np.ones_like(actual)
    for day in range(1, cube.days):
        window = slice(max(0, day - LEVEL_DAYS), day)
        total = said[:, window].sum(axis=1)
        ratio = np.divide(actual[:, window].sum(axis=1), total, out=np.ones_like(total), where=total > 0.0)
        level[:, day] = 1.0 + np.clip(LEVEL_SHARE * (ratio - 1.0), -LEVEL_LIMIT, LEVEL_LIMIT)
    levelled: Matrix = rule * level[:, :, None]
    return levelled


def _residual_quantiles(residual_kw: Matrix) -> tuple[Matrix, Matrix]:
    """Return how far p10 lies below and p90 above the median, (F, S), kW; NaN where residuals are few."""
    newest = residual_kw[:, -RESIDUAL_DAYS:]
    shifts = range(-RESIDUAL_POOL_SLOTS, RESIDUAL_POOL_SLOTS + 1)
    pooled = np.sort(np.concatenate([np.roll(newest, shift, axis=2) for shift in shifts], axis=1), axis=1)
    count = np.isfinite(pooled).sum(axis=1)  # NaN sorts to the end
    enough = count >= MINIMUM_RESIDUALS

    def quantile(share: float) -> Matrix:
        index = np.floor(share * np.maximum(count - 1, 0) + 0.5).astype(np.int64)
        picked: Matrix = np.take_along_axis(pooled, index[:, None], axis=1)[:, 0]
        return picked

    low_kw = np.where(enough, np.maximum(-quantile(0.1), 0.0), np.nan)
    high_kw = np.where(enough, np.maximum(quantile(0.9), 0.0), np.nan)
    return low_kw, high_kw


def _filled(
    median_kw: Matrix, low_kw: Matrix, high_kw: Matrix, consumption_kw: Matrix
) -> tuple[Matrix, Matrix, Matrix]:
    """Put the last known value where there is no similar day, zero where there is nothing, both wide."""
    finite = np.isfinite(consumption_kw)
    has_any: NDArray[np.bool_] = np.any(finite, axis=1)
    newest: NDArray[np.int64] = np.max(np.where(finite, np.arange(finite.shape[1]), 0), axis=1, initial=0)
    last_kw = np.zeros(len(consumption_kw))
    last_kw[has_any] = consumption_kw[has_any, newest[has_any]]
    widest_kw = np.max(consumption_kw, where=finite, initial=0.0) or UNKNOWN_FEEDER_KW
    median_kw = np.where(np.isfinite(median_kw), median_kw, last_kw[:, None])
    wide_kw = np.where(has_any[:, None], median_kw, widest_kw)
    return (
        median_kw,
        np.where(np.isfinite(low_kw), low_kw, wide_kw),
        np.where(np.isfinite(high_kw), high_kw, wide_kw),
    )


def _at(cube_values: Matrix, times: LocalTimes, first_ordinal: int) -> Matrix:
    """Return the values of a cube at the given local times, (F, N); NaN after its last day."""
    day = times.ordinal - first_ordinal
    inside = day < cube_values.shape[1]
    return np.where(inside, cube_values[:, np.where(inside, day, 0), times.slot], np.nan)


@dataclass(frozen=True, slots=True, kw_only=True)
class _LastHours:
    """Which history of each feeder is its newest, (F, H), and how long after it each interval starts."""

    mask: NDArray[np.bool_]
    lead_hours: Matrix  # (F, T)


def _last_hours(
    deviation_kw: Matrix, past: IntervalGrid, ahead: IntervalGrid, issued_at: datetime
) -> _LastHours:
    finite = np.isfinite(deviation_kw)
    index = np.arange(past.count)
    newest = np.max(np.where(finite, index, -1), axis=1, initial=-1)[:, None]
    fresh = newest > past.index_of(issued_at - RECENT_REACH)
    mask = finite & fresh & (index > newest - max(1, RECENT_WINDOW // past.length))
    lead = (ahead.start - past.start_of(1)) / timedelta(hours=1) - newest * past.hours
    return _LastHours(mask=mask, lead_hours=np.maximum(lead + np.arange(ahead.count) * ahead.hours, 0.0))


def _last_error(error_kw: Matrix, past: IntervalGrid, ahead: IntervalGrid, issued_at: datetime) -> Matrix:
    """Return the mean error of the last hours, fading with the lead, (F, T), kW; zero where unknown."""
    last = _last_hours(error_kw, past, ahead, issued_at)
    count = np.maximum(last.mask.sum(axis=1), 1)
    mean_kw = np.where(last.mask, error_kw, 0.0).sum(axis=1) / count
    faded: Matrix = RECENT_SHARE * mean_kw[:, None] * np.exp(-last.lead_hours / RECENT_DECAY_HOURS)
    return faded


def _forecast_pv(cube: DayCube, pv_kw: Matrix, issue: _Issue) -> Matrix:
    """Return the mean of recent days at the same time of day, scaled by the last hours' sunshine."""
    today = issue.ordinal - cube.first_ordinal
    recent = cube.values[:, max(today, 0) :: -1]
    profile_kw = _weighted_newest(recent, PV_DAYS, PV_DECAY)
    profile_kw = np.where(np.isfinite(profile_kw), profile_kw, 0.0)
    expected_kw = profile_kw[:, issue.past.slot]
    last = _last_hours(pv_kw - expected_kw, issue.history_grid, issue.grid, issue.issued_at)
    actual = np.where(last.mask, pv_kw, 0.0).sum(axis=1)
    said = np.where(last.mask, expected_kw, 0.0).sum(axis=1)
    # At dawn and dusk a ratio of two small numbers says nothing.
    meaningful = said > 0.1 * profile_kw.max(axis=1, initial=0.0) * np.maximum(last.mask.sum(axis=1), 1)
    ratio = np.divide(actual, said, out=np.ones_like(said), where=meaningful)
    fade = np.exp(-last.lead_hours / PV_DECAY_HOURS)
    scaled_kw: Matrix = profile_kw[:, issue.ahead.slot] * (
        1.0 + (np.clip(ratio, 0.0, 2.0) - 1.0)[:, None] * fade
    )
    return scaled_kw


def _typical_peak(consumption_kw: Matrix, upper_kw: Matrix) -> NDArray[np.float64]:
    """Return the load that each feeder exceeds on 2 % of its history; its highest p90 where it has none."""
    ordered = np.sort(consumption_kw, axis=1)
    count = np.isfinite(ordered).sum(axis=1)
    fallback_kw: NDArray[np.float64] = upper_kw.max(axis=1, initial=0.0)
    if ordered.shape[1] == 0:
        return fallback_kw
    index = np.floor(0.98 * np.maximum(count - 1, 0)).astype(np.int64)
    peak_kw = np.take_along_axis(ordered, index[:, None], axis=1)[:, 0]
    return np.where(count > 0, peak_kw, fallback_kw)


def moved_to(baseline: BaselineForecast, median_kw: Matrix) -> BaselineForecast:
    """Return the baseline around another median (F, T), kW; the quantiles keep their distance from it."""
    below = baseline.consumption_p50_kw - baseline.consumption_p10_kw
    above = baseline.consumption_p90_kw - baseline.consumption_p50_kw
    return replace(
        baseline,
        consumption_p10_kw=np.maximum(median_kw - below, 0.0),
        consumption_p50_kw=median_kw,
        consumption_p90_kw=median_kw + above,
    )


def past_errors_kw(
    history: FeederHistory,
    grid: IntervalGrid,
    *,
    timezone: str,
    holidays: frozenset[date],
    issued_at: datetime,
) -> Matrix:
    """Return what was consumed above the rule 1 to 35 days before, (35, F, T), kW, NaN where unknown."""
    issue = _issue(history.grid, grid, ZoneInfo(timezone), holidays, issued_at)
    cube = _cube(_known(history.consumption_kw, issue), issue)
    error_kw = cube.values - _levelled(cube, _similar_days(cube))
    day = issue.ahead.ordinal - cube.first_ordinal - np.arange(1, RESIDUAL_DAYS + 1)[:, None]
    found = np.where(day >= 0, error_kw[:, np.maximum(day, 0), issue.ahead.slot], np.nan)
    errors: Matrix = np.moveaxis(found, 0, 1)
    return errors


def _recent_error(cube: DayCube, rule: Matrix, issue: _Issue) -> Matrix:
    """Return the relative error of the rule over all feeders 1 to 7 days before each interval, (7, T)."""
    both = np.isfinite(cube.values) & np.isfinite(rule)
    actual = np.where(both, cube.values, 0.0).sum(axis=0)
    said = np.where(both, rule, 0.0).sum(axis=0)
    error = np.full_like(said, np.nan)
    np.divide(actual - said, said, out=error, where=said > 0.0)
    day = issue.ahead.ordinal - cube.first_ordinal - np.arange(1, ERROR_DAYS + 1)[:, None]
    return np.where(day >= 0, error[np.maximum(day, 0), issue.ahead.slot], np.nan)
