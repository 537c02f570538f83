"""Times in requests."""

from __future__ import annotations

from datetime import UTC, datetime

from google.protobuf.message import Message

from vpp.adapters.rpc import limits
from vpp.domain.errors import InvalidValueError
from vpp.domain.intervals import require_utc


def time_of(request: Message, field: str) -> datetime:
    """Return a time that a request must hold; raise InvalidValueError when it is missing or absurd."""
    if not request.HasField(field):
        raise InvalidValueError(field, "nothing", "a time")
    moment = getattr(request, field)
    if not 0 <= moment.seconds <= limits.MAX_UNIX_TIME_S or not 0 <= moment.nanos < 10**9:
        raise InvalidValueError(field, moment.seconds, "a time before the year 2100")
    return require_utc(field, moment.ToDatetime(tzinfo=UTC))
