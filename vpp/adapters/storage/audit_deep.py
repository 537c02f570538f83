"""Compares what records are about with the rows that are stored, column by column or by hash."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Table, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from vpp.adapters.storage import tables
from vpp.adapters.storage.archive import ReadingArchive
from vpp.adapters.storage.fingerprints import (
    acknowledgements_payload,
    consent_payload,
    forecast_payload,
    run_payload,
)
from vpp.adapters.storage.reading_days import day_of
from vpp.domain.audit import AuditKind
from vpp.domain.audit_check import ChainCheck, RawRecord
from vpp.ports.audit import Progress

_LOOKED_AT: Final = frozenset(
    str(kind).encode()
    for kind in (
        AuditKind.RUN,
        AuditKind.FORECAST,
        AuditKind.ACKNOWLEDGEMENTS,
        AuditKind.READINGS,
        AuditKind.CONSENT,
    )
)
_PROGRESS_EVERY: Final = 50
_NOT_THERE: Final = "no such row"


class DeepCheck:
    """Takes the records that `ChainCheck` took; its faults go to the same list."""

    def __init__(self, connection: AsyncConnection, check: ChainCheck, archive: Path | None) -> None:
        self._connection, self._check = connection, check
        self._archive = None if archive is None else ReadingArchive(archive)
        self._erased: frozenset[str] | None = None  # hashes of what erasures left behind
        self._dropped_before_us: int | None = None  # when runs began whose records were dropped
        self._acknowledged: tuple[int, int] | None = None  # first and last number that records speak of
        # Number of the last consent that a record speaks of; unknown where older records were cut off.
        self._last_consent: int | None = 0 if check.start.number == 0 else None
        self.things = 0

    async def take(self, rows: Sequence[RawRecord], progress: Progress | None, total: int) -> None:
        """Compare what these records are about."""
        before = self._check.records - len(rows)
        for place, (number, at_us, kind, subject, actor, _, payload, _) in enumerate(rows, 1):
            if kind not in _LOOKED_AT:
                continue
            try:
                recorded = json.loads(payload)
                if kind.decode() == AuditKind.CONSENT:
                    # The reason is sealed, and may have been forgotten in the row.
                    recorded |= {"asset_id": subject.decode(), "by": actor.decode(), "at_us": at_us}
                    del recorded["reason"]
                await self._compare(number, kind.decode(), subject.decode(), recorded)
            except (ValueError, KeyError, TypeError):
                continue  # not a payload as we write it; the chain says whether it was changed
            self.things += 1
            if progress is not None and self.things % _PROGRESS_EVERY == 0:
                progress(before + place, total)

    async def finish(self) -> None:
        """Look for rows that no record speaks of: a chain that lost its end does not hide them."""
        await self._unrecorded(tables.run, "run_id", "run_number", AuditKind.RUN)
        await self._unrecorded(tables.forecast, "forecast_id", "forecast_number", AuditKind.FORECAST)
        if self._acknowledged is not None:
            await self._beyond(tables.acknowledgement, "acknowledgement_number", self._acknowledged[1])
        if self._last_consent is not None:
            await self._beyond(tables.consent, "consent_number", self._last_consent)

    async def _beyond(self, table: Table, counted: str, last: int) -> None:
        query = select(func.count()).where(table.c[counted] > last)
        if beyond := await self._connection.scalar(query):
            words = f"{beyond} rows after number {last} that no record speaks of"
            self._check.fault(0, table.name, "a record for every row", words)

    async def _compare(self, number: int, kind: str, subject: str, recorded: dict[str, Any]) -> None:
        found: dict[str, Any] | None
        if kind == AuditKind.RUN:
            run_number = await self._number(tables.run, "run_id", subject, "run_number")
            found = None if run_number is None else await run_payload(self._connection, run_number)
            if found is not None and await self._was_dropped(found):
                recorded = recorded | {"record_sha256": ""}
        elif kind == AuditKind.FORECAST:
            known = await self._number(tables.forecast, "forecast_id", subject, "forecast_number")
            found = None if known is None else await forecast_payload(self._connection, subject)
        elif kind == AuditKind.ACKNOWLEDGEMENTS:
            after, until = int(recorded["after"]), int(recorded["until"])
            first = self._acknowledged[0] if self._acknowledged else after
            self._acknowledged = (first, until)
            found = await acknowledgements_payload(self._connection, after, until)
        elif kind == AuditKind.CONSENT:
            self._last_consent = int(recorded["consent_number"])
            found = await consent_payload(self._connection, self._last_consent)
        else:
            found = await self._archived(subject)
        if found is None:
            self._check.fault(number, f"{kind} {subject}", "the row that was recorded", _NOT_THERE)
            return
        await self._differences(number, f"{kind} {subject}", recorded, found)

    async def _number(self, table: Table, key: str, value: str, counted: str) -> int | None:
        return await self._connection.scalar(select(table.c[counted]).where(table.c[key] == value))

    async def _archived(self, day: str) -> dict[str, Any] | None:
        number = day_of(datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC))
        table = tables.archived_day
        row = (await self._connection.execute(select(table).where(table.c.day == number))).one_or_none()
        if row is None:
            return None
        found = {"rows": row.rows, "file_sha256": row.sha256}
        entry = None if self._archive is None else self._archive.entry(number)
        if self._archive is not None and entry is None:
            return None
        if self._archive is not None and entry is not None:
            problem = await asyncio.to_thread(self._archive.problem, entry)
            found["file_sha256"] = problem or entry.sha256
        return found

    async def _differences(self, number: int, place: str, recorded: Any, found: Any) -> None:
        if isinstance(recorded, dict) and isinstance(found, dict):
            for name, value in recorded.items():
                await self._differences(number, f"{place}, {name}", value, found.get(name, _NOT_THERE))
        elif recorded != found and not await self._was_erased(str(found)):
            self._check.fault(number, place, json.dumps(recorded), json.dumps(found, default=str))

    async def _was_dropped(self, found: dict[str, Any]) -> bool:
        """Return whether a run has no record any more because all of its age were dropped."""
        if found["record_sha256"]:
            return False
        if self._dropped_before_us is None:
            table = tables.audit_record
            query = select(table.c.payload).where(table.c.kind == AuditKind.RECORDS_DROPPED)
            payloads = [json.loads(text) for text in await self._connection.scalars(query)]
            self._dropped_before_us = max((int(said["began_before_us"]) for said in payloads), default=0)
        return int(found["run"]["started_at_us"]) < self._dropped_before_us

    async def _was_erased(self, found_sha256: str) -> bool:
        """Return whether an erasure left exactly this behind."""
        if self._erased is None:
            table = tables.audit_record
            query = select(table.c.payload).where(table.c.kind == AuditKind.ERASURE)
            payloads = [json.loads(text) for text in await self._connection.scalars(query)]
            self._erased = frozenset(item for payload in payloads for item in payload.get("left", []))
        return found_sha256 in self._erased

    async def _unrecorded(self, table: Table, key: str, counted: str, kind: str) -> None:
        """Name rows, newer than the oldest recorded, that no record is about."""
        record = tables.audit_record
        known = select(record.c.subject).where(record.c.kind == kind)
        oldest = select(func.min(table.c[counted])).where(table.c[key].in_(known)).scalar_subquery()
        query = select(table.c[key]).where(table.c[counted] > oldest, table.c[key].not_in(known)).limit(10)
        for name in await self._connection.scalars(query):
            self._check.fault(0, f"{kind} {name}", "a record for every row", "none")
