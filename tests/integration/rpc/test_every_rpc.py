"""Every RPC and every kind of stranger: nobody reads or writes what is not its own.

The RPCs come from the descriptors. One that nodes may call needs a case in OWN, and every message that
a node may send one in FOREIGN_MESSAGES; without, a test fails.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import pkgutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import grpc
import grpc.aio
import numpy as np
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

import vpp.rpcgen
from tests.integration.rpc.identities import guarded_plant
from tests.integration.rpc.plant import channel, end_of, eventually, raw_session, read_kind
from tests.integration.rpc.test_access import detail_of
from tests.integration.rpc.test_enrolment import request_for
from tests.unit.rpc.runs import make_run
from vpp.adapters.rpc.approvals import ApprovalServicer
from vpp.adapters.rpc.audit import AuditServicer
from vpp.adapters.rpc.dispatch import DispatchServicer
from vpp.adapters.rpc.forecasting import ForecastServicer
from vpp.adapters.rpc.identity import Kind
from vpp.adapters.rpc.operator import OperatorServicer
from vpp.adapters.rpc.overrides import OverrideParts
from vpp.adapters.rpc.roles import ANYBODY, NODES, PEOPLE
from vpp.adapters.rpc.schedules import ScheduleServicer
from vpp.adapters.rpc.settlement import SettlementServicer
from vpp.adapters.rpc.shadows import ShadowServicer
from vpp.adapters.rpc.token_revocations import AccessServicer
from vpp.adapters.storage import open_audit, open_identities, open_signals
from vpp.adapters.storage.approvals import open_approvals
from vpp.adapters.storage.operators import open_operator_register
from vpp.adapters.storage.promotions import open_promotions
from vpp.adapters.storage.shadows import open_shadows
from vpp.domain.approvals import ApprovalTerms
from vpp.domain.portfolios import Portfolios
from vpp.node.fleet import running
from vpp.ports import StoreUnavailableError
from vpp.rpcgen import enrolment_pb2, enrolment_pb2_grpc, fleet_pb2
from vpp.service.approvals import ApprovalDesk
from vpp.service.certificates import create_authority, issue_node, issue_operator
from vpp.service.ids import IdFactory
from vpp.service.promoting import Promoting
from vpp.service.run_board import RunBoard

TIMEOUT_S = 15.0
ENROLMENT = "vpp.v1.EnrolmentService"


def services():
    """Return the descriptor of every service there is, by full name."""
    own = [module.name for module in pkgutil.iter_modules(vpp.rpcgen.__path__)]
    modules = [importlib.import_module(f"vpp.rpcgen.{name}") for name in own if name.endswith("_pb2")]
    files = [module.DESCRIPTOR for module in (health_pb2, reflection_pb2, *modules)]
    return {service.full_name: service for file in files for service in file.services_by_name.values()}


# The health service of the library has one method that it does not implement.
METHODS = [
    method
    for service in services().values()
    for method in service.methods
    if method.full_name != "grpc.health.v1.Health.List"
]


def path_of(method):
    return f"/{method.containing_service.full_name}/{method.name}"


async def status_of(opened, method, metadata=None):
    """Call a method with an empty message; return the error, None when there is none.

    Where a stream is refused while its first message is written, the client library can put a status of its
    own over the service's (https://github.com/grpc/grpc/issues/36066): this one alone is asked again.
    """
    for _ in range(20):
        error = await end_of_call(opened, method, metadata)
        if error is None or error.details() != "Internal error from Core":
            break
    return error


async def end_of_call(opened, method, metadata):
    sides = ("stream" if side else "unary" for side in (method.client_streaming, method.server_streaming))
    call = getattr(opened, "_".join(sides))(path_of(method))
    argument = iter([b""]) if method.client_streaming else b""
    try:
        answer = call(argument, timeout=TIMEOUT_S, metadata=metadata)
        if method.server_streaming:
            await answer.read()
            answer.cancel()
        else:
            await answer
    except grpc.aio.AioRpcError as error:
        return error
    return None


PORTFOLIOS = Portfolios({"north": ("f1",), "south": ("f2",)})


class NoSchedules:
    async def look(self, *, next_times, after):
        return []


@pytest.fixture
async def plant(certificates, identity_database):
    """A plant with every service on it."""
    async with guarded_plant(certificates, identity_database) as made:

        async def trigger_run(trigger, portfolio):
            return replace(make_run("run-1", trigger=trigger), portfolio=portfolio)

        await made.server.stop(0.0)
        signals, approvals = open_signals(made.url), open_approvals(made.url)
        board = RunBoard(made.clock, len(made.fleet))
        chain, orders = open_audit(made.url), open_operator_register(made.url)
        shadows, promotions = open_shadows(made.url), open_promotions(made.url)

        async def nothing(*_words, **_order):
            return None

        made.servicers |= {
            "operator_servicer": operator_servicer(made, signals),
            "dispatch_servicer": DispatchServicer(
                trigger_run=trigger_run,
                store=made.store,
                carry_out=made.gateway.stop,
                overrides=OverrideParts(desk=None, register=orders, fleet=made.fleet, clock=made.clock),
                progress=board,
            ),
            "forecast_servicer": ForecastServicer(store=made.store, clock=made.clock, explain=None),
            "services": [
                ApprovalServicer(
                    desk=approval_desk(made, approvals),
                    register=approvals,
                    fleet=made.fleet,
                    portfolios=PORTFOLIOS,
                ).add_to,
                AuditServicer(chain=chain, explain=nothing, fleet=made.fleet).add_to,
                ScheduleServicer(
                    desk=NoSchedules(), register=None, clock=made.clock, portfolios=Portfolios()
                ).add_to,
                SettlementServicer(settle=nothing, fleet=made.fleet).add_to,
                AccessServicer(register=made.register, doorkeeper=made.doorkeeper).add_to,
                ShadowServicer(
                    shadows=(), register=shadows, report=nothing, promoting=promoting(made, promotions)
                ).add_to,
            ],
        }
        await made.start_server()
        with board.run("run-0", "test"):  # so that there is a run to watch
            yield made
        await signals.close()
        await approvals.close()
        await chain.close()
        await orders.close()
        await shadows.close()
        await promotions.close()


def approval_desk(plant, register):
    return ApprovalDesk(
        register=register,
        terms=ApprovalTerms(),
        clock=plant.clock,
        epoch=1,
        new_id=IdFactory(kind="approval", epoch=1),
    )


def promoting(plant, register):
    return Promoting(
        register=register, desk=None, clock=plant.clock, epoch=1, check=lambda _: None, apply=None
    )


def operator_servicer(plant, signals):
    return OperatorServicer(
        fleet=plant.fleet,
        store=plant.store,
        live=plant.gateway.live,
        book=plant.gateway.book,
        clock=plant.clock,
        signals=signals,
    )


# strangers: the handshake keeps them out -----------------------------------------------------------


def issue_other(folder, _now):
    """Certificates of another authority with the same names."""
    create_authority(folder)
    issue_node(folder, "home")
    issue_operator(folder, "grid")


def issue_self_signed(folder, now):
    """Certificates that nobody signed but themselves."""
    for name in ("node-home", "operator-grid"):
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        uri = x509.UniformResourceIdentifier(f"urn:vpp:{name.replace('-', ':')}")
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([uri]), critical=False)
            .sign(key, hashes.SHA256())
        )
        pem, der = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        (folder / f"{name}.pem").write_bytes(certificate.public_bytes(pem))
        (folder / f"{name}.key").write_bytes(key.private_bytes(pem, der, serialization.NoEncryption()))


def issue_expired(folder, now):
    """Certificates of the right authority that are over."""
    for name in ("authority.pem", "authority.key"):
        (folder / name).write_bytes((folder.parent / "right" / name).read_bytes())
    issue_node(folder, "home", now=now - timedelta(days=400))
    issue_operator(folder, "grid", now=now - timedelta(days=400))


def issue_none(folder, _now):
    """No certificate at all."""


STRANGERS = {
    "other authority": issue_other,
    "self-signed": issue_self_signed,
    "expired": issue_expired,
    "no certificate": issue_none,
}


@pytest.mark.parametrize("name", ["node-home", "operator-grid"])
@pytest.mark.parametrize("issue", STRANGERS.values(), ids=STRANGERS)
async def test_a_stranger_can_call_nothing(plant, tmp_path, issue, name):
    right = tmp_path / "right"
    right.mkdir()
    for file in ("authority.pem", "authority.key"):
        (right / file).write_bytes((plant.certificates / file).read_bytes())
    folder = tmp_path / "stranger"
    folder.mkdir()
    issue(folder, datetime.now(UTC))
    (folder / "authority.pem").write_bytes(
        (right / "authority.pem").read_bytes()
    )  # the server is the right one
    if issue is issue_none:
        tls = grpc.ssl_channel_credentials((folder / "authority.pem").read_bytes())
        opening = grpc.aio.secure_channel(plant.server.target, tls)
    else:
        opening = channel(plant, name, directory=folder)
    async with opening as opened:
        ends = await asyncio.gather(*(status_of(opened, method) for method in METHODS))
    let_in = {
        path_of(method): end
        for method, end in zip(METHODS, ends, strict=True)
        if end is None or end.code() is not grpc.StatusCode.UNAVAILABLE
    }
    assert let_in == {}


# revoked ones: the doorkeeper does ------------------------------------------------------------------


def allowed(kind):
    """Return the methods that who holds a certificate of this kind may call."""
    own = NODES if kind is Kind.NODE else set(PEOPLE)
    return {path_of(method) for method in METHODS} & (own | ANYBODY)


def serial_of(path):
    return format(x509.load_pem_x509_certificate(path.read_bytes()).serial_number, "x")


@pytest.mark.parametrize(
    ("name", "kind", "by"),
    [
        ("node-home", Kind.NODE, "name"),
        ("node-home", Kind.NODE, "serial"),
        ("operator-grid", Kind.OPERATOR, "serial"),
    ],
)
async def test_who_is_revoked_can_call_nothing(plant, name, kind, by):
    async with channel(plant, name) as opened:
        before = {path_of(method): await status_of(opened, method) for method in METHODS}
        serial = serial_of(plant.certificates / f"{name}.pem") if by == "serial" else ""
        await plant.revoke(node_id="" if serial else "home", serial=serial)
        await plant.doorkeeper.refresh()
        after = {path_of(method): await status_of(opened, method) for method in METHODS}
    let_in = {path for path, end in before.items() if not denied(end)}
    assert allowed(kind) <= let_in | {path for path in allowed(kind) if ENROLMENT in path}
    assert {path for path, end in after.items() if not denied(end)} <= unimplemented(after)
    revoked = {path for path, end in after.items() if reason(end) == "REVOKED"}
    assert allowed(kind) <= revoked


def denied(end):
    return end is not None and end.code() is grpc.StatusCode.PERMISSION_DENIED


def unimplemented(ends):
    """Return what is not on this listener at all."""
    code = grpc.StatusCode.UNIMPLEMENTED
    return {path for path, end in ends.items() if end is not None and end.code() is code}


def reason(end):
    if not denied(end):
        return ""
    return detail_of(end, error_details_pb2.ErrorInfo).reason


async def test_a_revocation_ends_what_is_open_and_leaves_the_others(plant):
    async with (
        raw_session(plant) as (stream, _),
        raw_session(plant, "node-depot", ("b3",)) as (other, _),
        channel(plant, "node-home") as opened,
    ):
        watch = health_pb2_grpc.HealthStub(opened).Watch(health_pb2.HealthCheckRequest(service=""))
        await watch.read()
        await plant.revoke(node_id="home")
        await plant.doorkeeper.refresh()
        for ended in (stream, watch):
            code, words = await end_of(ended)
            assert code == "PERMISSION_DENIED"
            assert "node home was revoked" in words
        assert plant.gateway.connected_slots().tolist() == [2]
        report = await plant.gateway.send(plant.orders({0: 1.0, 2: 1.0}))
        assert report.unreachable_slots == (0,)
        assert (await read_kind(other, "setpoints")).power_kw == [1.0]


async def test_the_assets_of_a_revoked_node_fall_back_when_their_lease_ends(plant):
    agent = plant.agent("home", ["b1", "b2"])
    async with running(agent):
        await eventually(agent.connected.is_set)
        await plant.gateway.send(plant.orders({0: 2.0}, lifetime_s=60.0))
        await eventually(lambda: agent.control.applied_kw("b1") == 2.0)
        await plant.revoke(node_id="home")
        await plant.doorkeeper.refresh()
        await eventually(lambda: not agent.connected.is_set())
        assert agent.control.applied_kw("b1") == 2.0  # until the lease ends, 60 s of the plant
        await eventually(lambda: agent.control.applied_kw("b1") == 0.0)
        assert "revoked" in agent.problem
        assert not agent.connected.is_set()


async def test_a_revocation_survives_a_restart_and_is_read_while_the_service_runs(plant, monkeypatch):
    monkeypatch.setattr("vpp.adapters.rpc.limits.DENY_LIST_PERIOD_S", 0.05)
    await plant.server.stop(0.0)
    await plant.start_server()
    async with raw_session(plant) as (stream, _):
        register = open_identities(plant.url)  # as `vpp revoke` does, from another process
        try:
            plant.register, own = register, plant.register
            await plant.revoke(node_id="home")
        finally:
            await register.close()
            plant.register = own
        assert (await end_of(stream))[0] == "PERMISSION_DENIED"
    await plant.server.stop(0.0)
    plant.doorkeeper._deny = type(plant.doorkeeper._deny)()
    await plant.start_server()
    async with channel(plant, "node-home") as opened:
        end = await status_of(opened, services()["vpp.v1.IdentityService"].methods[0])
    assert reason(end) == "REVOKED"


async def test_while_the_database_is_away_the_last_list_stays_in_force(plant, monkeypatch):
    await plant.revoke(node_id="home")
    await plant.doorkeeper.refresh()
    monkeypatch.setattr("vpp.adapters.rpc.limits.DENY_LIST_PERIOD_S", 0.01)

    async def away():
        away.asked = True
        raise StoreUnavailableError("gone")

    monkeypatch.setattr(plant.register, "deny_list", away)
    task = asyncio.create_task(plant.doorkeeper.run())
    await eventually(lambda: getattr(away, "asked", False))
    async with channel(plant, "node-home") as opened:
        end = await status_of(opened, services()["vpp.v1.IdentityService"].methods[0])
    assert reason(end) == "REVOKED"
    assert not task.done()
    task.cancel()


async def test_a_certificate_that_ends_ends_its_session(plant):
    async with raw_session(plant) as (stream, _):
        plant.wall.ahead = timedelta(days=366)
        await plant.doorkeeper.refresh()
        code, words = await end_of(stream)
    assert code == "PERMISSION_DENIED"
    assert "ended" in words


async def test_what_was_renewed_from_a_revoked_certificate_is_revoked_with_it(plant, tmp_path):
    request = enrolment_pb2.RenewRequest(signing_request=request_for())
    async with channel(plant, "node-home") as opened:
        stub = enrolment_pb2_grpc.IdentityServiceStub(opened)
        answer = await stub.Renew(request, timeout=TIMEOUT_S)
    renewed = x509.load_pem_x509_certificate(answer.certificate_chain.encode())
    await plant.revoke(serial=serial_of(plant.certificates / "node-home.pem"))
    deny = await plant.register.deny_list()
    assert deny.reason(node_id="home", serial=format(renewed.serial_number, "x"))
    assert not deny.reason(node_id="home", serial="abc")


# nodes that are who they say: their own, and nothing else ---------------------------------------------


async def session_case(plant):
    """A node brings and hears its own assets only."""
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        async with raw_session(plant, asset_ids=("b1", "b3")):
            pass
    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
    async with raw_session(plant) as (stream, welcome):
        assert {terms.asset_id for terms in welcome.assets} == {"b1", "b2"}
        for message in FOREIGN_MESSAGES.values():
            if message is not None:
                await stream.write(message)
                assert await read_kind(stream, "refusal")
        report = await plant.gateway.send(plant.orders({2: 1.0}))
        assert report.unreachable_slots == (2,)
    assert plant.store.readings_of(2) == []
    assert plant.store.acknowledgements == []
    assert plant.store.sessions == []
    assert plant.store.feeder_readings == {}
    assert not np.isfinite(plant.gateway.live.latest_readings().soc).any()


async def describe_case(plant):
    """A node is told of its own certificate; the message has no room for another one."""
    assert not enrolment_pb2.DescribeCertificateRequest.DESCRIPTOR.fields
    async with channel(plant, "node-home") as opened:
        stub = enrolment_pb2_grpc.IdentityServiceStub(opened)
        answer = await stub.DescribeCertificate(enrolment_pb2.DescribeCertificateRequest(), timeout=TIMEOUT_S)
    assert answer.node_id == "home"
    assert answer.serial == serial_of(plant.certificates / "node-home.pem")


async def renew_case(plant):
    """A node renews its own name; whoever it asks to become."""
    async with channel(plant, "node-home") as opened:
        stub = enrolment_pb2_grpc.IdentityServiceStub(opened)
        for uri in ("urn:vpp:node:depot", "urn:vpp:operator:grid"):
            request = enrolment_pb2.RenewRequest(signing_request=request_for(uris=[uri]))
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await stub.Renew(request, timeout=TIMEOUT_S)
            assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        request = enrolment_pb2.RenewRequest(signing_request=request_for())
        answer = await stub.Renew(request, timeout=TIMEOUT_S)
    certificate = x509.load_pem_x509_certificate(answer.certificate_chain.encode())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [name.value for name in names] == ["urn:vpp:node:home"]


async def health_case(plant):
    """Health says whether a service serves, of no node anything."""
    async with channel(plant, "node-home") as opened:
        stub = health_pb2_grpc.HealthStub(opened)
        answer = await stub.Check(health_pb2.HealthCheckRequest(service=""), timeout=TIMEOUT_S)
    assert [field.name for field, _ in answer.ListFields()] == ["status"]


OWN = {
    "/vpp.v1.FleetService/Session": session_case,
    "/vpp.v1.IdentityService/DescribeCertificate": describe_case,
    "/vpp.v1.IdentityService/Renew": renew_case,
} | {
    f"/grpc.health.v1.Health/{method.name}": health_case
    for method in services()["grpc.health.v1.Health"].methods
    if method in METHODS
}


def foreign_columns(kind, **columns):
    return fleet_pb2.NodeMessage(**{kind: {"slot": [2], **columns}})


FOREIGN_MESSAGES = {
    "hello": None,  # a second one is no message; the first is tried above
    "pong": None,  # says nothing of an asset
    "reading": fleet_pb2.NodeMessage(
        reading={"slot": 2, "soc": 0.5, "connected": True, "reading_number": 1, "measured_at": {"seconds": 1}}
    ),
    "reading_batch": foreign_columns(
        "reading_batch",
        offset_ms=[0],
        soc=[0.5],
        power_kw=[0.0],
        connected=[True],
        reading_number=1,
        base_time={"seconds": 1},
    ),
    "acknowledgement": foreign_columns(
        "acknowledgement",
        epoch=1,
        sequence=[1],
        state="ACKNOWLEDGEMENT_STATE_STARTED",
        at={"seconds": 1},
    ),
    "charging_sessions": fleet_pb2.NodeMessage(
        charging_sessions={
            "sessions": [{"slot": 2, "connected_from": {"seconds": 1}, "connected_until": {"seconds": 9}}]
        }
    ),
    "feeder_reading": fleet_pb2.NodeMessage(
        feeder_reading={"feeder_id": "f2", "start": {"seconds": 1}, "reading_number": 1}
    ),
}


def test_every_rpc_of_nodes_and_every_message_of_nodes_has_a_case():
    assert set(OWN) == allowed(Kind.NODE)
    said = {field.name for field in fleet_pb2.NodeMessage.DESCRIPTOR.oneofs_by_name["message"].fields}
    assert set(FOREIGN_MESSAGES) == said


def test_every_rpc_is_for_somebody_or_has_its_own_listener():
    there = {path_of(method) for method in METHODS}
    named = set(PEOPLE) | NODES | ANYBODY
    assert {path for path in there - named if ENROLMENT not in path} == set()
    # Of the library's services only the older name of reflection is in the descriptors here.
    newer = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
    assert named - there == {"/grpc.health.v1.Health/List", newer}
    assert not set(PEOPLE) & NODES


@pytest.mark.parametrize("case", sorted(set(OWN.values()), key=lambda case: case.__name__))
async def test_a_node_reads_and_writes_its_own(plant, case):
    await case(plant)


@pytest.mark.parametrize("name", ["node-home", "node-meter-f1", "node-stranger"])
async def test_a_node_may_call_nothing_else(plant, name):
    async with channel(plant, name) as opened:
        ends = {path_of(method): await status_of(opened, method) for method in METHODS}
    for path, end in ends.items():
        if path not in allowed(Kind.NODE) and path not in unimplemented(ends):
            assert denied(end), path


async def test_every_service_but_enrolment_is_on_the_plant_of_these_tests(plant):
    async with channel(plant, "operator-grid") as opened:
        ends = {path_of(method): await status_of(opened, method) for method in METHODS}
    assert unimplemented(ends) == {path for path in ends if ENROLMENT in path}


async def test_the_enrolment_listener_serves_enrolment_and_nothing_else(plant):
    tls = grpc.ssl_channel_credentials((plant.certificates / "authority.pem").read_bytes())
    async with grpc.aio.secure_channel(plant.enrolment.target, tls) as opened:
        ends = {path_of(method): await status_of(opened, method) for method in METHODS}
    assert unimplemented(ends) == {path for path in ends if ENROLMENT not in path}


async def test_reflection_is_ended_by_a_revocation_as_well(plant):
    async with channel(plant, "operator-grid") as opened:
        asked = asyncio.Queue()

        async def questions():
            while True:
                yield await asked.get()

        answers = reflection_pb2_grpc.ServerReflectionStub(opened).ServerReflectionInfo(questions())
        await asked.put(reflection_pb2.ServerReflectionRequest(list_services=""))
        assert await answers.read()
        await plant.revoke(serial=serial_of(plant.certificates / "operator-grid.pem"))
        await plant.doorkeeper.refresh()
        with contextlib.suppress(grpc.aio.AioRpcError):
            async with asyncio.timeout(5):
                await answers.read()
        assert (await answers.code()) is grpc.StatusCode.PERMISSION_DENIED
        answers.cancel()
