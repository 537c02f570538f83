"""An operator's stop and release: written to the journal, then sent; held over a restart."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Final

import numpy as np
import structlog
from numpy.typing import NDArray

from vpp.adapters.rpc.dispatch import StopOrder
from vpp.adapters.rpc.gateway import Gateway
from vpp.domain.assets import Fleet
from vpp.domain.errors import InvalidValueError
from vpp.domain.target import Target
from vpp.ports import OperatorRegister, SendReport, StopRecord
from vpp.service.stop_journal import StopEntry, StopJournal
from vpp.service.stop_times import StopMeasurement

log = structlog.get_logger()
JOURNAL_PATIENCE_S: Final = 0.3  # of the wall, for which a stop waits for the disk before it is sent
MAX_REMEMBERED: Final = 1_024  # request ids; asking again with one of them does nothing again


class Stopping:
    """What operators stop and release, of one fleet."""

    def __init__(self, fleet: Fleet, gateway: Gateway, journal: StopJournal) -> None:
        self._fleet, self._gateway, self._journal = fleet, gateway, journal
        self._done: OrderedDict[str, SendReport] = OrderedDict()
        self._under_way: dict[str, asyncio.Task[SendReport]] = {}
        self._given = 0  # stops and releases since the start
        self._stopped_by = np.zeros(len(fleet), dtype=np.int64)  # the last one that stopped each asset
        # A thread of its own: those of the process may all be busy with plans, forecasts and archives.
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="stop-journal")
        self._merged = 0  # entries of the journal that the database has

    def restore(self) -> int:
        """Take up the stops that hold, before any node connects; return how many assets they hold."""
        for entry in self._journal.entries():
            try:
                slots = target_of(entry).slots_in(self._fleet)
            except InvalidValueError as error:
                log.warning("a stop in the journal names what the fleet does not have", problem=str(error))
                continue
            if entry.action == "stop":
                self._gateway.book.stop(slots, entry.at, until_released=True)
            else:
                self._gateway.book.release(slots, entry.at)
        return int(self._gateway.book.stopped.sum())

    async def carry_out(self, order: StopOrder) -> SendReport:
        """Stop or release: journal first. The same request again changes nothing.

        Raises:
            InvalidValueError: an asset or a feeder that nobody knows.
            StoreError: the journal cannot be written; a stop has been sent all the same. Where the disk
                does not answer, the stop is sent after `JOURNAL_PATIENCE_S`, and the call goes on waiting.
        """
        if (known := self._done.get(order.request_id)) is not None:
            return known
        task = self._under_way.get(order.request_id)
        if task is None:
            task = self._under_way[order.request_id] = asyncio.create_task(self._carry_out(order))
            task.add_done_callback(lambda _: self._under_way.pop(order.request_id))
        return await asyncio.shield(task)

    async def _carry_out(self, order: StopOrder) -> SendReport:
        entry = StopEntry(
            request_id=order.request_id,
            action=order.action,
            operator=order.operator,
            reason=order.reason,
            at=self._gateway.clock.now(),
            asset_ids=order.asset_ids,
            feeder_id=order.feeder_id,
        )
        target = target_of(entry)
        target.require_within(order.scope, self._fleet)
        slots = target.slots_in(self._fleet)
        measured = StopMeasurement(self._ordered(slots), self._gateway.clock)
        self._gateway.ended.append(measured.note)
        try:
            report = await self._send(entry, slots, whole_fleet=target.whole_fleet)
            self._remember(order.request_id, report)
            if order.action == "stop":
                report = replace(report, stop_times=await measured.times(report))
                self._remember(order.request_id, report)
        finally:
            self._gateway.ended.remove(measured.note)
        return report

    def _remember(self, request_id: str, report: SendReport) -> None:
        self._done[request_id] = report
        while len(self._done) > MAX_REMEMBERED:
            self._done.popitem(last=False)

    def _ordered(self, slots: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which of `slots` follow an order now and have their node here, shape (N,)."""
        now = self._gateway.clock.now()
        held, _ = self._gateway.book.table.at(now).power_at(now)
        chosen = np.zeros(len(self._fleet), dtype=np.bool_)
        chosen[np.intersect1d(slots, self._gateway.connected_slots())] = True
        return chosen & held

    async def merge(self, register: OperatorRegister) -> int:
        """Store what the journal has and the database lacks, with the times of this service; how many."""
        entries = await asyncio.to_thread(self._journal.entries)
        records: list[StopRecord] = []
        for entry in entries[self._merged :]:
            report = self._done.get(entry.request_id)
            if entry.action == "stop" and report is not None and report.stop_times is None:
                break  # is being measured: the next time
            records.append(_record(entry, report))
        new = await register.save_stops(records) if records else 0
        self._merged += len(records)
        return new

    async def _send(self, entry: StopEntry, slots: NDArray[np.int64], *, whole_fleet: bool) -> SendReport:
        """Write to the journal, in the order of the calls, and send; no call waits for another one's disk."""
        self._given += 1
        number = self._given
        written = asyncio.get_running_loop().run_in_executor(self._writer, self._journal.append, entry)
        if entry.action == "release":
            await written
            # Who was stopped while this was being written stays stopped, as the journal says.
            later = self._stopped_by[slots] > number
            chosen = None if whole_fleet and not later.any() else slots[~later]
            report = await self._gateway.release(chosen, entry.reason)
        else:
            self._stopped_by[slots] = number
            # A disk that is full, or does not answer, must not keep a fleet running.
            await asyncio.wait([written], timeout=JOURNAL_PATIENCE_S)
            report = await self._gateway.stop(
                None if whole_fleet else slots, entry.reason, until_released=True
            )
            await written
        log.warning(
            entry.action, operator=entry.operator, reason=entry.reason, assets=report.sent,
            away=len(report.unreachable_slots), request_id=entry.request_id,
        )  # fmt: skip
        return report


def _record(entry: StopEntry, report: SendReport | None) -> StopRecord:
    return StopRecord(
        request_id=entry.request_id,
        action=entry.action,
        operator=entry.operator,
        reason=entry.reason,
        at=entry.at,
        asset_ids=entry.asset_ids,
        feeder_id=entry.feeder_id,
        times=None if report is None else report.stop_times,
    )


def target_of(entry: StopEntry) -> Target:
    """Return whom an entry is for."""
    return Target(asset_ids=entry.asset_ids, feeder_id=entry.feeder_id)
