"""The plant's time."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Time of the plant; runs faster than the wall in a demo."""

    def now(self) -> datetime:
        """Return the present time of the plant, UTC."""

    def wall_seconds(self, duration: timedelta) -> float:
        """Return how long `duration` of plant time takes on the wall, in seconds."""

    def wall_time(self, at: datetime) -> datetime:
        """Return when, on the wall, the time of the plant is `at`."""

    async def sleep_until(self, at: datetime) -> None:
        """Return when the plant's time has reached `at`."""
