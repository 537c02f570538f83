"""Who is paid what for an event. Pure.

- Income = payment x delivered - penalty x missing, interval by interval at most what was requested.
- Of an income above zero the wear of those who delivered is repaid first (in proportion, where it does not
  suffice), the rest goes to all by delivered energy: one price for each kWh, whoever delivered it.
- A loss is borne by what each failed to deliver of its order. Who opted out, was stopped or overridden, or
  was not ordered failed nothing. Where nobody failed the portfolio bears it: the plan was too small.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vpp.domain.assets import Fleet
from vpp.domain.settlement import Compensation, Delivery, Shortfall

_NOT_TO_BLAME = frozenset({Shortfall.OPTED_OUT, Shortfall.STOPPED, Shortfall.NOT_ORDERED, Shortfall.NONE})
Floats = NDArray[np.float64]


def compensate(delivery: Delivery, fleet: Fleet) -> Compensation:
    """Return who is paid what; wear, shares and the portfolio's part add up to the income."""
    event, hours = delivery.event, delivery.spans.hours
    settled_kwh = float(np.clip(delivery.delivered_kw, 0.0, event.target_kw) @ hours)
    missing_kwh = max(0.0, event.target_kw * float(hours.sum()) - settled_kwh)
    payment, penalty = event.payment_per_kwh * settled_kwh, event.penalty_per_kwh * missing_kwh
    gains = np.maximum(delivery.delivered_kwh, 0.0)
    worn = delivery.throughput_kwh * fleet.column("wear_cost_per_kwh") * (gains > 0.0)
    wear, share = split(payment - penalty, worn, gains, _failed_kwh(delivery))
    return Compensation(
        settled_kwh=settled_kwh,
        missing_kwh=missing_kwh,
        payment=payment,
        penalty=penalty,
        income=payment - penalty,
        wear=wear,
        share=share,
        portfolio=0.0 if wear.any() or share.any() else payment - penalty,
    )


def split(income: float, worn: Floats, delivered_kwh: Floats, failed_kwh: Floats) -> tuple[Floats, Floats]:
    """Return wear repaid and share of the rest, (N,) each, money; all columns 0 or more."""
    nothing = np.zeros(len(worn))
    if income < 0.0:
        return nothing, _by(failed_kwh, income)
    repaid = min(income, float(worn.sum()))
    return _by(worn, repaid), _by(delivered_kwh, income - repaid)


def _by(weights: Floats, money: float) -> Floats:
    """Return `money` in proportion to `weights`; nothing where there are none."""
    total = float(weights.sum())
    if total <= 0.0:
        return np.zeros(len(weights))
    return money * (weights / total)


def _failed_kwh(delivery: Delivery) -> Floats:
    blamed = np.array([why not in _NOT_TO_BLAME for why in delivery.shortfall], dtype=np.bool_)
    failed = np.maximum(delivery.ordered_kwh - np.maximum(delivery.delivered_kwh, 0.0), 0.0)
    return np.where(blamed, failed, 0.0)
