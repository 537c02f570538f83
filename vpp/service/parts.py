"""The parts of a running service, opened in the order in which they need each other."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol, TypeVar

from vpp.adapters.rpc.gateway import Gateway
from vpp.adapters.rpc.gateway_settings import GatewaySettings
from vpp.adapters.storage import open_identities, open_signals
from vpp.adapters.storage.approvals import open_approvals
from vpp.adapters.storage.migrate import require_current
from vpp.adapters.storage.promotions import open_promotions
from vpp.control.compliance import ComplianceWatch
from vpp.domain.assets import Fleet
from vpp.domain.readings import ReadingLimits
from vpp.ports import ApprovalRegister, Clock, IdentityRegister, SignalRegister, Store
from vpp.ports.promotions import PromotionRegister
from vpp.service.approvals import ApprovalDesk
from vpp.service.approved_runs import open_approval_desk
from vpp.service.audit_keeping import AuditKeeping, keeping_of
from vpp.service.clock_and_store import make_clock, make_store
from vpp.service.desk import Desk, open_desk
from vpp.service.errors import ServiceError
from vpp.service.forecast_job import ForecastJob
from vpp.service.forecasting_parts import holidays_of, open_forecasts
from vpp.service.identity import IdentityParts, identity_parts
from vpp.service.ids import IdFactory
from vpp.service.loop import DispatchLoop
from vpp.service.peak import restore_peak
from vpp.service.promotion_parts import promoted
from vpp.service.schedule_desk import ScheduleDesk, open_schedule_desk
from vpp.service.settings import Settings
from vpp.service.shadow_parts import Shadows, open_shadows_of
from vpp.service.solving import ProcessSolver

BILLING_PERIOD = timedelta(days=31)


class _Closable(Protocol):
    async def close(self) -> None: ...


Kept = TypeVar("Kept", bound=_Closable)


def _kept(stack: AsyncExitStack, part: Kept) -> Kept:
    """Return `part`, which is closed when the service ends."""
    stack.push_async_callback(part.close)
    return part


@dataclass(frozen=True, slots=True, kw_only=True)
class Foundation:
    """What everything else stands on."""

    configured: Settings
    settings: Settings  # in force: with what people promoted
    clock: Clock
    store: Store
    fleet: Fleet
    epoch: int
    solver: ProcessSolver
    promotions: PromotionRegister
    signals: SignalRegister
    audit: AuditKeeping
    stack: AsyncExitStack  # closes what is opened, the last first


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a service consists of before anybody can call it."""

    base: Foundation
    gateway: Gateway
    loop: DispatchLoop
    forecasts: ForecastJob
    register: IdentityRegister
    identity: IdentityParts
    desk: Desk
    shadows: Shadows
    approvals: ApprovalRegister
    approval_desk: ApprovalDesk
    schedules: ScheduleDesk


async def open_parts(configured: Settings, *, config_path: str, stack: AsyncExitStack) -> Parts:
    """Open all parts; `stack` closes them. Raises what `running_service` raises."""
    base = await _foundation(configured, config_path, stack)
    settings, url = base.settings, base.settings.database.url
    gateway = Gateway(
        fleet=base.fleet,
        store=base.store,
        clock=base.clock,
        epoch=base.epoch,
        settings=_gateway_settings(settings),
    )
    loop = await _loop(base, gateway)
    forecasts = await open_forecasts(settings, base.store, loop, stack)
    await asyncio.to_thread(base.solver.warm_up)
    register = _kept(stack, open_identities(url))
    desk = await open_desk(settings, loop, stack)
    approvals = _kept(stack, open_approvals(url))
    return Parts(
        base=base,
        gateway=gateway,
        loop=loop,
        forecasts=forecasts,
        register=register,
        identity=identity_parts(settings, register, base.fleet),
        desk=desk,
        shadows=await _shadows(base, forecasts, desk),
        approvals=approvals,
        approval_desk=await open_approval_desk(settings, approvals, loop, base.store, base.clock),
        schedules=await open_schedule_desk(settings, loop, stack),
    )


async def _foundation(configured: Settings, config_path: str, stack: AsyncExitStack) -> Foundation:
    clock, solver, url = make_clock(configured), ProcessSolver(), configured.database.url
    stack.callback(solver.close)
    await require_current(url, config_path=config_path)
    promotions = _kept(stack, open_promotions(url))
    settings = await promoted(configured, promotions)
    store = _kept(stack, make_store(settings, clock))
    audit = _kept(stack, keeping_of(settings, clock))
    fleet = await store.load_fleet()
    if len(fleet) == 0:
        raise ServiceError(f"the database has no assets; run `vpp import DIRECTORY --config {config_path}`")
    return Foundation(
        configured=configured,
        settings=settings,
        clock=clock,
        store=store,
        fleet=fleet,
        epoch=await store.next_epoch(),
        solver=solver,
        promotions=promotions,
        signals=_kept(stack, open_signals(url)),
        audit=audit,
        stack=stack,
    )


async def _loop(base: Foundation, gateway: Gateway) -> DispatchLoop:
    settings, policy, now = base.settings, base.settings.policy.to_policy(), base.clock.now()
    loop = DispatchLoop(
        fleet=base.fleet,
        policy=policy,
        clock=base.clock,
        store=base.store,
        link=gateway,
        solver=base.solver,
        epoch=base.epoch,
        new_id=IdFactory(kind="run", epoch=base.epoch),
        book=gateway.book,
        watch=ComplianceWatch(base.fleet),
        signals=base.signals,
        peak=await restore_peak(base.store, interval=policy.interval, since=now - BILLING_PERIOD, now=now),
        timezone=settings.forecast.timezone,
        holidays=holidays_of(settings, base.clock),
        expect_stays=settings.forecast.expect_stays,
        previous=await base.store.last_plan(),
        portfolios=settings.to_portfolios(),
    )
    base.solver.tell(loop.board.found)
    gateway.heard.append(loop.board.heard)
    return loop


async def _shadows(base: Foundation, forecasts: ForecastJob, desk: Desk) -> Shadows:
    return await open_shadows_of(
        base.settings,
        shadows=base.configured.to_shadows(),
        store=base.store,
        clock=base.clock,
        fleet=base.fleet,
        epoch=base.epoch,
        training=forecasts.training,
        plan_aside=desk.rehearsing.plan_aside,
        stack=base.stack,
    )


def _gateway_settings(settings: Settings) -> GatewaySettings:
    return GatewaySettings(
        report_period_s=settings.grpc.report_period_s,
        max_order_age_s=settings.grpc.max_order_age_s,
        ping_period_s=settings.grpc.report_period_s,
        reading_limits=ReadingLimits(stale_after=timedelta(seconds=settings.policy.reading_max_age_s)),
    )
