"""Promise 9: what a live service decided is decided again from its records, to the bit."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

from tests.integration.service.test_closed_loop import closed_loop
from tests.plants import START, make_plant
from vpp.adapters.storage.operation import DatabaseOperation
from vpp.domain.runs import Rung
from vpp.replay.outputs import decision_line
from vpp.replay.recorded import decide_again

DAY = timedelta(days=1)


async def live_cycles(plant) -> dict[str, str]:
    """Run a service with real nodes through plans, a killed solve and an hour without prices."""
    lines = {}
    async with closed_loop(plant) as service:
        loop, save_run = service.loop, service.loop.store.save_run

        async def listening(run, *, plan, state, setpoints, record=None):
            lines[run.run_id] = decision_line(run, setpoints)
            await save_run(run, plan=plan, state=state, setpoints=setpoints, record=record)

        loop.store.save_run = listening
        assert (await loop.run_cycle("test")).rung is Rung.OPTIMAL
        assert (await loop.run_cycle("test")).rung is Rung.OPTIMAL
        patient = loop.policy
        loop.policy = replace(patient, solve_deadline=timedelta(microseconds=1))
        assert (await loop.run_cycle("killed")).rung is Rung.SHIFTED
        loop.policy = patient
        await asyncio.to_thread(loop.solver.warm_up)
        assert (await loop.run_cycle("test")).rung is Rung.OPTIMAL
        known, loop.store.prices_between = loop.store.prices_between, no_prices
        assert (await loop.run_cycle("no prices")).rung is Rung.NOTHING
        loop.store.prices_between = known
    return lines


async def no_prices(**_question):
    return []


async def test_live_operation_is_decided_again_to_the_bit(tmp_path, migrated_sqlite):
    database = tmp_path / "vpp.sqlite"
    database.write_bytes(migrated_sqlite.read_bytes())
    database_url = f"sqlite:///{database}"
    plant = make_plant(tmp_path, database_url)
    clock = plant.settings.clock.model_copy(update={"speed": 20.0})  # so that no reading is too old
    plant = replace(plant, settings=plant.settings.model_copy(update={"clock": clock}))
    live = await live_cycles(plant)

    operation, replayed = DatabaseOperation(database_url), {}
    try:
        comparison = await decide_again(
            operation,
            start=START,
            end=START + DAY,
            on_run=lambda _cycle, run, decision: replayed.update(
                {run.run_id: decision_line(run, decision.setpoints)}
            ),
        )
    finally:
        await operation.close()

    assert comparison.differences == []
    assert comparison.cycles == len(replayed)
    assert len(live) >= 5
    assert {run_id: replayed[run_id] for run_id in live} == live
    assert comparison.replayed_sha256 == comparison.live_sha256
