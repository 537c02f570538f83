"""Who may call what: every RPC with every role, a foreign authority, deadlines, health, reflection."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import grpc
import grpc.aio
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from grpc_status import rpc_status

from tests.integration.rpc.plant import Plant, channel, end_of, eventually, raw_session, running_plant
from tests.unit.rpc.runs import make_run
from vpp.adapters.rpc import limits, run_filters, server
from vpp.adapters.rpc.dispatch import DispatchServicer
from vpp.adapters.rpc.operator import OperatorServicer
from vpp.ports import SendReport
from vpp.rpcgen import dispatch_pb2, dispatch_pb2_grpc, fleet_pb2_grpc, fleet_view_pb2, operator_pb2_grpc
from vpp.rpcgen import operator_pb2 as pb

OPERATOR_CALLS = {
    "GetFleetState": pb.GetFleetStateRequest(),
    "SummarizeFleet": fleet_view_pb2.SummarizeFleetRequest(),
    "ListRuns": pb.ListRunsRequest(),
    "GetRun": pb.GetRunRequest(run_id="run-1"),
    "GetPlan": pb.GetPlanRequest(run_id="run-1"),
    "ListSetpoints": pb.ListSetpointsRequest(),
    "ListForecasts": pb.ListForecastsRequest(),
    "GetTrail": pb.GetTrailRequest(asset_id="b1", epoch=1, sequence=1),
    "TriggerRun": dispatch_pb2.TriggerRunRequest(request_id="r-1"),
    "Stop": dispatch_pb2.StopRequest(request_id="s-1", reason="test"),
    "Release": dispatch_pb2.ReleaseRequest(request_id="s-2", reason="test"),
    "SetOverride": dispatch_pb2.SetOverrideRequest(request_id="o-1", duration_s=60, kind=1, reason="test"),
    "DryRun": dispatch_pb2.DryRunRequest(request_id="d-1"),
    "WhatIf": dispatch_pb2.WhatIfRequest(request_id="w-1"),
    "ClearOverride": dispatch_pb2.ClearOverrideRequest(override_id="o-1"),
    "ListOverrides": dispatch_pb2.ListOverridesRequest(),
}
TIMEOUT_S = 10.0


@pytest.fixture
async def plant(certificates):
    """A plant with operators' services; `plant.triggered` lists what was run."""
    made = Plant(certificates)
    made.triggered = []
    made.gate = asyncio.Event()
    made.gate.set()

    async def trigger_run(trigger, _portfolio):
        await made.gate.wait()
        run = make_run(f"run-{len(made.triggered) + 1}", trigger=trigger)
        made.triggered.append(trigger)
        await made.store.save_run(run, plan=None, state=None, setpoints=None)
        return run

    async def carry_out(order):
        made.triggered.append(order)
        return SendReport(sent=3, unreachable_slots=())

    await made.start()
    await made.server.stop(0.0)
    made.servicers = {
        "operator_servicer": OperatorServicer(
            fleet=made.fleet,
            store=made.store,
            live=made.gateway.live,
            book=made.gateway.book,
            clock=made.clock,
        ),
        "dispatch_servicer": DispatchServicer(trigger_run=trigger_run, store=made.store, carry_out=carry_out),
    }
    await made.start()
    yield made
    await made.server.stop(0.0)


def call(opened, name):
    dispatch = dispatch_pb2_grpc.DispatchServiceStub(opened)
    return getattr(dispatch, name, None) or getattr(operator_pb2_grpc.OperatorServiceStub(opened), name)


@pytest.mark.parametrize("name", OPERATOR_CALLS)
@pytest.mark.parametrize("certificate", ["node-home", "node-meter-f1", "node-stranger"])
async def test_no_node_may_call_what_is_for_operators(plant, name, certificate):
    async with channel(plant, certificate) as opened:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call(opened, name)(OPERATOR_CALLS[name], timeout=TIMEOUT_S)
    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
    info = detail_of(refused.value, error_details_pb2.ErrorInfo)
    assert info.reason == "ROLE_NOT_ALLOWED"
    assert info.metadata["name"] == certificate.removeprefix("node-")
    assert plant.triggered == []


