"""How nodes get certificates: EnrolmentService for a first one, IdentityService for the next."""

# ruff: noqa: N802 - the names are those of the RPCs
from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NoReturn
from urllib.parse import unquote

import grpc
import structlog

from vpp.adapters.rpc import limits
from vpp.adapters.rpc.dispatch_messages import timestamp
from vpp.adapters.rpc.doorkeeper import peer_certificate
from vpp.adapters.rpc.errors import CallRefusedError, Context
from vpp.adapters.rpc.identity import identify
from vpp.adapters.rpc.rates import AttemptLimiter
from vpp.domain.assets import Fleet
from vpp.domain.errors import InvalidValueError
from vpp.domain.identity import CertificateRecord, EnrolmentToken, IdentityEvent, parse_token
from vpp.ports import CertificateAuthority, IdentityRegister, IssuedCertificate
from vpp.rpcgen import enrolment_pb2 as pb
from vpp.rpcgen import enrolment_pb2_grpc

_logger = structlog.get_logger(__name__)


def caller_address(peer: str) -> str:
    """Return whose attempts are counted together: an IPv4 address, the /64 of an IPv6 one."""
    kind, _, rest = unquote(peer).partition(":")
    host = rest.rpartition(":")[0].strip("[]").partition("%")[0]
    if kind == "ipv6":
        try:
            address = ipaddress.IPv6Address(host)
        except ValueError:
            return host
        mapped = address.ipv4_mapped
        return str(mapped) if mapped else str(ipaddress.IPv6Network((address, 64), strict=False))
    return host or kind


class EnrolmentServicer(enrolment_pb2_grpc.EnrolmentServiceServicer):
    """Turns tokens into certificates. The caller is nobody until its token is good.

    A token is spent on one public key. The same key may ask again, since an answer can get lost; what
    it gets is the same certificate.
    """

    def __init__(
        self,
        *,
        register: IdentityRegister,
        authority: CertificateAuthority,
        fleet: Fleet,
        now: Callable[[], datetime],
        attempts: AttemptLimiter | None = None,
    ) -> None:
        self._register, self._authority, self._fleet, self._now = register, authority, fleet, now
        self._attempts = attempts or AttemptLimiter(
            burst=limits.ENROLMENT_BURST,
            refill_s=limits.ENROLMENT_REFILL_S,
            most_names=limits.MAX_ENROLMENT_ADDRESSES,
        )
        self._audited = AttemptLimiter(
            burst=limits.MAX_REFUSALS_IN_AUDIT_PER_HOUR,
            refill_s=3600.0 / limits.MAX_REFUSALS_IN_AUDIT_PER_HOUR,
            most_names=1,
        )
        self.refused = 0

    async def Enrol(self, request: pb.EnrolRequest, context: Context) -> pb.EnrolResponse:
        address = caller_address(context.peer())
        if wait_s := self._attempts.wait_s(address):
            raise CallRefusedError(
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                "TOO_MANY_ATTEMPTS",
                f"too many enrolments from {address}; try again in {wait_s:.0f} s",
                metadata={"retry_after_s": f"{wait_s:.0f}"},
            )
        # A caller that gives up does not cut a transaction off in the middle.
        return await asyncio.shield(asyncio.ensure_future(self._enrol(request, address)))

    async def _enrol(self, request: pb.EnrolRequest, address: str) -> pb.EnrolResponse:
        token = await self._admitted(request.token, address)
        key = self._authority.key_of(request.signing_request)
        known = await self._register.certificate_of_token(token.token_id)
        if known is None:
            known = await self._issue(token, request.signing_request, address)
        if known.public_key_sha256 != key:
            await self._refuse(address, token.node_id, "TOKEN_SPENT", "the token was used with another key")
        return self._answer(token.node_id, known)

    async def _admitted(self, text: str, address: str) -> EnrolmentToken:
        """Return the token; who does not know the secret learns nothing about it."""
        parts = parse_token(text)
        token = await self._register.token(parts[0]) if parts else None
        if parts is None or token is None or not token.opened_by(parts[1]):
            await self._refuse(address, "", "TOKEN_UNKNOWN", "the token is not known")
        if self._now() >= token.expires_at:
            sentence = f"the token expired at {token.expires_at:%Y-%m-%d %H:%M} UTC; ask for a new one"
            await self._refuse(address, token.node_id, "TOKEN_EXPIRED", sentence)
        if await self._register.token_revoked(token.token_id):
            sentence = "the node was revoked after the token was made; ask for a new one"
            await self._refuse(address, token.node_id, "TOKEN_REVOKED", sentence)
        own = {asset.asset_id for asset in self._fleet.of_node(token.node_id)}
        if foreign := [asset_id for asset_id in token.asset_ids if asset_id not in own]:
            sentence = f"asset {foreign[0]} is not bound to node {token.node_id} in the register"
            await self._refuse(address, token.node_id, "ASSETS_MOVED", sentence)
        return token

    async def _issue(self, token: EnrolmentToken, request: bytes, address: str) -> CertificateRecord:
        now = self._now()
        issued = self._authority.issue(request, node_id=token.node_id, now=now)
        record = _record(issued, token.node_id, now, token_id=token.token_id)
        detail = f"certificate {issued.serial}, token {token.token_id}"
        event = IdentityEvent(
            at=now, kind="enrolled", node_id=token.node_id, actor=f"address {address}", detail=detail
        )
        if await self._register.save_certificate(record, event):
            _logger.info("node enrolled", node=token.node_id, serial=issued.serial, address=address)
            return record
        # Another call with the same token was faster; what it was given is what counts.
        spent = await self._register.certificate_of_token(token.token_id)
        assert spent is not None
        return spent

    def _answer(self, node_id: str, record: CertificateRecord) -> pb.EnrolResponse:
        return pb.EnrolResponse(
            node_id=node_id,
            asset_ids=[asset.asset_id for asset in self._fleet.of_node(node_id)],
            certificate_chain=record.chain_pem,
            not_after=timestamp(record.not_after),
        )

    async def _refuse(self, address: str, node_id: str, reason: str, sentence: str) -> NoReturn:
        """Refuse in words, and write it down, though not without end."""
        self.refused += 1
        if not self._audited.wait_s("all"):
            event = IdentityEvent(
                at=self._now(),
                kind="enrolment_refused",
                node_id=node_id,
                actor=f"address {address}",
                detail=sentence,
            )
            await self._register.append_event(event)
        raise CallRefusedError(grpc.StatusCode.PERMISSION_DENIED, reason, sentence)


