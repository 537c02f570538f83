"""Questions about the fleet as it is now."""

from __future__ import annotations

from vpp.client.call import Call, Listing, Watch
from vpp.rpcgen import fleet_view_pb2 as view
from vpp.rpcgen import operator_pb2 as pb

_OPERATOR = "/vpp.v1.OperatorService"


def fleet_summary() -> Call[view.SummarizeFleetResponse]:
    """Return sums over the assets of each feeder."""
    return Call(
        path=f"{_OPERATOR}/SummarizeFleet",
        request=view.SummarizeFleetRequest(),
        answer=view.SummarizeFleetResponse,
    )


def assets(
    *, feeder_id: str = "", limit: int | None = None
) -> Listing[pb.GetFleetStateResponse, pb.AssetState]:
    """Iterate over the live state of assets, in the order of the register."""
    return Listing(
        path=f"{_OPERATOR}/GetFleetState",
        request=pb.GetFleetStateRequest(feeder_id=feeder_id),
        answer=pb.GetFleetStateResponse,
        items=lambda answer: answer.assets,
        limit=limit,
    )


def watch_fleet(*, feeder_id: str = "", period_s: float = 0.0) -> Watch[view.WatchFleetResponse]:
    """Follow the live state: first all assets, then those that change, in columns."""
    return Watch(
        path=f"{_OPERATOR}/WatchFleet",
        request=view.WatchFleetRequest(feeder_id=feeder_id, period_s=period_s),
        answer=view.WatchFleetResponse,
    )
