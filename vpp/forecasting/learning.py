"""What live operation has learned about its forecasters, and how a day is forecast and settled with it.

A round is one UTC day. Its weights are fixed at the first issue that reaches into it. When the day is over,
the forecasts that were in force are held against what was metered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vpp.domain.forecasts import ForecastParts, LoadForecast
from vpp.domain.intervals import IntervalGrid
from vpp.forecasting.aggregation import (
    STRETCHED,
    Aggregation,
    ExpertWeights,
    Outcome,
    Ticket,
    mixed_by,
    stretched,
)
from vpp.forecasting.conformal import PARTS, Calibration
from vpp.forecasting.local_days import DAY

Floats = NDArray[np.float64]

BASELINE, MODEL = "baseline", "model"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LEVELS = (0.1, 0.9)
SLACK_ROUNDS = 2  # the day under way, and one for the meters


def round_of(at: datetime) -> int:
    """Return the number of the UTC day that holds `at`."""
    return (at - EPOCH) // DAY


def round_start(number: int) -> datetime:
    return EPOCH + number * DAY


def rounds_of(grid: IntervalGrid) -> NDArray[np.int64]:
    """Return the round of each interval, (T,)."""
    return np.array([round_of(start) for start in grid.starts()], dtype=np.int64)


def delay_of(horizon: timedelta) -> int:
    """Return how many days later than its first issue the outcome of a day is known."""
    return -(-horizon // DAY) + SLACK_ROUNDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """Everything that is carried from day to day."""

    aggregation: Aggregation
    calibration: Calibration

    @classmethod
    def fresh(cls, forecasters: Sequence[str], *, delay: int, first_round: int) -> Learned:
        """Return the state before the first day; `forecasters` speak beside the baseline."""
        names = [BASELINE, *forecasters]
        names += [MODEL + STRETCHED] if MODEL in forecasters else []
        return cls(
            aggregation=Aggregation.fresh(names, delay=delay, first_round=first_round),
            calibration=Calibration.fresh(LEVELS),
        )

    def plain(self) -> dict[str, Any]:
        """Return the state as plain values for JSON."""
        aggregation = asdict(self.aggregation)
        aggregation["boa"] = {name: values.tolist() for name, values in aggregation["boa"].items()}
        return {"aggregation": aggregation, "log_stretch": self.calibration.log_stretch.tolist()}

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> Learned:
        """Return the state that `plain` was made from."""
        values = dict(plain["aggregation"])
        boa = ExpertWeights(**{name: np.array(column) for name, column in values.pop("boa").items()})
        for name in ("experts", "inner_weight", "last_learned"):
            values[name] = tuple(values[name])
        return cls(
            aggregation=Aggregation(boa=boa, **values),
            calibration=Calibration(levels=LEVELS, log_stretch=np.array(plain["log_stretch"])),
        )


def _part(grid: IntervalGrid) -> NDArray[np.int64]:
    """Return the quarter of the UTC day of each interval, (T,)."""
    return np.array([((start - EPOCH) % DAY) * PARTS // DAY for start in grid.starts()], dtype=np.int64)


def guarded(
    advised: LoadForecast, parts: ForecastParts, tickets: Mapping[int, Ticket], learned: Learned
) -> LoadForecast:
    """Return the forecast in which the baseline and its rivals have the weights of each day.

    `advised` is the baseline as the model adjusts it; `parts` are the baseline and the other forecasters.
    Widths follow the model's as far as the model is believed, then the calibration.
    """
    numbers, part = rounds_of(advised.grid), _part(advised.grid)
    baseline = parts.p50_kw[0]
    members = dict(zip(parts.names, parts.p50_kw, strict=True)) | {MODEL: advised.consumption_p50_kw}
    members[MODEL + STRETCHED] = stretched(advised.consumption_p50_kw, baseline)
    median = baseline.copy()
    for number in np.unique(numbers):
        here = numbers == number
        inside = {name: values[:, here] for name, values in members.items()}
        mixed = mixed_by(
            tickets[int(number)], baseline[:, here], inside, typical_peak=parts.typical_peak_kw[:, None]
        )
        median[:, here] = np.maximum(mixed.forecast, 0.0)
    width = np.stack([advised.consumption_p10_kw, advised.consumption_p90_kw]) - advised.consumption_p50_kw
    low, high = learned.calibration.quantiles(median, width, part)
    return replace(
        advised,
        consumption_p10_kw=np.clip(low, 0.0, median),
        consumption_p50_kw=median,
        consumption_p90_kw=np.maximum(high, median),
        parts=ForecastParts(
            names=(*parts.names, MODEL),
            p50_kw=np.concatenate([parts.p50_kw, advised.consumption_p50_kw[None]]),
            typical_peak_kw=parts.typical_peak_kw,
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    """One day as it was forecast, arrays (F, T), put together from the newest forecast at each interval."""

    grid: IntervalGrid
    members: dict[str, Floats]
    p10_kw: Floats
    p90_kw: Floats
    typical_peak_kw: Floats  # (F, T), as each forecast had it


def in_force(grid: IntervalGrid, forecasts: Sequence[LoadForecast]) -> InForce | None:
    """Return what was in force over `grid`; None when an interval has no forecast or one without parts.

    `forecasts` are in the order in which they became available.
    """
    usable = [one for one in forecasts if one.parts is not None]
    if not usable:
        return None
    feeders, names = usable[-1].feeder_ids, usable[-1].parts.names if usable[-1].parts else ()
    usable = [one for one in usable if one.feeder_ids == feeders and one.parts and one.parts.names == names]
    columns = []
    for start in grid.starts():
        newest = [
            one for one in usable if one.available_at <= start < one.grid.end and one.grid.start <= start
        ]
        if not newest:
            return None
        one, at = newest[-1], newest[-1].grid.index_of(start)
        assert one.parts is not None
        quantiles = [one.consumption_p10_kw[None, :, at], one.consumption_p90_kw[None, :, at]]
        columns.append(
            np.concatenate([one.parts.p50_kw[:, :, at], *quantiles, one.parts.typical_peak_kw[None]])
        )
    stacked = np.stack(columns, axis=-1)
    members = dict(zip(names, stacked[:-3], strict=True))
    return InForce(
        grid=grid,
        members=members,
        p10_kw=stacked[-3],
        p90_kw=stacked[-2],
        typical_peak_kw=stacked[-1],
    )


def settled(learned: Learned, ticket: Ticket, day: InForce, actual_kw: Floats) -> tuple[Learned, Outcome]:
    """Return what is known after a day's outcome `actual_kw` (F, T), NaN where not metered.

    Raises InvalidValueError when nothing was metered.
    """
    baseline = day.members[BASELINE]
    members = dict(day.members)
    if MODEL in members:
        members[MODEL + STRETCHED] = stretched(members[MODEL], baseline)
    mixed = mixed_by(ticket, baseline, members, typical_peak=day.typical_peak_kw)
    aggregation, outcome = learned.aggregation.learn(mixed, actual_kw)
    quantiles = np.stack([day.p10_kw, day.p90_kw])
    calibration = learned.calibration.learned(
        quantiles, actual_kw, np.broadcast_to(_part(day.grid), actual_kw.shape)
    )
    return Learned(aggregation=aggregation, calibration=calibration), outcome
