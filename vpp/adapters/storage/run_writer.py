"""Stores runs whole: summary, record, snapshot, plan and orders in one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from vpp.adapters.storage import cycle_records, recording, registry, schedules
from vpp.adapters.storage.audit import append
from vpp.adapters.storage.database import Database
from vpp.adapters.storage.documents import encode_plan, encode_state
from vpp.adapters.storage.folded_orders import FOLDED_FROM, fold, may_fold, write_missing_rows_within
from vpp.adapters.storage.order_numbers import OrderNumbers
from vpp.adapters.storage.order_rows import OrderRows, order_rows
from vpp.adapters.storage.order_unfolder import OrderUnfolder
from vpp.adapters.storage.writer_lock import WriterLock, fence, fence_shared
from vpp.control.record import CycleRecord
from vpp.domain.assets import Fleet
from vpp.domain.audit import SERVICE, AuditEntry, AuditKind
from vpp.domain.errors import InvalidValueError
from vpp.domain.readings import to_microseconds
from vpp.domain.runs import DispatchPlan, RunSummary
from vpp.domain.setpoints import SetpointColumns
from vpp.domain.state import FleetState
from vpp.ports import WriterLockError

MOST_STEPS: Final = 200  # transactions of one upkeep of records
DEFAULT_KEEP_RECORDS_DAYS: Final = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class _EncodedRun:
    snapshot: bytes
    schedule: bytes | None
    record: bytes | None
    fleet_sha256: str
    fleet: bytes
    orders: OrderRows | None
    folded: bytes | None  # the same, where they are many


def _dropped(before_us: int, count: int, now: datetime) -> AuditEntry:
    """Return what is written down of records that are dropped, so that they are not missed."""
    said = {"began_before_us": before_us, "records": count}
    return AuditEntry(
        kind=AuditKind.RECORDS_DROPPED, subject="cycle_record", actor=SERVICE, at=now, payload=said
    )


class RunWriter:
    """The one who writes runs; a fleet that was written once is known by its hash from then on."""

    def __init__(self, database: Database, lock: WriterLock, *, keep_days: int) -> None:
        self._database, self._lock, self._keep = database, lock, timedelta(days=keep_days)
        self._fleet: Fleet | None = None
        self._encoded_fleet = ("", b"")
        self._stored_fleets: set[str] = set()
        self._numbers = OrderNumbers()
        self._storing = asyncio.Lock()  # numbers are judged in the order in which they are stored
        self.rows = OrderUnfolder(database)

    def begin(self, epoch: int) -> None:
        """Write as the holder of an epoch that was just taken; completes what an earlier one left."""
        self._numbers.begin(epoch)
        self.rows.soon()

    async def save(
        self,
        run: RunSummary,
        *,
        plan: DispatchPlan | None,
        state: FleetState,
        setpoints: SetpointColumns | None,
        record: CycleRecord | None,
    ) -> None:
        """Store a run; raises StoreError, and then nothing of it is there."""
        inputs = None if record is None else record.inputs
        for name, part in (("plan", plan), ("setpoints", setpoints), ("record.inputs", inputs)):
            if part is not None and part.run_id != run.run_id:
                raise InvalidValueError(f"{name}.run_id", part.run_id, f"{run.run_id}, the id of the run")
        # Compressing is done before the transaction, on another thread: the loop keeps its leases.
        encoded = await asyncio.to_thread(self._encode, plan, state, setpoints, record)
        await self._lock.keep()
        async with self._storing:
            new = setpoints is not None and self._numbers.take(setpoints)
            async with self._database.writing() as connection:
                await self._store(connection, run, state, encoded, new=new)
        if encoded.folded is not None:
            self.rows.soon()
        if encoded.record is not None:
            self._stored_fleets.add(encoded.fleet_sha256)

    async def _store(
        self,
        connection: AsyncConnection,
        run: RunSummary,
        state: FleetState,
        encoded: _EncodedRun,
        *,
        new: bool,
    ) -> None:
        """Store a run in this transaction; its orders as rows unless their numbers are certainly new."""
        orders, folded = encoded.orders, encoded.folded
        if orders is None or new:
            await fence_shared(connection)
        else:
            await fence(connection)  # and with it for commits whose answer was lost
            await write_missing_rows_within(connection)  # the index sees all numbers then
        try:
            await registry.require_newest_epoch(connection, run.epoch)
        except WriterLockError:
            await self._lock.release()  # taken again for nothing: whoever starts next may have it
            raise
        number = await recording.save_run(
            connection,
            run,
            state=state,
            snapshot=encoded.snapshot,
            schedule=encoded.schedule,
            orders=orders,
            folded=folded if new and folded is not None and await may_fold(connection) else None,
            record=encoded.record,
        )
        if encoded.record is not None:
            if encoded.fleet_sha256 not in self._stored_fleets:
                await cycle_records.keep_fleet(connection, encoded.fleet_sha256, encoded.fleet)
            await cycle_records.insert_record(
                connection, number, fleet_sha256=encoded.fleet_sha256, content=encoded.record
            )

    def _encode(
        self,
        plan: DispatchPlan | None,
        state: FleetState,
        setpoints: SetpointColumns | None,
        record: CycleRecord | None,
    ) -> _EncodedRun:
        if record is not None and record.inputs.fleet is not self._fleet:
            self._encoded_fleet = cycle_records.encode_fleet(record.inputs.fleet)
            self._fleet = record.inputs.fleet
        fleet_sha256, fleet = self._encoded_fleet
        orders = None if setpoints is None else order_rows(setpoints)
        return _EncodedRun(
            snapshot=encode_state(state),
            schedule=None if plan is None else encode_plan(plan),
            record=None if record is None else cycle_records.encode_record(record, fleet_sha256, plan),
            fleet_sha256=fleet_sha256,
            fleet=fleet,
            orders=orders,
            folded=None if orders is None or len(orders) < FOLDED_FROM else fold(orders),
        )

    async def drop_old_records(self, clock_now: Callable[[], datetime]) -> int:
        """Drop what is older than kept, in small transactions; return how many records."""
        before_us, dropped = to_microseconds(clock_now() - self._keep), 0
        for _ in range(MOST_STEPS):
            async with self._database.writing() as connection:
                count = await cycle_records.drop_records(connection, before_us=before_us)
                if count:
                    await append(connection, _dropped(before_us, count, clock_now()))
            dropped += count
            if count < cycle_records.DROPPED_AT_ONCE:
                break
        async with self._database.writing() as connection:
            await schedules.drop_firings(connection, before_us=before_us)
        return dropped
