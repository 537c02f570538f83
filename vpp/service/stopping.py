"""An operator's stop and release: written to the journal, then sent; held over a restart."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Final

import numpy as np
import structlog
from numpy.typing import NDArray

from vpp.adapters.rpc.dispatch import StopOrder
from vpp.adapters.rpc.gateway import Gateway
from vpp.domain.assets import Fleet
from vpp.domain.errors import InvalidValueError
from vpp.ports import SendReport
from vpp.service.stop_journal import StopEntry, StopJournal

log = structlog.get_logger()
MAX_REMEMBERED: Final = 1_024  # request ids; asking again with one of them does nothing again


class Stopping:
    """What operators stop and release, of one fleet."""

    def __init__(self, fleet: Fleet, gateway: Gateway, journal: StopJournal) -> None:
        self._fleet, self._gateway, self._journal = fleet, gateway, journal
        self._slot_of = fleet.slots()
        self._done: OrderedDict[str, SendReport] = OrderedDict()
        self._lock = asyncio.Lock()

    def restore(self) -> int:
        """Take up the stops that hold, before any node connects; return how many assets they hold."""
        for entry in self._journal.entries():
            try:
                slots = self.slots_of(entry)
            except InvalidValueError as error:
                log.warning("a stop in the journal names what the fleet does not have", problem=str(error))
                continue
            slots = np.arange(len(self._fleet)) if slots is None else slots
            if entry.action == "stop":
                self._gateway.book.stop(slots, entry.at, until_released=True)
            else:
                self._gateway.book.release(slots, entry.at)
        return int(self._gateway.book.stopped.sum())

    def slots_of(self, entry: StopEntry) -> NDArray[np.int64] | None:
        """Return whom an entry is for, None for the fleet; raise InvalidValueError for unknown names."""
        if entry.feeder_id:
            names = [feeder.feeder_id for feeder in self._fleet.feeders]
            if entry.feeder_id not in names:
                raise InvalidValueError("feeder_id", entry.feeder_id, "a feeder of the fleet register")
            return np.flatnonzero(self._fleet.feeder_index() == names.index(entry.feeder_id))
        if not entry.asset_ids:
            return None
        for asset_id in entry.asset_ids:
            if asset_id not in self._slot_of:
                raise InvalidValueError("asset_ids", asset_id, "an asset of the fleet register")
        return np.array(sorted({self._slot_of[asset_id] for asset_id in entry.asset_ids}), dtype=np.int64)

    async def carry_out(self, order: StopOrder) -> SendReport:
        """Stop or release: journal first. The same request again changes nothing.

        Raises:
            InvalidValueError: an asset or a feeder that nobody knows.
            StoreError: the journal cannot be written; a stop has been sent all the same.
        """
        async with self._lock:
            if (known := self._done.get(order.request_id)) is not None:
                return known
            self._require_in_scope(order)
            entry = StopEntry(
                request_id=order.request_id,
                action=order.action,
                operator=order.operator,
                reason=order.reason,
                at=self._gateway.clock.now(),
                asset_ids=order.asset_ids,
                feeder_id=order.feeder_id,
            )
            slots = self.slots_of(entry)
            report = await self._send(entry, slots)
            self._done[order.request_id] = report
            while len(self._done) > MAX_REMEMBERED:
                self._done.popitem(last=False)
            return report

    def _require_in_scope(self, order: StopOrder) -> None:
        """Raise InvalidValueError for what the operator may not order; it looks like what nobody knows."""
        if order.scope.everything:
            return
        if not order.asset_ids and not order.feeder_id:
            raise InvalidValueError(
                "asset_ids", "nothing", "assets or a feeder", "you are limited to some portfolios: name them"
            )
        if order.feeder_id and not order.scope.holds(order.feeder_id):
            raise InvalidValueError("feeder_id", order.feeder_id, "a feeder of the fleet register")
        for asset_id in order.asset_ids:
            slot = self._slot_of.get(asset_id)
            if slot is None or not order.scope.holds(self._fleet.assets[slot].feeder_id):
                raise InvalidValueError("asset_ids", asset_id, "an asset of the fleet register")

    async def _send(self, entry: StopEntry, slots: NDArray[np.int64] | None) -> SendReport:
        written = asyncio.to_thread(self._journal.append, entry)
        if entry.action == "release":
            await written
            report = await self._gateway.release(slots, entry.reason)
        else:
            try:
                await written
            finally:  # a disk that is full must not keep a fleet running
                report = await self._gateway.stop(slots, entry.reason, until_released=True)
        log.warning(
            entry.action, operator=entry.operator, reason=entry.reason, assets=report.sent,
            away=len(report.unreachable_slots), request_id=entry.request_id,
        )  # fmt: skip
        return report
