"""Who calls, told from the client's certificate and from nothing else, and what they may call."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import grpc

from vpp.adapters.rpc.errors import CallRefusedError, Context

_NAME: Final = re.compile(r"urn:vpp:(node|operator):([A-Za-z0-9._:\-]{1,64})")
METER_PREFIX: Final = "meter-"


class Role(StrEnum):
    NODE = "node"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Identity:
    """A caller: a node by its id, or an operator by name."""

    role: Role
    name: str


_ALLOWED: Final[Mapping[str, frozenset[Role]]] = {
    "/vpp.v1.FleetService/": frozenset({Role.NODE}),
    "/vpp.v1.IdentityService/": frozenset({Role.NODE}),
    "/vpp.v1.OperatorService/": frozenset({Role.OPERATOR}),
    "/vpp.v1.DispatchService/": frozenset({Role.OPERATOR}),
    "/vpp.v1.ForecastService/": frozenset({Role.OPERATOR}),
    "/grpc.health.v1.Health/": frozenset({Role.NODE, Role.OPERATOR}),
    "/grpc.reflection.v1alpha.ServerReflection/": frozenset({Role.OPERATOR}),
    "/grpc.reflection.v1.ServerReflection/": frozenset({Role.OPERATOR}),
}


def identify(auth_context: Mapping[str, Iterable[bytes]]) -> Identity:
    """Return the caller of a verified TLS connection.

    Raises:
        CallRefusedError: there is no name of this service in the certificate, or more than one.
    """
    texts = [text.decode("utf-8", "replace") for text in auth_context.get("peer_uri", ())]
    names = [match for text in texts if (match := _NAME.fullmatch(text))]
    if len(names) != 1:
        raise CallRefusedError(
            grpc.StatusCode.UNAUTHENTICATED,
            "NO_IDENTITY",
            "the client certificate names no caller; its subject alternative names must hold exactly "
            "one URI urn:vpp:node:<node_id> or urn:vpp:operator:<name>",
            metadata={"names": ", ".join(texts)[:200]},
        )
    return Identity(Role(names[0][1]), names[0][2])


def require_role(method: str, unary: bool, context: Context) -> None:
    """Raise CallRefusedError unless the caller's role may call `method`; unknown services are closed."""
    identity = identify(context.auth_context())
    service = method[: method.rfind("/") + 1]
    allowed = _ALLOWED.get(service, frozenset())
    if identity.role not in allowed:
        raise CallRefusedError(
            grpc.StatusCode.PERMISSION_DENIED,
            "ROLE_NOT_ALLOWED",
            f"{identity.role} {identity.name} may not call {method}; "
            f"allowed: {', '.join(sorted(allowed)) or 'nobody'}",
            metadata={"role": identity.role, "name": identity.name, "method": method},
        )


def metered_feeder(node_id: str) -> str:
    """Return the feeder that a meter node reports for; empty when the node is no meter."""
    return node_id.removeprefix(METER_PREFIX) if node_id.startswith(METER_PREFIX) else ""
