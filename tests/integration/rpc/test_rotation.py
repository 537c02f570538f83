"""A certificate is replaced before it ends, and the session does not notice."""

from __future__ import annotations

import asyncio
import ssl
from datetime import timedelta

import grpc
import grpc.aio
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from tests.integration.rpc.identities import guarded_plant
from tests.integration.rpc.plant import channel, eventually
from tests.integration.rpc.test_enrolment import request_for
from vpp.adapters.rpc import limits
from vpp.adapters.rpc.credentials import CredentialFiles
from vpp.domain.readings import to_microseconds
from vpp.node.credentials import NodeCredentials, StoredCredentials
from vpp.node.enrolment import enrol, renewal_wait_s, save_enrolled
from vpp.node.fleet import running
from vpp.node.keys import new_key_request
from vpp.rpcgen import enrolment_pb2 as pb
from vpp.rpcgen import enrolment_pb2_grpc
from vpp.service.certificates import issue_server


@pytest.fixture
async def plant(certificates, identity_database):
    async with guarded_plant(certificates, identity_database, max_order_age_s=1000.0) as made:
        yield made


async def enrolled_node(plant, folder, node_id="home"):
    """Return the credentials of a node that was let in three weeks ago; the service's time is then, too."""
    plant.wall.ahead = -timedelta(days=21)
    authority = (plant.certificates / "authority.pem").read_bytes()
    save_enrolled(await enrol(plant.enrolment.target, await plant.token(node_id), authority), folder)
    return StoredCredentials(folder, f"node-{node_id}")


def serial_of(credentials):
    return format(x509.load_pem_x509_certificate(credentials.certificate).serial_number, "x")


async def test_a_session_moves_to_the_new_certificate_without_a_gap(plant, tmp_path, monkeypatch):
    monkeypatch.setattr("vpp.node.limits.QUIET_WAIT_S", 0.1)  # it is never quiet here
    stored = await enrolled_node(plant, tmp_path / "node")
    before = serial_of(stored.current)
    agent = plant.agent("home", ["b1", "b2"], credentials=stored, certificate_look_s=0.2)
    async with running(agent):
        await eventually(agent.connected.is_set)
        await plant.gateway.send(plant.orders({0: 2.0, 1: -1.0}))
        await eventually(lambda: agent.control.applied_kw("b1") == 2.0)
        away, reports = watch_absence(plant), report_without_end(agent)
        plant.wall.ahead = timedelta()  # two thirds of thirty days are over
        await eventually(lambda: agent.counters.renewed_certificates >= 1)
        assert serial_of(stored.current) != before
        assert agent.leases.in_force("b1").power_kw == 2.0  # the lease went on
        assert agent.control.applied_kw("b2") == -1.0
        # Orders and readings go over the new connection.
        await plant.gateway.send(plant.orders({0: 3.0}, sequence=2))
        await eventually(lambda: agent.control.applied_kw("b1") == 3.0)
        reports.cancel()
        agent.report()
        await eventually(lambda: not agent.buffer)
        assert agent.counters.lost_sessions == 0
        assert plant.gateway.counters.sessions_replaced == 1
        away.cancel()
    assert agent.buffer.dropped == 0
    assert away.seen == []
    measured = {row[1] for row in plant.store.readings_of(0)}
    assert len(measured) > 20
    assert reports.measured <= measured
    on_disk = NodeCredentials.load(tmp_path / "node", "node-home")
    assert serial_of(on_disk) == serial_of(stored.current)
    (event,) = await plant.events("renewed")
    assert before in event.detail


def watch_absence(plant):
    """Return a task that notes in `seen` when the node is not connected."""

    async def watch():
        while True:
            if 0 not in plant.gateway.connected_slots():
                task.seen.append(plant.clock.now())
            await asyncio.sleep(0.001)

    task = Noting(watch())
    return task


def report_without_end(agent):
    """Return a task that reports every few milliseconds and notes in `measured` when (microseconds)."""
    read = agent._devices[0].read

    def read_and_note(at):
        task.measured.add(to_microseconds(at))
        return read(at)

    agent._devices[0].read = read_and_note

    async def report():
        while True:
            agent.report()
            await asyncio.sleep(0.005)

    task = Noting(report())
    return task


class Noting(asyncio.Task):
    """A task with room for what it saw."""

    def __init__(self, work) -> None:
        super().__init__(work)
        self.seen, self.measured = [], set()


