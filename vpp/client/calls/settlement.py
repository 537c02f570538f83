"""What was delivered of an event, and who is paid what."""

from __future__ import annotations

from typing import Final

from vpp.client.call import Listing
from vpp.rpcgen import settlement_pb2 as pb

SETTLING_S: Final = 120.0  # weeks of readings are read


def settle_event(
    event_id: str, *, limit: int | None = None
) -> Listing[pb.SettleEventResponse, pb.AssetSettlement]:
    """Iterate over the assets' settlements of an event that is over; a page has the event's totals."""
    return Listing(
        path="/vpp.v1.SettlementService/SettleEvent",
        request=pb.SettleEventRequest(event_id=event_id),
        answer=pb.SettleEventResponse,
        items=lambda answer: answer.assets,
        limit=limit,
        deadline_s=SETTLING_S,
    )
