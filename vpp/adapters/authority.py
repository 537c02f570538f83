"""The authority that issues nodes' certificates: checks a request, and puts its own names into the answer."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from vpp.domain.errors import InvalidValueError
from vpp.ports import IssuedCertificate

MAX_REQUEST_BYTES: Final = 4_096
_CURVES: Final = (ec.SECP256R1, ec.SECP384R1)
_CLOCK_SKEW: Final = timedelta(hours=1)  # a certificate is valid at once on a clock that is behind
_EXPECTED: Final = "a PKCS #10 request in DER, signed with its own key"


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuingAuthority:
    """An issuing certificate with its key. `intermediates_pem` goes out with every certificate.

    A certificate is valid for `validity`, never longer than the authority itself.
    """

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    validity: timedelta
    intermediates_pem: str = ""

    @classmethod
    def load(cls, certificate: Path, key: Path, *, trusted: Path, validity: timedelta) -> IssuingAuthority:
        """Read the authority; `trusted` is what the service trusts when a node connects.

        An issuing certificate that is not among the trusted ones is sent along with every answer.
        Raises InvalidValueError, with what to do, for files that cannot be used.
        """
        issuing = _load_certificate(certificate)
        private = _load_key(key)
        if private.public_key() != issuing.public_key():
            raise InvalidValueError("enrolment.key", str(key), f"the private key of {certificate}")
        anchors = x509.load_pem_x509_certificates(trusted.read_bytes())
        chain = "" if issuing in anchors else issuing.public_bytes(serialization.Encoding.PEM).decode()
        return cls(certificate=issuing, key=private, validity=validity, intermediates_pem=chain)

    def issue(self, signing_request: bytes, *, node_id: str, now: datetime) -> IssuedCertificate:
        """Return a certificate for the key of a request; its names are ours, whatever the request says.

        Raises InvalidValueError for a request that is malformed, not signed with its own key, for a
        weak key, or that asks for a name other than the node's.
        """
        request = read_request(signing_request)
        _require_names(request, node_id)
        begin = now - _CLOCK_SKEW
        not_after = min(now + self.validity, self.certificate.not_valid_after_utc).replace(microsecond=0)
        if not_after <= now:
            raise InvalidValueError(
                "authority", str(self.certificate.not_valid_after_utc), "one that is valid", "replace it"
            )
        certificate = self._build(request, node_id, begin, not_after)
        pem = certificate.public_bytes(serialization.Encoding.PEM).decode()
        return IssuedCertificate(
            serial=format(certificate.serial_number, "x"),
            chain_pem=pem + self.intermediates_pem,
            public_key_sha256=public_key_sha256(request),
            not_after=not_after,
        )

    def _build(
        self, request: x509.CertificateSigningRequest, node_id: str, begin: datetime, not_after: datetime
    ) -> x509.Certificate:
        usage = dict.fromkeys(
            (
                "content_commitment",
                "key_encipherment",
                "data_encipherment",
                "key_agreement",
                "key_cert_sign",
                "crl_sign",
                "encipher_only",
                "decipher_only",
            ),
            False,
        )
        name = x509.UniformResourceIdentifier(f"urn:vpp:node:{node_id}")
        public_key = request.public_key()
        authority_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        return (
            x509.CertificateBuilder()
            .subject_name(_subject(node_id))
            .issuer_name(self.certificate.subject)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(not_after)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.KeyUsage(digital_signature=True, **usage), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
            .add_extension(x509.SubjectAlternativeName([name]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
            .add_extension(authority_key, critical=False)
            .sign(self.key, hashes.SHA256())
        )

    def key_of(self, signing_request: bytes) -> str:
        """Return the SHA-256 of the public key in a request; raises InvalidValueError as `issue` does."""
        return public_key_sha256(read_request(signing_request))


def read_request(signing_request: bytes) -> x509.CertificateSigningRequest:
    """Return a request that is well formed, proves its key, and whose key is strong enough."""
    field = "signing_request"
    if len(signing_request) > MAX_REQUEST_BYTES:
        raise InvalidValueError(field, f"{len(signing_request)} bytes", f"at most {MAX_REQUEST_BYTES}")
    try:
        request = x509.load_der_x509_csr(signing_request)
        key = request.public_key()
        proven = request.is_signature_valid
    except (ValueError, TypeError, InvalidSignature, x509.UnsupportedGeneralNameType) as error:
        raise InvalidValueError(field, str(error)[:60], _EXPECTED) from None
    except Exception:  # the library's own kinds for strange algorithms; each means the same
        raise InvalidValueError(field, "a request that cannot be read", _EXPECTED) from None
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, _CURVES):
        raise InvalidValueError(field, type(key).__name__, "a key on the curve P-256 or P-384")
    if not proven:
        raise InvalidValueError(field, "a wrong signature", _EXPECTED)
    return request


def public_key_sha256(holder: x509.CertificateSigningRequest | x509.Certificate) -> str:
    """Return the SHA-256 of the public key, DER, hexadecimal."""
    der = holder.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return hashlib.sha256(der).hexdigest()


def _require_names(request: x509.CertificateSigningRequest, node_id: str) -> None:
    """Raise InvalidValueError when a request names anybody but the node."""
    expected = f"no name, or urn:vpp:node:{node_id} alone"
    try:
        extensions = list(request.extensions)
    except Exception:
        raise InvalidValueError("signing_request", "extensions that cannot be read", expected) from None
    for extension in extensions:
        value = extension.value
        if not isinstance(value, x509.SubjectAlternativeName):
            raise InvalidValueError("signing_request", extension.oid.dotted_string, expected)
        names = [str(name.value) for name in value]
        if names != [f"urn:vpp:node:{node_id}"]:
            raise InvalidValueError("signing_request", ", ".join(names), expected)
    for attribute in request.subject:
        common = attribute.oid == NameOID.COMMON_NAME
        if not common or attribute.value not in (node_id[:64], f"node-{node_id}"[:64]):
            raise InvalidValueError("signing_request", str(attribute.value), expected)


def _subject(node_id: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"node-{node_id}"[:64])])


def _load_certificate(path: Path) -> x509.Certificate:
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    except (OSError, ValueError, x509.ExtensionNotFound) as error:
        raise InvalidValueError(
            "enrolment.certificate", str(path), "the certificate of an authority, PEM", str(error)
        ) from error
    if not constraints.ca:
        raise InvalidValueError("enrolment.certificate", str(path), "a certificate that may sign others")
    return certificate


def _load_key(path: Path) -> ec.EllipticCurvePrivateKey:
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise InvalidValueError("enrolment.key", str(path), "a private key, PEM", str(error)) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise InvalidValueError("enrolment.key", type(key).__name__, "an elliptic-curve key")
    return key
