"""Who may speak: the register and the authority."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from vpp.domain.identity import (
    CertificateRecord,
    DenyList,
    EnrolmentToken,
    IdentityEvent,
    Revocation,
    TokenRevocation,
)
from vpp.ports.paging import Page


class IdentityRegister(Protocol):
    """Tokens, issued certificates and revocations. Every method is durable when it returns."""

    async def save_token(self, token: EnrolmentToken, event: IdentityEvent) -> None:
        """Store a new token; raise InvalidValueError when too many are open."""

    async def token(self, token_id: str) -> EnrolmentToken | None:
        """Return one token."""

    async def certificate_of_token(self, token_id: str) -> CertificateRecord | None:
        """Return the certificate that a token was spent on."""

    async def save_certificate(self, record: CertificateRecord, event: IdentityEvent) -> bool:
        """Store an issued certificate; False, and nothing is stored, when its token was spent before."""

    async def newest_certificates(self) -> list[CertificateRecord]:
        """Return the newest certificate of every node that was given one, by node id."""

    async def revoke(self, revocation: Revocation) -> None:
        """Store a revocation and its event."""

    async def revoke_tokens(self, revocation: TokenRevocation) -> None:
        """Store that tokens of people are refused, and its event."""

    async def token_revoked(self, token_id: str) -> bool:
        """Return whether the node of a token was revoked after the token was made."""

    async def deny_list(self) -> DenyList:
        """Return who is refused now."""

    async def append_event(self, event: IdentityEvent) -> None:
        """Store a row of the audit."""

    async def events(self, *, page_size: int, page_token: str) -> Page[IdentityEvent]:
        """Return the audit, newest first."""

    async def close(self) -> None:
        """Let go of the database."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedCertificate:
    """A certificate as it leaves the authority; `serial` and hash are lower-case hexadecimal."""

    serial: str
    chain_pem: str
    public_key_sha256: str
    not_after: datetime


class CertificateAuthority(Protocol):
    """Who signs nodes' certificates."""

    def key_of(self, signing_request: bytes) -> str:
        """Return the SHA-256 of the public key in a request; raise InvalidValueError when it is no good."""

    def issue(self, signing_request: bytes, *, node_id: str, now: datetime) -> IssuedCertificate:
        """Return a certificate for the request's key that names the node and nobody else."""
