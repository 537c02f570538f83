"""How the gRPC server says no: a status code, one sentence, and google.rpc details."""

from __future__ import annotations

from typing import Any

import grpc
import grpc.aio
from google.protobuf import any_pb2
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]

from vpp.domain.errors import InvalidValueError
from vpp.ports import StoreUnavailableError

_DOMAIN = "vpp.v1"

Context = grpc.aio.ServicerContext[Any, Any]
"""What gRPC hands to every handler."""


class CallRefusedError(Exception):
    """A call that cannot be served; `reason` is a word for programs, the message is for people."""

    def __init__(
        self, code: grpc.StatusCode, reason: str, message: str, *, metadata: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.code, self.reason, self.metadata = code, reason, metadata or {}


class NotFoundError(Exception):
    """Something that was asked for by its name is not there."""

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(f"{kind} {name!r} is not known")
        self.kind, self.name = kind, name


def explain(error: Exception) -> tuple[grpc.StatusCode, str, Message | None]:
    """Return the status code, the sentence and the detail of an error.

    An error that nobody foresaw is INTERNAL and says nothing of the inside.
    """
    if isinstance(error, InvalidValueError):
        violation = error_details_pb2.BadRequest.FieldViolation(field=error.field, description=str(error))
        return (
            grpc.StatusCode.INVALID_ARGUMENT,
            str(error),
            error_details_pb2.BadRequest(field_violations=[violation]),
        )
    if isinstance(error, NotFoundError):
        detail = error_details_pb2.ResourceInfo(
            resource_type=error.kind, resource_name=error.name, description=str(error)
        )
        return grpc.StatusCode.NOT_FOUND, str(error), detail
    if isinstance(error, StoreUnavailableError):
        info = error_details_pb2.ErrorInfo(reason="DATABASE_AWAY", domain=_DOMAIN)
        return grpc.StatusCode.UNAVAILABLE, str(error), info
    if isinstance(error, CallRefusedError):
        info = error_details_pb2.ErrorInfo(reason=error.reason, domain=_DOMAIN, metadata=error.metadata)
        return error.code, str(error), info
    return grpc.StatusCode.INTERNAL, "the service failed; its log says why", None


async def abort(context: Context, error: Exception) -> None:
    """End the call with the status of `error`, details in `grpc-status-details-bin`."""
    code, message, detail = explain(error)
    packed = []
    if detail is not None:
        packed.append(any_pb2.Any())
        packed[0].Pack(detail)
    status = status_pb2.Status(code=code.value[0], message=message, details=packed)
    await context.abort(code, message, (("grpc-status-details-bin", status.SerializeToString()),))
