"""How a node gets its first certificate with a token, and the next one over its own connection."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import grpc
import grpc.aio

from vpp.node.credentials import NodeCredentials, write_private
from vpp.node.keys import KeyRequest, new_key_request
from vpp.rpcgen import enrolment_pb2 as pb
from vpp.rpcgen import enrolment_pb2_grpc

CALL_TIMEOUT_S: Final = 15.0
MAX_ATTEMPTS: Final = 5  # with the same key: an answer that got lost is given again
FIRST_PAUSE_S: Final = 1.0
PENDING: Final = "enrolment.pending"  # key and request of an enrolment that is not over
_SEPARATOR: Final = b"\n-----SIGNING REQUEST, DER-----\n"
_AGAIN: Final = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)


class EnrolmentError(Exception):
    """The service gave no certificate; the message is its sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolled:
    """A node that was let in."""

    node_id: str
    asset_ids: tuple[str, ...]
    credentials: NodeCredentials
    not_after: datetime


async def enrol(
    service: str,
    token: str,
    authority: bytes,
    *,
    request: KeyRequest | None = None,
    target_name: str | None = None,
    uniform: Callable[[float, float], float] = random.uniform,
) -> Enrolled:
    """Turn a token into a certificate. `service` is HOST:PORT of the enrolment listener.

    The token is sent only to a server whose certificate `authority` (PEM) has signed. A call that got
    no answer is repeated, with a pause that doubles. Raises EnrolmentError.
    """
    made = request if request is not None else await asyncio.to_thread(new_key_request)
    options = [("grpc.ssl_target_name_override", target_name)] if target_name else []
    tls = grpc.ssl_channel_credentials(authority)
    message = pb.EnrolRequest(token=token, signing_request=made.signing_request)
    async with grpc.aio.secure_channel(service, tls, options=options) as channel:
        stub = enrolment_pb2_grpc.EnrolmentServiceStub(channel)  # type: ignore[no-untyped-call]
        for attempt in range(MAX_ATTEMPTS):
            try:
                answer: pb.EnrolResponse = await stub.Enrol(message, timeout=CALL_TIMEOUT_S)
            except grpc.aio.AioRpcError as error:
                if error.code() not in _AGAIN or attempt == MAX_ATTEMPTS - 1:
                    raise EnrolmentError(f"{service}: {error.code().name}: {error.details()}") from None
                await asyncio.sleep(uniform(0.5, 1.0) * FIRST_PAUSE_S * 2.0**attempt)
            else:
                break
    credentials = NodeCredentials(
        authority=authority,
        certificate=answer.certificate_chain.encode(),
        private_key=made.private_key,
    )
    return Enrolled(
        node_id=answer.node_id,
        asset_ids=tuple(answer.asset_ids),
        credentials=credentials,
        not_after=answer.not_after.ToDatetime(tzinfo=UTC),
    )


async def enrol_into(
    directory: Path,
    service: str,
    token: str,
    authority: bytes,
    *,
    uniform: Callable[[float, float], float] = random.uniform,
) -> Enrolled:
    """Enrol and write `authority.pem`, `node-<id>.pem` and `.key` to a folder.

    The key is on disk before the token is sent. When this is cut off, doing it again with the same
    token takes the same key, and the service gives the same certificate.
    """
    pending = directory / PENDING
    request = await asyncio.to_thread(_pending_request, pending)
    enrolled = await enrol(service, token, authority, request=request, uniform=uniform)
    save_enrolled(enrolled, directory)
    await asyncio.to_thread(pending.unlink)
    return enrolled


def _pending_request(path: Path) -> KeyRequest:
    """Return the key of an enrolment that was cut off, else a new one, which is on disk."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if path.exists():
        key, mark, der = path.read_bytes().partition(_SEPARATOR)
        if mark:
            return KeyRequest(private_key=key, signing_request=der)
    request = new_key_request()
    write_private(path, request.private_key + _SEPARATOR + request.signing_request)
    return request


async def renewal_wait_s(channel: grpc.aio.Channel) -> float | None:
    """Ask in how many seconds the certificate of this connection is due; None where nothing is renewed.

    Told by the service's clock alone: a node's own may be wrong.
    """
    stub = enrolment_pb2_grpc.IdentityServiceStub(channel)  # type: ignore[no-untyped-call]
    answer: pb.DescribeCertificateResponse = await stub.DescribeCertificate(
        pb.DescribeCertificateRequest(), timeout=CALL_TIMEOUT_S
    )
    if not answer.HasField("renew_after"):
        return None
    return (answer.renew_after.ToMicroseconds() - answer.now.ToMicroseconds()) / 1e6


async def renew(channel: grpc.aio.Channel, present: NodeCredentials) -> NodeCredentials:
    """Return credentials with a new key and a new certificate; raises grpc.aio.AioRpcError."""
    made = await asyncio.to_thread(new_key_request)
    stub = enrolment_pb2_grpc.IdentityServiceStub(channel)  # type: ignore[no-untyped-call]
    answer: pb.RenewResponse = await stub.Renew(
        pb.RenewRequest(signing_request=made.signing_request), timeout=CALL_TIMEOUT_S
    )
    return NodeCredentials(
        authority=present.authority,
        certificate=answer.certificate_chain.encode(),
        private_key=made.private_key,
    )


def save_enrolled(enrolled: Enrolled, directory: Path) -> Path:
    """Write `authority.pem`, `node-<id>.pem` and `.key` to a folder; return the certificate's path."""
    name = f"node-{enrolled.node_id}"
    enrolled.credentials.save(directory, name)
    return directory / f"{name}.pem"
