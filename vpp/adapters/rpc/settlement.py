"""What was delivered of an event and who is paid what: SettlementService."""

# ruff: noqa: N802 - the names are those of the RPCs
from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final

import grpc.aio
import numpy as np

from vpp.adapters.rpc.access import scope
from vpp.adapters.rpc.dispatch_messages import timestamp
from vpp.adapters.rpc.errors import Context, NotFoundError
from vpp.adapters.rpc.paging import page_size_of, page_token_of
from vpp.domain.assets import Fleet, parse_identifier
from vpp.domain.errors import InvalidValueError
from vpp.domain.readings import to_microseconds
from vpp.domain.settlement import EventSettlement
from vpp.rpcgen import settlement_pb2 as pb
from vpp.rpcgen import settlement_pb2_grpc

SERVICE: Final = pb.DESCRIPTOR.services_by_name["SettlementService"].full_name
MAX_PAGE: Final = 5_000
MAX_KEPT: Final = 4  # settlements whose pages are being read
Settle = Callable[[str], Awaitable[EventSettlement | None]]


class SettlementServicer(settlement_pb2_grpc.SettlementServiceServicer):
    """Settles one event at a time; pages after the first come from what was settled for it."""

    def __init__(self, *, settle: Settle, fleet: Fleet) -> None:
        self._settle, self._fleet = settle, fleet
        self._kept: OrderedDict[tuple[str, int], EventSettlement] = OrderedDict()
        self._settling = asyncio.Semaphore(1)

    def add_to(self, server: grpc.aio.Server) -> str:
        """Serve this, and return the service's name."""
        settlement_pb2_grpc.add_SettlementServiceServicer_to_server(self, server)  # type: ignore[no-untyped-call]
        return SERVICE

    async def SettleEvent(self, request: pb.SettleEventRequest, context: Context) -> pb.SettleEventResponse:
        event_id = parse_identifier("event_id", request.event_id)
        size = page_size_of(request.page_size, usual=1_000, most=MAX_PAGE)
        found, first = await self._page(event_id, page_token_of(request.page_token))
        slots = np.flatnonzero(scope().of_assets(self._fleet))
        shown = slots[first : first + size].tolist()
        settled_us = to_microseconds(found.settled_at)
        more = first + size < len(slots)
        return pb.SettleEventResponse(
            totals=_totals(found) if scope().everything else None,
            assets=[_asset(found, slot) for slot in shown],
            next_page_token=f"{settled_us}.{first + size}" if more else "",
            settled_at=timestamp(found.settled_at),
        )

    async def _page(self, event_id: str, token: str) -> tuple[EventSettlement, int]:
        """Return the settlement that a token is about, and where its page begins."""
        if not token:
            async with self._settling:
                found = await self._settle(event_id)
            if found is None:
                raise NotFoundError("event", event_id)
            self._kept[event_id, to_microseconds(found.settled_at)] = found
            while len(self._kept) > MAX_KEPT:
                self._kept.popitem(last=False)
            return found, 0
        at, _, first = token.partition(".")
        kept = self._kept.get((event_id, int(at))) if at.isdecimal() and first.isdecimal() else None
        if kept is None:
            raise InvalidValueError(
                "page_token", token, "the next_page_token of this event", "start again without a token"
            )
        return kept, int(first)


def _totals(found: EventSettlement) -> pb.EventTotals:
    delivery, paid = found.delivery, found.compensation
    return pb.EventTotals(
        requested_kwh=delivery.event.target_kw * float(delivery.spans.hours.sum()),
        settled_kwh=paid.settled_kwh,
        missing_kwh=paid.missing_kwh,
        payment=paid.payment,
        penalty=paid.penalty,
        income=paid.income,
        portfolio=paid.portfolio,
    )


def _asset(found: EventSettlement, slot: int) -> pb.AssetSettlement:
    delivery, paid = found.delivery, found.compensation
    return pb.AssetSettlement(
        asset_id=delivery.asset_ids[slot],
        requested_kwh=float(delivery.requested_kwh[slot]),
        ordered_kwh=float(delivery.ordered_kwh[slot]),
        delivered_kwh=float(delivery.delivered_kwh[slot]),
        missing_kwh=float(delivery.missing_kwh[slot]),
        reason=delivery.shortfall[slot].value,
        baseline_days=int(delivery.baseline_days[slot]),
        wear=float(paid.wear[slot]),
        share=float(paid.share[slot]),
    )
