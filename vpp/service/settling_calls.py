"""Settlement over the wire."""

from __future__ import annotations

from contextlib import AsyncExitStack

from vpp.adapters.rpc.settlement import SettlementServicer
from vpp.domain.assets import Fleet
from vpp.ports import Clock, Store
from vpp.service.event_baselines import EventBaselines
from vpp.service.loop import DispatchLoop
from vpp.service.settings import Settings
from vpp.service.settling import open_settling


async def settlement_servicer(
    settings: Settings, store: Store, fleet: Fleet, clock: Clock, stack: AsyncExitStack
) -> SettlementServicer:
    """Return what settles events for callers; its connections are closed with `stack`."""
    settling = await open_settling(settings, store, fleet, clock, stack)
    return SettlementServicer(settle=settling.settle, fleet=fleet)


async def settling_of(
    settings: Settings, store: Store, loop: DispatchLoop, stack: AsyncExitStack
) -> SettlementServicer:
    """Return what settles events for callers, and have the loop's plans count them from the same baseline."""
    settling = await open_settling(settings, store, loop.fleet, loop.clock, stack)
    baselines = EventBaselines(settling.metering, loop.policy.interval)
    stack.push_async_callback(baselines.close)
    loop.baselines = baselines
    return SettlementServicer(settle=settling.settle, fleet=loop.fleet)
