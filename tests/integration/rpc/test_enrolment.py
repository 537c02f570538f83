"""From a token to a certificate, over real TLS: once, in time, for one key, for one name."""

from __future__ import annotations

import asyncio
import stat
from datetime import UTC, datetime, timedelta

import grpc
import grpc.aio
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from typer.testing import CliRunner

from tests.integration.rpc.identities import guarded_plant
from tests.integration.rpc.plant import make_fleet, raw_session
from vpp.adapters.authority import MAX_REQUEST_BYTES
from vpp.adapters.rpc import limits
from vpp.adapters.storage import open_store
from vpp.cli.main import app
from vpp.domain.errors import InvalidValueError
from vpp.node.enrolment import PENDING, EnrolmentError, enrol, enrol_into, save_enrolled
from vpp.node.keys import KeyRequest, new_key_request
from vpp.rpcgen import enrolment_pb2 as pb
from vpp.rpcgen import enrolment_pb2_grpc
from vpp.service.certificates import create_authority
from vpp.service.expiry import look_at_nodes


@pytest.fixture
async def plant(certificates, identity_database):
    async with guarded_plant(certificates, identity_database) as made:
        yield made


@pytest.fixture
def authority(certificates):
    return (certificates / "authority.pem").read_bytes()


def certificate_in(enrolled):
    return x509.load_pem_x509_certificate(enrolled.credentials.certificate)


def request_for(key=None, *, uris=(), common_name=None, sign_with=None):
    """Return a signing request as DER."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    name = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)] if common_name else []
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(name))
    if uris:
        names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri) for uri in uris])
        builder = builder.add_extension(names, critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def forged():
    """Return a request whose signature is not its key's."""
    der = bytearray(request_for())
    der[-1] ^= 1
    return bytes(der)


async def test_a_token_becomes_a_certificate_with_which_the_node_reports(plant, authority, tmp_path):
    enrolled = await enrol(plant.enrolment.target, await plant.token("home"), authority)
    certificate = certificate_in(enrolled)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [name.value for name in names] == ["urn:vpp:node:home"]
    assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert enrolled.asset_ids == ("b1", "b2")
    assert certificate.not_valid_after_utc == enrolled.not_after

    save_enrolled(enrolled, tmp_path / "node")
    plant.certificates = tmp_path / "node"
    async with raw_session(plant) as (_, welcome):
        assert [terms.asset_id for terms in welcome.assets] == ["b1", "b2"]
    (event,) = await plant.events("enrolled")
    assert event.node_id == "home"
    assert event.actor == "address 127.0.0.1"
    assert format(certificate.serial_number, "x") in event.detail


async def test_the_secret_is_nowhere_in_the_database(plant, identity_database):
    text = await plant.token("home")
    await plant.register.close()
    stored = b"".join(path.read_bytes() for path in identity_database.parent.glob("identity.sqlite*"))
    token_id, secret = text.split(".")
    assert token_id.encode() in stored
    assert secret.encode() not in stored


async def test_a_token_is_good_for_one_key_and_its_holder_may_ask_again(plant, authority):
    token, request = await plant.token("home"), new_key_request()
    first = await enrol(plant.enrolment.target, token, authority, request=request)
    again = await enrol(plant.enrolment.target, token, authority, request=request)
    assert first.credentials.certificate == again.credentials.certificate
    with pytest.raises(EnrolmentError, match="used with another key"):
        await enrol(plant.enrolment.target, token, authority)
    assert len(await plant.events("enrolled")) == 1
    assert len(await plant.events("enrolment_refused")) == 1


async def test_of_many_who_come_at_once_with_one_token_one_is_let_in(plant, authority):
    token = await plant.token("home")
    ends = await asyncio.gather(
        *(enrol(plant.enrolment.target, token, authority) for _ in range(6)), return_exceptions=True
    )
    assert sum(not isinstance(end, Exception) for end in ends) == 1
    assert all(isinstance(end, EnrolmentError) for end in ends if isinstance(end, Exception))
    assert len(await plant.register.newest_certificates()) == 1


