"""What operators order: DispatchService runs, stops and releases."""

# ruff: noqa: N802 - the names are those of the RPCs
from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import grpc

from vpp.adapters.rpc import limits, operator_messages
from vpp.adapters.rpc.access import caller, scope
from vpp.adapters.rpc.errors import CallRefusedError, Context
from vpp.adapters.rpc.overrides import OverrideCalls, OverrideParts
from vpp.adapters.rpc.paging import filter_of
from vpp.adapters.rpc.portfolio_choice import chosen_portfolio
from vpp.adapters.rpc.rehearsals import RehearsalCalls, Rehearsals
from vpp.adapters.rpc.run_watch import RunWatchCalls, RunWatching
from vpp.adapters.rpc.stops import StopListCalls
from vpp.adapters.rpc.wire_values import printable
from vpp.domain.assets import parse_identifier
from vpp.domain.errors import InvalidValueError
from vpp.domain.portfolios import EVERYTHING, Portfolios, Scope
from vpp.domain.runs import RunSummary
from vpp.ports import RunProgress, SendReport, Store
from vpp.rpcgen import dispatch_pb2 as pb

TriggerRun = Callable[[str, str], Awaitable[RunSummary]]
"""Runs one cycle now: what triggered it, which is recorded with the run, and whose assets it is for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StopOrder:
    """A stop or a release as an operator asked for it; for the fleet where nothing is named."""

    request_id: str
    action: str  # stop or release
    operator: str
    reason: str
    asset_ids: tuple[str, ...]
    feeder_id: str
    scope: Scope = EVERYTHING  # what the operator may order


CarryOut = Callable[[StopOrder], Awaitable[SendReport]]


class DispatchServicer(OverrideCalls, RehearsalCalls, RunWatchCalls, StopListCalls):
    """Starts runs, stops and releases; overrides, rehearsals and watching are in modules of their own.

    A request id runs once, also across a restart: it is recorded as the run's trigger.
    """

    def __init__(
        self,
        *,
        trigger_run: TriggerRun,
        store: Store,
        carry_out: CarryOut | None = None,
        overrides: OverrideParts | None = None,
        rehearsals: Rehearsals | None = None,
        progress: RunProgress | None = None,
        portfolios: Portfolios | None = None,
    ) -> None:
        self._trigger_run, self._store, self._carry_out = trigger_run, store, carry_out
        self.override_parts, self.rehearsals = overrides, rehearsals
        self.portfolios = portfolios or Portfolios()
        self.watching = None if progress is None else RunWatching(progress, store)
        self._runs: OrderedDict[str, asyncio.Task[RunSummary]] = OrderedDict()

    async def Stop(self, request: pb.StopRequest, context: Context) -> pb.StopResponse:
        report = await self._stop_or_release("stop", request, context)
        times = report.stop_times
        return pb.StopResponse(
            told_assets=report.sent,
            away_assets=len(report.unreachable_slots),
            confirmed_assets=0 if times is None else times.confirmed,
            p50_s=None if times is None else times.p50_s,
            p99_s=None if times is None else times.p99_s,
            last_s=None if times is None else times.last_s,
        )

    async def Release(self, request: pb.ReleaseRequest, context: Context) -> pb.ReleaseResponse:
        report = await self._stop_or_release("release", request, context)
        return pb.ReleaseResponse(told_assets=report.sent, away_assets=len(report.unreachable_slots))

    async def _stop_or_release(
        self, action: str, request: pb.StopRequest | pb.ReleaseRequest, context: Context
    ) -> SendReport:
        if self._carry_out is None:
            raise CallRefusedError(grpc.StatusCode.UNIMPLEMENTED, "NO_GATEWAY", "nothing to stop here")
        if len(request.asset_ids) > limits.MAX_STOPPED_ASSETS:
            count = f"{len(request.asset_ids)} assets"
            raise InvalidValueError("asset_ids", count, f"at most {limits.MAX_STOPPED_ASSETS}")
        if request.asset_ids and request.feeder_id:
            raise InvalidValueError("feeder_id", request.feeder_id, "nothing together with asset_ids")
        order = StopOrder(
            request_id=parse_identifier("request_id", request.request_id),
            action=action,
            operator=caller().name,
            reason=printable(request.reason),
            asset_ids=tuple(parse_identifier("asset_ids", name) for name in request.asset_ids),
            feeder_id=filter_of("feeder_id", request.feeder_id),
            scope=scope(),
        )
        return await asyncio.shield(self._carry_out(order))

    async def TriggerRun(self, request: pb.TriggerRunRequest, context: Context) -> pb.TriggerRunResponse:
        request_id = parse_identifier("request_id", request.request_id)
        portfolio = chosen_portfolio(request.portfolio, self.portfolios)
        task = self._runs.get(request_id)
        if task is None or _failed(task):
            self._make_room()
            task = self._runs[request_id] = asyncio.create_task(
                self._run_once(f"operator:{request_id}", portfolio)
            )
        # A caller that gives up does not end the run; asking again with the same id finds it.
        run = await asyncio.shield(task)
        if run.portfolio != portfolio:
            whose = run.portfolio or "the whole fleet"
            raise CallRefusedError(
                grpc.StatusCode.ALREADY_EXISTS,
                "REQUEST_ID_USED",
                f"request_id {request_id!r} stands for a run of {whose} already",
            )
        return pb.TriggerRunResponse(run=operator_messages.run_in_scope(run))

    async def _run_once(self, trigger: str, portfolio: str) -> RunSummary:
        known = await self._store.run_of_trigger(trigger)
        return known if known is not None else await self._trigger_run(trigger, portfolio)

    def _make_room(self) -> None:
        while len(self._runs) >= limits.MAX_REMEMBERED_REQUESTS:
            oldest = next((key for key, task in self._runs.items() if task.done()), None)
            if oldest is None:
                raise CallRefusedError(
                    grpc.StatusCode.RESOURCE_EXHAUSTED,
                    "TOO_MANY_RUNS",
                    f"{limits.MAX_REMEMBERED_REQUESTS} runs are under way; wait for one of them",
                )
            del self._runs[oldest]


def _failed(task: asyncio.Task[RunSummary]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)
