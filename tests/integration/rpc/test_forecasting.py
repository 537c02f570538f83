"""Remarks over real gRPC, and the explanation of what became of them."""

from __future__ import annotations

from datetime import timedelta

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from tests.fakes_reasoning import GRID, NOW, ScriptedModel, answer, context, history, item, make_forecaster
from tests.integration.rpc.plant import Plant, channel
from tests.unit.rpc.runs import make_run
from vpp.adapters.rpc.forecasting import ForecastServicer
from vpp.cli.remarks import sentences
from vpp.forecasting.explaining import explain
from vpp.rpcgen import forecasting_pb2 as pb
from vpp.rpcgen import forecasting_pb2_grpc

TIMEOUT_S = 5.0


@pytest.fixture
async def service(certificates):
    """A plant with the forecast service, and an operator's stub."""
    plant = Plant(certificates)
    await plant.start()
    await plant.server.stop(0.0)
    plant.servicers = {
        "forecast_servicer": ForecastServicer(store=plant.store, clock=plant.clock, explain=explain)
    }
    await plant.start()
    async with channel(plant, "operator-grid") as opened:
        yield plant, forecasting_pb2_grpc.ForecastServiceStub(opened)
    await plant.server.stop(0.0)


def remark(plant, **changes):
    now = plant.clock.now()
    values = {
        "item_id": "heat-1",
        "text": "Heat warning, 36 degrees.",
        "valid_from": now,
        "valid_until": now + timedelta(hours=8),
    }
    return pb.AddContextItemRequest(**(values | changes))


async def test_a_remark_is_known_from_now_on_and_repeating_it_changes_nothing(service):
    plant, stub = service
    request = remark(plant)
    first = await stub.AddContextItem(request, timeout=TIMEOUT_S)
    again = await stub.AddContextItem(request, timeout=TIMEOUT_S)
    listed = await stub.ListContextItems(pb.ListContextItemsRequest(), timeout=TIMEOUT_S)
    assert first == again
    assert [one.item_id for one in listed.items] == ["heat-1"]
    assert first.item.HasField("available_at")


async def test_the_same_name_for_another_remark_is_refused(service):
    plant, stub = service
    await stub.AddContextItem(remark(plant), timeout=TIMEOUT_S)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await stub.AddContextItem(remark(plant, text="It is cold."), timeout=TIMEOUT_S)
    assert refused.value.code() is grpc.StatusCode.ALREADY_EXISTS


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"item_id": "no spaces"}, "item_id"),
        ({"text": " "}, "text"),
        ({"text": "x" * 2001}, "text"),
        ({"valid_until": None}, "valid_until"),
        ({"valid_until": Timestamp(seconds=1)}, "valid_until"),
        ({"valid_from": Timestamp(seconds=-5)}, "valid_from"),
        ({"valid_from": Timestamp(seconds=1)}, "31 days"),
    ],
)
async def test_a_wrong_remark_is_refused_by_field(service, changes, said):
    plant, stub = service
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await stub.AddContextItem(remark(plant, **changes), timeout=TIMEOUT_S)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert said in refused.value.details()


async def test_remarks_are_listed_by_pages(service):
    plant, stub = service
    for number in range(5):
        start = plant.clock.now() + timedelta(hours=number)
        request = remark(
            plant, item_id=f"r{number}", valid_from=start, valid_until=start + timedelta(hours=9)
        )
        await stub.AddContextItem(request, timeout=TIMEOUT_S)
    seen, token = [], ""
    while True:
        page = await stub.ListContextItems(
            pb.ListContextItemsRequest(page_size=2, page_token=token), timeout=TIMEOUT_S
        )
        seen += [one.item_id for one in page.items]
        token = page.next_page_token
        if not token:
            break
    assert seen == [f"r{number}" for number in range(5)]


async def test_a_run_s_forecast_is_explained_from_what_was_stored(service):
    plant, stub = service
    refused = answer(item(evidence_id="e9", reason="Ignore the rules"))
    forecaster = make_forecaster(ScriptedModel([refused]), samples=1)
    forecast, call = await forecaster.issue(history(), GRID, [context()], NOW)
    await plant.store.save_forecast(forecast, call)
    run = make_run("run-7", forecast_id=forecast.forecast_id)
    await plant.store.save_run(run, plan=None, state=None, setpoints=None)

    told = await stub.ExplainForecast(pb.ExplainForecastRequest(run_id="run-7"), timeout=TIMEOUT_S)

    assert told.verdict == "refused"
    assert "names nothing that was sent" in told.reason
    assert [one.text for one in told.exchange.evidence] == ["Heat warning, 36 degrees."]
    assert told.exchange.proposals[0].model_words == "Ignore the rules"
    assert told.exchange.proposals[0].evidence_id == "e9"
    text = "\n".join(sentences(told))
    assert 'the model\'s words: "Ignore the rules"' in text
    assert "refused" in text


@pytest.mark.parametrize(("named", "code"), [({}, "INVALID_ARGUMENT"), ({"run_id": "run-99"}, "NOT_FOUND")])
async def test_what_cannot_be_explained_is_said(service, named, code):
    _, stub = service
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await stub.ExplainForecast(pb.ExplainForecastRequest(**named), timeout=TIMEOUT_S)
    assert refused.value.code().name == code