@pytest.mark.parametrize("name", OPERATOR_CALLS)
async def test_an_operator_may(plant, name):
    async with channel(plant, "operator-grid") as opened:
        try:
            await call(opened, name)(OPERATOR_CALLS[name], timeout=TIMEOUT_S)
        except grpc.aio.AioRpcError as error:
            # The only refusals allowed here: nothing of that name, or nothing of that kind in this plant.
            assert error.code() in {grpc.StatusCode.NOT_FOUND, grpc.StatusCode.UNIMPLEMENTED}  # noqa: PT017


async def test_an_operator_may_not_open_a_nodes_session(plant):
    async with channel(plant, "operator-grid") as opened:
        stream = fleet_pb2_grpc.FleetServiceStub(opened).Session()
        code, words = await end_of(stream)
    assert code == "PERMISSION_DENIED"
    assert "operator grid may not call" in words


@pytest.mark.parametrize("name", ["node-home", "operator-grid"])
async def test_a_certificate_of_a_foreign_authority_does_not_connect(plant, foreign_certificates, name):
    # The foreign caller trusts the right server; it is the server that must not trust the caller.
    (foreign_certificates / "authority.pem").write_bytes((plant.certificates / "authority.pem").read_bytes())
    async with channel(plant, name, directory=foreign_certificates) as opened:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call(opened, "ListRuns")(pb.ListRunsRequest(), timeout=TIMEOUT_S)
    assert refused.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_without_a_certificate_nobody_connects(plant):
    credentials = grpc.ssl_channel_credentials((plant.certificates / "authority.pem").read_bytes())
    async with grpc.aio.secure_channel(plant.server.target, credentials) as opened:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call(opened, "ListRuns")(pb.ListRunsRequest(), timeout=TIMEOUT_S)
    assert refused.value.code() is grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize("name", OPERATOR_CALLS)
async def test_a_call_without_a_deadline_is_refused_with_a_sentence(plant, name):
    async with channel(plant, "operator-grid") as opened:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call(opened, name)(OPERATOR_CALLS[name])
    assert refused.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert "deadline" in refused.value.details()


@pytest.mark.parametrize("certificate", ["node-home", "operator-grid"])
async def test_health_is_told_to_all_without_a_deadline(plant, certificate):
    async with channel(plant, certificate) as opened:
        stub = health_pb2_grpc.HealthStub(opened)
        for service in ("", "vpp.v1.FleetService", "vpp.v1.OperatorService", "vpp.v1.DispatchService"):
            answer = await stub.Check(health_pb2.HealthCheckRequest(service=service))
            assert answer.status == health_pb2.HealthCheckResponse.SERVING


async def test_reflection_names_the_services_to_operators(plant):
    asked = reflection_pb2.ServerReflectionRequest(list_services="")
    async with channel(plant, "operator-grid") as opened:
        stub = reflection_pb2_grpc.ServerReflectionStub(opened)
        answers = stub.ServerReflectionInfo(iter([asked]))
        answer = await answers.read()
        names = {service.name for service in answer.list_services_response.service}
    assert {"vpp.v1.FleetService", "vpp.v1.OperatorService", "vpp.v1.DispatchService"} <= names
    async with channel(plant, "node-home") as opened:
        stub = reflection_pb2_grpc.ServerReflectionStub(opened)
        assert (await end_of(stub.ServerReflectionInfo(iter([asked]))))[0] == "PERMISSION_DENIED"


