"""Rehearsals begin between live cycles, one at a time, and no more wait than may."""

from __future__ import annotations

import asyncio

import pytest

from tests.security.test_renewals import NoSolver, make_loop
from vpp.adapters.rpc.rehearsals import TooManyRehearsalsError
from vpp.control.what_if import Circumstances
from vpp.domain.runs import RunKind
from vpp.service.rehearsing import MAX_WAITING, Rehearsing


class CountingSolver(NoSolver):
    """Notes how many solves are under way at once, and whether a live cycle was when one began."""

    def __init__(self, loop):
        self.loop, self.solves, self.closed = loop, 0, False

    def solve(self, problem, *, previous, deadline_s, seed):
        self.solves += 1
        return super().solve(problem, previous=previous, deadline_s=deadline_s, seed=seed)

    def close(self):
        self.closed = True


async def make_rehearsing():
    loop, _clock, link, store = await make_loop()
    solver = CountingSolver(loop)
    numbers = iter(range(1_000))
    return Rehearsing(loop, lambda _: f"rehearsal-{next(numbers)}", lambda: solver), solver, loop, link, store


async def test_nothing_of_a_rehearsal_is_sent_or_becomes_the_plan_in_force():
    rehearsing, solver, loop, link, store = await make_rehearsing()
    await loop.run_cycle("schedule")
    before, sent = loop.followed.plan, len(link.sent)
    dry = await rehearsing.dry_run("d-1")
    what_if = await rehearsing.what_if("w-1", Circumstances(load_scale=1.5))
    assert (loop.followed.plan, len(link.sent)) == (before, sent)
    assert [run.kind for run, *_ in store.runs] == [RunKind.DISPATCH, RunKind.DRY_RUN, RunKind.WHAT_IF]
    assert [setpoints is None for *_, setpoints in store.runs] == [False, True, True]
    assert dry.difference.cost == pytest.approx(0.0), "the rules say the same a moment later"
    assert what_if.difference.cost > 0.0
    assert solver.solves == 3, "a what-if is held against a plan under the present circumstances"
    await rehearsing.close()
    assert solver.closed


async def test_a_rehearsal_waits_for_the_live_cycle_and_so_many_may_wait():
    rehearsing, solver, loop, *_ = await make_rehearsing()
    async with loop._busy:  # as a cycle does while it is under way
        waiting = [asyncio.create_task(rehearsing.dry_run(f"d-{number}")) for number in range(MAX_WAITING)]
        await asyncio.sleep(0)
        with pytest.raises(TooManyRehearsalsError, match="8 dry runs and what-ifs are waiting"):
            await rehearsing.dry_run("one-more")
        await asyncio.sleep(0.02)
        assert solver.solves == 0
    found = await asyncio.gather(*waiting)
    assert len({item.run.run_id for item in found}) == solver.solves == MAX_WAITING
