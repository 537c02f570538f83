"""Clocks of the plant."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


class WallClock:
    """The plant's time is the wall's."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def wall_seconds(self, duration: timedelta) -> float:
        return duration.total_seconds()

    def wall_time(self, at: datetime) -> datetime:
        """Return when, on the wall, the plant's time is `at`."""
        return at

    async def sleep_until(self, at: datetime) -> None:
        await asyncio.sleep(max(0.0, self.wall_seconds(at - self.now())))


@dataclass(frozen=True, slots=True)
class ScaledClock:
    """The plant's time runs `speed` times faster than the wall, from `origin_wall` at `origin_plant`.

    Processes that share the three numbers share the time. `origin_wall` is in seconds since 1970.
    """

    origin_plant: datetime
    origin_wall: float
    speed: float

    def now(self) -> datetime:
        return self.origin_plant + timedelta(seconds=(time.time() - self.origin_wall) * self.speed)

    def wall_seconds(self, duration: timedelta) -> float:
        return duration.total_seconds() / self.speed

    def wall_time(self, at: datetime) -> datetime:
        """Return when, on the wall, the plant's time is `at`."""
        passed = (at - self.origin_plant).total_seconds() / self.speed
        return datetime.fromtimestamp(self.origin_wall + passed, UTC)

    async def sleep_until(self, at: datetime) -> None:
        await asyncio.sleep(max(0.0, self.wall_seconds(at - self.now())))
