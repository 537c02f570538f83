"""Certificates of one plant: an authority of its own, nodes, operators, and the server.

Names are URIs in the subject alternative names: `urn:vpp:node:<node_id>`,
`urn:vpp:operator:<name>`. Keys are EC P-256, readable by their owner alone.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from vpp.domain.assets import parse_identifier
from vpp.domain.errors import InvalidValueError

AUTHORITY: Final = "authority"
SERVER: Final = "server"
AUTHORITY_VALIDITY: Final = timedelta(days=3650)
VALIDITY: Final = timedelta(days=365)
EXPIRY_WARNING: Final = timedelta(days=30)
_CLOCK_SKEW: Final = timedelta(hours=1)  # a certificate is valid at once on a clock that is behind


def create_authority(directory: Path, *, now: datetime | None = None) -> Path:
    """Create `authority.pem` and `authority.key`; return the certificate's path.

    Raises InvalidValueError when there is one already: replacing it would lock every node out.
    """
    path = directory / f"{AUTHORITY}.pem"
    if path.exists():
        raise InvalidValueError(
            "directory",
            str(directory),
            "one without an authority",
            "use the certificates there, or give another folder",
        )
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("VPP dispatch authority")
    begin = (now or datetime.now(UTC)) - _CLOCK_SKEW
    certificate = (
        _builder(name, name, key, begin, AUTHORITY_VALIDITY)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    return _write(directory, AUTHORITY, key, certificate)


def issue_node(directory: Path, node_id: str, *, now: datetime | None = None) -> Path:
    """Issue `node-<node_id>.pem` and its key; return the certificate's path."""
    parse_identifier("node_id", node_id)
    uri = x509.UniformResourceIdentifier(f"urn:vpp:node:{node_id}")
    return _issue(directory, f"node-{node_id}", [uri], server=False, now=now)


def issue_operator(directory: Path, name: str, *, now: datetime | None = None) -> Path:
    """Issue `operator-<name>.pem` and its key; return the certificate's path."""
    parse_identifier("name", name)
    uri = x509.UniformResourceIdentifier(f"urn:vpp:operator:{name}")
    return _issue(directory, f"operator-{name}", [uri], server=False, now=now)


def issue_server(directory: Path, hosts: Sequence[str], *, now: datetime | None = None) -> Path:
    """Issue `server.pem` and its key for names and addresses; return the certificate's path."""
    if not hosts:
        raise InvalidValueError("hosts", "none", "at least one name or address of the server")
    names: list[x509.GeneralName] = []
    for host in hosts:
        try:
            names.append(x509.IPAddress(ipaddress.ip_address(host)))
        except ValueError:
            names.append(x509.DNSName(host))
    return _issue(directory, SERVER, names, server=True, now=now)


def describe_problem(path: Path, *, now: datetime | None = None) -> str:
    """Return in words what is wrong with a certificate; empty when nothing is.

    It looks at the file, the dates, the key beside it, the authority beside it and the name inside.
    """
    now = now or datetime.now(UTC)
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
    except FileNotFoundError:
        return f"{path} is not there; create it with `vpp certificates`"
    except (ValueError, OSError) as error:
        return f"{path} is not a certificate in PEM: {error}"
    return (
        _date_problem(path, certificate, now)
        or _key_problem(path, certificate)
        or _authority_problem(path, certificate)
        or _name_problem(path, certificate)
    )


def _date_problem(path: Path, certificate: x509.Certificate, now: datetime) -> str:
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if now < begin:
        return f"{path} is valid from {begin:%Y-%m-%d %H:%M} UTC on; is this machine's clock right?"
    if now >= end:
        return f"{path} expired on {end:%Y-%m-%d %H:%M} UTC; issue a new one"
    if now >= end - EXPIRY_WARNING:
        return f"{path} expires on {end:%Y-%m-%d %H:%M} UTC; issue a new one soon"
    return ""


def _key_problem(path: Path, certificate: x509.Certificate) -> str:
    key_path = path.with_suffix(".key")
    try:
        key = serialization.load_pem_private_key(key_path.read_bytes(), password=None)
    except FileNotFoundError:
        if path.stem == AUTHORITY:
            return ""  # in production the authority's key is somewhere safer
        return f"{key_path} is not there; it belongs to {path}"
    except (ValueError, TypeError, OSError) as error:
        return f"{key_path} is not a private key in PEM: {error}"
    if key.public_key() != certificate.public_key():
        return f"{key_path} does not belong to {path}; issue both again"
    if key_path.stat().st_mode & 0o077:
        return f"{key_path} can be read by others; run `chmod 600 {key_path}`"
    return ""


def _authority_problem(path: Path, certificate: x509.Certificate) -> str:
    authority_path = path.parent / f"{AUTHORITY}.pem"
    if path == authority_path:
        return ""
    try:
        authority = x509.load_pem_x509_certificate(authority_path.read_bytes())
    except (ValueError, OSError):
        return f"{authority_path} is not there or is not a certificate; {path} cannot be checked"
    try:
        certificate.verify_directly_issued_by(authority)
    except Exception:  # cryptography raises one of several kinds; each means the same
        return f"{path} was issued by another authority than {authority_path}; issue it again"
    return ""


def _name_problem(path: Path, certificate: x509.Certificate) -> str:
    if path.stem == AUTHORITY:
        return ""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return f"{path} holds no subject alternative name"
    uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    if path.stem == SERVER or any(uri.startswith(("urn:vpp:node:", "urn:vpp:operator:")) for uri in uris):
        return ""
    return f"{path} names neither a node nor an operator; its URIs are {', '.join(uris) or 'none'}"


def _issue(
    directory: Path, stem: str, names: Sequence[x509.GeneralName], *, server: bool, now: datetime | None
) -> Path:
    authority, authority_key = _load_authority(directory)
    key = ec.generate_private_key(ec.SECP256R1())
    purpose = ExtendedKeyUsageOID.SERVER_AUTH if server else ExtendedKeyUsageOID.CLIENT_AUTH
    begin = (now or datetime.now(UTC)) - _CLOCK_SKEW
    certificate = (
        _builder(_name(stem), authority.subject, key, begin, VALIDITY)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False
        )
        .sign(authority_key, hashes.SHA256())
    )
    return _write(directory, stem, key, certificate)


def _load_authority(directory: Path) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    try:
        authority = x509.load_pem_x509_certificate((directory / f"{AUTHORITY}.pem").read_bytes())
        key = serialization.load_pem_private_key((directory / f"{AUTHORITY}.key").read_bytes(), password=None)
    except FileNotFoundError as error:
        raise InvalidValueError(
            "directory", str(directory), "one with an authority", "run `vpp certificates` first"
        ) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise InvalidValueError("authority.key", type(key).__name__, "an elliptic-curve key")
    return authority, key


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    begin: datetime,
    validity: timedelta,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + validity)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name[:64])])


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _write(
    directory: Path, stem: str, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate
) -> Path:
    key_pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    key_path = directory / f"{stem}.key"
    key_path.unlink(missing_ok=True)
    # The key is never readable by others, not even for a moment.
    with os.fdopen(os.open(key_path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(key_pem)
    path = directory / f"{stem}.pem"
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return path
