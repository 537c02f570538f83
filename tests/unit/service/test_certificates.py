"""Certificates of a plant, and what is wrong with one, in words."""

from __future__ import annotations

import stat
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509

from vpp.domain.errors import InvalidValueError
from vpp.service.certificates import (
    VALIDITY,
    create_authority,
    describe_problem,
    issue_node,
    issue_operator,
    issue_server,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def directory(tmp_path):
    create_authority(tmp_path, now=NOW)
    return tmp_path


def names(path, kind=x509.UniformResourceIdentifier):
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    return [str(name) for name in extension.value.get_values_for_type(kind)]


def test_callers_are_named_in_the_subject_alternative_names(directory):
    assert names(issue_node(directory, "home-1", now=NOW)) == ["urn:vpp:node:home-1"]
    assert names(issue_operator(directory, "grid", now=NOW)) == ["urn:vpp:operator:grid"]


def test_a_server_is_named_by_hosts_and_addresses(directory):
    path = issue_server(directory, ["vpp.example", "127.0.0.1", "::1"], now=NOW)
    assert names(path, x509.DNSName) == ["vpp.example"]
    assert names(path, x509.IPAddress) == ["127.0.0.1", "::1"]


def test_what_was_just_issued_is_in_order_and_keys_are_private(directory):
    paths = [
        directory / "authority.pem",
        issue_node(directory, "home", now=NOW),
        issue_operator(directory, "grid", now=NOW),
        issue_server(directory, ["localhost"], now=NOW),
    ]
    assert [describe_problem(path, now=NOW) for path in paths] == [""] * 4
    for path in paths:
        assert stat.S_IMODE(path.with_suffix(".key").stat().st_mode) == 0o600


def test_a_certificate_can_be_issued_again(directory):
    issue_node(directory, "home", now=NOW)
    path = issue_node(directory, "home", now=NOW + timedelta(days=300))
    assert describe_problem(path, now=NOW + timedelta(days=400)) == ""


def test_an_authority_is_never_replaced(directory):
    with pytest.raises(InvalidValueError, match="one without an authority"):
        create_authority(directory)


def test_without_an_authority_nothing_is_issued(tmp_path):
    with pytest.raises(InvalidValueError, match="run `vpp certificates` first"):
        issue_node(tmp_path, "home")


@pytest.mark.parametrize("name", ["", "a b", "../x", "x" * 65])
def test_names_are_checked(directory, name):
    with pytest.raises(InvalidValueError):
        issue_node(directory, name)
    with pytest.raises(InvalidValueError):
        issue_operator(directory, name)


def test_a_server_needs_a_host(directory):
    with pytest.raises(InvalidValueError, match="at least one name"):
        issue_server(directory, [])


def spoil_key(directory, path):
    other = issue_node(directory, "other", now=NOW)
    path.with_suffix(".key").write_bytes(other.with_suffix(".key").read_bytes())


def spoil_authority(directory, path):
    for name in ("authority.pem", "authority.key"):
        (directory / name).unlink()
    create_authority(directory, now=NOW)


SPOILT = {
    "gone": (lambda d, p: p.unlink(), 0, "is not there; create it"),
    "no certificate": (lambda d, p: p.write_text("hello"), 0, "is not a certificate in PEM"),
    "not yet": (lambda d, p: None, -2, "machine's clock right"),
    "soon over": (lambda d, p: None, VALIDITY.days - 5, "issue a new one soon"),
    "expired": (lambda d, p: None, VALIDITY.days + 1, "expired on"),
    "no key": (lambda d, p: p.with_suffix(".key").unlink(), 0, "it belongs to"),
    "broken key": (lambda d, p: p.with_suffix(".key").write_text("x"), 0, "is not a private key"),
    "another's key": (spoil_key, 0, "does not belong to"),
    "open key": (lambda d, p: p.with_suffix(".key").chmod(0o644), 0, "chmod 600"),
    "another authority": (spoil_authority, 0, "was issued by another authority"),
    "no authority": (lambda d, p: (d / "authority.pem").unlink(), 0, "cannot be checked"),
}


@pytest.mark.parametrize(("spoil", "days", "words"), SPOILT.values(), ids=SPOILT)
def test_what_is_wrong_is_said_in_words(directory, spoil, days, words):
    path = issue_node(directory, "home", now=NOW)
    spoil(directory, path)
    assert words in describe_problem(path, now=NOW + timedelta(days=days))


def test_a_server_certificate_in_place_of_a_nodes_is_noticed(directory):
    server = issue_server(directory, ["localhost"], now=NOW)
    for suffix in (".pem", ".key"):
        target = directory / f"node-home{suffix}"
        target.write_bytes(server.with_suffix(suffix).read_bytes())
        target.chmod(0o600)
    assert "names neither a node nor an operator" in describe_problem(directory / "node-home.pem", now=NOW)
