"""What operators ask and signal: OperatorService over the database and the live state."""

# ruff: noqa: N802 - the names are those of the RPCs
from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import grpc
import numpy as np

from vpp.adapters.rpc import limits, operator_messages
from vpp.adapters.rpc.access import scope
from vpp.adapters.rpc.errors import CallRefusedError, Context, NotFoundError
from vpp.adapters.rpc.fleet_view import FleetView
from vpp.adapters.rpc.live_state import LiveState
from vpp.adapters.rpc.paging import filter_of, page_size_of, page_token_of
from vpp.adapters.rpc.plan_pages import SeenRows, forecast_page, plan_page
from vpp.adapters.rpc.run_filters import run_filter_of
from vpp.adapters.rpc.signals import SignalDesk
from vpp.control.order_book import OrderBook
from vpp.domain.assets import Fleet, parse_identifier
from vpp.domain.errors import InvalidValueError
from vpp.domain.runs import DispatchPlan
from vpp.ports import Clock, SignalRegister, Store
from vpp.rpcgen import fleet_view_pb2 as view_pb
from vpp.rpcgen import operator_pb2 as pb
from vpp.rpcgen import operator_pb2_grpc
from vpp.rpcgen import signals_pb2 as spb


class OperatorServicer(operator_pb2_grpc.OperatorServiceServicer):
    """Questions about the fleet, runs, plans, orders and forecasts; what changes something is a signal."""

    def __init__(
        self,
        *,
        fleet: Fleet,
        store: Store,
        live: LiveState,
        book: OrderBook,
        clock: Clock,
        signals: SignalRegister | None = None,
    ) -> None:
        self._fleet, self._store, self._live, self._clock = fleet, store, live, clock
        self._signals = SignalDesk(signals, fleet, clock) if signals is not None else None
        self._book = book
        self._view = FleetView(fleet=fleet, live=live, book=book, clock=clock)
        self._slot_of = fleet.slots()
        self._feeders = {feeder.feeder_id: row for row, feeder in enumerate(fleet.feeders)}
        self._feeder_index = fleet.feeder_index()

    async def GetFleetState(
        self, request: pb.GetFleetStateRequest, context: Context
    ) -> pb.GetFleetStateResponse:
        page_size = page_size_of(request.page_size, usual=1_000, most=limits.MAX_PAGE_STATES)
        seen = scope().of_assets(self._fleet)
        slots = np.flatnonzero(seen)
        if request.feeder_id:
            if request.feeder_id not in self._feeders or not scope().holds(request.feeder_id):
                raise NotFoundError("feeder", parse_identifier("feeder_id", request.feeder_id))
            slots = slots[self._feeder_index[slots] == self._feeders[request.feeder_id]]
        first = self._first_slot(request.page_token)
        chosen = slots[slots >= first].tolist()
        shown = chosen[:page_size]
        return pb.GetFleetStateResponse(
            assets=operator_messages.asset_states(
                self._fleet, self._live, self._book, shown, self._clock.now()
            ),
            next_page_token=str(chosen[page_size]) if len(chosen) > page_size else "",
            connected_assets=int(self._live.node_connected[seen].sum()),
            total_assets=int(seen.sum()),
        )

    def _first_slot(self, token: str) -> int:
        if not token:
            return 0
        if not (token.isascii() and token.isdigit() and len(token) <= 9 and int(token) < len(self._fleet)):
            raise InvalidValueError("page_token", token, "a next_page_token, or nothing for the first page")
        return int(token)

    async def SummarizeFleet(
        self, request: view_pb.SummarizeFleetRequest, context: Context
    ) -> view_pb.SummarizeFleetResponse:
        return self._view.summary()

    async def WatchFleet(
        self, request: view_pb.WatchFleetRequest, context: Context
    ) -> AsyncIterator[view_pb.WatchFleetResponse]:
        async for message in self._view.watch(request):
            yield message

    async def ListRuns(self, request: pb.ListRunsRequest, context: Context) -> pb.ListRunsResponse:
        page = await self._store.list_runs(
            page_size=page_size_of(request.page_size, usual=50, most=limits.MAX_PAGE_RUNS),
            page_token=page_token_of(request.page_token),
            wanted=run_filter_of(request),
        )
        runs = [operator_messages.run_in_scope(run) for run in page.items]
        return pb.ListRunsResponse(runs=runs, next_page_token=page.next_token)

    async def GetRun(self, request: pb.GetRunRequest, context: Context) -> pb.GetRunResponse:
        run = await self._store.get_run(parse_identifier("run_id", request.run_id))
        if run is None:
            raise NotFoundError("run", request.run_id)
        return pb.GetRunResponse(run=operator_messages.run_in_scope(run))

    async def GetPlan(self, request: pb.GetPlanRequest, context: Context) -> pb.GetPlanResponse:
        plan = await self._store.get_plan(parse_identifier("run_id", request.run_id))
        if plan is None:
            raise NotFoundError("plan of run", request.run_id)
        return await asyncio.to_thread(
            plan_page,
            plan,
            self._fleet.feeders,
            seen=self._seen(plan),
            page_size=page_size_of(
                request.page_size, usual=limits.MAX_PAGE_SCHEDULES, most=limits.MAX_PAGE_SCHEDULES
            ),
            page_token=request.page_token,
        )

    async def ListSetpoints(
        self, request: pb.ListSetpointsRequest, context: Context
    ) -> pb.ListSetpointsResponse:
        page = await self._store.list_setpoints(
            run_id=filter_of("run_id", request.run_id),
            asset_id=filter_of("asset_id", request.asset_id),
            page_size=page_size_of(request.page_size, usual=1_000, most=limits.MAX_PAGE_SETPOINTS),
            page_token=page_token_of(request.page_token),
        )
        held = scope()
        orders = operator_messages.setpoint_messages(
            order for order in page.items if held.holds(order.feeder_id)
        )
        return pb.ListSetpointsResponse(setpoints=orders, next_page_token=page.next_token)

    async def ListForecasts(
        self, request: pb.ListForecastsRequest, context: Context
    ) -> pb.ListForecastsResponse:
        feeder_id = filter_of("feeder_id", request.feeder_id)
        if feeder_id and not scope().holds(feeder_id):
            raise NotFoundError("feeder", feeder_id)
        return await forecast_page(
            self._store,
            page_size=page_size_of(request.page_size, usual=20, most=limits.MAX_PAGE_FORECASTS),
            page_token=page_token_of(request.page_token),
            seen=lambda name: scope().holds(name) and feeder_id in ("", name),
        )

    async def GetTrail(self, request: pb.GetTrailRequest, context: Context) -> pb.GetTrailResponse:
        asset_id = parse_identifier("asset_id", request.asset_id)
        for field in ("epoch", "sequence"):
            value = getattr(request, field)
            if not 1 <= value <= limits.MAX_NUMBER:
                raise InvalidValueError(field, value, f"1 to {limits.MAX_NUMBER}")
        name = f"{asset_id} epoch {request.epoch} sequence {request.sequence}"
        if asset_id not in self._slot_of or not scope().holds(self._feeder_of(asset_id)):
            raise NotFoundError("asset", asset_id)
        trail = await self._store.trail(asset_id=asset_id, epoch=request.epoch, sequence=request.sequence)
        if trail is None:
            raise NotFoundError("setpoint", name)
        message = operator_messages.trail_message(trail)
        if not scope().everything:
            message.run.CopyFrom(operator_messages.without_money(message.run))
            del message.model_words[:]  # they may speak of feeders of others
        return message

    async def PutSignals(self, request: spb.PutSignalsRequest, context: Context) -> spb.PutSignalsResponse:
        return await self._desk().put(request)

    async def WithdrawSignal(
        self, request: spb.WithdrawSignalRequest, context: Context
    ) -> spb.WithdrawSignalResponse:
        return await self._desk().withdraw(request)

    async def OptOut(self, request: spb.OptOutRequest, context: Context) -> spb.OptOutResponse:
        return await self._desk().opt_out(request)

    async def ListSignals(self, request: spb.ListSignalsRequest, context: Context) -> spb.ListSignalsResponse:
        return await self._desk().known(request)

    def _desk(self) -> SignalDesk:
        if self._signals is None:
            raise CallRefusedError(grpc.StatusCode.UNIMPLEMENTED, "NO_SIGNALS", "no signals are taken here")
        return self._signals

    def _feeder_of(self, asset_id: str) -> str:
        return self._fleet.assets[self._slot_of[asset_id]].feeder_id

    def _seen(self, plan: DispatchPlan) -> SeenRows:
        """Return what a caller may see of a plan: its feeders, and the certificate only with all of them."""
        held = scope()
        if held.everything:
            return SeenRows.all_of(plan)
        return SeenRows(
            feeders=[row for row, feeder in enumerate(self._fleet.feeders) if held.holds(feeder.feeder_id)],
            assets=[row for row, name in enumerate(plan.asset_ids) if held.holds(self._feeder_of(name))],
            certificate=False,
        )