async def test_a_new_certificate_that_is_not_welcomed_leaves_the_old_session_as_it_was(
    plant, tmp_path, monkeypatch
):
    stored = await enrolled_node(plant, tmp_path / "node")
    before = serial_of(stored.current)
    agent = plant.agent("home", ["b1", "b2"], credentials=stored, certificate_look_s=0.2)
    issue = plant.authority.__class__.issue

    def issue_elsewhere(self, signing_request, *, node_id, now):
        return issue(self, request_for(), node_id=node_id, now=now)  # for a key that nobody holds

    async with running(agent):
        await eventually(agent.connected.is_set)
        monkeypatch.setattr(plant.authority.__class__, "issue", issue_elsewhere)
        monkeypatch.setattr("vpp.node.limits.WELCOME_TIMEOUT_S", 0.3)
        plant.wall.ahead = timedelta()
        async with asyncio.timeout(10):
            while not await plant.events("renewed"):  # noqa: ASYNC110 - the database has no events
                await asyncio.sleep(0.05)
        await asyncio.sleep(0.5)
        assert agent.connected.is_set()
        assert agent.counters.lost_sessions == 0
        agent.report()
        await eventually(lambda: not agent.buffer)
    assert serial_of(stored.current) == before


async def test_a_certificate_is_due_after_two_thirds_by_the_services_clock(plant, tmp_path):
    await enrolled_node(plant, tmp_path / "node")
    async with channel(plant, "node-home", directory=tmp_path / "node") as opened:
        wait_s = await renewal_wait_s(opened)
        assert wait_s == pytest.approx(20 * 86_400, rel=0.01)
        plant.wall.ahead += timedelta(days=20, hours=1)
        assert await renewal_wait_s(opened) < 0.0


async def test_without_an_authority_nothing_is_due_and_nothing_renewed(plant):
    plant.identity_servicer._authority = None
    async with channel(plant, "node-home") as opened:
        assert await renewal_wait_s(opened) is None
        stub = enrolment_pb2_grpc.IdentityServiceStub(opened)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.Renew(pb.RenewRequest(), timeout=5)
    assert refused.value.code() is grpc.StatusCode.FAILED_PRECONDITION


async def test_a_renewal_needs_a_new_key(plant):
    key = serialization.load_pem_private_key(
        (plant.certificates / "node-home.key").read_bytes(), password=None
    )
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    request = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)
    async with channel(plant, "node-home") as opened:
        stub = enrolment_pb2_grpc.IdentityServiceStub(opened)
        with pytest.raises(grpc.aio.AioRpcError, match="a new key for each certificate") as refused:
            await stub.Renew(pb.RenewRequest(signing_request=request), timeout=5)
        assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        fresh = pb.RenewRequest(signing_request=new_key_request().signing_request)
        assert (await stub.Renew(fresh, timeout=5)).certificate_chain


async def test_renewals_of_one_node_are_few(plant):
    request = pb.RenewRequest(signing_request=new_key_request().signing_request)
    async with channel(plant, "node-home") as opened, channel(plant, "node-depot") as other:
        stub = enrolment_pb2_grpc.IdentityServiceStub(opened)
        for _ in range(limits.RENEWAL_BURST):
            await stub.Renew(request, timeout=5)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.Renew(request, timeout=5)
        assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        await enrolment_pb2_grpc.IdentityServiceStub(other).Renew(request, timeout=5)


async def server_serial(plant):
    """Return the serial number that the server shows to a new connection."""
    context = ssl.create_default_context(cafile=str(plant.certificates / "authority.pem"))
    context.load_cert_chain(plant.certificates / "node-home.pem", plant.certificates / "node-home.key")
    host, port = plant.server.target.split(":")
    _, writer = await asyncio.open_connection(host, int(port), ssl=context, server_hostname="localhost")
    serial = writer.get_extra_info("ssl_object").getpeercert()["serialNumber"]
    writer.close()
    return serial


async def test_the_servers_certificate_is_read_again_and_open_sessions_stay(
    certificates, identity_database, tmp_path
):
    folder = tmp_path / "certificates"
    folder.mkdir()
    for path in certificates.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    ticks = iter(range(0, 10**6, 100))  # every look is due
    async with guarded_plant(folder, identity_database) as plant:
        files = CredentialFiles(
            authority=folder / "authority.pem",
            certificate=folder / "server.pem",
            key=folder / "server.key",
            monotonic=lambda: next(ticks),
        )
        plant.port = 0
        await plant.server.stop(0.0)
        plant.credentials = files
        await plant.start_server()
        agent = plant.agent("home", ["b1", "b2"])
        async with running(agent):
            await eventually(agent.connected.is_set)
            before = await server_serial(plant)
            (folder / "server.key").write_bytes(b"half written")
            assert await server_serial(plant) == before
            issue_server(folder, ["localhost", "127.0.0.1"])
            after = await server_serial(plant)
            assert agent.connected.is_set()
            assert agent.counters.lost_sessions == 0
    assert after != before
