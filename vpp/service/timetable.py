"""When a service does what it does by itself."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial

from vpp.service.audit_keeping import LOOK_PERIOD as AUDIT_PERIOD
from vpp.service.expiry import LOOK_PERIOD as EXPIRY_PERIOD
from vpp.service.expiry import log_expiry
from vpp.service.forecast_job import ForecastJob
from vpp.service.ids import IdFactory
from vpp.service.jobs import Jobs
from vpp.service.loop import DispatchLoop
from vpp.service.parts import Parts
from vpp.service.settings import Settings
from vpp.service.tracking import TrackingLoop

APPROVAL_LOOK_PERIOD = timedelta(seconds=5)


def timetable_of(parts: Parts) -> Jobs:
    """Return all jobs; nothing runs before they are started."""
    settings, loop, desk = parts.base.settings, parts.loop, parts.desk
    jobs = Jobs(loop.clock)
    _forecasts(jobs, settings, parts.forecasts)
    _cycles(jobs, settings, loop)
    desk.schedule(jobs, loop)
    parts.shadows.schedule(jobs, settings, loop.policy.interval)
    parts.schedules.add_to(jobs, loop, desk.rehearsing)
    upkeep, store = timedelta(seconds=settings.telemetry.upkeep_period_s), parts.base.store
    jobs.every("upkeep of readings", store.keep_readings, period=upkeep, at_once=True)
    jobs.every("upkeep of records", store.keep_records, period=upkeep)
    jobs.every("audit", parts.base.audit.step, period=AUDIT_PERIOD, at_once=True)
    jobs.every("approvals", parts.approval_desk.check, period=APPROVAL_LOOK_PERIOD, at_once=True)
    jobs.every("expiry", partial(log_expiry, settings, parts.register), period=EXPIRY_PERIOD, at_once=True)
    return jobs


def _forecasts(jobs: Jobs, settings: Settings, forecasts: ForecastJob) -> None:
    """Learn now and then, and issue a forecast when one is due."""
    if forecasts.training is not None:
        every = timedelta(seconds=settings.forecast.training_period_s)
        jobs.every("training", forecasts.training.fit, period=every, at_once=True)
    check = timedelta(seconds=settings.forecast.check_period_s)
    jobs.every("forecast", forecasts.check, period=check, at_once=True)


def _cycles(jobs: Jobs, settings: Settings, loop: DispatchLoop) -> None:
    """Run cycles ahead of each interval, and in between follow, renew and look at what nodes do."""

    async def cycle() -> datetime:
        return (await loop.run_cycle("schedule")).cycle_start

    jobs.every("cycle", cycle, period=loop.policy.interval, lead=loop.policy.lead)
    if loop.policy.tracking_period:
        tracking = TrackingLoop(loop, IdFactory(kind="tracking", epoch=loop.epoch))
        jobs.every("tracking", tracking.step, period=loop.policy.tracking_period)
    look = timedelta(seconds=max(5.0, settings.grpc.report_period_s / 3))
    jobs.every("compliance", loop.look_at_compliance, period=look)
    jobs.every("renew", loop.renew, period=loop.policy.renewal_period)
