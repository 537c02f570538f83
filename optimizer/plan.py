"""What a solve returns: a schedule, the prices that prove its bound, and the certificate."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

UnmetKind = Literal["departure", "final", "trip", "feeder", "portfolio", "event"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Power and energy of N assets over T intervals, matrices of shape (N, T), AC side, kW and kWh."""

    charge_kw: Floats
    discharge_kw: Floats
    energy_end_kwh: Floats
    reserve_up_kw: Floats | None = None
    reserve_down_kw: Floats | None = None

    @property
    def power_kw(self) -> Floats:
        """Return the signed power: positive discharges into the grid."""
        return self.discharge_kw - self.charge_kw


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergyWorths:
    """What a stored kWh is worth to n assets with minimum powers: it proves more than prices alone.

    asset (n): rows of the problem. cell_kwh (n): width of the cells of energy the proof goes by.
    worth_per_kwh (n, T + 1): before each interval and at the end, money per kWh.
    """

    asset: NDArray[np.int64]
    cell_kwh: Floats
    worth_per_kwh: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """The multipliers behind a bound. All in money per kWh but `peak_per_kw` (money per kW).

    balance_per_kwh (T): marginal cost of one more kWh at the portfolio.
    feeder_per_kwh (F, T): added on a feeder by its limits; positive when imports are scarce.
    peak_per_kw (T): non-negative, sums to at most the peak price.
    scenario_weight (S), scenario_peak_per_kw (S, T): with load scenarios, what each weighs under the CVaR,
    and its part of the peak's prices.
    budget_per_kwh (N): with discharge budgets, on every kWh out of the cell. wear_per_kwh (W, J, T): with
    wear by depth, what a kWh in each segment is worth from an interval on, less than at the end.
    energy: of assets whose minimum powers are part of the bound.
    reserve_per_kw_h (2, T): with reserve, what a kW held up or down earns, money per kW and hour.
    reserve_weight (N, T, 4): by how much a share is limited by the energy at the end and the start of the
    interval, for up and for down; what is left to 1, by power. Without them all is by power.
    """

    balance_per_kwh: Floats
    feeder_per_kwh: Floats
    peak_per_kw: Floats
    scenario_weight: Floats | None = None
    scenario_peak_per_kw: Floats | None = None
    budget_per_kwh: Floats | None = None
    wear_per_kwh: Floats | None = None
    energy: EnergyWorths | None = None
    reserve_per_kw_h: Floats | None = None
    reserve_weight: NDArray[np.float32] | None = None

    def marginal_per_kwh(self) -> Floats:
        """Return the price of consumption per feeder and interval, shape (F, T)."""
        return self.balance_per_kwh[None, :] + self.feeder_per_kwh


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmet:
    """Something the plan could not do, in physical units, and what bound it."""

    kind: UnmetKind
    id: str
    interval: int
    amount: float
    unit: Literal["kWh", "kW"]
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectiveParts:
    """The bill by cause, in money; `total` is their sum."""

    energy: float = 0.0
    peak: float = 0.0
    wear: float = 0.0
    overload: float = 0.0
    unmet_energy: float = 0.0
    carbon: float = 0.0
    events: float = 0.0
    reserve: float = 0.0  # revenue, negative
    final_energy: float = 0.0  # value of the energy left, negative
    risk: float = 0.0  # what the CVaR weighting adds to the expected cost

    @property
    def total(self) -> float:
        return (
            self.energy
            + self.peak
            + self.wear
            + self.overload
            + self.unmet_energy
            + self.carbon
            + self.events
            + self.reserve
            + self.final_energy
            + self.risk
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What a plan claims of itself; `optimizer.verify` recomputes it from problem and schedule alone.

    gap = (objective - lower_bound) / max(|lower_bound|, 10 % of gross cost), where gross cost is
    the sum of import * |import price| plus the peak charge. `gap_of_savings` is the same distance as
    a share of what the plan saves against no control. `search_bound` is a higher bound that a search
    reached and that the plan's prices do not prove (minus infinity: none); nothing is derived from it.
    gap_parts say in money where `gap_absolute` is: `relaxation` (between the linear relaxation's optimum and
    the plan) and `prices` (below that optimum) for small fleets; `minimum_powers`, `assets` and `shared` for
    large ones, above the relaxed optimum of each part at the prices of the bound.
    gap_above_relaxation is the part of `gap` between the plan and the best relaxation's optimum, where it is
    known (small fleets): no other prices close it, only a better plan or a search of on and off.
    """

    status: Literal["optimal", "feasible"]
    method: str
    objective: float
    lower_bound: float
    gap: float
    gap_absolute: float
    reference_objective: float
    gap_of_savings: float
    objective_parts: ObjectiveParts
    unmet: tuple[Unmet, ...] = ()
    gap_parts: dict[str, float] = field(default_factory=dict)
    gap_above_relaxation: float | None = None
    seed: int = 0
    killed: bool = False
    search_bound: float = float("-inf")
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A schedule with its certificate and, where the method has them, the prices that prove it."""

    schedule: Schedule
    certificate: Certificate
    prices: Prices | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Warm:
    """A previous plan of the same assets and feeders to start from, and how many intervals ago it began."""

    plan: Plan
    elapsed_intervals: int = 0
