"""Refuses who was revoked: at every call, and again and again while a call is open."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import grpc
import structlog
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from vpp.adapters.rpc import limits
from vpp.adapters.rpc.access import permission_ends_at, person_calling
from vpp.adapters.rpc.errors import CallRefusedError, Context
from vpp.adapters.rpc.identity import Identity, Kind, identify
from vpp.domain.access import Caller
from vpp.domain.identity import DenyList
from vpp.ports import IdentityRegister, StoreError

_logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class PeerCertificate:
    """What is told from the certificate of a connection; `serial` is lower-case hexadecimal."""

    serial: str
    not_before: datetime
    not_after: datetime
    public_key_sha256: str  # of its DER, lower-case hexadecimal


@lru_cache(maxsize=4_096)
def _read(pem: bytes) -> PeerCertificate:
    certificate = x509.load_pem_x509_certificate(pem)
    key = certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return PeerCertificate(
        format(certificate.serial_number, "x"),
        certificate.not_valid_before_utc,
        certificate.not_valid_after_utc,
        hashlib.sha256(key).hexdigest(),
    )


def peer_certificate(context: Context) -> PeerCertificate:
    """Return the caller's certificate, which the TLS handshake has verified."""
    pems = context.auth_context().get("x509_pem_cert", ())
    for pem in pems:
        return _read(pem)
    raise CallRefusedError(
        grpc.StatusCode.UNAUTHENTICATED, "NO_CERTIFICATE", "the connection shows no client certificate"
    )


@dataclass(slots=True, eq=False)
class _OpenCall:
    task: asyncio.Task[Any]
    identity: Identity
    certificate: PeerCertificate
    permission_ends_at: float  # of its token, seconds since 1970
    person: Caller | None
    refusal: str = ""


class Doorkeeper:
    """Holds the deny list, reads it anew every `limits.DENY_LIST_PERIOD_S`, and ends calls that it names.

    While the database is away the last list stays in force. A certificate that expires while its
    connection is open ends the connection's calls as well, and so does a token.
    """

    def __init__(
        self, register: IdentityRegister, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._register, self._now = register, now
        self._deny = DenyList()
        self._open: set[_OpenCall] = set()
        self.ended_calls = 0

    def check(self, method: str, unary: bool, context: Context) -> None:
        """Raise CallRefusedError when the caller was revoked or its certificate is over."""
        if refusal := self._refusal(identify(context.auth_context()), peer_certificate(context)):
            raise _denied(refusal)

    def _refusal(self, identity: Identity, certificate: PeerCertificate) -> str:
        if self._now() >= certificate.not_after:
            return f"the certificate {certificate.serial} ended {certificate.not_after:%Y-%m-%d %H:%M} UTC"
        node_id = identity.name if identity.kind is Kind.NODE else ""
        return self._deny.reason(node_id=node_id, serial=certificate.serial)

    def _refusal_of(self, call: _OpenCall) -> str:
        if self._now().timestamp() >= call.permission_ends_at:
            return "the token has expired; ask for a new one and call again"
        if call.person is not None and (refusal := self._deny.token_reason(call.person)):
            return refusal
        return self._refusal(call.identity, call.certificate)

    @contextmanager
    def watched(self, context: Context) -> Iterator[None]:
        """Watch a call while the block runs; when its caller is revoked, the block ends in a refusal.

        Who calls with a token that was revoked is refused at once.
        """
        task = asyncio.current_task()
        assert task is not None
        call = _OpenCall(
            task,
            identify(context.auth_context()),
            peer_certificate(context),
            permission_ends_at(),
            person_calling(),
        )
        if call.person is not None and (refusal := self._deny.token_reason(call.person)):
            raise _denied(refusal)
        self._open.add(call)
        try:
            yield
        except asyncio.CancelledError:
            if not call.refusal:
                raise
            task.uncancel()
            raise _denied(call.refusal) from None
        finally:
            self._open.discard(call)

    async def refresh(self) -> None:
        """Read the list and end the calls of those who are on it; raises StoreError."""
        self._deny = await self._register.deny_list()
        for call in list(self._open):
            if not call.refusal and (refusal := self._refusal_of(call)):
                call.refusal = refusal
                call.task.cancel()
                self.ended_calls += 1
                _logger.warning("call ended", name=call.identity.name, reason=refusal)

    async def run(self) -> None:
        """Refresh until cancelled."""
        while True:
            await asyncio.sleep(limits.DENY_LIST_PERIOD_S)
            try:
                async with asyncio.timeout(limits.DENY_LIST_PERIOD_S):
                    await self.refresh()
            except (StoreError, TimeoutError) as error:
                _logger.warning(
                    "the deny list could not be read; the last one stays in force", error=str(error)
                )
            except Exception:
                _logger.exception("the deny list could not be read; the last one stays in force")


def _denied(refusal: str) -> CallRefusedError:
    return CallRefusedError(grpc.StatusCode.PERMISSION_DENIED, "REVOKED", refusal)
