"""What a run comes to is told step by step, in order, and once."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from tests.fakes import ManualClock
from tests.security.test_renewals import NoSolver, make_loop
from tests.unit.rpc.runs import AT, make_run
from vpp.domain.run_steps import Stage
from vpp.service.run_board import MAX_RUNS, MAX_STEPS, RunBoard


def stages(board, run_id, after=0):
    return [str(step.stage) for step in board.steps(run_id, after=after)]


def plan(objective, bound):
    return SimpleNamespace(
        certificate=SimpleNamespace(objective=objective, lower_bound=bound, gap=0.5 if bound else np.inf)
    )


async def test_a_cycle_is_told_from_its_beginning_to_the_last_acknowledgement():
    loop, _clock, link, _store = await make_loop()
    run = await loop.run_cycle("operator:r-1")
    assert loop.board.find(trigger="operator:r-1") == run.run_id == loop.board.find()
    assert stages(loop.board, run.run_id) == ["begun", "prepared", "decided", "stored", "sent"]
    orders = link.sent[-1]
    loop.board.heard(orders.slot[:1], orders.sequence[:1] + 1, orders.epoch)  # a word on something else
    loop.board.heard(orders.slot[:1], orders.sequence[:1], orders.epoch + 1)
    loop.board.heard(orders.slot[:1], orders.sequence[:1], orders.epoch)
    loop.board.heard(orders.slot[:1], orders.sequence[:1], orders.epoch)  # the same again
    (step,) = loop.board.steps(run.run_id, after=5)
    assert (step.stage, step.acknowledged, step.orders) == (Stage.ACKNOWLEDGED, 1, len(orders))
    loop.board.heard(orders.slot, orders.sequence, orders.epoch)
    last = loop.board.steps(run.run_id, after=6)[-1]
    assert (last.stage, last.acknowledged, last.run) == (Stage.DONE, len(orders), run)
    assert [step.position for step in loop.board.steps(run.run_id, after=0)] == list(range(1, 8))
    assert loop.board.find() is None, "nothing is under way"


async def test_what_no_node_answers_ends_with_its_orders():
    loop, clock, link, _store = await make_loop()
    run = await loop.run_cycle("schedule")
    assert stages(loop.board, run.run_id)[-1] == "sent"
    clock.advance((link.sent[-1].valid_until - clock.now()).total_seconds() + 2)
    last = loop.board.steps(run.run_id, after=0)[-1]
    assert (last.stage, last.acknowledged) == (Stage.DONE, 0)


async def test_a_cycle_that_fails_says_why():
    loop, _clock, _link, store = await make_loop()
    store.broken = True
    with pytest.raises(ConnectionError):
        await loop.run_cycle("schedule")
    step = loop.board.steps(loop.board.find(trigger="schedule"), after=0)[-1]
    assert (step.stage, step.detail) == (Stage.FAILED, "the database is away")


async def test_what_the_solver_finds_is_told_while_it_solves_and_not_afterwards():
    loop, *_ = await make_loop()

    class Finder(NoSolver):
        def solve(self, problem, **_):
            for found in (plan(12.0, None), plan(11.0, 9.0)):
                loop.board.found(found)  # in the thread of the solve
            self.thread = threading.current_thread()
            return super().solve(problem, previous=None, deadline_s=1.0, seed=0)

    loop.solver = Finder()
    run = await loop.run_cycle("schedule")
    steps = loop.board.steps(run.run_id, after=0)
    found = [(step.cost, step.lower_bound, step.gap) for step in steps if step.stage is Stage.SOLVING]
    assert found == [(12.0, None, None), (11.0, 9.0, 0.5)]
    assert loop.solver.thread is not threading.main_thread()
    loop.board.found(plan(10.0, 9.0))
    await asyncio.sleep(0)
    assert len(loop.board.steps(run.run_id, after=0)) == len(steps)


async def test_the_board_is_bounded():
    board = RunBoard(ManualClock(AT), 1)
    with board.run("many-steps", "schedule"):
        board.note("many-steps", Stage.PREPARED)
        for number in range(2 * MAX_STEPS):
            board.found(plan(float(number), None))
        await asyncio.sleep(0)
        board.note("many-steps", Stage.DECIDED)
        run = replace(make_run("many-steps"), setpoints=0)
        board.sent(run, None, None)
    assert stages(board, "many-steps")[-2:] == ["decided", "done"]
    assert len(board.steps("many-steps", after=0)) < MAX_STEPS
    for number in range(MAX_RUNS):
        with board.run(f"run-{number}", "schedule"):
            pass
    assert board.steps("many-steps", after=0) is None
    assert board.steps("run-0", after=0) is not None
