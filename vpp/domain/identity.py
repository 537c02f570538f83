"""Who may speak: enrolment tokens, issued certificates, revocations, and the list that refuses."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from vpp.domain.access import Caller
from vpp.domain.assets import parse_identifier
from vpp.domain.errors import InvalidValueError

_TOKEN: Final = re.compile(r"([0-9a-f]{16})\.([A-Za-z0-9_-]{43})")
_SERIAL: Final = re.compile(r"[0-9a-f]{1,40}")


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolmentToken:
    """A permission to get one certificate for one node. Of its secret only the hash is kept."""

    token_id: str
    secret_sha256: str
    node_id: str
    asset_ids: tuple[str, ...]
    created_at: datetime
    created_by: str
    expires_at: datetime

    def __post_init__(self) -> None:
        parse_identifier("node_id", self.node_id)
        if not self.expires_at > self.created_at:
            raise InvalidValueError("expires_at", self.expires_at.isoformat(), "later than created_at")

    def opened_by(self, secret: str) -> bool:
        """Return whether `secret` is the token's, in a time that does not depend on it."""
        return hmac.compare_digest(hash_secret(secret), self.secret_sha256)


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateRecord:
    """A certificate that the service issued. `previous_serial` names the one it renews."""

    serial: str
    node_id: str
    public_key_sha256: str
    chain_pem: str
    issued_at: datetime
    not_after: datetime
    token_id: str | None = None
    previous_serial: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """A node or a single certificate that is no longer believed; one of `node_id` and `serial` is set.

    A node's revocation ends every certificate and every unused token that it had at that time. What
    is issued later, on a new token, is good.
    """

    at: datetime
    by: str
    reason: str
    node_id: str | None = None
    serial: str | None = None

    def __post_init__(self) -> None:
        if (self.node_id is None) == (self.serial is None):
            raise InvalidValueError("node_id", self.node_id, "either a node or a serial number")


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRevocation:
    """A person's token that is no longer believed, or all that one person was given until now.

    One of `token_id` (the claim `jti`) and `person` (the claim `sub`) is set.
    """

    at: datetime
    by: str
    reason: str
    token_id: str = ""
    person: str = ""

    def __post_init__(self) -> None:
        if bool(self.token_id) == bool(self.person):
            raise InvalidValueError("token_id", self.token_id, "either the id of a token or a person")
        parse_identifier("token_id" if self.token_id else "person", self.token_id or self.person)


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityEvent:
    """A row of the audit: what was done to whom, by whom."""

    at: datetime
    kind: str  # token_created, enrolled, enrolment_refused, renewed, revoked, token_revoked
    node_id: str
    actor: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class DenyList:
    """Who is refused. `nodes` maps a revoked node to the serial numbers that it was given afterwards.

    `tokens` are ids of people's tokens; `people` maps a name to when its tokens were revoked last.
    """

    serials: frozenset[str] = frozenset()
    nodes: Mapping[str, frozenset[str]] = field(default_factory=dict)
    tokens: frozenset[str] = frozenset()
    people: Mapping[str, datetime] = field(default_factory=dict)

    def token_reason(self, caller: Caller) -> str:
        """Return why a person's token is refused; empty when it is not, or there is none."""
        if caller.token_id in self.tokens and caller.token_id:
            return f"the token {caller.token_id} was revoked"
        revoked_at = self.people.get(caller.name)
        if revoked_at is not None and caller.issued_at is not None and caller.issued_at <= revoked_at:
            return f"the tokens of {caller.name} were revoked; ask for a new one"
        return ""

    def reason(self, *, node_id: str, serial: str) -> str:
        """Return why a caller is refused; empty when it is not. `node_id` is empty for an operator."""
        if serial in self.serials:
            return f"the certificate {serial} was revoked"
        later = self.nodes.get(node_id) if node_id else None
        if later is not None and serial not in later:
            return f"node {node_id} was revoked; it needs a new enrolment"
        return ""


def hash_secret(secret: str) -> str:
    """Return the SHA-256 of a token's secret; 256 random bits need no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


def format_token(token_id: str, secret: str) -> str:
    """Return a token as it is given to a node: `<16 hexadecimal>.<43 of base64url>`."""
    return f"{token_id}.{secret}"


def parse_token(text: str) -> tuple[str, str] | None:
    """Return (token_id, secret), None when `text` is no token."""
    match = _TOKEN.fullmatch(text)
    return (match[1], match[2]) if match else None


def parse_serial(text: str) -> str:
    """Return a serial number as this service writes it: lower-case hexadecimal without leading zeros."""
    serial = text.strip().lower().replace(":", "").removeprefix("0x").lstrip("0")
    if not _SERIAL.fullmatch(serial):
        raise InvalidValueError("serial", text, "a serial number, hexadecimal, up to 40 digits")
    return serial
