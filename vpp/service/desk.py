"""The operator's desk: what is put together for overrides, rehearsals and stops around the loop."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

import structlog

from vpp.adapters.rpc.overrides import OverrideParts
from vpp.adapters.storage.operators import open_operator_register
from vpp.ports import OperatorRegister
from vpp.service.ids import IdFactory
from vpp.service.jobs import Jobs
from vpp.service.loop import DispatchLoop
from vpp.service.overriding import Overriding
from vpp.service.rehearsing import Rehearsing
from vpp.service.settings import Settings
from vpp.service.solving import ProcessSolver

log = structlog.get_logger()
MERGE_PERIOD: Final = timedelta(seconds=60)
NICENESS: Final = 10  # of the solver of rehearsals


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Everything that carries out what operators order past the plan."""

    register: OperatorRegister
    overriding: Overriding
    overrides: OverrideParts
    rehearsing: Rehearsing
    stops: list[Callable[[OperatorRegister], Awaitable[int]]] = field(default_factory=list)

    def schedule(self, jobs: Jobs, loop: DispatchLoop) -> None:
        """Have overrides kept up as often as leases are renewed."""
        jobs.every("stops", self.merge_stops, period=MERGE_PERIOD)
        jobs.every("overrides", self.overriding.keep, period=loop.policy.renewal_period)

    async def merge_stops(self) -> None:
        """Take stops and releases from the journal into the database, when it is there."""
        for merge in self.stops:
            await merge(self.register)


async def open_desk(settings: Settings, loop: DispatchLoop, stack: AsyncExitStack) -> Desk:
    """Return the desk with what was ordered before a restart taken up; `stack` closes it."""
    register = open_operator_register(settings.database.url)
    stack.push_async_callback(register.close)
    rehearsing = Rehearsing(loop, IdFactory(kind="rehearsal", epoch=loop.epoch), _niced_solver)
    stack.push_async_callback(rehearsing.close)
    new_id = IdFactory(kind="override", epoch=loop.epoch)
    overriding = Overriding(loop, register, new_id, rehearsing.cost_of)
    stack.push_async_callback(overriding.close)
    if held := await overriding.restore():
        log.warning("overrides from before the restart are in force", overrides=held)
    loop.after_cycle.append(overriding.follow_plan)
    parts = OverrideParts(desk=overriding, register=register, fleet=loop.fleet, clock=loop.clock)
    return Desk(register=register, overriding=overriding, overrides=parts, rehearsing=rehearsing)


def _niced_solver() -> ProcessSolver:
    """Return a solver that leaves the processor to the live one."""
    solver = ProcessSolver(niceness=NICENESS)
    solver.warm_up()
    return solver
