"""Issues forecasts day by day through the past, each from nothing but what was known then."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from vpp.domain.errors import InvalidValueError
from vpp.forecasting.local_days import DAY
from vpp.forecasting.models.catalogue import BASELINE, baseline_of
from vpp.forecasting.models.features import FeatureTable, Layout, build_table
from vpp.forecasting.models.interface import FittedModel, Model
from vpp.forecasting.models.series import Series, typical_peak

Floats = NDArray[np.float64]

WARM_UP_DAYS = 60  # issued before the first day that counts, so that weights and widths have settled
FEWEST_TRAINING_DAYS = 14
FLOOR_SHARE = 0.01  # of the typical peak of the first days


@dataclass(frozen=True, slots=True, kw_only=True)
class Rolling:
    """Forecast days of K intervals; `medians` and `actual` have shape (D, K), in the unit of the series.

    `first` is the first day that counts; those before it are warm-up. `round_number[d]` counts days on end.
    """

    starts: tuple[datetime, ...]  # of the first interval of each day
    issued: tuple[datetime, ...]
    length: timedelta
    first: int
    round_number: NDArray[np.int64]
    medians: dict[str, Floats]
    actual: Floats
    peak: Floats  # (D,) typical peak as known at each issue
    cpu_s: dict[str, float]

    def __len__(self) -> int:
        return len(self.starts)


def with_floor(series: Series, before: int) -> Series:
    """Return the series with the floor of its logarithm, from the values before index `before` alone."""
    peak = typical_peak(series.values[:before])
    return Series(
        grid=series.grid,
        values=series.values,
        timezone=series.timezone,
        holidays=series.holidays,
        weather=series.weather,
        floor=FLOOR_SHARE * peak if peak > 0.0 else 1e-6,
    )


def issue_origins(series: Series, issue_time: time) -> tuple[NDArray[np.int64], Layout]:
    """Return the indices of all issues, a day apart, and the layout: the whole next day from midnight.

    Days are 24 hours from midnight of standard time, so that all have the same number of intervals.

    Raises InvalidValueError when the issue time is not a boundary of intervals.
    """
    length, per_day = series.grid.length, series.per_day
    into_day = timedelta(hours=issue_time.hour, minutes=issue_time.minute)
    if into_day % length:
        raise InvalidValueError("issue_time", f"{issue_time:%H:%M}", f"a multiple of {length} after midnight")
    local = series.grid.start.astimezone(ZoneInfo(series.timezone))
    offset = (local.utcoffset() or timedelta(0)) - (local.dst() or timedelta(0))
    since_midnight = (
        timedelta(hours=local.astimezone(UTC).hour, minutes=local.astimezone(UTC).minute) + offset
    )
    first = int(((into_day - since_midnight) % DAY) // length)
    gap = int((DAY - into_day) // length)
    last = series.grid.count - gap - per_day
    return np.arange(first, last + 1, per_day, dtype=np.int64), Layout(gap=gap, horizon=per_day)


def roll(
    series: Series,
    models: Sequence[Model],
    *,
    issue_time: time,
    days: int,
    cpu_clock: Callable[[], float],
    progress: Callable[[str, int, int], None] = lambda what, done, total: None,
) -> Rolling:
    """Return what `models` would have said of the last `days` days and of the warm-up before.

    `cpu_clock` returns processor seconds; the time of fitting counts towards the forecasts it serves.

    Raises InvalidValueError when the series is too short.
    """
    origin, layout = issue_origins(series, issue_time)
    most = len(origin) - FEWEST_TRAINING_DAYS
    if most < 1:
        raise InvalidValueError(
            "series", f"{len(origin)} days", f"more than {FEWEST_TRAINING_DAYS} whole days", "add history"
        )
    count = min(days, most)
    begin = max(FEWEST_TRAINING_DAYS, len(origin) - count - WARM_UP_DAYS)
    started = cpu_clock()
    # The floor is set from what the first issue knew, and stays: the same transform all along.
    table = build_table(with_floor(series, int(origin[begin])), origin, layout)
    shared_s = (cpu_clock() - started) * (len(origin) - begin) / len(origin)
    medians, cpu_s = {}, {}
    for model in models:
        started = cpu_clock()
        medians[model.name] = _issue_all(table, model, begin, progress)
        cpu_s[model.name] = cpu_clock() - started + shared_s
    medians[BASELINE] = baseline_of(medians)
    cpu_s[BASELINE] = sum(cpu_s.values()) - shared_s * max(len(models) - 1, 0)
    target = origin[begin:, None] + layout.gap + np.arange(layout.horizon)
    peak = np.array([typical_peak(series.values[: int(at)]) for at in origin[begin:]])
    return Rolling(
        starts=tuple(series.grid.start_of(int(row[0])) for row in target),
        issued=tuple(series.grid.start_of(int(at)) for at in origin[begin:]),
        length=series.grid.length,
        first=len(origin) - count - begin,
        round_number=np.arange(begin, len(origin)),
        medians=medians,
        actual=series.values[target],
        peak=peak,
        cpu_s=cpu_s,
    )


def _issue_all(
    table: FeatureTable, model: Model, begin: int, progress: Callable[[str, int, int], None]
) -> Floats:
    """Return the medians of all issues from `begin` on, NaN while the model knows too little."""
    said = np.full((len(table) - begin, table.layout.horizon), np.nan)
    version: FittedModel | None = None
    fitted_at = -model.refit_days
    for issue in range(begin, len(table)):
        progress(model.name, issue - begin, len(said))
        known = table.known_before(issue)
        if known < model.needs_days:
            continue
        if version is None or issue - fitted_at >= model.refit_days:
            version, fitted_at = model.fit(table, known, version), issue
        said[issue - begin] = table.value(version.predict(table, issue))
    progress(model.name, len(said), len(said))
    return said