async def test_an_expired_token_is_refused(plant, authority):
    token = await plant.token("home", validity=timedelta(minutes=5))
    plant.wall.ahead = timedelta(minutes=5)
    with pytest.raises(EnrolmentError, match="expired at"):
        await enrol(plant.enrolment.target, token, authority)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda token: token[:-1] + ("A" if token[-1] != "A" else "B"),
        lambda token: "0" * 16 + token[16:],
        lambda token: token[:16],
        lambda token: "",
        lambda token: token * 100,
        lambda token: token.upper(),
    ],
    ids=["wrong secret", "wrong id", "no secret", "nothing", "long", "upper case"],
)
async def test_who_does_not_know_the_secret_learns_nothing(plant, authority, spoil):
    token = await plant.token("home", validity=timedelta(minutes=5))
    plant.wall.ahead = timedelta(hours=1)  # that it expired is for those to hear who hold it
    with pytest.raises(EnrolmentError, match="PERMISSION_DENIED: the token is not known"):
        await enrol(plant.enrolment.target, spoil(token), authority)
    (event,) = await plant.events("enrolment_refused")
    assert event.node_id == ""


async def test_guessing_is_slowed_down_and_written_down_with_a_bound(plant, authority, monkeypatch):
    tries = limits.ENROLMENT_BURST + 5
    request = new_key_request()
    words = []
    for _ in range(tries):
        with pytest.raises(EnrolmentError) as refused:
            await enrol(plant.enrolment.target, "f" * 16 + "." + "x" * 43, authority, request=request)
        words.append(str(refused.value))
    assert sum("RESOURCE_EXHAUSTED" in text for text in words) == 5
    assert "try again in" in words[-1]
    assert len(await plant.events("enrolment_refused")) == limits.ENROLMENT_BURST
    plant.enrolment_servicer._attempts._full_at_s.clear()
    plant.enrolment_servicer._audited._burst = limits.ENROLMENT_BURST
    with pytest.raises(EnrolmentError, match="not known"):
        await enrol(plant.enrolment.target, "nonsense", authority, request=request)
    assert len(await plant.events("enrolment_refused")) == limits.ENROLMENT_BURST


REQUESTS = {
    "another node": (lambda: request_for(uris=["urn:vpp:node:depot"]), "urn:vpp:node:home alone"),
    "an operator": (lambda: request_for(uris=["urn:vpp:operator:grid"]), "urn:vpp:node:home alone"),
    "two names": (
        lambda: request_for(uris=["urn:vpp:node:home", "urn:vpp:operator:grid"]),
        "urn:vpp:node:home alone",
    ),
    "another common name": (lambda: request_for(common_name="node-depot"), "urn:vpp:node:home alone"),
    "a weak key": (
        lambda: request_for(rsa.generate_private_key(public_exponent=65537, key_size=2048)),
        "P-256 or P-384",
    ),
    "a forged signature": (forged, "signed with its own key"),
    "no request": (lambda: b"hello", "PKCS #10"),
    "nothing": (lambda: b"", "PKCS #10"),
    "too long": (lambda: b"0" * (MAX_REQUEST_BYTES + 1), "at most 4096"),
}


@pytest.mark.parametrize(("make", "words"), REQUESTS.values(), ids=REQUESTS)
async def test_a_wrong_request_is_refused_and_leaves_the_token_unspent(plant, authority, make, words):
    token = await plant.token("home")
    wrong = KeyRequest(private_key=b"", signing_request=make())
    with pytest.raises(EnrolmentError, match="INVALID_ARGUMENT") as refused:
        await enrol(plant.enrolment.target, token, authority, request=wrong)
    assert words in str(refused.value)
    assert (await enrol(plant.enrolment.target, token, authority)).node_id == "home"


