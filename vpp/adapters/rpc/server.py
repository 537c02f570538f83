"""The gRPC server: mutual TLS, checks before every call, health, reflection, a graceful end."""

from __future__ import annotations

import asyncio
import gc
import socket
from collections.abc import Callable, Sequence
from typing import Any, Final

import grpc.aio
from google.protobuf.internal import api_implementation
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from vpp.adapters.rpc import limits
from vpp.adapters.rpc.access import AccessControl
from vpp.adapters.rpc.credentials import CredentialFiles, ServerCredentials, server_credentials
from vpp.adapters.rpc.deadlines import require_deadline
from vpp.adapters.rpc.doorkeeper import Doorkeeper
from vpp.adapters.rpc.fleet_service import FleetServicer
from vpp.adapters.rpc.gateway import Gateway
from vpp.adapters.rpc.heap import give_back_forever
from vpp.adapters.rpc.interception import GuardInterceptor
from vpp.rpcgen import (
    dispatch_pb2,
    dispatch_pb2_grpc,
    enrolment_pb2,
    enrolment_pb2_grpc,
    fleet_pb2,
    forecasting_pb2,
    forecasting_pb2_grpc,
    operator_pb2,
    operator_pb2_grpc,
)

FLEET_SERVICE: Final = fleet_pb2.DESCRIPTOR.services_by_name["FleetService"].full_name
IDENTITY_SERVICE: Final = enrolment_pb2.DESCRIPTOR.services_by_name["IdentityService"].full_name
OPERATOR_SERVICE: Final = operator_pb2.DESCRIPTOR.services_by_name["OperatorService"].full_name
DISPATCH_SERVICE: Final = dispatch_pb2.DESCRIPTOR.services_by_name["DispatchService"].full_name
FORECAST_SERVICE: Final = forecasting_pb2.DESCRIPTOR.services_by_name["ForecastService"].full_name

_WINDOW_BYTES: Final = 128 * 1024  # of one stream: seven messages of 1,000 readings; grpcio would allow 4 MiB
_FRAME_BYTES: Final = 4 * 1024  # of TLS, of which each connection holds one; grpcio would take 16 KiB

