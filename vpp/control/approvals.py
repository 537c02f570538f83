"""What a decision needs of people, and whether what they approved still holds. Pure.

```
    solve ──► verify ──► need_of ──nothing──► orders
                            │
                            └─ people ──► waits; the next rung that needs nobody stands meanwhile
    approved ──► recheck against the state of now ──► orders, or stale
```
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from optimizer.certificate import certify
from optimizer.plan import Plan, Schedule
from optimizer.problem import Problem
from vpp.control import fallback, planning
from vpp.control.held_limits import HeldLimits
from vpp.control.signals_on_grid import SignalsOnGrid
from vpp.control.verification import TOLERANCE_KW, approve, approve_move, caused_overload_kw
from vpp.domain.approvals import ApprovalNeed, ApprovalRule, ApprovalTerms, ApprovedPlan, Component
from vpp.domain.assets import Fleet
from vpp.domain.forecasts import ForecastSource, LoadForecast
from vpp.domain.intervals import IntervalGrid
from vpp.domain.policy import DispatchPolicy
from vpp.domain.runs import DispatchPlan, Rung

STALE_SHARE: Final = 0.05  # of the approved power; when the fleet can do less than that, it is stale
STALE_KW: Final = 0.1
SMALLEST_BASE: Final = 0.05  # of the feeder's typical peak, which a forecast is held against at least
_LADDER: Final = tuple(Rung)
_HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """What the rules look at; arrays of shape (N,), kW, positive discharges."""

    rung: Rung
    power_kw: NDArray[np.float64]  # of the first interval
    in_force_kw: NDArray[np.float64]
    fleet: Fleet
    forecast: LoadForecast | None
    grid: IntervalGrid
    now: datetime


def need_of(terms: ApprovalTerms | None, candidate: Candidate) -> ApprovalNeed | None:
    """Return what people are needed for, None where the rules ask for nobody.

    Of several rules the most persons and the shortest time-out count.
    """
    if terms is None:
        return None
    found = [(rule, reasons) for rule in terms.rules if (reasons := _reasons(rule, terms, candidate))]
    if not found:
        return None
    return ApprovalNeed(
        rule_ids=tuple(rule.rule_id for rule, _ in found),
        reasons=tuple(reason for _, reasons in found for reason in reasons),
        persons=max(rule.persons for rule, _ in found),
        timeout=min(rule.timeout for rule, _ in found),
    )


def in_force_kw(
    held: NDArray[np.bool_], ordered_kw: NDArray[np.float64], measured_kw: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return what each asset does now: its order, or what was measured where it holds none."""
    return np.where(held, ordered_kw, measured_kw)


def _reasons(rule: ApprovalRule, terms: ApprovalTerms, candidate: Candidate) -> list[str]:
    """Return why a rule asks for people, one sentence for each condition that holds."""
    where = f" on {', '.join(rule.feeder_ids)}" if rule.feeder_ids else ""
    reasons = [f"every plan needs approval{where}"] if rule.always else []
    mine = _in_scope(rule, candidate.fleet)
    change_kw = float(np.abs(candidate.power_kw - candidate.in_force_kw)[mine].sum())
    if rule.total_change_kw is not None and change_kw > rule.total_change_kw:
        reasons.append(f"{change_kw:.1f} kW change{where}, above {rule.total_change_kw:g} kW")
    if rule.asset_power_kw is not None and mine.any():
        slot = int(np.argmax(np.where(mine, np.abs(candidate.power_kw), -1.0)))
        power_kw = float(candidate.power_kw[slot])
        if abs(power_kw) > rule.asset_power_kw:
            name = candidate.fleet.assets[slot].asset_id
            reasons.append(f"{name} is ordered {power_kw:.1f} kW, above {rule.asset_power_kw:g} kW")
    if rule.forecast_adjusted_share is not None:
        share = adjusted_share(candidate.forecast, candidate.grid)
        if share > rule.forecast_adjusted_share:
            by = f"by {share:.0%}" if math.isfinite(share) else "by an unknown share"
            reasons.append(f"the model adjusted the forecast {by}, above {rule.forecast_adjusted_share:.0%}")
    if rule.first_days is not None:
        reasons += _new_components(rule.first_days, rule.components, terms, candidate.now)
    if rule.below_rung is not None and _LADDER.index(candidate.rung) > _LADDER.index(rule.below_rung):
        reasons.append(f"the plan stands on rung {candidate.rung}, below {rule.below_rung}")
    return reasons


