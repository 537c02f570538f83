"""A run: one pass of the loop, from the snapshot to the orders, under one id."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vpp.domain.errors import InvalidValueError
from vpp.domain.grounds import PlanGrounds
from vpp.domain.intervals import IntervalGrid


class Rung(StrEnum):
    """The ladder, from the top. Each rung is verified; the run says on which it stood."""

    OPTIMAL = "optimal"  # a plan whose certificate is within the accepted gap
    INCUMBENT = "incumbent"  # the best verified plan at the deadline
    SHIFTED = "shifted"  # the previous plan, shifted by the elapsed intervals
    GREEDY = "greedy"  # a rule: rest, and charge what must be charged within the limits
    NOTHING = "nothing"  # nothing is sent; leases run out into default control


class RunKind(StrEnum):
    """What a run was for. Only the first two send anything."""

    DISPATCH = "dispatch"
    OVERRIDE = "override"  # orders of an operator; no plan
    DRY_RUN = "dry_run"  # a plan to look at
    WHAT_IF = "what_if"  # the same under other circumstances


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanLimits:
    """What a plan was held to beside the register, because of signals.

    Limits of the feeders (F, T), kW; `limited` are the assets, by slot, that a signal keeps below their
    rating at some time of the plan; `signal_ids` are all signals in force within it.
    """

    import_limit_kw: NDArray[np.float64]
    export_limit_kw: NDArray[np.float64]
    limited: NDArray[np.int64]
    signal_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchPlan:
    """The schedule of a run for all N assets over T intervals; power_kw > 0 discharges."""

    run_id: str
    grid: IntervalGrid
    asset_ids: tuple[str, ...]
    power_kw: NDArray[np.float64]  # (N, T)
    energy_end_kwh: NDArray[np.float64]  # (N, T)
    net_load_kw: NDArray[np.float64]  # (F, T) forecast the plan was made for
    certificate: dict[str, Any] = field(default_factory=dict)
    grounds: PlanGrounds | None = None  # what it rested on; for explanations
    limits: PlanLimits | None = None  # None: the register's


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """What is known of a run at a glance. Money in the portfolio's currency."""

    run_id: str
    cycle_start: datetime  # start of the first planned interval
    started_at: datetime
    finished_at: datetime
    trigger: str
    rung: Rung
    reason: str  # why it is not a higher rung, in words; empty on the first
    forecast_id: str | None
    input_sha256: str
    objective: float | None
    lower_bound: float | None
    gap: float | None
    setpoints: int
    seconds_solve: float
    killed: bool
    epoch: int
    kind: RunKind = RunKind.DISPATCH
    portfolio: str = ""  # whose assets it ordered; empty: everybody's


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFilter:
    """Which runs are listed; what is empty lets everything through.

    `started_from` <= started_at < `started_before`. `trigger` is a run's trigger, or what stands before a
    colon in it.
    """

    started_from: datetime | None = None
    started_before: datetime | None = None
    trigger: str = ""
    rungs: frozenset[Rung] = frozenset()
    kinds: frozenset[RunKind] = frozenset()
    portfolio: str = ""

    def __post_init__(self) -> None:
        start, end = self.started_from, self.started_before
        if start is not None and end is not None and start >= end:
            raise InvalidValueError("started_before", end.isoformat(), f"a time after {start.isoformat()}")


EVERY_RUN = RunFilter()
