"""Questions about forecasts, and remarks for the forecaster."""

from __future__ import annotations

from datetime import datetime

from vpp.client.call import Call, Listing
from vpp.rpcgen import forecasting_pb2 as pb
from vpp.rpcgen import operator_pb2

_FORECAST = "/vpp.v1.ForecastService"


def forecasts(
    *, feeder_id: str = "", limit: int | None = None
) -> Listing[operator_pb2.ListForecastsResponse, operator_pb2.Forecast]:
    """Iterate over forecasts, newest first; with the series of one feeder or of all."""
    return Listing(
        path="/vpp.v1.OperatorService/ListForecasts",
        request=operator_pb2.ListForecastsRequest(feeder_id=feeder_id),
        answer=operator_pb2.ListForecastsResponse,
        items=lambda answer: answer.forecasts,
        limit=limit,
    )


def add_context(
    *, item_id: str, text: str, valid_from: datetime, valid_until: datetime
) -> Call[pb.AddContextItemResponse]:
    """Tell the forecaster something; a repeated item_id with the same content changes nothing."""
    request = pb.AddContextItemRequest(
        item_id=item_id, text=text, valid_from=valid_from, valid_until=valid_until
    )
    return Call(path=f"{_FORECAST}/AddContextItem", request=request, answer=pb.AddContextItemResponse)


def context_items(*, limit: int | None = None) -> Listing[pb.ListContextItemsResponse, pb.ContextItem]:
    """Iterate over remarks that hold from a day ago to a week from now."""
    return Listing(
        path=f"{_FORECAST}/ListContextItems",
        request=pb.ListContextItemsRequest(),
        answer=pb.ListContextItemsResponse,
        items=lambda answer: answer.items,
        limit=limit,
    )


def explain_forecast(*, run_id: str = "", forecast_id: str = "") -> Call[pb.ExplainForecastResponse]:
    """Return what the forecast of a run, or a forecast, rests on."""
    return Call(
        path=f"{_FORECAST}/ExplainForecast",
        request=pb.ExplainForecastRequest(run_id=run_id, forecast_id=forecast_id),
        answer=pb.ExplainForecastResponse,
    )
