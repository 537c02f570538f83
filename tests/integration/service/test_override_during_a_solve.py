"""An override that comes while a cycle is solved: the others keep what was solved, if it verifies."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from optimizer.solve import solve
from tests.security.test_renewals import make_loop
from tests.unit.control.fleets import NOON, QUARTER, fleet
from vpp.adapters.storage import open_store
from vpp.adapters.storage.operation import DatabaseOperation
from vpp.control.cycle import decide, prepare
from vpp.control.cycle_values import SolveOutcome
from vpp.control.leases import OrdersInForce
from vpp.control.override_powers import OverrideRequest, override_of
from vpp.domain.overrides import OverrideKind
from vpp.domain.runs import Rung
from vpp.domain.target import Target
from vpp.replay.recorded import decide_again


def override(power_kw, lasts=4):
    request = OverrideRequest(
        override_id="o-1",
        kind=OverrideKind.POWER,
        target=Target(asset_ids=("grid-battery",)),
        author="anna",
        reason="work on the transformer",
        valid_until=NOON + lasts * QUARTER,
        power_kw=power_kw,
    )
    orders = OrdersInForce.none(3)
    return override_of(request, fleet(), orders, np.zeros(3, dtype=bool), NOON - timedelta(minutes=3))


async def cycle_with(power_kw, lasts=4, **policy):
    """Run one cycle during whose solve the grid battery is overridden; return what came of it."""
    loop, _clock, link, store = await make_loop()
    loop.policy = replace(loop.policy, **policy)
    solved, stored = [], []

    class Meanwhile:
        def solve(self, problem, *, previous, deadline_s, seed):
            solved.append(solve(problem, method="exact"))
            loop.overrides.add(override(power_kw, lasts))
            return SolveOutcome(plan=solved[-1], seconds=1.5)

    save_run = store.save_run

    async def keep(run, *, record, **parts):
        stored.append((run, record, parts))
        await save_run(run, record=record, **parts)

    loop.solver, store.save_run = Meanwhile(), keep
    run = await loop.run_cycle("schedule")
    return run, solved[0], stored[0], link.sent[-1], store


async def test_the_others_keep_their_optimum_and_the_override_is_held(database_url):
    run, solved, (_, record, parts), orders, memory = await cycle_with(-10.0)
    assert run.rung is Rung.INCUMBENT
    assert "an override came while it was solved" in run.reason
    assert orders.slot.tolist() == [0, 1]
    np.testing.assert_array_equal(orders.power_kw, solved.schedule.power_kw[:2, 0])
    assert np.abs(solved.schedule.power_kw[:2]).max() > 1.0, "an optimum at rest would show nothing"
    np.testing.assert_allclose(parts["plan"].power_kw[:2], solved.schedule.power_kw[:2], atol=1e-9)
    assert parts["plan"].power_kw[2, :4] == pytest.approx(-10.0)
    assert run.seconds_solve == 1.5

    again = decide(record.inputs, prepare(record.inputs), record.outcome)
    np.testing.assert_array_equal(again.plan.power_kw, parts["plan"].power_kw)
    np.testing.assert_array_equal(again.setpoints.power_kw, orders.power_kw)

    store = open_store(database_url, clock_now=lambda: NOON)
    await store.save_fleet(fleet())
    await store.save_forecast(memory.forecasts[0], None)
    await store.save_run(run, record=record, **parts)
    await store.close()
    operation = DatabaseOperation(database_url)
    try:
        compared = await decide_again(operation, start=NOON, end=NOON + QUARTER, on_run=lambda *_: None)
    finally:
        await operation.close()
    assert (compared.cycles, compared.differences) == (1, [])


async def test_where_the_verifier_refuses_what_was_solved_the_next_rung_stands():
    free = await cycle_with(0.0, import_limit_kw=58.0)
    assert free[0].rung is Rung.INCUMBENT, "with the battery at rest there is room"
    run, _, _, orders, _ = await cycle_with(-17.0, lasts=16, import_limit_kw=58.0)
    assert run.rung not in (Rung.OPTIMAL, Rung.INCUMBENT)
    assert "incumbent: " in run.reason
    charge_kw = np.maximum(-orders.power_kw, 0.0).sum()
    assert 40.0 + 17.0 + charge_kw <= 58.0 + 1e-6
