"""A clock that the replay moves; nothing waits for the wall."""

from __future__ import annotations

from datetime import datetime, timedelta

UNHURRIED_S = 3600.0


class ReplayClock:
    """The plant's time of a replay."""

    def __init__(self, at: datetime) -> None:
        self._at = at

    def now(self) -> datetime:
        """Return the present time of the plant, UTC."""
        return self._at

    def wall_seconds(self, duration: timedelta) -> float:
        """Return an hour: solves stop on work, so that a slow machine decides as a fast one."""
        return UNHURRIED_S

    def wall_time(self, at: datetime) -> datetime:
        """Return `at`: the replay has no wall."""
        return at

    async def sleep_until(self, at: datetime) -> None:
        """Move the time on to `at`."""
        self._at = max(self._at, at)
