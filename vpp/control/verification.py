"""The last look at a plan before its orders may leave. Knows the verifier, never the solver."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optimizer.plan import Certificate, Schedule
from optimizer.problem import Problem
from optimizer.verify import verify
from vpp.control.held_limits import HeldLimits
from vpp.domain.assets import Fleet
from vpp.domain.policy import DispatchPolicy
from vpp.domain.runs import DispatchPlan

TOLERANCE_KW = 1e-6
SHOWN_VIOLATIONS = 3
_LIMITS = ("import_limit_kw", "export_limit_kw")


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """Whether a plan may be dispatched; `reason` is empty when it may."""

    passed: bool
    reason: str = ""


def approve(
    problem: Problem, schedule: Schedule, certificate: Certificate, held: HeldLimits | None = None
) -> Approval:
    """Return whether orders may be made of `schedule`.

    Three looks: the independent verifier on the whole horizon; the rule that the fleet never
    loads a feeder or the portfolio beyond its limit by more than it would be without the fleet;
    and both rules again by the limits that signals set, `held`, worked out apart from the problem.
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
    reason = "" if held is None else _broken_signal(problem, schedule, held)
    return Approval(passed=not reason, reason=reason)


def _broken_signal(problem: Problem, schedule: Schedule, held: HeldLimits) -> str:
    """Return which limit of a signal a schedule breaks, in words; empty when it breaks none."""
    load, added = problem.feeders.load_kw, np.zeros(problem.feeders.load_kw.shape)
    np.add.at(added, problem.assets.feeder, schedule.charge_kw - schedule.discharge_kw)
    over = _worst(load, added, held.import_limit_kw, held.export_limit_kw)
    if over > TOLERANCE_KW:
        return f"the fleet would exceed an operating envelope by {over:.3f} kW"
    for site in held.sites:
        power = (
            schedule.charge_kw[site.slots, site.interval] - schedule.discharge_kw[site.slots, site.interval]
        )
        taken = float(np.maximum(power, 0.0).sum()) - site.charge_kw
        given = float(np.maximum(-power, 0.0).sum()) - site.discharge_kw
        if max(taken, given) > TOLERANCE_KW:
            return f"signal {site.signal_id} would be exceeded by {max(taken, given):.3f} kW"
    return ""


def limits_at(
    plan: DispatchPlan, fleet: Fleet, interval: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return import and export limit of the feeders that hold in an interval of a plan, (F,) each."""
    if plan.limits is not None:
        return plan.limits.import_limit_kw[:, interval], plan.limits.export_limit_kw[:, interval]
    imports, exports = (np.array([getattr(item, name) for item in fleet.feeders]) for name in _LIMITS)
    return imports, exports


def may_be_held(
    plan: DispatchPlan, power_kw: NDArray[np.float64], interval: int, fleet: Fleet, policy: DispatchPolicy
) -> bool:
    """Return whether the fleet may stay at `power_kw`, shape (N,), during a later interval of `plan`.

    The plan was verified for other powers there. Batteries that become full or empty meanwhile stop by
    themselves, so those that charge and those that discharge are not counted against each other.
    """
    if not 0 <= interval < plan.grid.count:
        return False
    if plan.limits is not None and plan.limits.limited.size:
        limited = plan.limits.limited
        if (np.abs(power_kw[limited] - plan.power_kw[limited, interval]) > TOLERANCE_KW).any():
            return False
    feeder, load = fleet.feeder_index(), plan.net_load_kw[:, interval]
    limits = limits_at(plan, fleet, interval)
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


def approve_move(
    plan: DispatchPlan,
    power_kw: NDArray[np.float64],
    before_kw: NDArray[np.float64],
    energy_kwh: NDArray[np.float64],
    interval: int,
    hours_left: float,
    fleet: Fleet,
    policy: DispatchPolicy,
) -> Approval:
    """Return whether the fleet may go from `before_kw` to `power_kw`, (N,) each, for the rest of an interval.

    Looked at from scratch: ratings, energy at the end of the interval, feeders and portfolio by the load
    that the plan was made for. A limit that is broken already must not become worse.
    """
    moved = power_kw != before_kw
    if plan.limits is not None and moved[plan.limits.limited].any():
        return Approval(passed=False, reason="an asset would move that a signal limits")
    rating = (power_kw > fleet.column("max_discharge_kw") + TOLERANCE_KW) | (
        -power_kw > fleet.column("max_charge_kw") + TOLERANCE_KW
    )
    if (rating & moved).any():
        return Approval(passed=False, reason=f"asset {int(np.argmax(rating & moved))} beyond its rating")
    out_kwh = np.maximum(power_kw, 0.0) / fleet.column("discharge_efficiency") * hours_left
    into_kwh = np.maximum(-power_kw, 0.0) * fleet.column("charge_efficiency") * hours_left
    end_kwh = energy_kwh - out_kwh + into_kwh
    empty = (end_kwh < fleet.column("energy_min_kwh") - 1e-6) & (power_kw > before_kw)
    full = (end_kwh > fleet.column("energy_max_kwh") + 1e-6) & (power_kw < before_kw)
    if (empty | full).any():
        return Approval(passed=False, reason=f"asset {int(np.argmax(empty | full))} beyond its energy")
    load, added = plan.net_load_kw[:, interval].copy(), np.zeros(len(fleet.feeders))
    np.add.at(load, fleet.feeder_index(), -before_kw)
    np.add.at(added, fleet.feeder_index(), before_kw - power_kw)
    limits = limits_at(plan, fleet, interval)
    portfolio = (np.array(policy.import_limit_kw), np.array(policy.export_limit_kw))
    worst = max(_worst(load, added, *limits), _worst(load.sum(), np.array(added.sum()), *portfolio))
    if worst > TOLERANCE_KW:
        return Approval(passed=False, reason=f"a limit would be exceeded by {worst:.3f} kW")
    return Approval(passed=True)


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