async def test_a_request_id_runs_once_also_when_two_ask_at_the_same_time(plant):
    plant.gate.clear()
    async with channel(plant, "operator-grid") as opened:
        trigger = call(opened, "TriggerRun")
        calls = [
            trigger(dispatch_pb2.TriggerRunRequest(request_id="r-1"), timeout=TIMEOUT_S) for _ in range(3)
        ]
        with pytest.raises(grpc.aio.AioRpcError) as gave_up:
            await trigger(dispatch_pb2.TriggerRunRequest(request_id="r-1"), timeout=0.1)
        plant.gate.set()
        answers = [await item for item in calls]
        other = await trigger(dispatch_pb2.TriggerRunRequest(request_id="r-2"), timeout=TIMEOUT_S)
    assert gave_up.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert {answer.run.run_id for answer in answers} == {"run-1"}
    assert other.run.run_id == "run-2"
    assert plant.triggered == ["operator:r-1", "operator:r-2"]


async def test_a_request_id_runs_once_across_a_restart(plant):
    await plant.store.save_run(
        make_run("run-old", trigger="operator:r-1"), plan=None, state=None, setpoints=None
    )
    async with channel(plant, "operator-grid") as opened:
        answer = await call(opened, "TriggerRun")(
            dispatch_pb2.TriggerRunRequest(request_id="r-1"), timeout=TIMEOUT_S
        )
    assert answer.run.run_id == "run-old"
    assert plant.triggered == []


WRONG = {
    "page too large": ("ListRuns", pb.ListRunsRequest(page_size=limits.MAX_PAGE_RUNS + 1), "page_size"),
    "negative page": ("GetFleetState", pb.GetFleetStateRequest(page_size=-1), "page_size"),
    "strange token": ("GetFleetState", pb.GetFleetStateRequest(page_token="-3"), "page_token"),
    "long token": (
        "ListSetpoints",
        pb.ListSetpointsRequest(page_token="1" * (limits.MAX_PAGE_TOKEN_LENGTH + 1)),
        "page_token",
    ),
    "a rung that is none": ("ListRuns", pb.ListRunsRequest(rungs=[0]), "rungs"),
    "a kind that is none": ("ListRuns", pb.ListRunsRequest(kinds=[99]), "kinds"),
    "many kinds": ("ListRuns", pb.ListRunsRequest(kinds=[1] * (run_filters.MAX_CHOICES + 1)), "kinds"),
    "long trigger": (
        "ListRuns",
        pb.ListRunsRequest(trigger="x" * (run_filters.MAX_TRIGGER_LENGTH + 1)),
        "trigger",
    ),
    "times the wrong way": (
        "ListRuns",
        pb.ListRunsRequest(started_from=Timestamp(seconds=9), started_before=Timestamp(seconds=8)),
        "started_before",
    ),
    "no run id": ("GetRun", pb.GetRunRequest(), "run_id"),
    "strange asset id": ("ListSetpoints", pb.ListSetpointsRequest(asset_id="b1; drop"), "asset_id"),
    "sequence zero": ("GetTrail", pb.GetTrailRequest(asset_id="b1", epoch=1), "sequence"),
    "epoch too large": ("GetTrail", pb.GetTrailRequest(asset_id="b1", epoch=2**63, sequence=1), "epoch"),
    "no request id": ("TriggerRun", dispatch_pb2.TriggerRunRequest(), "request_id"),
    "a stop of too much": (
        "Stop",
        dispatch_pb2.StopRequest(request_id="s", asset_ids=["b1"] * (limits.MAX_STOPPED_ASSETS + 1)),
        "asset_ids",
    ),
    "a stop of two kinds": (
        "Stop",
        dispatch_pb2.StopRequest(request_id="s", asset_ids=["b1"], feeder_id="f1"),
        "feeder_id",
    ),
    "a release without id": ("Release", dispatch_pb2.ReleaseRequest(), "request_id"),
    "long request id": ("TriggerRun", dispatch_pb2.TriggerRunRequest(request_id="x" * 65), "request_id"),
}


@pytest.mark.parametrize(("name", "request_message", "field"), WRONG.values(), ids=WRONG)
async def test_a_wrong_field_is_named_in_the_details(plant, name, request_message, field):
    async with channel(plant, "operator-grid") as opened:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call(opened, name)(request_message, timeout=TIMEOUT_S)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert detail_of(refused.value, error_details_pb2.BadRequest).field_violations[0].field == field


