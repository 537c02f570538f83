"""What operators ask and order: OperatorService over the database and the live state, DispatchService."""

# ruff: noqa: N802 - the names are those of the RPCs
from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import grpc
import numpy as np

from vpp.adapters.rpc import limits, operator_messages
from vpp.adapters.rpc.errors import CallRefusedError, Context, NotFoundError
from vpp.adapters.rpc.identity import identify
from vpp.adapters.rpc.intake import printable
from vpp.adapters.rpc.live_state import LiveState
from vpp.control.order_book import OrderBook
from vpp.domain.assets import Fleet, parse_identifier
from vpp.domain.errors import InvalidValueError
from vpp.domain.runs import RunSummary
from vpp.ports import Clock, SendReport, Store
from vpp.rpcgen import operator_pb2 as pb
from vpp.rpcgen import operator_pb2_grpc

TriggerRun = Callable[[str], Awaitable[RunSummary]]
"""Runs one cycle now; the text says what triggered it and is recorded with the run."""


def page_size_of(asked: int, *, usual: int, most: int) -> int:
    """Return the size of a page, `usual` for 0; raise InvalidValueError outside 1 to `most`."""
    if asked == 0:
        return usual
    if not 1 <= asked <= most:
        raise InvalidValueError("page_size", asked, f"1 to {most}, or 0 for {usual}")
    return asked


def page_token_of(token: str) -> str:
    """Return a token from outside when it can be one at all; the store knows the rest."""
    if len(token) > limits.MAX_PAGE_TOKEN_LENGTH or not token.isprintable():
        raise InvalidValueError("page_token", token, "a next_page_token, or nothing for the first page")
    return token


def _filter(field: str, text: str) -> str:
    return parse_identifier(field, text) if text else ""


class OperatorServicer(operator_pb2_grpc.OperatorServiceServicer):
    """Questions about the fleet, runs, plans, orders and forecasts. Changes nothing."""

    def __init__(self, *, fleet: Fleet, store: Store, live: LiveState, book: OrderBook, clock: Clock) -> None:
        self._fleet, self._store, self._live, self._clock = fleet, store, live, clock
        self._book = book
        self._slot_of = fleet.slots()
        self._feeders = {feeder.feeder_id: row for row, feeder in enumerate(fleet.feeders)}
        self._feeder_index = fleet.feeder_index()

    async def GetFleetState(
        self, request: pb.GetFleetStateRequest, context: Context
    ) -> pb.GetFleetStateResponse:
        page_size = page_size_of(request.page_size, usual=1_000, most=limits.MAX_PAGE_STATES)
        slots = np.arange(len(self._fleet))
        if request.feeder_id:
            if request.feeder_id not in self._feeders:
                raise NotFoundError("feeder", parse_identifier("feeder_id", request.feeder_id))
            slots = slots[self._feeder_index == self._feeders[request.feeder_id]]
        first = self._first_slot(request.page_token)
        chosen = slots[slots >= first].tolist()
        shown = chosen[:page_size]
        return pb.GetFleetStateResponse(
            assets=operator_messages.asset_states(
                self._fleet, self._live, self._book, shown, self._clock.now()
            ),
            next_page_token=str(chosen[page_size]) if len(chosen) > page_size else "",
            connected_assets=int(self._live.node_connected.sum()),
            total_assets=len(self._fleet),
        )

    def _first_slot(self, token: str) -> int:
        if not token:
            return 0
        if not (token.isascii() and token.isdigit() and len(token) <= 9 and int(token) < len(self._fleet)):
            raise InvalidValueError("page_token", token, "a next_page_token, or nothing for the first page")
        return int(token)

    async def ListRuns(self, request: pb.ListRunsRequest, context: Context) -> pb.ListRunsResponse:
        page = await self._store.list_runs(
            page_size=page_size_of(request.page_size, usual=50, most=limits.MAX_PAGE_RUNS),
            page_token=page_token_of(request.page_token),
        )
        runs = [operator_messages.run_message(run) for run in page.items]
        return pb.ListRunsResponse(runs=runs, next_page_token=page.next_token)

    async def GetRun(self, request: pb.GetRunRequest, context: Context) -> pb.GetRunResponse:
        run = await self._store.get_run(parse_identifier("run_id", request.run_id))
        if run is None:
            raise NotFoundError("run", request.run_id)
        return pb.GetRunResponse(run=operator_messages.run_message(run))

    async def GetPlan(self, request: pb.GetPlanRequest, context: Context) -> pb.GetPlanResponse:
        plan = await self._store.get_plan(parse_identifier("run_id", request.run_id))
        if plan is None:
            raise NotFoundError("plan of run", request.run_id)
        return operator_messages.plan_message(plan, self._fleet.feeders)

    async def ListSetpoints(
        self, request: pb.ListSetpointsRequest, context: Context
    ) -> pb.ListSetpointsResponse:
        page = await self._store.list_setpoints(
            run_id=_filter("run_id", request.run_id),
            asset_id=_filter("asset_id", request.asset_id),
            page_size=page_size_of(request.page_size, usual=1_000, most=limits.MAX_PAGE_SETPOINTS),
            page_token=page_token_of(request.page_token),
        )
        orders = [operator_messages.setpoint_message(order) for order in page.items]
        return pb.ListSetpointsResponse(setpoints=orders, next_page_token=page.next_token)

    async def ListForecasts(
        self, request: pb.ListForecastsRequest, context: Context
    ) -> pb.ListForecastsResponse:
        page = await self._store.list_forecasts(
            page_size=page_size_of(request.page_size, usual=20, most=limits.MAX_PAGE_FORECASTS),
            page_token=page_token_of(request.page_token),
        )
        forecasts = [operator_messages.forecast_message(item, with_series=True) for item in page.items]
        return pb.ListForecastsResponse(forecasts=forecasts, next_page_token=page.next_token)

    async def GetTrail(self, request: pb.GetTrailRequest, context: Context) -> pb.GetTrailResponse:
        asset_id = parse_identifier("asset_id", request.asset_id)
        for field in ("epoch", "sequence"):
            value = getattr(request, field)
            if not 1 <= value <= limits.MAX_NUMBER:
                raise InvalidValueError(field, value, f"1 to {limits.MAX_NUMBER}")
        name = f"{asset_id} epoch {request.epoch} sequence {request.sequence}"
        if asset_id not in self._slot_of:
            raise NotFoundError("asset", asset_id)
        trail = await self._store.trail(asset_id=asset_id, epoch=request.epoch, sequence=request.sequence)
        if trail is None:
            raise NotFoundError("setpoint", name)
        return operator_messages.trail_message(trail)