def _in_scope(rule: ApprovalRule, fleet: Fleet) -> NDArray[np.bool_]:
    if not rule.feeder_ids:
        return np.ones(len(fleet), dtype=np.bool_)
    return np.array([asset.feeder_id in rule.feeder_ids for asset in fleet.assets], dtype=np.bool_)


def _new_components(
    first_days: float, components: tuple[Component, ...], terms: ApprovalTerms, now: datetime
) -> list[str]:
    reasons = []
    for component in components:
        since = terms.since(component)
        if since is not None and now < since + timedelta(days=first_days):
            days = (now - since) / timedelta(days=1)
            reasons.append(f"the {component} is {max(days, 0.0):.1f} days old, new for {first_days:g} days")
    return reasons


def adjusted_share(forecast: LoadForecast | None, grid: IntervalGrid) -> float:
    """Return by how much the model moved the forecast on `grid`, as a share of its baseline.

    The largest over feeders and intervals; a baseline below a twentieth of the feeder's typical peak
    counts as that. Zero where the model was not followed, infinite where its baseline is not known.
    """
    if forecast is None or forecast.source is not ForecastSource.ADJUSTED:
        return 0.0
    if forecast.parts is None:
        return math.inf
    first = max(0, forecast.grid.index_of(grid.start))
    last = max(first, min(forecast.grid.count, forecast.grid.index_of(grid.end)))
    baseline = forecast.parts.p50_kw[0][:, first:last]
    least = np.maximum(SMALLEST_BASE * forecast.parts.typical_peak_kw, 1e-6)[:, None]
    moved = np.abs(forecast.consumption_p50_kw[:, first:last] - baseline)
    return float((moved / np.maximum(np.abs(baseline), least)).max(initial=0.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Present:
    """The fleet as it is when people have approved; arrays of shape (N,)."""

    now: datetime
    fleet: Fleet
    policy: DispatchPolicy
    problem: Problem  # of now, on the plan's own grid
    net_load_kw: NDArray[np.float64]  # (F, T)
    controllable: NDArray[np.bool_]
    overridden: NDArray[np.bool_]  # by operators, who outrank what was approved
    in_force_kw: NDArray[np.float64]
    energy_kwh: NDArray[np.float64]
    signals: SignalsOnGrid | None = None
    held: HeldLimits | None = None  # by signals, worked out apart from the problem


def recheck(approved: ApprovedPlan, present: Present) -> tuple[DispatchPlan | None, str]:
    """Return the approved plan as it may be sent now, or None and why it is stale.

    Before the plan begins, its whole horizon is verified anew from the state of now. In its first
    interval, which is under way, the move to its powers is verified for the rest of that interval.
    Afterwards it is over.
    """
    plan = approved.plan
    if present.now >= plan.grid.start_of(1):
        return None, f"its first interval ended at {plan.grid.start_of(1).isoformat()}"
    if not present.controllable.any():
        return None, "no asset has both a connected node and a recent reading"
    wanted_kw = planning.shifted_power(plan, plan.grid, present.fleet)
    wanted_kw[present.overridden, 0] = 0.0
    if present.now <= plan.grid.start:
        return _before_it_begins(approved, wanted_kw, present)
    return _under_way(plan, wanted_kw[:, 0], present)


def _before_it_begins(
    approved: ApprovedPlan, wanted_kw: NDArray[np.float64], present: Present
) -> tuple[DispatchPlan | None, str]:
    schedule = fallback.follow(present.problem, wanted_kw)
    if reason := _too_little(wanted_kw[:, 0], schedule.power_kw[:, 0], present):
        return None, reason
    certificate = certify(present.problem, schedule, -math.inf, method="approved")
    verdict = approve(present.problem, schedule, certificate, present.held)
    if not verdict.passed:
        return None, verdict.reason
    plan = planning.to_dispatch_plan(
        run_id=approved.plan.run_id,
        plan=Plan(schedule=schedule, certificate=certificate),
        grid=approved.plan.grid,
        fleet=present.fleet,
        net_load_kw=present.net_load_kw,
        signals=present.signals,
    )
    return plan, ""


def _under_way(
    plan: DispatchPlan, wanted_kw: NDArray[np.float64], present: Present
) -> tuple[DispatchPlan | None, str]:
    fleet, left_h = present.fleet, (plan.grid.start_of(1) - present.now) / _HOUR
    stock_kwh = np.maximum(present.energy_kwh - fleet.column("energy_min_kwh"), 0.0)
    space_kwh = np.maximum(fleet.column("energy_max_kwh") - present.energy_kwh, 0.0)
    highest_kw = stock_kwh * fleet.column("discharge_efficiency") / left_h
    lowest_kw = -space_kwh / fleet.column("charge_efficiency") / left_h
    assets = present.problem.assets
    possible_kw = np.clip(
        wanted_kw,
        -np.minimum(-lowest_kw, assets.max_charge_kw),
        np.minimum(highest_kw, assets.max_discharge_kw),
    )
    least_kw = np.where(possible_kw < 0.0, assets.min_charge_kw, assets.min_discharge_kw)
    here = fallback.connected_matrix(present.problem)[:, 0] & (np.abs(possible_kw) >= least_kw)
    possible_kw = np.where(here, possible_kw, 0.0)
    if reason := _too_little(wanted_kw, possible_kw, present):
        return None, reason
    power_kw = np.where(present.controllable, possible_kw, present.in_force_kw)
    fresh = replace(plan, net_load_kw=present.net_load_kw)
    verdict = approve_move(
        fresh, power_kw, present.in_force_kw, present.energy_kwh, 0, left_h, fleet, present.policy
    )
    if not verdict.passed:
        return None, verdict.reason
    overload_kw = caused_overload_kw(present.problem, _first_alone(present.problem, power_kw, present))
    if overload_kw > TOLERANCE_KW:
        return None, f"the fleet would overload a limit by {overload_kw:.3f} kW"
    powers = plan.power_kw.copy()
    powers[:, 0] = power_kw
    return replace(fresh, power_kw=powers), ""


def _first_alone(problem: Problem, power_kw: NDArray[np.float64], present: Present) -> Schedule:
    """Return the first interval's powers of the assets that are ordered, and rest afterwards."""
    first_kw = np.zeros(problem.shape)
    first_kw[:, 0] = np.where(present.controllable, power_kw, 0.0)
    return Schedule(
        charge_kw=np.maximum(-first_kw, 0.0),
        discharge_kw=np.maximum(first_kw, 0.0),
        energy_end_kwh=np.zeros(problem.shape),
    )


def _too_little(wanted_kw: NDArray[np.float64], possible_kw: NDArray[np.float64], present: Present) -> str:
    """Return in words what the fleet cannot do any more of what was approved; empty when it is little."""
    short_kw = np.where(present.controllable, np.abs(wanted_kw - possible_kw), np.abs(wanted_kw))
    total_kw = float(np.abs(wanted_kw).sum())
    if short_kw.sum() <= max(STALE_KW, STALE_SHARE * total_kw):
        return ""
    slot = int(np.argmax(short_kw))
    name = present.fleet.assets[slot].asset_id
    can_kw = float(possible_kw[slot]) if present.controllable[slot] else 0.0
    return (
        f"the fleet can do {short_kw.sum():.1f} kW of {total_kw:.1f} kW no more; {name} can do "
        f"{can_kw:.1f} kW instead of {float(wanted_kw[slot]):.1f} kW"
    )
