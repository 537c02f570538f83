"""Why a session ended, in words."""

from __future__ import annotations

from typing import Final

import grpc

# What the client library puts over the service's own words when a stream is refused while it writes
# (https://github.com/grpc/grpc/issues/36066).
_WORDS_LOST: Final = "Internal error from Core"


class SessionError(Exception):
    """The session cannot go on; the message says why."""


class GoodbyeError(SessionError):
    """The service ended the session on purpose, and asks to come back at random within a time."""

    def __init__(self, message: str, within_s: float) -> None:
        super().__init__(message)
        self.within_s = within_s


def ending(code: grpc.StatusCode, details: str | None) -> str:
    """Return a sentence for the status with which a stream ended."""
    if code is grpc.StatusCode.INTERNAL and details == _WORDS_LOST:
        return (
            "INTERNAL: the service refused the session while this node wrote, and gRPC lost its reason; "
            "the next attempt or the service's log may give it"
        )
    return f"{code.name}: {details}"
