"""Values from the wire, bounded, and how they are refused in words."""

from __future__ import annotations

from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp

from vpp.adapters.rpc import limits
from vpp.domain.errors import InvalidValueError
from vpp.domain.readings import from_microseconds
from vpp.rpcgen import fleet_pb2 as pb


def require_time(field: str, stamp: Timestamp) -> datetime:
    """Return a time from the wire; raise InvalidValueError when it is none that can be."""
    return from_microseconds(require_microseconds(field, stamp))


def require_microseconds(field: str, stamp: Timestamp) -> int:
    """Return a time from the wire as microseconds since 1970; raise as `require_time` does."""
    seconds, nanos = stamp.seconds, stamp.nanos
    if not (0 < seconds < limits.MAX_UNIX_TIME_S and 0 <= nanos < 1_000_000_000):
        raise InvalidValueError(field, f"{seconds} s, {nanos} ns", "a time from 1970 to 2100")
    return seconds * 1_000_000 + nanos // 1_000


def printable(text: str) -> str:
    """Return free text from outside without control characters, cut to its maximum length."""
    return "".join(char for char in text[: limits.MAX_TEXT_LENGTH] if char.isprintable())


def refusal(error: InvalidValueError, reading_number: int = 0) -> pb.ServerMessage:
    """Return what the node is told."""
    return pb.ServerMessage(
        refusal=pb.Refusal(
            field=error.field,
            value=printable(str(error.value)),
            expected=error.expected,
            reading_number=reading_number,
        )
    )


def require_equal_length(**lengths: int) -> None:
    """Raise InvalidValueError when columns differ in length or are too long."""
    first = next(iter(lengths.values()))
    for name, length in lengths.items():
        if length != first:
            raise InvalidValueError(name, f"{length} values", f"{first}, as in {next(iter(lengths))}")
    if first > limits.MAX_BATCH_ROWS:
        raise InvalidValueError(next(iter(lengths)), f"{first} values", f"at most {limits.MAX_BATCH_ROWS}")


def require_number(field: str, number: int) -> int:
    """Return a counter from the wire; raise InvalidValueError when a database cannot hold it."""
    if number > limits.MAX_NUMBER:
        raise InvalidValueError(field, number, f"at most {limits.MAX_NUMBER}")
    return number