@dataclass(frozen=True, slots=True, kw_only=True)
class StopOrder:
    """A stop or a release as an operator asked for it; for the fleet where nothing is named."""

    request_id: str
    action: str  # stop or release
    operator: str
    reason: str
    asset_ids: tuple[str, ...]
    feeder_id: str


CarryOut = Callable[[StopOrder], Awaitable[SendReport]]


class DispatchServicer(operator_pb2_grpc.DispatchServiceServicer):
    """Starts runs, stops and releases.

    A request id runs once, also across a restart: it is recorded as the run's trigger.
    """

    def __init__(self, *, trigger_run: TriggerRun, store: Store, carry_out: CarryOut | None = None) -> None:
        self._trigger_run, self._store, self._carry_out = trigger_run, store, carry_out
        self._runs: OrderedDict[str, asyncio.Task[RunSummary]] = OrderedDict()

    async def Stop(self, request: pb.StopRequest, context: Context) -> pb.StopResponse:
        report = await self._stop_or_release("stop", request, context)
        return pb.StopResponse(told_assets=report.sent, away_assets=len(report.unreachable_slots))

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
            operator=identify(context.auth_context()).name,
            reason=printable(request.reason),
            asset_ids=tuple(parse_identifier("asset_ids", name) for name in request.asset_ids),
            feeder_id=_filter("feeder_id", request.feeder_id),
        )
        return await asyncio.shield(self._carry_out(order))

    async def TriggerRun(self, request: pb.TriggerRunRequest, context: Context) -> pb.TriggerRunResponse:
        request_id = parse_identifier("request_id", request.request_id)
        task = self._runs.get(request_id)
        if task is None or _failed(task):
            self._make_room()
            task = self._runs[request_id] = asyncio.create_task(self._run_once(f"operator:{request_id}"))
        # A caller that gives up does not end the run; asking again with the same id finds it.
        run = await asyncio.shield(task)
        return pb.TriggerRunResponse(run=operator_messages.run_message(run))

    async def _run_once(self, trigger: str) -> RunSummary:
        recent = await self._store.list_runs(page_size=200, page_token="")
        known = next((run for run in recent.items if run.trigger == trigger), None)
        return known if known is not None else await self._trigger_run(trigger)

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
