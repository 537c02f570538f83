"""The listener where nodes without a certificate ask for one: TLS with the server's certificate alone."""

from __future__ import annotations

from typing import Final

import grpc.aio

from vpp.adapters.rpc import limits
from vpp.adapters.rpc.credentials import CredentialFiles, ServerCredentials, server_credentials
from vpp.adapters.rpc.deadlines import require_deadline
from vpp.adapters.rpc.enrolment import EnrolmentServicer
from vpp.adapters.rpc.interception import GuardInterceptor
from vpp.adapters.rpc.server import ServerStartError, require_free_port
from vpp.rpcgen import enrolment_pb2_grpc

_OPTIONS: Final = (
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", limits.MAX_ENROLMENT_MESSAGE_BYTES),
    ("grpc.max_metadata_size", 8 * 1024),
    ("grpc.max_concurrent_streams", 4),
    ("grpc.server_handshake_timeout_ms", 10_000),
    ("grpc.max_connection_idle_ms", 20_000),
    ("grpc.max_connection_age_ms", limits.ENROLMENT_CONNECTION_AGE_S * 1000),
    ("grpc.max_connection_age_grace_ms", 5_000),
)


class EnrolmentServer:
    """A listener that runs; `target` is where."""

    def __init__(self, server: grpc.aio.Server, target: str) -> None:
        self._server, self.target = server, target

    async def stop(self, grace_s: float = 1.0) -> None:
        await self._server.stop(grace_s)


async def start_enrolment_server(
    *,
    credentials: ServerCredentials | CredentialFiles,
    servicer: EnrolmentServicer,
    host: str = "127.0.0.1",
    port: int = 0,
) -> EnrolmentServer:
    """Start the listener; port 0 takes a free one. Raises ServerStartError when it cannot."""
    require_free_port(host, port)
    server = grpc.aio.server(
        interceptors=[GuardInterceptor(require_deadline)],
        options=_OPTIONS,
        maximum_concurrent_rpcs=limits.MAX_ENROLMENTS_AT_ONCE,
    )
    enrolment_pb2_grpc.add_EnrolmentServiceServicer_to_server(servicer, server)  # type: ignore[no-untyped-call]
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        bound = server.add_secure_port(address, server_credentials(credentials, client_certificates=False))
    except RuntimeError as error:
        raise ServerStartError(f"cannot listen on {address} for enrolments; `vpp doctor` says why") from error
    await server.start()
    return EnrolmentServer(server, f"{host}:{bound}")
