"""What a store answers: values that only readers of the database need."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
from numpy.typing import NDArray

from vpp.domain.forecasts import LoadForecast, ModelCall
from vpp.domain.intervals import IntervalGrid
from vpp.domain.readings import ReadingColumns
from vpp.domain.runs import RunSummary
from vpp.domain.setpoints import Acknowledgement


@dataclass(frozen=True, slots=True, kw_only=True)
class FeederHistory:
    """Metered load of F feeders over a grid, matrices of shape (F, T), kW; NaN where nothing is known."""

    feeder_ids: tuple[str, ...]
    grid: IntervalGrid
    consumption_kw: NDArray[np.float64]
    pv_kw: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSetpoint:
    """One issued order as it lies in the database, with the last word of its node."""

    asset_id: str
    feeder_id: str
    run_id: str
    epoch: int
    sequence: int
    power_kw: float
    min_kw: float
    max_kw: float
    valid_from: datetime
    valid_until: datetime
    origin: str
    reason: str
    acknowledged: str  # last acknowledgement state; empty when there is none
    acknowledged_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetpointTrail:
    """From one setpoint back to its readings."""

    setpoint: StoredSetpoint
    run: RunSummary
    forecast: LoadForecast | None
    model_call: ModelCall | None
    state_at: datetime
    energy_kwh: float  # what the cycle took the asset's energy to be
    reading_measured_at: datetime | None
    reading_soc: float | None
    reading_power_kw: float | None
    acknowledgements: tuple[Acknowledgement, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingDays:
    """The days of readings that the database holds."""

    oldest: date | None
    overdue: tuple[date, ...]  # older than kept, and still there
    ahead: int | None  # days that are made ahead; None where nothing is


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingPage:
    """One page of readings by time and slot; `next_token` is empty on the last."""

    readings: ReadingColumns
    next_token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingUpkeep:
    """What one pass over the days of readings did; `problems` says in words what it could not do."""

    created: int  # days made ahead
    indexed: int  # days that are over
    archived: tuple[date, ...]
    archived_rows: int
    dropped: tuple[date, ...]
    problems: tuple[str, ...]
    seconds: float
