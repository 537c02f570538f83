"""Dry runs and what-ifs: cycles that are planned and never carried out.

```
    live cycle   ───────■■■■■──────────────■■■■■──►   its own solver process
    rehearsals   ■■─────     ─■■■■■■■■■■──            another one, at a lower priority, one at a time
```

Nothing of a rehearsal is sent or becomes the plan in force. It begins between two live cycles.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Protocol

import structlog

from vpp.adapters.rpc.rehearsals import Rehearsal, TooManyRehearsalsError
from vpp.control.cycle import decide, prepare
from vpp.control.cycle_values import CycleInputs, SolveOutcome
from vpp.control.plan_difference import PlanDifference
from vpp.control.record import CycleRecord, summary_of
from vpp.control.rehearsal import Rehearsed, cost_range, difference
from vpp.control.what_if import Circumstances
from vpp.domain.overrides import Override
from vpp.domain.runs import RunKind
from vpp.ports import OverrideCost
from vpp.service.loop import DispatchLoop, Solver

log = structlog.get_logger()
MAX_WAITING: Final = 8


class RehearsalSolver(Solver, Protocol):
    """A solver that can be let go."""

    def close(self) -> None:
        """Let go of its process."""


@dataclass(slots=True)
class Rehearsing:
    """Rehearsals of one loop. The solver is started when the first one is asked for."""

    loop: DispatchLoop
    new_id: Callable[[datetime], str]
    make_solver: Callable[[], RehearsalSolver]
    _solver: asyncio.Task[RehearsalSolver] | None = None
    _turn: asyncio.Lock | None = None
    _waiting: int = 0

    async def dry_run(self, request_id: str, portfolio: str = "") -> Rehearsal:
        """Plan the next interval as a cycle would now; against the plan in force."""
        inputs, found = await self._alone(lambda inputs: [inputs], portfolio)
        look, in_force = found[0].look(), found[0].look_at_plan_in_force()
        compared = difference(look, in_force, inputs) if look and in_force else None
        return await self._stored(found[0], compared, RunKind.DRY_RUN, f"dry-run:{request_id}")

    async def what_if(self, request_id: str, circumstances: Circumstances, portfolio: str = "") -> Rehearsal:
        """Plan under other circumstances; against the plan that would be made under the present ones."""
        inputs, found = await self._alone(
            lambda inputs: [circumstances.applied_to(inputs), inputs], portfolio
        )
        look, reference = found[0].look(), found[1].look()
        compared = difference(look, reference, inputs) if look and reference else None
        return await self._stored(found[0], compared, RunKind.WHAT_IF, f"what-if:{request_id}")

    async def cost_of(self, override: Override) -> OverrideCost | None:
        """Return what an override costs: the plan with it less the plan without it."""

        def both(inputs: CycleInputs) -> list[CycleInputs]:
            others = self.loop.overrides.columns(inputs.now, without=override.override_id)
            return [inputs, replace(inputs, overrides=others)]

        try:
            _, (with_it, without_it) = await self._alone(both)
        except TooManyRehearsalsError:
            return None
        look, reference = with_it.look(), without_it.look()
        if look is None or reference is None:
            return None
        least, most = cost_range(look, reference)
        return OverrideCost(
            cost=look.cost - reference.cost, least=least, most=most, computed_at=self.loop.clock.now()
        )

    async def plan_aside(self, inputs: CycleInputs) -> Rehearsed:
        """Plan what a cycle was given, for a shadow: in turn with rehearsals; nothing is stored or sent."""
        self._turn = self._turn or asyncio.Lock()
        async with self._turn:
            return await self._rehearse(inputs)

    async def _alone(
        self, versions: Callable[[CycleInputs], list[CycleInputs]], portfolio: str = ""
    ) -> tuple[CycleInputs, list[Rehearsed]]:
        """Rehearse versions of the present inputs, one rehearsal at a time and between live cycles."""
        if self._waiting >= MAX_WAITING:
            raise TooManyRehearsalsError(MAX_WAITING)
        self._turn = self._turn or asyncio.Lock()
        self._waiting += 1
        try:
            async with self._turn:
                await self.loop.between_cycles()
                now = self.loop.clock.now()
                inputs = await self.loop.picture(self.new_id(now), now, portfolio)
                return inputs, [await self._rehearse(version) for version in versions(inputs)]
        finally:
            self._waiting -= 1

    async def _rehearse(self, inputs: CycleInputs) -> Rehearsed:
        await self.loop.between_cycles()
        prepared = await asyncio.to_thread(prepare, inputs)
        outcome: SolveOutcome | None = None
        if prepared.problem is not None and prepared.controllable.any():
            if self._solver is None:
                self._solver = asyncio.create_task(asyncio.to_thread(self.make_solver))
            solver = await asyncio.shield(self._solver)
            deadline_s = self.loop.clock.wall_seconds(self.loop.policy.solve_deadline)
            outcome = await asyncio.to_thread(
                solver.solve,
                prepared.problem,
                previous=prepared.previous,
                deadline_s=deadline_s,
                seed=0,
            )
        await self.loop.between_cycles()
        decision = await asyncio.to_thread(decide, inputs, prepared, outcome)
        return Rehearsed(inputs=inputs, prepared=prepared, outcome=outcome, decision=decision)

    async def _stored(
        self, found: Rehearsed, compared: PlanDifference | None, kind: RunKind, trigger: str
    ) -> Rehearsal:
        """Store a rehearsal as a run of its kind, without orders."""
        decision = replace(found.decision, setpoints=None)
        record = CycleRecord(inputs=found.inputs, outcome=found.outcome)
        ended = self.loop.clock.now()
        run = summary_of(record, found.prepared, decision, finished_at=ended, trigger=trigger)
        run = replace(run, kind=kind)
        await self.loop.store.save_run(run, plan=decision.plan, state=found.prepared.state, setpoints=None)
        log.info("rehearsal", run_id=run.run_id, kind=str(kind), rung=str(run.rung), objective=run.objective)
        return Rehearsal(run=run, difference=compared)

    async def close(self) -> None:
        """Let go of the solver; one that is being started is waited for, so that no process is left."""
        if self._solver is not None:
            solver = await self._solver
            await asyncio.to_thread(solver.close)
