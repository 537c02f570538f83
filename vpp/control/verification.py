"""The last look at a plan before its orders may leave. Knows the verifier, never the solver."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optimizer.plan import Certificate, Schedule
from optimizer.problem import Problem
from optimizer.verify import verify
from vpp.domain.assets import Fleet
from vpp.domain.policy import DispatchPolicy
from vpp.domain.runs import DispatchPlan

TOLERANCE_KW = 1e-6
SHOWN_VIOLATIONS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """Whether a plan may be dispatched; `reason` is empty when it may."""

    passed: bool
    reason: str = ""


def approve(problem: Problem, schedule: Schedule, certificate: Certificate) -> Approval:
    """Return whether orders may be made of `schedule`.

    Two looks: the independent verifier on the whole horizon, and the rule that the fleet never
    loads a feeder or the portfolio beyond its limit by more than it would be without the fleet.
    """
    verdict = verify(problem, schedule, certificate=certificate, tolerance_kw=TOLERANCE_KW)
    if not verdict.ok:
        sentences = [violation.sentence for violation in verdict.violations[:SHOWN_VIOLATIONS]]
        more = verdict.count - len(sentences)
        return Approval(
            passed=False, reason="; ".join(sentences) + (f"; and {more} more" if more > 0 else "")
        )
    overload = caused_overload_kw(problem, schedule)
    if overload > TOLERANCE_KW:
        return Approval(passed=False, reason=f"the fleet would overload a limit by {overload:.3f} kW")
    return Approval(passed=True)


def may_be_held(
    plan: DispatchPlan, power_kw: NDArray[np.float64], interval: int, fleet: Fleet, policy: DispatchPolicy
) -> bool:
    """Return whether the fleet may stay at `power_kw`, shape (N,), during a later interval of `plan`.

    The plan was verified for other powers there. Batteries that become full or empty meanwhile stop by
    themselves, so those that charge and those that discharge are not counted against each other.
    """
    if not 0 <= interval < plan.grid.count:
        return False
    feeder, load = fleet.feeder_index(), plan.net_load_kw[:, interval]
    limits = [
        np.array([getattr(item, name) for item in fleet.feeders])
        for name in ("import_limit_kw", "export_limit_kw")
    ]
    taken, given = np.zeros(len(load)), np.zeros(len(load))
    np.add.at(taken, feeder, np.maximum(-power_kw, 0.0))
    np.add.at(given, feeder, np.maximum(power_kw, 0.0))
    total = load.sum()
    portfolio = (np.array(policy.import_limit_kw), np.array(policy.export_limit_kw))
    worst = max(
        max(_worst(load, added, *limits), _worst(total, np.array(added.sum()), *portfolio))
        for added in (taken, -given)
    )
    return worst <= TOLERANCE_KW


def caused_overload_kw(problem: Problem, schedule: Schedule) -> float:
    """Return the largest overload in any interval that is there because of the fleet, kW."""
    feeders = problem.feeders
    added = np.zeros(feeders.load_kw.shape)
    np.add.at(added, problem.assets.feeder, schedule.charge_kw - schedule.discharge_kw)
    worst = _worst(feeders.load_kw, added, feeders.import_limit_kw, feeders.export_limit_kw)
    load, added = feeders.load_kw.sum(axis=0), added.sum(axis=0)
    limits = (np.full(load.shape, problem.import_limit_kw), np.full(load.shape, problem.export_limit_kw))
    return max(worst, _worst(load, added, *limits))


def _worst(
    load_kw: NDArray[np.float64],
    added_kw: NDArray[np.float64],
    import_limit_kw: NDArray[np.float64],
    export_limit_kw: NDArray[np.float64],
) -> float:
    """Return the largest excess of load + added over what load alone, or the limit, already is."""
    net = load_kw + added_kw
    over = net - np.maximum(import_limit_kw, load_kw)
    under = -net - np.maximum(export_limit_kw, -load_kw)
    return float(max(over.max(initial=0.0), under.max(initial=0.0)))