class IdentityServicer(enrolment_pb2_grpc.IdentityServiceServicer):
    """What a node asks about its own certificate. Without an authority nothing is renewed."""

    def __init__(
        self,
        *,
        register: IdentityRegister,
        authority: CertificateAuthority | None,
        now: Callable[[], datetime],
        attempts: AttemptLimiter | None = None,
    ) -> None:
        self._register, self._authority, self._now = register, authority, now
        self._attempts = attempts or AttemptLimiter(
            burst=limits.RENEWAL_BURST, refill_s=limits.RENEWAL_REFILL_S, most_names=limits.MAX_SESSIONS
        )

    async def DescribeCertificate(
        self, request: pb.DescribeCertificateRequest, context: Context
    ) -> pb.DescribeCertificateResponse:
        certificate = peer_certificate(context)
        answer = pb.DescribeCertificateResponse(
            node_id=identify(context.auth_context()).name,
            serial=certificate.serial,
            not_after=timestamp(certificate.not_after),
            now=timestamp(self._now()),
        )
        if self._authority is not None:
            due = renewal_due(certificate.not_before, certificate.not_after)
            answer.renew_after.CopyFrom(timestamp(due))
        return answer

    async def Renew(self, request: pb.RenewRequest, context: Context) -> pb.RenewResponse:
        node_id, certificate = identify(context.auth_context()).name, peer_certificate(context)
        if self._authority is None:
            raise CallRefusedError(
                grpc.StatusCode.FAILED_PRECONDITION,
                "NO_AUTHORITY",
                "this service issues no certificates; set [enrolment] in its settings",
            )
        if wait_s := self._attempts.wait_s(node_id):
            raise CallRefusedError(
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                "TOO_MANY_RENEWALS",
                f"node {node_id} renewed often enough; try again in {wait_s:.0f} s",
                metadata={"retry_after_s": f"{wait_s:.0f}"},
            )
        if self._authority.key_of(request.signing_request) == certificate.public_key_sha256:
            # Whoever has copied the old key would hold a good certificate for ever.
            raise InvalidValueError(
                "signing_request", "the key of the present certificate", "a new key for each certificate"
            )
        now = self._now()
        issued = self._authority.issue(request.signing_request, node_id=node_id, now=now)
        record = _record(issued, node_id, now, previous_serial=certificate.serial)
        detail = f"certificate {issued.serial} after {certificate.serial}"
        event = IdentityEvent(at=now, kind="renewed", node_id=node_id, actor=f"node {node_id}", detail=detail)
        # A caller that gives up does not cut a transaction off in the middle.
        await asyncio.shield(asyncio.ensure_future(self._register.save_certificate(record, event)))
        _logger.info("certificate renewed", node=node_id, serial=issued.serial)
        return pb.RenewResponse(certificate_chain=issued.chain_pem, not_after=timestamp(issued.not_after))


def renewal_due(not_before: datetime, not_after: datetime) -> datetime:
    """Return when a certificate should be renewed: after two thirds of its life."""
    return not_after - timedelta(seconds=(not_after - not_before).total_seconds() / 3)


def _record(
    issued: IssuedCertificate,
    node_id: str,
    now: datetime,
    *,
    token_id: str | None = None,
    previous_serial: str | None = None,
) -> CertificateRecord:
    return CertificateRecord(
        serial=issued.serial,
        node_id=node_id,
        public_key_sha256=issued.public_key_sha256,
        chain_pem=issued.chain_pem,
        issued_at=now,
        not_after=issued.not_after,
        token_id=token_id,
        previous_serial=previous_serial,
    )
