"""One cycle as two pure steps around a solve that may be killed.

```
    CycleInputs ──prepare──► Prepared ──(solver process)──► SolveOutcome ──decide──► Decision
```

`decide` climbs down the ladder until a plan passes the verifier, and returns what to store and
what to send. A replay calls the same two functions with the recorded outcome in between.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from optimizer.certificate import certify
from optimizer.plan import Plan, Schedule
from optimizer.problem import Problem
from vpp.control import approvals, fallback, planning
from vpp.control.cycle_values import CycleInputs, Decision, Prepared, SolveOutcome
from vpp.control.digest import feed
from vpp.control.estimate import estimate_state
from vpp.control.grounds import grounds_of
from vpp.control.held_limits import held_limits
from vpp.control.signals_on_grid import signals_on
from vpp.control.statement import load_of, stated
from vpp.control.verification import approve
from vpp.domain.approvals import ApprovedPlan, PendingPlan
from vpp.domain.intervals import interval_start
from vpp.domain.runs import DispatchPlan, Rung
from vpp.domain.setpoints import Origin, SetpointColumns


def prepare(inputs: CycleInputs) -> Prepared:
    """Return the fleet's picture at the start of the grid, and the problem to solve."""
    state = estimate_state(
        fleet=inputs.fleet,
        readings=inputs.readings,
        orders=inputs.orders,
        now=inputs.now,
        at=inputs.grid.start,
        interval_start=interval_start(inputs.now, inputs.grid.length),
        max_age=inputs.policy.reading_max_age,
        quarantined=inputs.quarantined,
    )
    signals = signals_on(
        inputs.signals,
        inputs.fleet,
        inputs.grid,
        may_widen=inputs.policy.envelopes_may_widen,
        baselines=inputs.event_baselines,
    )
    load = load_of(inputs)
    fixed, problem = (None, None) if load.net_kw is None else stated(inputs, state, signals, load)
    digest = hashlib.sha256()
    feed(digest.update, (inputs.run_id, inputs.now, inputs.epoch, state, problem))
    if inputs.overrides is not None or inputs.inside is not None:
        feed(digest.update, (inputs.overrides, fixed))
    controllable = planning.may_be_ordered(inputs.fleet, state, inputs.reachable)
    return Prepared(
        state=state,
        net_load_kw=load.net_kw,
        problem=problem,
        controllable=controllable if inputs.inside is None else controllable & inputs.inside,
        input_sha256=digest.hexdigest(),
        signals=signals if inputs.signals else None,
        previous=_previous_schedule(inputs, problem),
        reason=load.reason,
        fixed=fixed,
    )


def _previous_schedule(inputs: CycleInputs, problem: Problem | None) -> Schedule | None:
    """Return what is left of the previous plan as a feasible schedule, None where nothing is."""
    previous = inputs.previous
    if problem is None or previous is None or previous.grid.end <= inputs.grid.start:
        return None
    return fallback.follow(problem, planning.shifted_power(previous, inputs.grid, inputs.fleet))


def decide(inputs: CycleInputs, prepared: Prepared, outcome: SolveOutcome | None) -> Decision:
    """Return the highest rung whose plan passes the verifier, with the orders made of it."""
    if prepared.problem is None or prepared.net_load_kw is None:
        return Decision(rung=Rung.NOTHING, plan=None, setpoints=None, refusals=(prepared.reason,))
    if not prepared.controllable.any():
        whose = f" of portfolio {inputs.portfolio}" if inputs.portfolio else ""
        reason = f"no asset{whose} has both a connected node and a recent reading"
        return Decision(rung=Rung.NOTHING, plan=None, setpoints=None, refusals=(reason,))
    if inputs.approved is not None:
        return _decide_approved(inputs, prepared, inputs.approved)
    refusals: list[str] = []
    pending: list[PendingPlan] = []
    refused = 0
    held = held_limits(inputs.signals, inputs.fleet, inputs.grid, inputs.policy)
    for rung, candidate in _candidates(inputs, prepared, outcome, refusals):
        approval = approve(prepared.problem, candidate.schedule, candidate.certificate, held)
        if not approval.passed:
            refusals.append(f"{rung}: {approval.reason}")
            refused += 1
            continue
        plan = planning.to_dispatch_plan(
            run_id=inputs.run_id,
            plan=candidate,
            grid=inputs.grid,
            fleet=inputs.fleet,
            net_load_kw=prepared.net_load_kw,
            grounds=grounds_of(prepared.problem, candidate),
            signals=prepared.signals,
        )
        if prepared.fixed is not None:
            plan = prepared.fixed.into(plan)
        need = approvals.need_of(inputs.approvals, _before_people(inputs, prepared, plan, rung))
        if need is not None:
            pending.append(PendingPlan(rung=rung, plan=plan, need=need))
            refusals.append(f"{rung}: {need.words}")
            continue
        orders = _orders(inputs, prepared, plan, f"plan of {inputs.grid.start.isoformat()} on rung {rung}")
        found = Decision(rung=rung, plan=plan, setpoints=orders, refusals=tuple(refusals))
        return replace(found, pending=tuple(pending), refused=refused)
    found = Decision(rung=Rung.NOTHING, plan=None, setpoints=None, refusals=tuple(refusals))
    return replace(found, pending=tuple(pending), refused=refused)


