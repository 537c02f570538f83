"""Time of the node: the wall, or a plant clock that runs faster in a simulation."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class NodeClock(Protocol):
    """What leases, reports and devices take their time from."""

    def now(self) -> datetime:
        """Return the present time, UTC."""

    def monotonic(self) -> float:
        """Return seconds of plant time since some fixed moment; never steps."""

    def wall_seconds(self, duration_s: float) -> float:
        """Return how long `duration_s` seconds of plant time take on the wall, in seconds."""


class WallNodeClock:
    """Real time."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def wall_seconds(self, duration_s: float) -> float:
        return duration_s


class ScaledNodeClock:
    """Plant time that is `origin_plant_time` at the Unix time `origin_wall` and runs `speed` times faster."""

    def __init__(self, origin_plant_time: datetime, origin_wall: float, speed: float) -> None:
        if not speed > 0.0:
            raise ValueError(f"speed: got {speed!r}, expected a positive number")
        self._speed = speed
        # The wall's clock is read once; from here on only the monotonic clock counts.
        self._origin_monotonic_s = time.monotonic() - (time.time() - origin_wall)
        self._origin_plant_time = origin_plant_time.astimezone(UTC)

    def now(self) -> datetime:
        return self._origin_plant_time + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        return (time.monotonic() - self._origin_monotonic_s) * self._speed

    def wall_seconds(self, duration_s: float) -> float:
        return duration_s / self._speed


class ServiceTime:
    """What the service's clock says, told from its messages and never from one that was stuck.

    Every message gives a lower bound of the offset `service - monotonic`: it was sent before it
    arrived. The Welcome gives an upper bound as well: it was sent after the Hello. Where the node's
    own clock lies within these bounds (and 2 s of tolerance) it is the better one and is used.
    """

    def __init__(self, clock: NodeClock, *, window: int = 8, skew_ignored_s: float = 2.0) -> None:
        self._clock, self._window, self._skew_ignored_s = clock, window, skew_ignored_s
        self._lower_bounds_s: list[float] = []
        self._upper_bound_s = float("inf")

    def welcome(self, *, sent_at_s: float, hello_at_s: float, received_at_s: float) -> None:
        """Start over with the Welcome of a session; `sent_at_s` is Unix time, the others monotonic."""
        self._lower_bounds_s = [sent_at_s - received_at_s]
        self._upper_bound_s = sent_at_s - hello_at_s

    def ping(self, *, sent_at_s: float, received_at_s: float) -> None:
        """Take in another message of the service."""
        self._lower_bounds_s = [*self._lower_bounds_s[1 - self._window :], sent_at_s - received_at_s]

    def now_s(self) -> float:
        """Return the service's present time as Unix time, seconds."""
        monotonic_s, own_s = self._clock.monotonic(), self._clock.now().timestamp()
        if not self._lower_bounds_s:
            return own_s
        lower_s = max(self._lower_bounds_s)
        upper_s = max(lower_s, self._upper_bound_s)
        if lower_s - self._skew_ignored_s <= own_s - monotonic_s <= upper_s + self._skew_ignored_s:
            return own_s
        return monotonic_s + (lower_s + upper_s) / 2.0
