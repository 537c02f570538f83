"""What a call may fail with. Match on the class; `message` is one sentence for people."""

from __future__ import annotations

from typing import Any, ClassVar

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]

_DETAILS = "grpc-status-details-bin"


class ClientError(Exception):
    """A call that failed. `code` is gRPC's, `reason` a word for programs, `field` what was wrong."""

    codes: ClassVar[frozenset[grpc.StatusCode]] = frozenset()

    def __init__(
        self,
        message: str,
        *,
        code: grpc.StatusCode,
        reason: str = "",
        field: str = "",
        retry_after_s: float = 0.0,
    ) -> None:
        super().__init__(message)
        self.message, self.code, self.reason, self.field = message, code, reason, field
        self.retry_after_s = retry_after_s


class InvalidRequestError(ClientError):
    """A value that cannot be used; `field` names it. The same call fails again."""

    codes = frozenset({grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.FAILED_PRECONDITION})


class MissingError(ClientError):
    """What was asked for is not there, or is not yours."""

    codes = frozenset({grpc.StatusCode.NOT_FOUND})


class DeniedError(ClientError):
    """You may not do this, or the service does not know who you are."""

    codes = frozenset({grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNAUTHENTICATED})


class TooOftenError(ClientError):
    """Too many calls; try again after `retry_after_s` seconds."""

    codes = frozenset({grpc.StatusCode.RESOURCE_EXHAUSTED})


class UnavailableError(ClientError):
    """The service cannot be reached, or its database cannot; it was tried several times."""

    codes = frozenset({grpc.StatusCode.UNAVAILABLE})


class LateError(ClientError):
    """No answer in time. What was asked may still happen; asking again with the same id is safe."""

    codes = frozenset({grpc.StatusCode.DEADLINE_EXCEEDED})


_KINDS = (InvalidRequestError, MissingError, DeniedError, TooOftenError, UnavailableError, LateError)


def error_of(failed: grpc.RpcError) -> ClientError:
    """Return the error that a failed call stands for."""
    code = failed.code()
    kind = next((kind for kind in _KINDS if code in kind.codes), ClientError)
    reason, field, retry_after_s = _details(failed)
    return kind(
        failed.details() or code.name, code=code, reason=reason, field=field, retry_after_s=retry_after_s
    )


def _details(failed: grpc.RpcError) -> tuple[str, str, float]:
    """Return (reason, field, seconds to wait) from google.rpc details, where there are any."""
    reason, field, retry_after_s = "", "", 0.0
    metadata: Any = failed.trailing_metadata() or ()
    for key, value in metadata:
        if key != _DETAILS:
            continue
        try:
            status = status_pb2.Status.FromString(value)
        except DecodeError:
            continue
        for detail in status.details:
            info, request = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
            if detail.Unpack(info):
                reason = info.reason
                retry_after_s = float(info.metadata.get("retry_after_s", "0"))
            elif detail.Unpack(request) and request.field_violations:
                field = request.field_violations[0].field
    return reason, field, retry_after_s