def in_force_kw(inputs: CycleInputs, prepared: Prepared) -> NDArray[np.float64]:
    """Return what each asset does now, kW, shape (N,): its order, or what was measured without one."""
    return approvals.in_force_kw(*inputs.orders.power_at(inputs.now), prepared.state.power_kw)


def _before_people(
    inputs: CycleInputs, prepared: Prepared, plan: DispatchPlan, rung: Rung
) -> approvals.Candidate:
    """Return what the rules look at; an asset that is ordered nothing stays as it is."""
    before_kw = in_force_kw(inputs, prepared)
    return approvals.Candidate(
        rung=rung,
        power_kw=np.where(_free(prepared), plan.power_kw[:, 0], before_kw),
        in_force_kw=before_kw,
        fleet=inputs.fleet,
        forecast=inputs.forecast,
        grid=inputs.grid,
        now=inputs.now,
    )


def _decide_approved(inputs: CycleInputs, prepared: Prepared, approved: ApprovedPlan) -> Decision:
    """Return the orders of a plan that people approved, or nothing and why it is stale."""
    assert prepared.problem is not None
    assert prepared.net_load_kw is not None
    present = approvals.Present(
        now=inputs.now,
        fleet=inputs.fleet,
        policy=inputs.policy,
        problem=prepared.problem,
        net_load_kw=prepared.net_load_kw,
        controllable=_free(prepared),
        overridden=_overridden(prepared) if inputs.inside is None else _overridden(prepared) | ~inputs.inside,
        in_force_kw=in_force_kw(inputs, prepared),
        energy_kwh=prepared.state.energy_kwh,
        signals=prepared.signals,
        held=held_limits(inputs.signals, inputs.fleet, inputs.grid, inputs.policy),
    )
    plan, stale = approvals.recheck(approved, present)
    if plan is None:
        return Decision(rung=Rung.NOTHING, plan=None, setpoints=None, refusals=(stale,))
    plan = replace(plan, run_id=inputs.run_id)
    if prepared.fixed is not None:
        plan = prepared.fixed.into(plan)
    orders = _orders(inputs, prepared, plan, approved.words)
    return Decision(rung=approved.rung, plan=plan, setpoints=orders, refusals=())


def _overridden(prepared: Prepared) -> NDArray[np.bool_]:
    """Return which assets are fixed now, by an override or because the run is not for them, shape (N,)."""
    if prepared.fixed is None:
        return np.zeros(len(prepared.controllable), dtype=np.bool_)
    return prepared.fixed.until > 0


def _free(prepared: Prepared) -> NDArray[np.bool_]:
    """Return which assets the plan may order, shape (N,)."""
    return prepared.controllable & ~_overridden(prepared)


def _candidates(
    inputs: CycleInputs, prepared: Prepared, outcome: SolveOutcome | None, refusals: list[str]
) -> Iterator[tuple[Rung, Plan]]:
    """Yield the plans of the ladder from the top, each made only when the one above was refused."""
    problem = prepared.problem
    assert problem is not None
    if outcome is not None and outcome.plan is not None:
        proven = not outcome.killed and outcome.plan.certificate.gap <= inputs.policy.accepted_gap
        if not proven:
            stopped = "stopped at the deadline" if outcome.killed else ""
            cause = outcome.error or stopped or f"gap {outcome.plan.certificate.gap:.2%}"
            refusals.append(f"{Rung.OPTIMAL}: {cause}")
        yield (Rung.OPTIMAL if proven else Rung.INCUMBENT), outcome.plan
    else:
        cause = (
            "the solver was not asked" if outcome is None else outcome.error or "stopped without an incumbent"
        )
        refusals.append(f"{Rung.OPTIMAL}: {cause}")
    if prepared.previous is not None:
        yield Rung.SHIFTED, _by_rule(problem, prepared.previous, "shifted")
    else:
        refusals.append(f"{Rung.SHIFTED}: there is no earlier plan that reaches this interval")
    greedy = fallback.follow(problem, fallback.greedy_power(problem))
    yield Rung.GREEDY, _by_rule(problem, greedy, "greedy")


def _by_rule(problem: Problem, schedule: Schedule, method: str) -> Plan:
    """Return a schedule that was made by rule as a plan; a rule proves no bound."""
    return Plan(schedule=schedule, certificate=certify(problem, schedule, -math.inf, method=method))


def _orders(inputs: CycleInputs, prepared: Prepared, plan: DispatchPlan, reason: str) -> SetpointColumns:
    """Return the orders of the plan's first interval for every controllable asset that no override fixes."""
    slot = np.flatnonzero(_free(prepared)).astype(np.int64)
    power = plan.power_kw[slot, 0]
    return SetpointColumns(
        run_id=inputs.run_id,
        epoch=inputs.epoch,
        valid_from=max(inputs.grid.start, inputs.now) if inputs.approved else inputs.grid.start,
        valid_until=max(inputs.grid.start, inputs.now) + inputs.policy.setpoint_lifetime,
        origin=Origin.OPTIMIZER,
        reason=reason,
        slot=slot,
        sequence=inputs.orders.highest_sequence()[slot] + 1,
        power_kw=power,
        min_kw=power,
        max_kw=power,
    )
