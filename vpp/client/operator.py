"""Ask the service as an operator: a few typed calls over mTLS, each with a deadline."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import grpc

from vpp.rpcgen import (
    dispatch_pb2,
    dispatch_pb2_grpc,
    forecasting_pb2,
    forecasting_pb2_grpc,
    operator_pb2_grpc,
)
from vpp.rpcgen import operator_pb2 as pb

DEADLINE_S = 10.0
CYCLE_DEADLINE_S = 120.0


class OperatorClient:
    """A synchronous client; `certificates` holds authority.pem and operator-<name>.pem and .key.

    Raises grpc.RpcError; its details say which field was wrong.
    """

    def __init__(self, address: str, certificates: Path, name: str = "demo") -> None:
        credentials = grpc.ssl_channel_credentials(
            root_certificates=(certificates / "authority.pem").read_bytes(),
            private_key=(certificates / f"operator-{name}.key").read_bytes(),
            certificate_chain=(certificates / f"operator-{name}.pem").read_bytes(),
        )
        self._channel = grpc.secure_channel(address, credentials)
        self._operator = operator_pb2_grpc.OperatorServiceStub(self._channel)  # type: ignore[no-untyped-call]
        self._dispatch = dispatch_pb2_grpc.DispatchServiceStub(self._channel)  # type: ignore[no-untyped-call]
        self._forecasting = forecasting_pb2_grpc.ForecastServiceStub(self._channel)  # type: ignore[no-untyped-call]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._channel.close()

    def fleet_state(self, *, page_size: int = 1000, page_token: str = "") -> pb.GetFleetStateResponse:
        """Return a page of live states."""
        request = pb.GetFleetStateRequest(page_size=page_size, page_token=page_token)
        response: pb.GetFleetStateResponse = self._operator.GetFleetState(request, timeout=DEADLINE_S)
        return response

    def stop(
        self, request_id: str, *, asset_ids: Sequence[str] = (), feeder_id: str = "", reason: str
    ) -> dispatch_pb2.StopResponse:
        """Send assets, a feeder's, or the whole fleet into default control until a release."""
        request = dispatch_pb2.StopRequest(
            request_id=request_id, asset_ids=asset_ids, feeder_id=feeder_id, reason=reason
        )
        response: dispatch_pb2.StopResponse = self._dispatch.Stop(request, timeout=DEADLINE_S)
        return response

    def release(
        self, request_id: str, *, asset_ids: Sequence[str] = (), feeder_id: str = "", reason: str
    ) -> dispatch_pb2.ReleaseResponse:
        """End a stop; the next cycle orders these assets again."""
        request = dispatch_pb2.ReleaseRequest(
            request_id=request_id, asset_ids=asset_ids, feeder_id=feeder_id, reason=reason
        )
        response: dispatch_pb2.ReleaseResponse = self._dispatch.Release(request, timeout=DEADLINE_S)
        return response

    def runs(self, *, page_size: int = 50, page_token: str = "") -> pb.ListRunsResponse:
        """Return a page of runs, newest first."""
        request = pb.ListRunsRequest(page_size=page_size, page_token=page_token)
        response: pb.ListRunsResponse = self._operator.ListRuns(request, timeout=DEADLINE_S)
        return response

    def plan(self, run_id: str) -> pb.GetPlanResponse:
        """Return the schedule of a run."""
        response: pb.GetPlanResponse = self._operator.GetPlan(
            pb.GetPlanRequest(run_id=run_id), timeout=DEADLINE_S
        )
        return response

    def setpoints(
        self, *, run_id: str = "", asset_id: str = "", page_size: int = 1000, page_token: str = ""
    ) -> pb.ListSetpointsResponse:
        """Return a page of orders, newest first."""
        request = pb.ListSetpointsRequest(
            run_id=run_id, asset_id=asset_id, page_size=page_size, page_token=page_token
        )
        response: pb.ListSetpointsResponse = self._operator.ListSetpoints(request, timeout=DEADLINE_S)
        return response

    def forecasts(self, *, page_size: int = 20, page_token: str = "") -> pb.ListForecastsResponse:
        """Return a page of forecasts, newest first."""
        request = pb.ListForecastsRequest(page_size=page_size, page_token=page_token)
        response: pb.ListForecastsResponse = self._operator.ListForecasts(request, timeout=DEADLINE_S)
        return response

    def trail(self, *, asset_id: str, epoch: int, sequence: int) -> pb.GetTrailResponse:
        """Return everything one order rests on."""
        request = pb.GetTrailRequest(asset_id=asset_id, epoch=epoch, sequence=sequence)
        response: pb.GetTrailResponse = self._operator.GetTrail(request, timeout=DEADLINE_S)
        return response

    def add_context(
        self, *, item_id: str, text: str, valid_from: datetime, valid_until: datetime
    ) -> forecasting_pb2.ContextItem:
        """Tell the forecaster something; a repeated item_id with the same content changes nothing."""
        request = forecasting_pb2.AddContextItemRequest(
            item_id=item_id, text=text, valid_from=valid_from, valid_until=valid_until
        )
        response: forecasting_pb2.AddContextItemResponse = self._forecasting.AddContextItem(
            request, timeout=DEADLINE_S
        )
        return response.item

    def context_items(
        self, *, page_size: int = 100, page_token: str = ""
    ) -> forecasting_pb2.ListContextItemsResponse:
        """Return a page of remarks that hold from a day ago to a week from now."""
        request = forecasting_pb2.ListContextItemsRequest(page_size=page_size, page_token=page_token)
        response: forecasting_pb2.ListContextItemsResponse = self._forecasting.ListContextItems(
            request, timeout=DEADLINE_S
        )
        return response

    def explain_forecast(
        self, *, run_id: str = "", forecast_id: str = ""
    ) -> forecasting_pb2.ExplainForecastResponse:
        """Return what the forecast of a run, or a forecast, rests on."""
        request = forecasting_pb2.ExplainForecastRequest(run_id=run_id, forecast_id=forecast_id)
        response: forecasting_pb2.ExplainForecastResponse = self._forecasting.ExplainForecast(
            request, timeout=DEADLINE_S
        )
        return response

    def trigger_run(self, request_id: str) -> dispatch_pb2.TriggerRunResponse:
        """Run one cycle now; a repeated request_id runs once."""
        request = dispatch_pb2.TriggerRunRequest(request_id=request_id)
        response: dispatch_pb2.TriggerRunResponse = self._dispatch.TriggerRun(
            request, timeout=CYCLE_DEADLINE_S
        )
        return response
