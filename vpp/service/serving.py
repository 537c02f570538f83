"""What a service answers over gRPC."""

from __future__ import annotations

import asyncio

import structlog

from vpp.adapters.rpc.access import caller
from vpp.adapters.rpc.approvals import ApprovalServicer
from vpp.adapters.rpc.dispatch import DispatchServicer
from vpp.adapters.rpc.forecasting import ForecastServicer
from vpp.adapters.rpc.operator import OperatorServicer
from vpp.adapters.rpc.server import AddService, RunningServer, ServerStartError, start_server
from vpp.adapters.rpc.token_revocations import AccessServicer
from vpp.domain.runs import RunSummary
from vpp.forecasting.explaining import explain
from vpp.service.audit_keeping import audit_servicer
from vpp.service.errors import ServiceError
from vpp.service.parts import Parts
from vpp.service.promoting import Promoting
from vpp.service.promotion_parts import RunningParts, promoting_of
from vpp.service.settling_calls import settling_of
from vpp.service.stop_journal import StopJournal
from vpp.service.stopping import Stopping

log = structlog.get_logger()


async def serve(parts: Parts) -> RunningServer:
    """Listen on the configured address; raise ServiceError when it or the certificates cannot be used."""
    base, loop, gateway = parts.base, parts.loop, parts.gateway
    host, _, port = base.settings.grpc.address.rpartition(":")
    operator = OperatorServicer(
        fleet=base.fleet,
        store=base.store,
        live=gateway.live,
        book=gateway.book,
        clock=base.clock,
        signals=base.signals,
    )
    dispatch, further = await _dispatch(parts), await _further_services(parts)
    try:
        return await start_server(
            credentials=parts.identity.credentials,
            gateway=gateway,
            doorkeeper=parts.identity.doorkeeper,
            access=parts.identity.access,
            identity_servicer=parts.identity.identity_servicer,
            operator_servicer=operator,
            dispatch_servicer=dispatch,
            forecast_servicer=ForecastServicer(store=base.store, clock=loop.clock, explain=explain),
            services=further,
            host=host,
            port=int(port),
        )
    except ServerStartError as error:
        raise ServiceError(str(error)) from error


async def _dispatch(parts: Parts) -> DispatchServicer:
    base, loop, desk = parts.base, parts.loop, parts.desk
    stopping = Stopping(base.fleet, parts.gateway, StopJournal(base.settings.grpc.stop_journal_path))
    desk.stops.append(stopping.merge)
    held = await asyncio.to_thread(stopping.restore)
    if held:
        log.warning("stopped before the restart and not released", assets=held)

    async def trigger_run(trigger: str, portfolio: str) -> RunSummary:
        return await loop.run_cycle(trigger, requester=caller().name, portfolio=portfolio)

    return DispatchServicer(
        trigger_run=trigger_run,
        store=base.store,
        carry_out=stopping.carry_out,
        overrides=desk.overrides,
        rehearsals=desk.rehearsing,
        progress=loop.board,
        portfolios=loop.portfolios,
    )


async def _further_services(parts: Parts) -> list[AddService]:
    base, loop = parts.base, parts.loop
    approvals = ApprovalServicer(
        desk=parts.approval_desk, register=parts.approvals, fleet=base.fleet, portfolios=loop.portfolios
    )
    return [
        parts.schedules.servicer(loop.portfolios).add_to,
        approvals.add_to,
        audit_servicer(base.settings, base.audit, base.fleet).add_to,
        parts.shadows.servicer(_promoting(parts)).add_to,
        (await settling_of(base.settings, base.store, loop, base.stack)).add_to,
        AccessServicer(register=parts.register, doorkeeper=parts.identity.doorkeeper).add_to,
    ]


def _promoting(parts: Parts) -> Promoting:
    running = RunningParts(
        configured=parts.base.configured,
        settings=parts.base.settings,
        loop=parts.loop,
        forecasts=parts.forecasts,
        desk=parts.approval_desk,
        approvals=parts.approvals,
        stack=parts.base.stack,
    )
    return promoting_of(running, parts.base.promotions)
