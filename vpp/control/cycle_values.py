"""What goes into a cycle, what lies between its steps, and what comes out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from optimizer.plan import Plan, Schedule
from optimizer.problem import Problem
from vpp.control.compliance import Judgement
from vpp.control.leases import OrdersInForce
from vpp.control.overriding import FixedPowers
from vpp.control.signals_on_grid import EventBaseline, SignalsOnGrid
from vpp.domain.approvals import ApprovalTerms, ApprovedPlan, PendingPlan
from vpp.domain.assets import Fleet
from vpp.domain.forecasts import LoadForecast
from vpp.domain.intervals import IntervalGrid
from vpp.domain.overrides import OverrideColumns
from vpp.domain.policy import DispatchPolicy
from vpp.domain.prices import PriceCurve
from vpp.domain.readings import ChargingSession, ReadingColumns
from vpp.domain.runs import DispatchPlan, Rung
from vpp.domain.setpoints import SetpointColumns
from vpp.domain.signals import Signal
from vpp.domain.state import FleetState


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleInputs:
    """Everything one cycle knows."""

    run_id: str
    now: datetime
    grid: IntervalGrid
    fleet: Fleet
    readings: ReadingColumns
    quarantined: NDArray[np.bool_]  # (N,) assets whose readings are not trusted
    orders: OrdersInForce
    reachable: NDArray[np.bool_]
    forecast: LoadForecast | None
    prices: PriceCurve | None  # None where no usable price is known
    sessions: Sequence[ChargingSession]
    previous: DispatchPlan | None
    peak_so_far_kw: float
    epoch: int
    policy: DispatchPolicy
    judgement: Judgement | None = None  # of the assets' compliance; None: all of them comply
    overrides: OverrideColumns | None = None  # of operators, in force at `now`; None: there are none
    approvals: ApprovalTerms | None = None  # what people are asked for; None: nothing
    approved: ApprovedPlan | None = None  # carried out alone, when it still holds
    signals: Sequence[Signal] = ()  # as last announced, valid within the grid
    event_baselines: Sequence[EventBaseline] = ()
    portfolio: str = ""  # the run is for its assets alone; empty: for all
    inside: NDArray[np.bool_] | None = None  # (N,) which assets these are; None: all


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """The frozen picture and the problem made of it; `problem` is None when none can be stated."""

    state: FleetState
    net_load_kw: NDArray[np.float64] | None
    problem: Problem | None
    controllable: NDArray[np.bool_]
    input_sha256: str
    signals: SignalsOnGrid | None = None
    previous: Schedule | None = None  # the plan in force, from where the fleet is now: a start for the solver
    reason: str = ""
    fixed: FixedPowers | None = None  # what overridden assets do, beside the problem of the others


@dataclass(frozen=True, slots=True, kw_only=True)
class SolveOutcome:
    """What the solver process came to: a plan, an incumbent when it was killed, or an error."""

    plan: Plan | None
    killed: bool = False
    error: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What one cycle decided. `refusals` says why each higher rung was not taken.

    `pending` are verified plans of higher rungs that wait for people, from the top. `refused` counts plans
    that the verifier let not pass.
    """

    rung: Rung
    plan: DispatchPlan | None
    setpoints: SetpointColumns | None
    refusals: tuple[str, ...]
    pending: tuple[PendingPlan, ...] = ()
    refused: int = 0
