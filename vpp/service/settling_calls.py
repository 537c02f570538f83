"""Settlement over the wire."""

from __future__ import annotations

from contextlib import AsyncExitStack

from vpp.adapters.rpc.settlement import SettlementServicer
from vpp.domain.assets import Fleet
from vpp.ports import Clock, Store
from vpp.service.settings import Settings
from vpp.service.settling import open_settling


async def settlement_servicer(
    settings: Settings, store: Store, fleet: Fleet, clock: Clock, stack: AsyncExitStack
) -> SettlementServicer:
    """Return what settles events for callers; its connections are closed with `stack`."""
    settling = await open_settling(settings, store, fleet, clock, stack)
    return SettlementServicer(settle=settling.settle, fleet=fleet)