@pytest.mark.parametrize(
    "name", [{"uris": ["urn:vpp:node:home"]}, {"common_name": "node-home"}], ids=["uri", "common name"]
)
async def test_a_request_may_name_the_node_itself(plant, authority, name):
    request = KeyRequest(private_key=b"", signing_request=request_for(**name))
    assert (await enrol(plant.enrolment.target, await plant.token(), authority, request=request)).node_id


async def test_a_token_of_before_a_revocation_is_void_and_a_later_one_lets_in_again(plant, authority):
    early = await plant.token("home")
    await plant.revoke(node_id="home")
    with pytest.raises(EnrolmentError, match="revoked after the token was made"):
        await enrol(plant.enrolment.target, early, authority)
    late = await enrol(plant.enrolment.target, await plant.token("home"), authority)
    deny = await plant.register.deny_list()
    assert not deny.reason(node_id="home", serial=format(certificate_in(late).serial_number, "x"))
    assert deny.reason(node_id="home", serial="1")


async def test_assets_that_moved_to_another_node_are_not_given(plant, authority):
    token = await plant.token("depot", asset_ids=["b3"])
    plant.enrolment_servicer._fleet = type(plant.fleet)(
        assets=plant.fleet.assets[:2], feeders=plant.fleet.feeders
    )
    with pytest.raises(EnrolmentError, match="b3 is not bound to node depot"):
        await enrol(plant.enrolment.target, token, authority)


@pytest.mark.parametrize(
    ("node_id", "asset_ids", "validity", "field"),
    [
        ("nobody", (), timedelta(hours=1), "node_id"),
        ("home; drop", (), timedelta(hours=1), "node_id"),
        ("home", ("b3",), timedelta(hours=1), "assets"),
        ("home", ("b1",), timedelta(days=8), "valid"),
        ("home", ("b1",), timedelta(seconds=5), "valid"),
    ],
)
async def test_a_token_is_made_for_what_the_register_knows(plant, node_id, asset_ids, validity, field):
    with pytest.raises(InvalidValueError) as refused:
        await plant.token(node_id, asset_ids=asset_ids, validity=validity)
    assert refused.value.field == field


async def test_a_meter_has_no_assets_and_is_let_in(plant, authority):
    enrolled = await enrol(plant.enrolment.target, await plant.token("meter-f1"), authority)
    assert (enrolled.node_id, enrolled.asset_ids) == ("meter-f1", ())


async def test_a_token_is_not_sent_to_a_server_of_another_authority(plant, tmp_path):
    other = create_authority(tmp_path / "other").read_bytes()
    token = await plant.token("home")
    tls = grpc.ssl_channel_credentials(other)
    async with grpc.aio.secure_channel(plant.enrolment.target, tls) as channel:
        stub = enrolment_pb2_grpc.EnrolmentServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.Enrol(pb.EnrolRequest(token=token), timeout=5)
    assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
    assert await plant.events("enrolment_refused") == []


async def test_an_enrolment_without_a_deadline_or_too_long_is_refused(plant, authority):
    async with grpc.aio.secure_channel(
        plant.enrolment.target, grpc.ssl_channel_credentials(authority)
    ) as channel:
        stub = enrolment_pb2_grpc.EnrolmentServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.Enrol(pb.EnrolRequest())
        assert refused.value.code() is grpc.StatusCode.FAILED_PRECONDITION
        long = pb.EnrolRequest(signing_request=b"0" * (limits.MAX_ENROLMENT_MESSAGE_BYTES + 1))
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.Enrol(long, timeout=5)
        assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


@pytest.mark.parametrize("tool", ["cryptography", "openssl"])
async def test_a_key_made_with_either_tool_is_taken(plant, authority, tool):
    request = await asyncio.to_thread(new_key_request, use=tool)
    enrolled = await enrol(plant.enrolment.target, await plant.token(), authority, request=request)
    key = serialization.load_pem_private_key(request.private_key, password=None)
    assert key.public_key() == certificate_in(enrolled).public_key()


