"""Who connects, told from the client's certificate and from nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import grpc

from vpp.adapters.rpc.errors import CallRefusedError

_NAME: Final = re.compile(r"urn:vpp:(node|operator):([A-Za-z0-9._:\-]{1,64})")
METER_PREFIX: Final = "meter-"


class Kind(StrEnum):
    """What a certificate is for. What an operator may do is in `roles`."""

    NODE = "node"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Identity:
    """A node by its id, or an operator by name."""

    kind: Kind
    name: str


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
    return Identity(Kind(names[0][1]), names[0][2])


def metered_feeder(node_id: str) -> str:
    """Return the feeder that a meter node reports for; empty when the node is no meter."""
    return node_id.removeprefix(METER_PREFIX) if node_id.startswith(METER_PREFIX) else ""
