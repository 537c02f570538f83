"""Runs as they go, over the wire: from memory, and from the database those that memory has no more."""

# ruff: noqa: N802 - the names are those of the RPCs
from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import grpc

from vpp.adapters.rpc import limits
from vpp.adapters.rpc.access import scope
from vpp.adapters.rpc.dispatch_messages import timestamp
from vpp.adapters.rpc.errors import CallRefusedError, Context, NotFoundError
from vpp.adapters.rpc.operator_messages import run_message, without_money
from vpp.adapters.rpc.paging import filter_of
from vpp.domain.errors import InvalidValueError
from vpp.domain.run_steps import RunStep, Stage
from vpp.ports import RunProgress, Store
from vpp.rpcgen import dispatch_pb2_grpc
from vpp.rpcgen import runs_pb2 as pb


@dataclass(slots=True)
class RunWatching:
    """What watching a run needs; `open` counts the streams."""

    progress: RunProgress
    store: Store
    open: int = 0

    async def find(self, run_id: str, trigger: str) -> str:
        """Return the id of a run, once it has begun; raise NotFoundError where it does not begin."""
        deadline_s = asyncio.get_running_loop().time() + limits.RUN_WAIT_S
        while True:
            found = self.progress.find(run_id=run_id, trigger=trigger)
            if found is None and trigger:
                stored = await self.store.run_of_trigger(trigger)
                found = None if stored is None else stored.run_id
            elif found is None and run_id:
                return run_id
            if found is not None:
                return found
            if asyncio.get_running_loop().time() >= deadline_s:
                raise NotFoundError("run", trigger or "under way")
            await self.progress.changed(limits.RUN_LOOK_S)

    async def steps(self, run_id: str, after: int) -> AsyncIterator[RunStep]:
        """Yield the steps of a run up to its last."""
        while True:
            steps = self.progress.steps(run_id, after=after)
            if steps is None:
                yield await self._as_stored(run_id, after)
                return
            for step in steps:
                after = step.position
                yield step
                if step.last:
                    return
            if not steps:
                await self.progress.changed(limits.RUN_LOOK_S)

    async def _as_stored(self, run_id: str, after: int) -> RunStep:
        run = await self.store.get_run(run_id)
        if run is None:
            raise NotFoundError("run", run_id)
        return RunStep(
            run_id=run_id,
            position=after + 1,
            stage=Stage.DONE,
            at=run.finished_at,
            rung=run.rung,
            detail=run.reason,
            orders=run.setpoints,
            acknowledged=await self.store.acknowledged_orders(run_id),
            run=run,
        )


class RunWatchCalls(dispatch_pb2_grpc.DispatchServiceServicer):
    """WatchRun."""

    watching: RunWatching | None = None

    async def WatchRun(
        self, request: pb.WatchRunRequest, context: Context
    ) -> AsyncIterator[pb.WatchRunResponse]:
        watching = self.watching
        if watching is None:
            raise CallRefusedError(grpc.StatusCode.UNIMPLEMENTED, "NO_RUNS", "nothing runs here")
        run_id, request_id = (filter_of(name, getattr(request, name)) for name in ("run_id", "request_id"))
        if run_id and request_id:
            raise InvalidValueError("request_id", request_id, "nothing together with run_id")
        if request.after < 0 or (request.after and not run_id):
            raise InvalidValueError("after", request.after, "a position of the run in run_id, or nothing")
        if watching.open >= limits.MAX_RUN_WATCHES:
            raise CallRefusedError(
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                "TOO_MANY_WATCHES",
                f"{limits.MAX_RUN_WATCHES} watch runs already; try again later",
            )
        watching.open += 1
        try:
            run_id = await watching.find(run_id, f"operator:{request_id}" if request_id else "")
            async for step in watching.steps(run_id, request.after):
                yield step_message(step, with_money=scope().everything)
        finally:
            watching.open -= 1


def step_message(step: RunStep, *, with_money: bool) -> pb.WatchRunResponse:
    """Return a step as people read it; the bill of the fleet is for those who see all of it."""
    message = pb.WatchRunResponse(
        run_id=step.run_id,
        position=step.position,
        stage=f"RUN_STAGE_{step.stage.upper()}",
        at=timestamp(step.at),
        cost=step.cost,
        lower_bound=step.lower_bound,
        gap=step.gap,
        rung=None if step.rung is None else f"RUNG_{step.rung.upper()}",
        detail=step.detail,
        approval_id=step.approval_id,
        orders=step.orders,
        sent=step.sent,
        acknowledged=step.acknowledged,
        run=None if step.run is None else run_message(step.run),
    )
    if not with_money:
        for field in ("cost", "lower_bound", "gap"):
            message.ClearField(field)
        if step.run is not None:
            without_money(message.run)
    return message