async def test_the_commands_let_a_node_in_and_shut_it_out(certificates, identity_database, tmp_path):
    """`vpp enroll token`, `vpp node enroll`, `vpp revoke`, `vpp enroll events`."""
    url = f"sqlite:///{identity_database}"
    store = open_store(url, clock_now=lambda: datetime.now(UTC))
    await store.save_fleet(make_fleet())
    await store.close()
    config = tmp_path / "vpp.toml"
    config.write_text(f'[database]\nurl = "{url}"\n')

    async def run(*words):
        result = await asyncio.to_thread(CliRunner().invoke, app, words)
        return result.exit_code, result.stdout, result.stderr

    _, shown, _ = await run("enroll", "token", "home", "--assets", "b1,b2", "--config", str(config))
    (tmp_path / "token").write_text(shown.splitlines()[1] + "\n")
    async with guarded_plant(certificates, identity_database) as plant:
        words = ("node", "enroll", "--service", plant.enrolment.target, "--out", str(tmp_path / "node"))
        source = ("--ca", str(certificates / "authority.pem"), "--token-file", str(tmp_path / "token"))
        code, shown, errors = await run(*words, *source)
        assert (code, errors) == (0, "")
        assert "node home is enrolled until" in shown
        assert {path.name for path in (tmp_path / "node").iterdir()} == {
            "authority.pem",
            "node-home.pem",
            "node-home.key",
        }
        assert stat.S_IMODE((tmp_path / "node/node-home.key").stat().st_mode) == 0o600
        code, _, errors = await run(*words, *source)
        assert (code, "used with another key" in errors) == (2, True)
        code, shown, _ = await run("revoke", "home", "--reason", "stolen", "--config", str(config))
        assert code == 0
        await plant.doorkeeper.refresh()
        plant.certificates = tmp_path / "node"
        with pytest.raises(grpc.aio.AioRpcError, match="node home was revoked"):
            async with raw_session(plant):
                pass
    _, shown, _ = await run("enroll", "events", "--config", str(config))
    kinds = [line.split("UTC")[1].split()[0] for line in shown.splitlines()]
    assert kinds == ["revoked", "enrolment_refused", "enrolled", "token_created"]


async def test_an_enrolment_that_was_cut_off_goes_on_with_the_same_key(plant, authority, tmp_path):
    token = await plant.token("home")
    await plant.enrolment.stop(0.0)
    with pytest.raises(EnrolmentError, match="UNAVAILABLE"):
        await enrol_into(tmp_path / "node", plant.enrolment.target, token, authority, uniform=lambda *_: 0.0)
    pending = tmp_path / "node" / PENDING
    assert stat.S_IMODE(pending.stat().st_mode) == 0o600
    key = pending.read_bytes().partition(b"-----SIGNING")[0].strip()
    plant.enrolment = await plant.start_enrolment()
    enrolled = await enrol_into(tmp_path / "node", plant.enrolment.target, token, authority)
    assert enrolled.credentials.private_key.strip() == key
    assert not pending.exists()


async def test_whose_certificate_ends_soon_is_said_and_revoked_ones_are_left_out(plant, authority):
    for node_id in ("home", "depot"):
        await enrol(plant.enrolment.target, await plant.token(node_id), authority)
    now = plant.wall()
    assert await look_at_nodes(plant.register, now=now) == (2, "")
    _, soon = await look_at_nodes(plant.register, now=now + timedelta(days=25))
    assert "0 of 2 are over, 2 end within 7 days: depot, home" in soon
    await plant.revoke(node_id="home")
    _, over = await look_at_nodes(plant.register, now=now + timedelta(days=31))
    assert "1 of 1 are over" in over
    assert "home" not in over
