"""The plan that the fleet follows: whose orders are its own, and how long it says what to do."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from vpp.control.leases import OrdersInForce
from vpp.control.verification import may_be_held
from vpp.domain.assets import Fleet
from vpp.domain.policy import DispatchPolicy
from vpp.domain.readings import to_microseconds
from vpp.domain.runs import DispatchPlan, Rung, RunSummary


@dataclass(slots=True)
class FollowedPlan:
    """The newest plan, and the run that orders were last given by."""

    fleet: Fleet
    plan: DispatchPlan | None = None
    run: RunSummary | None = None
    _from_us: NDArray[np.int64] = field(init=False)  # (N,) start of the newest run for each asset

    def __post_init__(self) -> None:
        self._from_us = np.zeros(len(self.fleet), dtype=np.int64)

    def note(self, run: RunSummary, inside: NDArray[np.bool_] | None, *, planned: bool) -> None:
        """Note whose orders are a run's from now on; a portfolio's run without a plan changes nothing."""
        if inside is not None and not planned:
            return
        self.run = run
        from_us = to_microseconds(run.cycle_start)
        self._from_us = np.where(True if inside is None else inside, from_us, self._from_us)

    def ordered(self, orders: OrdersInForce) -> NDArray[np.bool_]:
        """Return which assets the last plan ordered something, shape (N,).

        It counts on the leases of all others to end: a node that comes back is not kept on an order
        that no verified plan holds any more.
        """
        if self.run is None:
            return np.zeros(len(self.fleet), dtype=np.bool_)
        newest_us = np.maximum(orders.current.valid_from_us, orders.next.valid_from_us)
        return newest_us >= self._from_us

    def holds(self, now: datetime, power_kw: NDArray[np.float64], policy: DispatchPolicy) -> bool:
        """Return whether the plan still says what to do now; power_kw (N,), > 0 discharges into the grid.

        Its orders are for one interval. They are held for one more, when a cycle failed, where the
        limits allow that by the load that the plan was made for.
        """
        if self.run is None or self.plan is None or self.run.rung is Rung.NOTHING:
            return False
        interval = (now - self.run.cycle_start) // policy.interval
        if interval < 1:
            return True
        return interval == 1 and may_be_held(self.plan, power_kw, interval, self.fleet, policy)
