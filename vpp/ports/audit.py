"""The audit chain, for those who read, check and keep it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from vpp.domain.audit import AuditEntry, AuditHead, AuditRecord
from vpp.domain.audit_check import AuditVerdict
from vpp.ports.paging import Page

Progress = Callable[[int, int], None]  # records done, records in all


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """Which records; empty and None mean any."""

    kind: str = ""
    subject: str = ""
    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """What was forgotten at once."""

    about: str
    keys: int  # destroyed
    live_rows: int  # of other tables, whose words were removed


class AuditLog(Protocol):
    """The chain in the database. Every method is durable when it returns."""

    async def head(self) -> AuditHead:
        """Return the newest record's number and hash; number 0 where there is none."""

    async def append(self, entry: AuditEntry) -> AuditHead:
        """Add a record of something that is stored elsewhere than in the database."""

    async def has(self, kind: str, subject: str) -> bool:
        """Return whether there is a record of this kind about this subject."""

    async def records(self, chosen: AuditFilter, *, page_size: int, page_token: str) -> Page[AuditRecord]:
        """Return records, newest first; sealed words are opened where their key is still there."""

    async def verify(
        self,
        *,
        anchors: Sequence[str] = (),
        first: int = 0,
        last: int = 0,
        deep: bool = False,
        archive: Path | None = None,
        processes: int = 1,
        progress: Progress | None = None,
    ) -> AuditVerdict:
        """Check the records `first` to `last`, 0 for the ends; `deep` compares also what they are about.

        With more than one of `processes` a long chain is checked side by side.
        """

    async def export(self, out: Path, *, progress: Progress | None = None) -> AuditHead:
        """Write the chain as JSON lines and return the last record that is in the file."""

    async def cut(self, *, older_than: datetime, now: datetime) -> int:
        """Remove records from before `older_than`, leave a checkpoint, and return how many went."""

    async def erase(self, about: str, *, reason: str, actor: str, now: datetime) -> Erasure:
        """Destroy the keys of `about`, and remove the words it names from live rows."""

    async def close(self) -> None:
        """Let go of the database."""
