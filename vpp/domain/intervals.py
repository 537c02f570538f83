"""Half-open intervals of equal length, labelled by their start in UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from vpp.domain.errors import InvalidValueError


def require_utc(field: str, at: datetime) -> datetime:
    """Return `at` in UTC; raise InvalidValueError when it carries no offset."""
    if at.tzinfo is None:
        raise InvalidValueError(field, at.isoformat(), "a time with an offset, such as 2020-05-20T10:00:00Z")
    return at.astimezone(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class IntervalGrid:
    """`count` intervals `[start + k * length, start + (k + 1) * length)`."""

    start: datetime
    length: timedelta
    count: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "start", require_utc("start", self.start))
        if self.length <= timedelta(0):
            raise InvalidValueError("length", self.length, "a positive duration")
        if self.count < 0:
            raise InvalidValueError("count", self.count, "zero or more intervals")

    @property
    def end(self) -> datetime:
        return self.start + self.count * self.length

    @property
    def hours(self) -> float:
        """Return the length of one interval in hours."""
        return self.length / timedelta(hours=1)

    def start_of(self, index: int) -> datetime:
        return self.start + index * self.length

    def starts(self) -> list[datetime]:
        return [self.start_of(index) for index in range(self.count)]

    def index_of(self, at: datetime) -> int:
        """Return the index of the interval that holds `at`; may lie outside 0..count-1."""
        return (at - self.start) // self.length

    def first_at_or_after(self, at: datetime) -> int:
        """Return the index of the first interval that starts at or after `at`."""
        return -((self.start - at) // self.length)


def interval_start(at: datetime, length: timedelta) -> datetime:
    """Return the start of the interval of `length`, counted from midnight UTC, that holds `at`."""
    at = require_utc("at", at)
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + ((at - midnight) // length) * length
