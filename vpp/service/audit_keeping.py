"""Keeps the audit chain: takes up the stop journal, names anchors in the log, cuts what is old enough.

A stop may precede the database; its line in the journal is then its record until the database is back.
The journal is read from where the last pass ended, so a pass that finds nothing new costs one look at
the file's size.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from typing import Final

import structlog

from vpp.adapters.rpc.audit import AuditServicer
from vpp.adapters.storage import open_audit, open_evidence
from vpp.domain.assets import Fleet
from vpp.domain.audit import AuditEntry, AuditKind, Sealed
from vpp.domain.errors import InvalidValueError
from vpp.ports import AuditLog, Clock, StoreError
from vpp.ports.evidence import EvidenceStore
from vpp.service.explaining import explain_setpoint
from vpp.service.settings import Settings
from vpp.service.stop_journal import StopEntry, StopJournal

LOOK_PERIOD: Final = timedelta(seconds=10)
_SHOWN: Final = 100  # asset ids of one stop in its record
MAX_MERGED: Final = 1_000  # entries taken up in one pass

log = structlog.get_logger()


@dataclass(slots=True, kw_only=True)
class AuditKeeping:
    """One pass after the other; each does what is due."""

    chain: AuditLog
    journal: StopJournal
    clock: Clock
    keep_days: int
    evidence: EvidenceStore | None = None
    _taken: int = 0  # entries of the journal that are in the chain
    _size: int = -1  # of the journal when it was read last
    _anchored: date | None = field(default=None)

    async def step(self) -> None:
        """Take up what the journal has, and once a day name the head and cut what is too old."""
        await self.take_up_stops()
        now = self.clock.now()
        if self._anchored != now.date():
            self._anchored = now.date()
            await self.anchor("day")
            await self._cut(now)

    async def take_up_stops(self) -> int:
        """Give every stop and release of the journal its record; return how many were new."""
        size = await asyncio.to_thread(self.journal.size)
        if size == self._size:
            return 0
        entries = await asyncio.to_thread(self.journal.entries)
        new = 0
        for entry in entries[self._taken : self._taken + MAX_MERGED]:
            kind = AuditKind.STOP if entry.action == "stop" else AuditKind.RELEASE
            if not await self.chain.has(kind, entry.request_id):
                await self.chain.append(_record(kind, entry))
                new += 1
            self._taken += 1
        if self._taken >= len(entries):
            self._size = size
        return new

    async def anchor(self, occasion: str) -> None:
        """Name the head in the log: who keeps the log elsewhere can tell later that nothing was cut off."""
        head = await self.chain.head()
        log.info("audit anchor", occasion=occasion, anchor=str(head))

    async def close(self) -> None:
        """Name the head a last time; a database that is away does not hold up the end."""
        try:
            await self.take_up_stops()
            await self.anchor("shutdown")
        except StoreError as error:
            log.warning("no audit anchor at shutdown", problem=str(error))
        await self.chain.close()
        if self.evidence is not None:
            await self.evidence.close()

    async def _cut(self, now: datetime) -> None:
        try:
            gone = await self.chain.cut(older_than=now - timedelta(days=self.keep_days), now=now)
        except InvalidValueError as error:  # keep_days below what is allowed; the settings refuse that, too
            log.warning("audit records are kept", problem=str(error))
            return
        if gone:
            log.info("audit records cut off", records=gone, keep_days=self.keep_days)


def keeping_of(settings: Settings, clock: Clock) -> AuditKeeping:
    """Return what keeps the configured chain; opens no connection yet."""
    return AuditKeeping(
        chain=open_audit(settings.database.url),
        journal=StopJournal(settings.grpc.stop_journal_path),
        clock=clock,
        keep_days=settings.audit.keep_days,
    )


def audit_servicer(settings: Settings, keeping: AuditKeeping, fleet: Fleet) -> AuditServicer:
    """Return what answers questions about the chain."""
    evidence = open_evidence(settings.database.url)
    keeping.evidence = evidence
    return AuditServicer(chain=keeping.chain, explain=partial(explain_setpoint, evidence), fleet=fleet)


def _record(kind: AuditKind, entry: StopEntry) -> AuditEntry:
    return AuditEntry(
        kind=kind,
        subject=entry.request_id,
        actor=entry.operator,
        at=entry.at,
        payload={
            "asset_ids": list(entry.asset_ids[:_SHOWN]),
            "assets": len(entry.asset_ids),
            "feeder_id": entry.feeder_id,
            "reason": Sealed(f"request:{entry.request_id}", entry.reason),
        },
    )
