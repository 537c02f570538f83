"""Puts the service together: parts, then whoever may call them, then what runs by the clock."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from vpp.adapters.rpc.enrolment_server import EnrolmentServer
from vpp.adapters.rpc.gateway import Gateway
from vpp.adapters.rpc.server import RunningServer
from vpp.service.forecast_job import ForecastJob
from vpp.service.identity import start_enrolment
from vpp.service.jobs import Jobs
from vpp.service.loop import DispatchLoop
from vpp.service.parts import open_parts
from vpp.service.schedule_desk import ScheduleDesk
from vpp.service.serving import serve
from vpp.service.settings import Settings
from vpp.service.shadow_parts import Shadows
from vpp.service.timetable import timetable_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A service that runs."""

    server: RunningServer
    enrolment: EnrolmentServer | None
    gateway: Gateway
    loop: DispatchLoop
    forecasts: ForecastJob
    jobs: Jobs
    shadows: Shadows
    schedules: ScheduleDesk


@asynccontextmanager
async def running_service(settings: Settings, *, config_path: str) -> AsyncIterator[Service]:
    """Run the service for the length of a block; everything is drained and closed at its end.

    Raises:
        StoreError: the database is away, behind in migrations, or written by another service.
        ServiceError: there are no assets, or the address or the certificates cannot be used.
    """
    async with AsyncExitStack() as stack:
        parts = await open_parts(settings, config_path=config_path, stack=stack)
        server = await serve(parts)
        stack.push_async_callback(server.stop)
        enrolment = await start_enrolment(parts.base.settings, parts.identity)
        if enrolment is not None:
            stack.push_async_callback(enrolment.stop)
        jobs = timetable_of(parts)
        jobs.start()
        stack.callback(jobs.stop)
        yield Service(
            server=server,
            enrolment=enrolment,
            gateway=parts.gateway,
            loop=parts.loop,
            forecasts=parts.forecasts,
            jobs=jobs,
            shadows=parts.shadows,
            schedules=parts.schedules,
        )
