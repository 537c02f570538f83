"""No unary product call without a deadline: a caller that waits for ever holds the service for ever."""

from __future__ import annotations

from typing import Final

import grpc

from vpp.adapters.rpc.errors import CallRefusedError, Context

_EXEMPT: Final = ("/grpc.health.", "/grpc.reflection.")


def require_deadline(method: str, unary: bool, context: Context) -> None:
    """Raise CallRefusedError when a unary product call came without a deadline.

    Streams are exempt: keepalive and a maximum age bound them.
    """
    if not unary or method.startswith(_EXEMPT):
        return
    if context.time_remaining() is None:
        raise CallRefusedError(
            grpc.StatusCode.FAILED_PRECONDITION,
            "DEADLINE_REQUIRED",
            "the call has no deadline; give one, such as timeout=10 in Python",
            metadata={"method": method},
        )
