"""Puts the service together: the only place that knows everybody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol, TypeVar

import structlog

from vpp.adapters.clock import ScaledClock, WallClock
from vpp.adapters.rpc.access import caller
from vpp.adapters.rpc.approvals import ApprovalServicer
from vpp.adapters.rpc.dispatch import DispatchServicer
from vpp.adapters.rpc.enrolment_server import EnrolmentServer
from vpp.adapters.rpc.forecasting import ForecastServicer
from vpp.adapters.rpc.gateway import Gateway, GatewaySettings
from vpp.adapters.rpc.operator import OperatorServicer
from vpp.adapters.rpc.server import AddService, RunningServer, ServerStartError, start_server
from vpp.adapters.rpc.token_revocations import AccessServicer
from vpp.adapters.storage import open_identities, open_signals, open_store
from vpp.adapters.storage.approvals import open_approvals
from vpp.adapters.storage.migrate import require_current
from vpp.adapters.storage.promotions import open_promotions
from vpp.control.compliance import ComplianceWatch
from vpp.domain.readings import ReadingLimits
from vpp.domain.runs import RunSummary
from vpp.forecasting.explaining import explain
from vpp.ports import Clock, IdentityRegister, SignalRegister, Store
from vpp.service.approvals import ApprovalDesk
from vpp.service.approved_runs import open_approval_desk
from vpp.service.audit_keeping import LOOK_PERIOD as AUDIT_PERIOD
from vpp.service.audit_keeping import AuditKeeping, audit_servicer, keeping_of
from vpp.service.desk import Desk, open_desk
from vpp.service.errors import ServiceError
from vpp.service.expiry import LOOK_PERIOD, log_expiry
from vpp.service.forecast_job import ForecastJob
from vpp.service.forecasting_parts import holidays_of, open_forecasts
from vpp.service.identity import IdentityParts, identity_parts, start_enrolment
from vpp.service.ids import IdFactory
from vpp.service.jobs import Jobs
from vpp.service.loop import DispatchLoop
from vpp.service.peak import restore_peak
from vpp.service.promotion_parts import RunningParts, promoted, promoting_of
from vpp.service.schedule_desk import ScheduleDesk, open_schedule_desk
from vpp.service.settings import Settings
from vpp.service.settling_calls import settling_of
from vpp.service.shadow_parts import Shadows, open_shadows_of
from vpp.service.solving import ProcessSolver
from vpp.service.stop_journal import StopJournal
from vpp.service.stopping import Stopping
from vpp.service.tracking import TrackingLoop

log = structlog.get_logger()
BILLING_PERIOD = timedelta(days=31)
APPROVAL_LOOK_PERIOD = timedelta(seconds=5)


class _Closable(Protocol):
    async def close(self) -> None: ...


Kept = TypeVar("Kept", bound=_Closable)


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


def _kept(stack: AsyncExitStack, part: Kept) -> Kept:
    """Return `part`, which is closed when the service ends."""
    stack.push_async_callback(part.close)
    return part


@asynccontextmanager
async def running_service(settings: Settings, *, config_path: str) -> AsyncIterator[Service]:
    """Run the service for the length of a block; everything is drained and closed at its end.

    Raises:
        StoreError: the database is away, behind in migrations, or written by another service.
        ServiceError: there are no assets, or the address or the certificates cannot be used.
    """
    clock = make_clock(settings)
    async with AsyncExitStack() as stack:
        solver = ProcessSolver()
        stack.callback(solver.close)
        await require_current(settings.database.url, config_path=config_path)
        promotions = _kept(stack, open_promotions(settings.database.url))
        configured, settings = settings, await promoted(settings, promotions)
        store = _kept(stack, make_store(settings, clock))
        audit = _kept(stack, keeping_of(settings, clock))
        fleet = await store.load_fleet()
        if len(fleet) == 0:
            raise ServiceError(
                f"the database has no assets; run `vpp import DIRECTORY --config {config_path}`"
            )
        epoch = await store.next_epoch()
        gateway = Gateway(
            fleet=fleet, store=store, clock=clock, epoch=epoch, settings=_gateway_settings(settings)
        )
        signals = _kept(stack, open_signals(settings.database.url))
        loop = await _loop(settings, store, signals, gateway, solver, clock, epoch)
        forecasts = await open_forecasts(settings, store, loop, stack)
        await asyncio.to_thread(solver.warm_up)
        register = _kept(stack, open_identities(settings.database.url))
        identity = identity_parts(settings, register, fleet)
        desk = await open_desk(settings, loop, stack)
        shadows = await open_shadows_of(
            settings,
            shadows=configured.to_shadows(),
            store=store,
            clock=clock,
            fleet=fleet,
            epoch=epoch,
            training=forecasts.training,
            plan_aside=desk.rehearsing.plan_aside,
            stack=stack,
        )
        approvals = _kept(stack, open_approvals(settings.database.url))
        approval_desk = await open_approval_desk(settings, approvals, loop, store, clock)
        parts = RunningParts(
            configured=configured,
            settings=settings,
            loop=loop,
            forecasts=forecasts,
            desk=approval_desk,
            approvals=approvals,
            stack=stack,
        )
        schedules, schedule_servicer = await open_schedule_desk(settings, loop, stack)
        services = [
            schedule_servicer.add_to,
            ApprovalServicer(
                desk=approval_desk, register=approvals, fleet=fleet, portfolios=loop.portfolios
            ).add_to,
            audit_servicer(settings, audit, fleet).add_to,
            shadows.servicer(promoting_of(parts, promotions)).add_to,
            (await settling_of(settings, store, loop, stack)).add_to,
            AccessServicer(register=register, doorkeeper=identity.doorkeeper).add_to,
        ]
        server = await _server(settings, gateway, loop, store, signals, clock, identity, desk, services)
        stack.push_async_callback(server.stop)
        enrolment = await start_enrolment(settings, identity)
        if enrolment is not None:
            stack.push_async_callback(enrolment.stop)
        jobs = _jobs(settings, store, loop, forecasts, desk)
        shadows.schedule(jobs, settings, loop.policy.interval)
        schedules.add_to(jobs, loop, desk.rehearsing)
        _schedule_watches(jobs, settings, audit, approval_desk, register)
        jobs.start()
        stack.callback(jobs.stop)
        yield Service(
            server=server,
            enrolment=enrolment,
            gateway=gateway,
            loop=loop,
            forecasts=forecasts,
            jobs=jobs,
            shadows=shadows,
            schedules=schedules,
        )


async def _loop(
    settings: Settings,
    store: Store,
    signals: SignalRegister,
    gateway: Gateway,
    solver: ProcessSolver,
    clock: Clock,
    epoch: int,
) -> DispatchLoop:
    fleet, policy = await store.load_fleet(), settings.policy.to_policy()
    now = clock.now()
    peak = await restore_peak(store, interval=policy.interval, since=now - BILLING_PERIOD, now=now)
    loop = DispatchLoop(
        fleet=fleet,
        policy=policy,
        clock=clock,
        store=store,
        link=gateway,
        solver=solver,
        epoch=epoch,
        new_id=IdFactory(kind="run", epoch=epoch),
        book=gateway.book,
        watch=ComplianceWatch(fleet),
        signals=signals,
        peak=peak,
        timezone=settings.forecast.timezone,
        holidays=holidays_of(settings, clock),
        expect_stays=settings.forecast.expect_stays,
        previous=await store.last_plan(),
        portfolios=settings.to_portfolios(),
    )
    solver.tell(loop.board.found)
    gateway.heard.append(loop.board.heard)
    return loop


def _gateway_settings(settings: Settings) -> GatewaySettings:
    return GatewaySettings(
        report_period_s=settings.grpc.report_period_s,
        max_order_age_s=settings.grpc.max_order_age_s,
        ping_period_s=settings.grpc.report_period_s,
        reading_limits=ReadingLimits(stale_after=timedelta(seconds=settings.policy.reading_max_age_s)),
    )


async def _server(
    settings: Settings,
    gateway: Gateway,
    loop: DispatchLoop,
    store: Store,
    signals: SignalRegister,
    clock: Clock,
    identity: IdentityParts,
    desk: Desk,
    services: Sequence[AddService],
) -> RunningServer:
    host, _, port = settings.grpc.address.rpartition(":")
    operator = OperatorServicer(
        fleet=loop.fleet, store=store, live=gateway.live, book=gateway.book, clock=clock, signals=signals
    )
    stopping = Stopping(loop.fleet, gateway, StopJournal(settings.grpc.stop_journal_path))
    desk.stops.append(stopping.merge)
    held = await asyncio.to_thread(stopping.restore)
    if held:
        log.warning("stopped before the restart and not released", assets=held)

    async def trigger_run(trigger: str, portfolio: str) -> RunSummary:
        return await loop.run_cycle(trigger, requester=caller().name, portfolio=portfolio)

    dispatch = DispatchServicer(
        trigger_run=trigger_run,
        store=store,
        carry_out=stopping.carry_out,
        overrides=desk.overrides,
        rehearsals=desk.rehearsing,
        progress=loop.board,
        portfolios=loop.portfolios,
    )
    try:
        return await start_server(
            credentials=identity.credentials,
            gateway=gateway,
            doorkeeper=identity.doorkeeper,
            access=identity.access,
            identity_servicer=identity.identity_servicer,
            operator_servicer=operator,
            dispatch_servicer=dispatch,
            forecast_servicer=ForecastServicer(store=store, clock=clock, explain=explain),
            services=services,
            host=host,
            port=int(port),
        )
    except ServerStartError as error:
        raise ServiceError(str(error)) from error


def _schedule_watches(
    jobs: Jobs, settings: Settings, audit: AuditKeeping, approvals: ApprovalDesk, register: IdentityRegister
) -> None:
    """Schedule what looks after records, what waits for people, and certificates."""
    jobs.every("audit", audit.step, period=AUDIT_PERIOD, at_once=True)
    jobs.every("approvals", approvals.check, period=APPROVAL_LOOK_PERIOD, at_once=True)
    jobs.every("expiry", partial(log_expiry, settings, register), period=LOOK_PERIOD, at_once=True)


def _jobs(settings: Settings, store: Store, loop: DispatchLoop, forecasts: ForecastJob, desk: Desk) -> Jobs:
    """Return the schedule: forecasts now and then, cycles ahead of each interval, renewals in between."""

    async def cycle() -> datetime:
        return (await loop.run_cycle("schedule")).cycle_start

    clock = loop.clock
    jobs = Jobs(clock)
    check = timedelta(seconds=settings.forecast.check_period_s)
    if forecasts.training is not None:
        every = timedelta(seconds=settings.forecast.training_period_s)
        jobs.every("training", forecasts.training.fit, period=every, at_once=True)
    jobs.every("forecast", forecasts.check, period=check, at_once=True)
    jobs.every("cycle", cycle, period=loop.policy.interval, lead=loop.policy.lead)
    upkeep = timedelta(seconds=settings.telemetry.upkeep_period_s)
    jobs.every("upkeep of readings", store.keep_readings, period=upkeep, at_once=True)
    jobs.every("upkeep of records", store.keep_records, period=upkeep)
    if loop.policy.tracking_period:
        tracking = TrackingLoop(loop, IdFactory(kind="tracking", epoch=loop.epoch))
        jobs.every("tracking", tracking.step, period=loop.policy.tracking_period)
    look = timedelta(seconds=max(5.0, settings.grpc.report_period_s / 3))
    jobs.every("compliance", loop.look_at_compliance, period=look)
    jobs.every("renew", loop.renew, period=loop.policy.renewal_period)
    desk.schedule(jobs, loop)
    return jobs
