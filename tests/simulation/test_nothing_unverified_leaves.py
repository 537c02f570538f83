"""Whatever the state of the world, what a cycle sends keeps every limit."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np

from optimizer.solve import solve
from optimizer.verify import verify
from tests.simulation.seeds import sampled
from tests.unit.control.fleets import INTERVALS, NOON, fleet, forecast, inputs, prices, readings, session
from vpp.control.cycle import decide, prepare
from vpp.control.cycle_values import SolveOutcome
from vpp.control.verification import caused_overload_kw
from vpp.domain.runs import Rung


def random_world(generator: np.random.Generator):
    """Inputs of a cycle: loads up to and beyond the limits, negative prices, stale and absent assets."""
    load = forecast(load_kw=1.0)
    shape = generator.uniform(-45.0, 45.0, (2, 1)) + generator.normal(0.0, 5.0, (2, INTERVALS))
    load = replace(load, consumption_p50_kw=shape)
    curve = prices()
    imports = generator.uniform(-0.3, 0.5, INTERVALS)
    curve = replace(
        curve, import_price_per_kwh=imports, export_price_per_kwh=imports - generator.uniform(-0.02, 0.1)
    )
    age = timedelta(minutes=float(generator.choice([4.0, 4.0, 4.0, 40.0])))
    return inputs(
        forecast=load,
        prices=curve,
        readings=readings(NOON - age, soc=tuple(generator.uniform(0.0, 1.0, 3))),
        reachable=generator.random(3) > 0.1,
        sessions=[session(float(generator.uniform(0.0, 50.0)), float(generator.uniform(0.25, 6.0)))],
        peak_so_far_kw=float(generator.uniform(0.0, 100.0)),
    )


@sampled(15, 2000)
def test_what_is_sent_keeps_every_limit(seeds):
    for seed in seeds:
        given = random_world(np.random.default_rng(seed))
        prepared = prepare(given)
        plan = solve(prepared.problem, method="exact") if prepared.problem is not None else None
        decision = decide(given, prepared, SolveOutcome(plan=plan))
        if decision.rung is Rung.NOTHING:
            assert not prepared.controllable.any(), f"seed {seed}: {decision.refusals}"
            continue
        schedule = plan.schedule
        if decision.rung is not Rung.OPTIMAL:
            continue
        verdict = verify(prepared.problem, schedule, certificate=plan.certificate)
        assert verdict.ok, f"seed {seed}: {verdict.violations}"
        assert caused_overload_kw(prepared.problem, schedule) <= 1e-6, f"seed {seed}"
        sent = decision.setpoints
        assert np.all(sent.power_kw <= fleet().column("max_discharge_kw")[sent.slot] + 1e-6), f"seed {seed}"
        assert np.all(-sent.power_kw <= fleet().column("max_charge_kw")[sent.slot] + 1e-6), f"seed {seed}"
        assert prepared.controllable[sent.slot].all(), f"seed {seed}"


@sampled(30, 1000)
def test_the_first_rung_is_the_rule_and_not_the_exception(seeds):
    """A verifier that refused everything would pass the test above."""
    rungs = []
    for seed in seeds:
        given = random_world(np.random.default_rng(seed))
        prepared = prepare(given)
        if prepared.controllable.any():
            plan = solve(prepared.problem, method="exact")
            rungs.append(decide(given, prepared, SolveOutcome(plan=plan)).rung)
    assert rungs.count(Rung.OPTIMAL) >= 0.9 * len(rungs)
