"""What a rehearsal came to, and what it is held against. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

from optimizer.certificate import certify
from optimizer.plan import Plan
from vpp.control import fallback, planning
from vpp.control.cycle_values import CycleInputs, Decision, Prepared, SolveOutcome
from vpp.control.plan_difference import Floats, PlanDifference, PlanLook
from vpp.domain.runs import DispatchPlan, Rung


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsed:
    """One cycle that was planned and not carried out."""

    inputs: CycleInputs
    prepared: Prepared
    outcome: SolveOutcome | None
    decision: Decision

    def look(self) -> PlanLook | None:
        """Return its plan to be compared; None where there is none."""
        plan, outcome = self.decision.plan, self.outcome
        if plan is None:
            return None
        solved = outcome.plan if self.decision.rung in {Rung.OPTIMAL, Rung.INCUMBENT} and outcome else None
        prices = solved.prices if solved is not None else None
        marginal = prices.marginal_per_kwh() if prices is not None else None
        return _look(self.inputs, self.prepared, plan, marginal)

    def look_at_plan_in_force(self) -> PlanLook | None:
        """Return the plan in force as it would go on from where the fleet is; at rest where there is none."""
        problem, load = self.prepared.problem, self.prepared.net_load_kw
        if problem is None or load is None:
            return None
        schedule = self.prepared.previous
        if schedule is None:
            schedule = fallback.follow(problem, fallback.greedy_power(problem))
        certificate = certify(problem, schedule, -math.inf, method="in force")
        plan = planning.to_dispatch_plan(
            run_id=self.inputs.run_id,
            plan=Plan(schedule=schedule, certificate=certificate),
            grid=self.inputs.grid,
            fleet=self.inputs.fleet,
            net_load_kw=load,
        )
        fixed = self.prepared.fixed
        return _look(self.inputs, self.prepared, plan if fixed is None else fixed.into(plan), None)


def _look(inputs: CycleInputs, prepared: Prepared, plan: DispatchPlan, marginal: Floats | None) -> PlanLook:
    bill = dict(plan.certificate["objective_parts"])
    bound = plan.certificate["lower_bound"]
    if prepared.fixed is not None:  # what is fixed wears out beside the problem
        wear = float((prepared.fixed.throughput_kwh * inputs.fleet.column("wear_cost_per_kwh")).sum())
        bill["wear"] += wear
        bill["total"] += wear
        bound = None if bound is None else bound + wear
    return PlanLook(
        power_kw=plan.power_kw,
        load_kw=plan.net_load_kw,
        fleet=inputs.fleet,
        policy=inputs.policy,
        bill=bill,
        lower_bound=bound,
        marginal_per_kwh=marginal,
    )


def difference(plan: PlanLook, reference: PlanLook, inputs: CycleInputs) -> PlanDifference:
    """Return what `plan` does otherwise than `reference`, both on the grid of `inputs`."""
    return PlanDifference(plan=plan, reference=reference, hours=inputs.grid.hours)


def cost_range(plan: PlanLook, reference: PlanLook) -> tuple[float | None, float | None]:
    """Return what the better of all plans is proven to cost more than that of all references: least, most."""
    least = None if plan.lower_bound is None else plan.lower_bound - reference.cost
    most = None if reference.lower_bound is None else plan.cost - reference.lower_bound
    return least, most
