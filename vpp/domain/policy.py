"""How the portfolio wants to be run: the numbers that people decide, in one place."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from vpp.domain.errors import InvalidValueError


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchPolicy:
    """Rules of planning and dispatch. Money in `currency`, powers in kW.

    ```
        cycle runs            orders take effect        leases end unless renewed
            │◄────── lead ───────►│◄────── lifetime ────────►│
    ────────┴─────────────────────┴──────────────────────────┴──► plant time
    ```
    """

    interval: timedelta = timedelta(minutes=15)
    horizon_intervals: int = 96
    lead: timedelta = timedelta(minutes=3)
    solve_deadline: timedelta = timedelta(minutes=2)  # of plant time; less than the lead, or orders come late
    accepted_gap: float = 0.05
    setpoint_lifetime: timedelta = timedelta(seconds=60)
    renewal_period: timedelta = timedelta(seconds=20)
    reading_max_age: timedelta = timedelta(minutes=15)
    peak_price_per_kw: float = 0.0
    import_limit_kw: float = float("inf")
    export_limit_kw: float = float("inf")
    # Above the penalty for missing energy, so that no feeder is overloaded to fill a car.
    feeder_penalty_per_kwh: float = 20.0
    unmet_energy_penalty_per_kwh: float = 5.0
    stability_cost_per_kw: float = 0.0005
    currency: str = "EUR"
    tracking_period: timedelta = timedelta(0)  # of the fast loop between plans, 1 to 10 s; 0: none
    envelopes_may_widen: bool = False  # whether an operating envelope may allow more than the register
    replan_share: float = 0.1  # of the planned power; when nobody can cover more than it, plan at once

    def __post_init__(self) -> None:
        if not timedelta(seconds=10) <= self.setpoint_lifetime <= timedelta(minutes=15):
            raise InvalidValueError("setpoint_lifetime", self.setpoint_lifetime, "10 s to 15 min")
        if 3 * self.renewal_period > self.setpoint_lifetime:
            raise InvalidValueError(
                "renewal_period", self.renewal_period, "at most a third of setpoint_lifetime"
            )
        if not timedelta(0) <= self.lead < self.interval:
            raise InvalidValueError("lead", self.lead, "from zero to less than one interval")
        if self.tracking_period and not timedelta(seconds=1) <= self.tracking_period <= timedelta(seconds=10):
            raise InvalidValueError("tracking_period", self.tracking_period, "1 s to 10 s, or 0 for none")
        if not 0.0 < self.replan_share <= 1.0:
            raise InvalidValueError("replan_share", self.replan_share, "above 0 and at most 1")
        if not 1 <= self.horizon_intervals <= 2000:
            raise InvalidValueError("horizon_intervals", self.horizon_intervals, "1 to 2,000")
        if not 0.0 < self.accepted_gap <= 1.0:
            raise InvalidValueError("accepted_gap", self.accepted_gap, "above 0 and at most 1")
        if self.unmet_energy_penalty_per_kwh >= self.feeder_penalty_per_kwh:
            raise InvalidValueError(
                "unmet_energy_penalty_per_kwh",
                self.unmet_energy_penalty_per_kwh,
                "less than feeder_penalty_per_kwh",
                "an overloaded feeder must cost more than missing energy",
            )
