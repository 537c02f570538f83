"""The clock and the store of the settings: all that many commands need of a service."""

from __future__ import annotations

from vpp.adapters.clock import ScaledClock, WallClock
from vpp.adapters.storage import open_store
from vpp.ports import Clock, Store
from vpp.service.errors import ServiceError
from vpp.service.settings import Settings


def make_clock(settings: Settings) -> ScaledClock | WallClock:
    """Return the plant's clock; raise ServiceError when a scaled one lacks its origin."""
    clock = settings.clock
    if clock.speed == 1.0 and clock.origin_plant is None:
        return WallClock()
    if clock.origin_plant is None or clock.origin_wall is None:
        raise ServiceError(
            "clock.origin_plant and clock.origin_wall: both are needed when clock.speed is not 1"
        )
    return ScaledClock(clock.origin_plant, clock.origin_wall, clock.speed)


def make_store(settings: Settings, clock: Clock) -> Store:
    """Return the configured store, with its archive of readings."""
    telemetry = settings.telemetry
    return open_store(
        settings.database.url,
        clock_now=clock.now,
        archive=telemetry.archive,
        keep_days=telemetry.keep_days,
        keep_records_days=settings.database.keep_records_days,
    )