@pytest.mark.parametrize(
    ("name", "request_message", "kind"),
    [
        ("GetRun", pb.GetRunRequest(run_id="no"), "run"),
        ("GetPlan", pb.GetPlanRequest(run_id="no"), "plan of run"),
        ("GetTrail", pb.GetTrailRequest(asset_id="no", epoch=1, sequence=1), "asset"),
        ("GetTrail", pb.GetTrailRequest(asset_id="b1", epoch=1, sequence=1), "setpoint"),
        ("GetFleetState", pb.GetFleetStateRequest(feeder_id="no"), "feeder"),
    ],
)
async def test_what_is_not_there_is_not_found(plant, name, request_message, kind):
    async with channel(plant, "operator-grid") as opened:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call(opened, name)(request_message, timeout=TIMEOUT_S)
    assert refused.value.code() is grpc.StatusCode.NOT_FOUND
    assert detail_of(refused.value, error_details_pb2.ResourceInfo).resource_type == kind


async def test_a_fault_of_ours_says_nothing_of_the_inside(plant, monkeypatch):
    async def fail(**_):
        raise RuntimeError("secret path")

    monkeypatch.setattr(plant.store, "list_runs", fail)
    async with channel(plant, "operator-grid") as opened:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call(opened, "ListRuns")(pb.ListRunsRequest(), timeout=TIMEOUT_S)
    assert refused.value.code() is grpc.StatusCode.INTERNAL
    assert "secret" not in refused.value.details()


async def test_fleet_state_is_paged_and_shows_orders_in_force(plant):
    async with raw_session(plant), channel(plant, "operator-grid") as opened:
        await plant.gateway.send(plant.orders({0: 2.0}))
        # The operators' servicer of this fixture looks at the live state it was made with.
        service = plant.servicers["operator_servicer"]
        service._live, service._book = plant.gateway.live, plant.gateway.book
        ask = call(opened, "GetFleetState")
        first = await ask(pb.GetFleetStateRequest(page_size=2), timeout=TIMEOUT_S)
        rest = await ask(
            pb.GetFleetStateRequest(page_size=2, page_token=first.next_page_token), timeout=TIMEOUT_S
        )
        feeder = await ask(pb.GetFleetStateRequest(feeder_id="f2"), timeout=TIMEOUT_S)
    assert [state.asset_id for state in [*first.assets, *rest.assets]] == ["b1", "b2", "b3"]
    assert rest.next_page_token == ""
    assert (first.connected_assets, first.total_assets) == (2, 3)
    assert first.assets[0].setpoint_kw == 2.0
    assert not first.assets[1].HasField("setpoint_kw")
    assert [state.asset_id for state in feeder.assets] == ["b3"]


async def test_a_port_in_use_is_one_clear_sentence(certificates):
    async with running_plant(certificates) as plant:
        second = Plant(certificates)
        second.port = plant.port
        with pytest.raises(server.ServerStartError, match="stop the other program or choose another port"):
            await second.start()


def test_a_protobuf_in_pure_python_is_refused_at_the_start():
    probe = "from vpp.adapters.rpc.server import require_fast_protobuf; require_fast_protobuf()"
    ended = subprocess.run(
        [sys.executable, "-c", probe],
        env={"PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION": "python"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert "far too slow for a gateway" in ended.stderr


async def test_health_says_not_serving_while_the_service_stops(plant):
    async with channel(plant, "node-home") as opened:
        watch = health_pb2_grpc.HealthStub(opened).Watch(health_pb2.HealthCheckRequest(service=""))
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING
        stopping = asyncio.create_task(plant.server.stop(1.0))
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.NOT_SERVING
        await stopping
    await eventually(lambda: len(plant.gateway.connected_slots()) == 0)


def detail_of(error, kind):
    """Return the google.rpc detail of a refusal."""
    status = rpc_status.from_call(error)
    found = kind()
    assert status.details[0].Unpack(found), status
    return found
