"""What one plan does otherwise than another: by asset, by feeder, in money."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vpp.domain.assets import Fleet
from vpp.domain.policy import DispatchPolicy

Floats = NDArray[np.float64]
CHANGED_KW = 1e-6
AT_LIMIT_KW = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanLook:
    """One of the two plans: powers (N, T) and load without the fleet (F, T), kW; its bill by cause, money.

    `marginal_per_kwh` (F, T) is the price of one more kWh of consumption, where the method knows it;
    `lower_bound` is what no plan can cost less than, where that was proven.
    """

    power_kw: Floats
    load_kw: Floats
    fleet: Fleet
    policy: DispatchPolicy
    bill: dict[str, float]
    lower_bound: float | None = None
    marginal_per_kwh: Floats | None = None

    @property
    def cost(self) -> float:
        return self.bill["total"]

    def net_import_kw(self) -> Floats:
        """Return what each feeder imports, (F, T); negative exports."""
        net = self.load_kw.copy()
        np.add.at(net, self.fleet.feeder_index(), -self.power_kw)
        return net

    def intervals_at_limit(self) -> NDArray[np.int64]:
        """Return in how many intervals each feeder, and last the portfolio, is at a limit, (F + 1,)."""
        net = self.net_import_kw()
        net = np.vstack([net, net.sum(axis=0)])
        feeders = self.fleet.feeders
        into = np.array([*(item.import_limit_kw for item in feeders), self.policy.import_limit_kw])[:, None]
        out = np.array([*(item.export_limit_kw for item in feeders), self.policy.export_limit_kw])[:, None]
        at_limit: NDArray[np.int64] = np.count_nonzero(
            (net >= into - AT_LIMIT_KW) | (-net >= out - AT_LIMIT_KW), axis=1
        )
        return at_limit


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanDifference:
    """`plan` against `reference`, on the same grid. Powers in kW, positive discharges."""

    plan: PlanLook
    reference: PlanLook
    hours: float

    @property
    def cost(self) -> float:
        """Return what the plan costs more than the reference, money."""
        return self.plan.cost - self.reference.cost

    def by_asset_kw(self) -> Floats:
        return self.plan.power_kw - self.reference.power_kw

    def moved_kwh(self) -> Floats:
        """Return how much each asset does otherwise over the horizon, (N,), kWh."""
        moved: Floats = np.abs(self.by_asset_kw()).sum(axis=1) * self.hours
        return moved

    def by_feeder_kw(self) -> Floats:
        """Return the change in what the fleet feeds into each feeder, (F, T)."""
        change = np.zeros(self.plan.load_kw.shape)
        np.add.at(change, self.plan.fleet.feeder_index(), self.by_asset_kw())
        return change

    def peaks_kw(self) -> tuple[float, float]:
        """Return the highest import of the portfolio of both, kW; 0 where it never imports."""
        plan, reference = (
            max(0.0, float(look.net_import_kw().sum(axis=0).max(initial=0.0)))
            for look in (self.plan, self.reference)
        )
        return plan, reference