_OPTIONS: Final = (
    ("grpc.so_reuseport", 0),  # a port in use must be an error, not a second server
    ("grpc.max_receive_message_length", limits.MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", limits.MAX_MESSAGE_BYTES),
    ("grpc.tsi.max_frame_size", _FRAME_BYTES),
    ("grpc.max_concurrent_streams", 128),  # of one connection; a node needs one
    ("grpc.http2.bdp_probe", 0),
    ("grpc.http2.lookahead_bytes", _WINDOW_BYTES),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    ("grpc.server_handshake_timeout_ms", limits.HANDSHAKE_TIMEOUT_S * 1000),
    ("grpc.max_connection_age_ms", limits.MAX_STREAM_AGE_S * 1000),
    ("grpc.max_connection_age_grace_ms", limits.STREAM_AGE_GRACE_S * 1000),
    # Ten thousand nodes that come back at once must not be reset.
    ("grpc.server.max_pending_requests", 200_000),
    ("grpc.server.max_pending_requests_hard_limit", 200_000),
)


AddService = Callable[[grpc.aio.Server], str]
"""Adds a service to a server and returns its full name."""


class ServerStartError(Exception):
    """The server cannot start; the message is one sentence that says what to do."""


class RunningServer:
    """A server that listens on `host:port`."""

    def __init__(self, server: grpc.aio.Server, gateway: Gateway, host: str, port: int) -> None:
        self._server, self._gateway = server, gateway
        self.host, self.port = host, port
        self.health = health.aio.HealthServicer()
        self.tasks: list[asyncio.Task[None]] = []  # beside the calls, until the end

    @property
    def target(self) -> str:
        return f"{self.host}:{self.port}"

    async def stop(self, grace_s: float = 5.0) -> None:
        """Say NOT_SERVING, end the sessions, write what waits, let calls finish within `grace_s`."""
        await self.health.enter_graceful_shutdown()
        await self._end_tasks()
        await self._gateway.drain()
        await self._server.stop(grace_s)

    async def kill(self) -> None:
        """End everything at once, as a crash would; for tests."""
        await self._end_tasks()
        await self._server.stop(None)

    async def _end_tasks(self) -> None:
        """End the tasks and wait: one that reads the database must be done before that is closed."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


def require_fast_protobuf() -> None:
    """Raise ServerStartError when protobuf runs in pure Python, some 500 times too slow."""
    if api_implementation.Type() == "python":
        raise ServerStartError(
            "protobuf runs in pure Python, which is far too slow for a gateway; unset "
            "PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION or install a protobuf wheel for this machine"
        )


def freeze_garbage() -> None:
    """Take what lives for good out of the collector's sight; call it once after the start.

    A full collection over a fleet's sessions otherwise stops every stream for up to a second.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def require_free_port(host: str, port: int) -> None:
    """Raise ServerStartError when another program listens on the port."""
    if port == 0:
        return
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ServerStartError(
                f"cannot listen on {host}:{port} ({error.strerror}); stop the other program or choose "
                "another port"
            ) from error


async def start_server(
    *,
    credentials: ServerCredentials | CredentialFiles,
    gateway: Gateway,
    doorkeeper: Doorkeeper | None = None,
    access: AccessControl | None = None,
    identity_servicer: enrolment_pb2_grpc.IdentityServiceServicer | None = None,
    operator_servicer: operator_pb2_grpc.OperatorServiceServicer | None = None,
    dispatch_servicer: dispatch_pb2_grpc.DispatchServiceServicer | None = None,
    forecast_servicer: forecasting_pb2_grpc.ForecastServiceServicer | None = None,
    services: Sequence[AddService] = (),
    host: str = "127.0.0.1",
    port: int = 0,
    options: Sequence[tuple[str, Any]] = (),
) -> RunningServer:
    """Start the gateway and serve; port 0 takes a free one. Without a doorkeeper nobody is ever revoked.

    Raises:
        StoreError: the deny list cannot be read; nobody is let in without it.
        ServerStartError: the port is in use, the certificates cannot be used, protobuf is too slow.
    """
    require_fast_protobuf()
    require_free_port(host, port)
    may_call = (access or AccessControl()).check
    guard = GuardInterceptor(may_call, require_deadline)
    if doorkeeper is not None:
        await doorkeeper.refresh()
        guard = GuardInterceptor(may_call, doorkeeper.check, require_deadline, watch=doorkeeper.watched)
    server = grpc.aio.server(interceptors=[guard], options=[*(dict(_OPTIONS) | dict(options)).items()])
    names = [FLEET_SERVICE]
    if identity_servicer is not None:
        enrolment_pb2_grpc.add_IdentityServiceServicer_to_server(identity_servicer, server)  # type: ignore[no-untyped-call]
        names.append(IDENTITY_SERVICE)
    FleetServicer(gateway).add_to(server)
    if operator_servicer is not None:
        operator_pb2_grpc.add_OperatorServiceServicer_to_server(operator_servicer, server)  # type: ignore[no-untyped-call]
        names.append(OPERATOR_SERVICE)
    if dispatch_servicer is not None:
        dispatch_pb2_grpc.add_DispatchServiceServicer_to_server(dispatch_servicer, server)  # type: ignore[no-untyped-call]
        names.append(DISPATCH_SERVICE)
    if forecast_servicer is not None:
        forecasting_pb2_grpc.add_ForecastServiceServicer_to_server(forecast_servicer, server)  # type: ignore[no-untyped-call]
        names.append(FORECAST_SERVICE)
    names += [add(server) for add in services]
    bound = _bind(server, credentials, host, port)
    running = RunningServer(server, gateway, host, bound)
    health_pb2_grpc.add_HealthServicer_to_server(running.health, server)
    reflection.enable_server_reflection([*names, health.SERVICE_NAME, reflection.SERVICE_NAME], server)
    await gateway.start()
    await server.start()
    running.tasks = [asyncio.create_task(give_back_forever(lambda: gateway.sessions_ended))]
    if doorkeeper is not None:
        running.tasks.append(asyncio.create_task(doorkeeper.run()))
    for name in ("", *names):
        await running.health.set(name, health_pb2.HealthCheckResponse.SERVING)
    return running


def _bind(
    server: grpc.aio.Server, credentials: ServerCredentials | CredentialFiles, host: str, port: int
) -> int:
    tls = server_credentials(credentials, client_certificates=True)
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        bound = server.add_secure_port(address, tls)
    except RuntimeError as error:
        raise ServerStartError(
            f"cannot listen on {address}: the port is in use or the server's certificate cannot be read; "
            "`vpp doctor` says which"
        ) from error
    return bound
