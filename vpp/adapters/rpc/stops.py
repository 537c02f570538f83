"""Stops and releases as they were ordered, over the wire."""

# ruff: noqa: N802 - the names are those of the RPCs
from __future__ import annotations

import grpc

from vpp.adapters.rpc import limits
from vpp.adapters.rpc.access import scope
from vpp.adapters.rpc.dispatch_messages import timestamp
from vpp.adapters.rpc.errors import CallRefusedError, Context
from vpp.adapters.rpc.overrides import OverrideParts
from vpp.adapters.rpc.paging import page_size_of, page_token_of
from vpp.domain.assets import Fleet
from vpp.domain.portfolios import Scope
from vpp.ports import StopRecord
from vpp.rpcgen import dispatch_pb2_grpc
from vpp.rpcgen import stops_pb2 as pb


class StopListCalls(dispatch_pb2_grpc.DispatchServiceServicer):
    """ListStops."""

    override_parts: OverrideParts | None = None

    async def ListStops(self, request: pb.ListStopsRequest, context: Context) -> pb.ListStopsResponse:
        parts = self.override_parts
        if parts is None:
            raise CallRefusedError(grpc.StatusCode.UNIMPLEMENTED, "NO_STOPS", "no stops are kept here")
        page = await parts.register.list_stops(
            page_size=page_size_of(request.page_size, usual=50, most=limits.MAX_PAGE_OVERRIDES),
            page_token=page_token_of(request.page_token),
        )
        held = scope()
        return pb.ListStopsResponse(
            stops=[stop_message(item) for item in page.items if concerns(item, held, parts.fleet)],
            next_page_token=page.next_token,
        )


def concerns(stop: StopRecord, held: Scope, fleet: Fleet) -> bool:
    """Return whether a stop may be seen: all that it names is in scope, or it is of the whole fleet."""
    if held.everything or not (stop.asset_ids or stop.feeder_id):
        return True
    if stop.feeder_id:
        return held.holds(stop.feeder_id)
    slots = fleet.slots()
    return all(name in slots and held.holds(fleet.assets[slots[name]].feeder_id) for name in stop.asset_ids)


def stop_message(stop: StopRecord) -> pb.StopOrder:
    """Return a stop as people read it."""
    times = stop.times
    return pb.StopOrder(
        request_id=stop.request_id,
        release=stop.action == "release",
        asset_ids=stop.asset_ids,
        feeder_id=stop.feeder_id,
        author=stop.operator,
        reason=stop.reason,
        at=timestamp(stop.at),
        told_assets=None if times is None else times.told,
        away_assets=None if times is None else times.away,
        confirmed_assets=None if times is None else times.confirmed,
        p50_s=None if times is None else times.p50_s,
        p99_s=None if times is None else times.p99_s,
        last_s=None if times is None else times.last_s,
    )
