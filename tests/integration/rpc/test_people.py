"""People over real gRPC: every RPC and every role, portfolios, pace, tokens that end."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta

import grpc
import grpc.aio
import pytest
from google.protobuf import message_factory
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from joserfc.jwk import KeySet
from typer.testing import CliRunner

from tests.integration.rpc.plant import channel, end_of
from tests.integration.rpc.test_access import detail_of
from tests.integration.rpc.test_every_rpc import (  # noqa: F401
    METHODS,
    PORTFOLIOS,
    TIMEOUT_S,
    path_of,
    plant,
    reason,
    status_of,
)
from vpp.adapters.rpc import limits
from vpp.adapters.rpc.access import AccessControl, thumbprint
from vpp.adapters.rpc.roles import PEOPLE
from vpp.adapters.storage.approvals import open_approvals
from vpp.adapters.storage.operators import open_operator_register
from vpp.adapters.tokens import SignedTokens, make_keys, sign_token
from vpp.cli.main import app
from vpp.domain.access import Role
from vpp.domain.approvals import Approval, ApprovalEvent, ApprovalNeed, EventKind, Subject
from vpp.domain.identity import TokenRevocation
from vpp.ports import StopRecord
from vpp.rpcgen import (
    access_pb2,
    access_pb2_grpc,
    approvals_pb2,
    approvals_pb2_grpc,
    dispatch_pb2,
    dispatch_pb2_grpc,
    fleet_view_pb2,
    operator_pb2,
    operator_pb2_grpc,
    stops_pb2,
)

PRIVATE, PUBLIC = make_keys()
AT = datetime(2020, 5, 20, 10, tzinfo=UTC)


@pytest.fixture
async def guarded(plant):  # noqa: F811
    """The plant with tokens; feeder f1 is the portfolio `north`."""
    keys = KeySet.import_key_set(PUBLIC)
    tokens = SignedTokens(
        lambda: keys,
        issuer="vpp",
        audience="vpp",
        longest_validity_s=43_200,
        now=lambda: plant.wall().timestamp(),
    )
    plant.servicers["dispatch_servicer"].portfolios = PORTFOLIOS
    access = AccessControl(tokens=tokens, portfolios=PORTFOLIOS, monotonic=lambda: 0.0)
    await plant.server.stop(0.0)
    plant.servicers |= {"access": access}
    await plant.start_server()
    return plant


def token(*roles, name="anna", **claims):
    now = int(time.time())
    said = {"iss": "vpp", "aud": "vpp", "sub": name, "iat": now, "exp": now + 3600}
    return sign_token(PRIVATE, said | {"roles": [str(role) for role in roles]} | claims)


def bearer(text):
    return (("authorization", f"Bearer {text}"),)


async def end(opened, path, metadata):
    """Call `path` with an empty message; return the error, None when there is none."""
    return await status_of(opened, next(item for item in METHODS if path_of(item) == path), metadata)


async def ends(opened, metadata):
    """Return what becomes of every method that is for people."""
    people = [method for method in METHODS if path_of(method) in PEOPLE]
    return {path_of(method): await status_of(opened, method, metadata) for method in people}


@pytest.mark.parametrize("role", list(Role))
async def test_a_role_may_call_what_the_table_says_and_nothing_else(guarded, role):
    async with channel(guarded, "operator-grid") as opened:
        found = await ends(opened, bearer(token(role)))
    denied = {path for path, error in found.items() if reason(error) == "ROLE_NOT_ALLOWED"}
    assert denied == {path for path in found if role not in PEOPLE[path].roles}


@pytest.mark.parametrize(
    ("metadata", "word"),
    [
        pytest.param((), "NO_TOKEN", id="none"),
        pytest.param((("authorization", "Basic abc"),), "NO_TOKEN", id="another kind"),
        pytest.param((*bearer("a.b.c"), *bearer("a.b.c")), "NO_TOKEN", id="two"),
        pytest.param(bearer("a.b.c"), "BAD_TOKEN", id="no token"),
        pytest.param(bearer(token(Role.OPERATOR, exp=1)), "BAD_TOKEN", id="expired"),
        pytest.param(bearer(token(Role.OPERATOR, aud="x")), "BAD_TOKEN", id="for others"),
    ],
)
async def test_without_a_good_token_nothing_is_done(guarded, metadata, word):
    async with channel(guarded, "operator-grid") as opened:
        found = await ends(opened, metadata)
        health = await health_pb2_grpc.HealthStub(opened).Check(
            health_pb2.HealthCheckRequest(), timeout=TIMEOUT_S
        )
    assert {error.code() for error in found.values()} == {grpc.StatusCode.UNAUTHENTICATED}
    assert {detail_of(error, error_details_pb2.ErrorInfo).reason for error in found.values()} == {word}
    assert health.status == health_pb2.HealthCheckResponse.SERVING


async def test_a_token_does_not_make_a_node_a_person(guarded):
    async with channel(guarded, "node-home") as opened:
        found = await ends(opened, bearer(token(*Role)))
    assert {reason(error) for error in found.values()} == {"ROLE_NOT_ALLOWED"}


async def test_a_token_may_be_bound_to_a_certificate(guarded):
    pem = (guarded.certificates / "operator-grid.pem").read_bytes()
    for mine in (True, False):
        bound = token(Role.VIEWER, cnf={"x5t#S256": thumbprint(pem) if mine else "other"})
        async with channel(guarded, "operator-grid") as opened:
            found = await end(opened, "/vpp.v1.OperatorService/ListRuns", bearer(bound))
        assert (found is None) is mine


async def test_who_is_limited_sees_and_orders_only_its_portfolio(guarded):
    metadata = bearer(token(Role.OPERATOR, portfolios=["north"]))
    async with channel(guarded, "operator-grid") as opened:
        operator = operator_pb2_grpc.OperatorServiceStub(opened)
        dispatch = dispatch_pb2_grpc.DispatchServiceStub(opened)
        state = await operator.GetFleetState(
            operator_pb2.GetFleetStateRequest(), timeout=TIMEOUT_S, metadata=metadata
        )
        assert [asset.asset_id for asset in state.assets] == ["b1", "b2"]
        assert state.total_assets == 2
        with pytest.raises(grpc.aio.AioRpcError) as foreign:
            await operator.GetFleetState(
                operator_pb2.GetFleetStateRequest(feeder_id="f2"), timeout=TIMEOUT_S, metadata=metadata
            )
        assert foreign.value.code() is grpc.StatusCode.NOT_FOUND
        with pytest.raises(grpc.aio.AioRpcError) as trail:
            await operator.GetTrail(
                operator_pb2.GetTrailRequest(asset_id="b3", epoch=1, sequence=1),
                timeout=TIMEOUT_S,
                metadata=metadata,
            )
        assert trail.value.code() is grpc.StatusCode.NOT_FOUND
        with pytest.raises(grpc.aio.AioRpcError) as run:
            await dispatch.TriggerRun(
                dispatch_pb2.TriggerRunRequest(request_id="r"), timeout=TIMEOUT_S, metadata=metadata
            )
        assert reason(run.value) == "PORTFOLIO_NOT_ALLOWED"


async def test_who_is_limited_runs_and_rehearses_its_own_portfolio_alone(guarded):
    metadata = bearer(token(Role.OPERATOR, portfolios=["north"]))
    async with channel(guarded, "operator-grid") as opened:
        dispatch = dispatch_pb2_grpc.DispatchServiceStub(opened)
        for call, request in (
            (dispatch.TriggerRun, dispatch_pb2.TriggerRunRequest),
            (dispatch.DryRun, dispatch_pb2.DryRunRequest),
            (dispatch.WhatIf, dispatch_pb2.WhatIfRequest),
        ):
            for foreign in ("", "south", "east"):
                with pytest.raises(grpc.aio.AioRpcError) as refused:
                    await call(
                        request(request_id="r", portfolio=foreign), timeout=TIMEOUT_S, metadata=metadata
                    )
                assert reason(refused.value) == "PORTFOLIO_NOT_ALLOWED", (request, foreign)
        mine = dispatch_pb2.TriggerRunRequest(request_id="mine", portfolio="north")
        run = (await dispatch.TriggerRun(mine, timeout=TIMEOUT_S, metadata=metadata)).run
        assert run.portfolio == "north"
        assert not run.HasField("objective"), "the bill of the whole is not theirs to see"
        everybody = bearer(token(Role.OPERATOR))
        with pytest.raises(grpc.aio.AioRpcError) as used:
            await dispatch.TriggerRun(
                dispatch_pb2.TriggerRunRequest(request_id="mine"), timeout=TIMEOUT_S, metadata=everybody
            )
        assert used.value.code() is grpc.StatusCode.ALREADY_EXISTS


async def test_who_is_limited_sees_and_decides_what_touches_its_portfolio_alone(guarded):
    register = open_approvals(guarded.url)
    for portfolio in ("north", "south", ""):
        name = f"approval-{portfolio or 'all'}"
        asked = Approval(
            approval_id=name,
            subject=Subject.PLAN,
            run_id="run-1",
            requested_at=AT,
            expires_at=AT + timedelta(minutes=10),
            requester="ben",
            need=ApprovalNeed(rule_ids=("r",), reasons=("so",), persons=1, timeout=timedelta(minutes=10)),
            verdict="passed",
            epoch=1,
            portfolio=portfolio,
            cost_with=3.0,
        )
        event = ApprovalEvent(approval_id=name, kind=EventKind.REQUESTED, at=AT)
        await register.open(asked, [event], epoch=1)
    await register.close()
    anna, everybody = (bearer(token(Role.OPERATOR, **limited)) for limited in ({"portfolios": ["north"]}, {}))
    async with channel(guarded, "operator-grid") as opened:
        approvals = approvals_pb2_grpc.ApprovalServiceStub(opened)

        async def listed(metadata):
            page = await approvals.ListApprovals(
                approvals_pb2.ListApprovalsRequest(), timeout=TIMEOUT_S, metadata=metadata
            )
            return {item.approval_id: item for item in page.approvals}

        assert set(await listed(everybody)) == {"approval-north", "approval-south", "approval-all"}
        (mine,) = (await listed(anna)).values()
        assert (mine.approval_id, mine.portfolio, mine.HasField("cost_with")) == (
            "approval-north",
            "north",
            False,
        )
        for name in ("approval-south", "approval-all"):
            for call, request in (
                (approvals.GetApproval, approvals_pb2.GetApprovalRequest(approval_id=name)),
                (approvals.Approve, approvals_pb2.ApproveRequest(approval_id=name, request_id="w")),
                (approvals.Reject, approvals_pb2.RejectRequest(approval_id=name, request_id="w")),
            ):
                with pytest.raises(grpc.aio.AioRpcError) as foreign:
                    await call(request, timeout=TIMEOUT_S, metadata=anna)
                assert foreign.value.code() is grpc.StatusCode.NOT_FOUND
        watch = approvals.WatchApprovals(
            approvals_pb2.WatchApprovalsRequest(after=0), timeout=TIMEOUT_S, metadata=anna
        )
        begin, first = await watch.read(), await watch.read()
        assert (begin.position, first.approval.approval_id) == (0, "approval-north")
        watch.cancel()


async def test_who_is_limited_sees_stops_of_its_assets_and_of_the_fleet(guarded):
    register = open_operator_register(guarded.url)
    named = {"one": (("b1",), ""), "other": (("b3",), ""), "both": (("b1", "b3"), ""), "north": ((), "f1")}
    named |= {"south": ((), "f2"), "fleet": ((), "")}
    await register.save_stops(
        [
            StopRecord(
                request_id=name,
                action="stop",
                operator="ben",
                reason="work",
                at=AT,
                asset_ids=asset_ids,
                feeder_id=feeder_id,
            )
            for name, (asset_ids, feeder_id) in named.items()
        ]
    )
    await register.close()
    async with channel(guarded, "operator-grid") as opened:
        dispatch = dispatch_pb2_grpc.DispatchServiceStub(opened)
        for limits_of, seen in (
            ({"portfolios": ["north"]}, "fleet north one"),
            ({}, " ".join([*named][::-1])),
        ):
            page = await dispatch.ListStops(
                stops_pb2.ListStopsRequest(),
                timeout=TIMEOUT_S,
                metadata=bearer(token(Role.VIEWER, **limits_of)),
            )
            assert [stop.request_id for stop in page.stops] == seen.split()


async def test_stops_are_shown_on_the_command_line(plant, certificates):  # noqa: F811
    register = open_operator_register(plant.url)
    stop = StopRecord(
        request_id="s", action="stop", operator="ben", reason="work", at=AT, asset_ids=("b1",), feeder_id=""
    )
    await register.save_stops([stop])
    await register.close()
    words = ["stops", "--address", plant.server.target, "--certificates", str(certificates)]
    shown = await asyncio.to_thread(CliRunner().invoke, app, [*words, "--operator", "grid"])
    assert shown.output == "2020-05-20 10:00:00 UTC  stop of b1 by ben: work\n"


async def test_who_is_limited_to_an_unknown_portfolio_sees_nothing(guarded):
    metadata = bearer(token(Role.VIEWER, portfolios=["east"]))
    async with channel(guarded, "operator-grid") as opened:
        state = await operator_pb2_grpc.OperatorServiceStub(opened).GetFleetState(
            operator_pb2.GetFleetStateRequest(), timeout=TIMEOUT_S, metadata=metadata
        )
    assert not state.assets
    assert (state.connected_assets, state.total_assets) == (0, 0)


async def test_every_rpc_that_does_not_look_at_portfolios_is_closed_to_who_is_limited(guarded):
    async with channel(guarded, "operator-grid") as opened:
        found = await ends(opened, bearer(token(*Role, portfolios=["north"])))
    closed = {path for path, error in found.items() if reason(error) == "PORTFOLIO_NOT_ALLOWED"}
    assert closed == {path for path in found if not PEOPLE[path].scoped}
    whole_fleet = {f"/vpp.v1.ShadowService/{name}Promotion" for name in ("Propose", "Revert")}
    assert whole_fleet <= closed, "what is promoted decides for every portfolio"


async def test_who_calls_too_often_waits_and_hurts_nobody_else_and_a_stop_is_never_held_up(guarded):
    trigger = "/vpp.v1.DispatchService/TriggerRun"
    async with channel(guarded, "operator-grid") as opened:
        mine, other = bearer(token(Role.OPERATOR)), bearer(token(Role.OPERATOR, name="ben"))
        found = [await end(opened, trigger, mine) for _ in range(limits.WRITE_BURST + 1)]
        assert found[-1].code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert (await end(opened, trigger, other)).code() is not grpc.StatusCode.RESOURCE_EXHAUSTED
        stop = await end(opened, "/vpp.v1.DispatchService/Stop", mine)
        assert stop is None or stop.code() is not grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_an_open_stream_ends_with_its_token(guarded):
    path = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
    soon = token(Role.VIEWER, exp=int((datetime.now(UTC) + timedelta(minutes=5)).timestamp()))
    async with channel(guarded, "operator-grid") as opened:

        async def nothing():
            while True:
                yield b""
                await guarded.forever.wait()

        guarded.forever = asyncio.Event()
        stream = opened.stream_stream(path)(nothing(), metadata=bearer(soon))
        await stream.read()
        guarded.wall.ahead = timedelta(minutes=6)
        await guarded.doorkeeper.refresh()
        code, words = await end_of(stream)
    assert code == "PERMISSION_DENIED"
    assert "token" in words


FOREIGN = {
    "asset_id": "b3",
    "asset_ids": "b3",
    "feeder_id": "f2",
    "feeder_ids": "f2",
    "portfolio_id": "south",
}
USUAL = {"request_id": "r-1", "run_id": "run-1", "reason": "test", "epoch": 1, "sequence": 1}


def foreign_request(descriptor, depth=0):
    """Return a request that names what belongs to others in every field that can; None where none can."""
    message = message_factory.GetMessageClass(descriptor)()
    named = False
    for field in descriptor.fields:
        value = FOREIGN.get(field.name, USUAL.get(field.name))
        if field.message_type is not None:
            inner = None if depth > 2 else foreign_request(field.message_type, depth + 1)
            if inner is None or (field.containing_oneof and message.WhichOneof(field.containing_oneof.name)):
                continue
            named = True
            getattr(message, field.name).extend([inner]) if field.is_repeated else getattr(
                message, field.name
            ).CopyFrom(inner)
        elif value is not None and field.cpp_type in {field.CPPTYPE_STRING, field.CPPTYPE_UINT64}:
            named |= field.name in FOREIGN
            if field.is_repeated:
                getattr(message, field.name).append(value)
            else:
                setattr(message, field.name, value)
    return message if named else None


SCOPED = [
    method
    for method in METHODS
    if path_of(method) in PEOPLE and PEOPLE[path_of(method)].scoped and foreign_request(method.input_type)
]


@pytest.mark.parametrize("method", SCOPED, ids=lambda method: method.name)
async def test_a_limited_caller_gets_nothing_of_others_from_any_rpc(guarded, method):
    request = foreign_request(method.input_type)
    answers = message_factory.GetMessageClass(method.output_type)
    limited = bearer(token(*Role, portfolios=["north"]))
    async with channel(guarded, "operator-grid") as opened:
        kind = "unary_stream" if method.server_streaming else "unary_unary"
        call = getattr(opened, kind)(
            path_of(method),
            request_serializer=type(request).SerializeToString,
            response_deserializer=answers.FromString,
        )(request, timeout=2.0 if method.server_streaming else TIMEOUT_S, metadata=limited)
        try:
            answer = await (call.read() if method.server_streaming else call)
        except grpc.aio.AioRpcError as refused:
            assert refused.code() in {  # noqa: PT017 - whether it is refused or answered is open
                grpc.StatusCode.NOT_FOUND,
                grpc.StatusCode.INVALID_ARGUMENT,
                grpc.StatusCode.PERMISSION_DENIED,
                grpc.StatusCode.FAILED_PRECONDITION,
                grpc.StatusCode.DEADLINE_EXCEEDED,
            }
            return
    assert "b3" not in str(answer)
    assert "f2" not in str(answer)


def test_the_foreign_names_reach_the_rpcs_that_take_names():
    assert {"GetFleetState", "WatchFleet", "ListSetpoints", "GetTrail", "Stop", "Release"} <= {
        method.name for method in SCOPED
    }


@pytest.mark.parametrize("by", ["token_id", "person"])
async def test_a_token_that_was_revoked_is_refused_at_once_and_its_open_calls_end(guarded, by):
    held = bearer(token(Role.VIEWER, jti="t-1"))
    others = bearer(token(Role.VIEWER, name="ben", jti="t-2"))
    operator = bearer(token(Role.OPERATOR, name="boss"))
    summary = "/vpp.v1.OperatorService/SummarizeFleet"
    asked = access_pb2.RevokeTokensRequest(reason="left")
    setattr(asked, by, {"token_id": "t-1", "person": "anna"}[by])
    async with channel(guarded, "operator-grid") as opened:
        stub = access_pb2_grpc.AccessServiceStub(opened)
        watch = operator_pb2_grpc.OperatorServiceStub(opened).WatchFleet(
            fleet_view_pb2.WatchFleetRequest(), metadata=held
        )
        await watch.read()
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.RevokeTokens(asked, timeout=TIMEOUT_S, metadata=others)
        assert reason(refused.value) == "ROLE_NOT_ALLOWED"
        assert await end(opened, summary, held) is None
        for ended in (1, 0):
            answer = await stub.RevokeTokens(asked, timeout=TIMEOUT_S, metadata=operator)
            assert answer.ended_calls == ended
        assert (await end_of(watch))[0] == "PERMISSION_DENIED"
        assert reason(await end(opened, summary, held)) == "REVOKED"
        assert await end(opened, summary, others) is None
        assert await end(opened, summary, operator) is None
        # What is issued to the person later is good, unless it is the same token.
        newer = {"iat": int(time.time()) + 5, "jti": "t-1" if by == "token_id" else "t-3"}
        newest = await end(opened, summary, bearer(token(Role.VIEWER, **newer)))
        assert reason(newest) == ("REVOKED" if by == "token_id" else "")
        for wrong in ({}, {"token_id": "a", "person": "b"}, {"token_id": "a b"}):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await stub.RevokeTokens(
                    access_pb2.RevokeTokensRequest(**wrong), timeout=TIMEOUT_S, metadata=operator
                )
            assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    events = (await guarded.register.events(page_size=9, page_token="")).items
    assert {(event.kind, event.actor) for event in events} == {("token_revoked", "boss")}


async def test_a_token_that_was_revoked_elsewhere_is_refused_when_the_list_is_read_again(guarded):
    await guarded.register.revoke_tokens(
        TokenRevocation(at=guarded.wall(), by="boss", reason="lost", token_id="t-1")
    )
    held = bearer(token(Role.VIEWER, jti="t-1"))
    summary = "/vpp.v1.OperatorService/SummarizeFleet"
    assert limits.DENY_LIST_PERIOD_S <= 60.0
    async with channel(guarded, "operator-grid") as opened:
        assert await end(opened, summary, held) is None
        await guarded.doorkeeper.refresh()
        assert reason(await end(opened, summary, held)) == "REVOKED"
