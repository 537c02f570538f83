"""Where approvals and the versions in force are remembered."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from vpp.domain.approvals import Approval, ApprovalEvent, ApprovalRecord, Component
from vpp.ports.paging import Page


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentVersion:
    """What a component is since a moment; `fingerprint` tells one version from another."""

    component: Component
    fingerprint: str
    since: datetime
    values: dict[str, Any] = field(default_factory=dict)


class ApprovalRegister(Protocol):
    """Approvals with all that happened to them. Every method is durable when it returns.

    Writing raises WriterLockError when a later writer has taken over from `epoch`.
    """

    async def open(
        self, approval: Approval, events: list[ApprovalEvent], *, epoch: int
    ) -> list[ApprovalEvent]:
        """Store a new approval and events, of it or of those it takes the place of, in one transaction."""

    async def append(self, event: ApprovalEvent, *, epoch: int) -> ApprovalEvent:
        """Store an event, and return it with its number."""

    async def get(self, approval_id: str) -> ApprovalRecord | None:
        """Return an approval with its events."""

    async def word(self, request_id: str) -> ApprovalEvent | None:
        """Return what was said under a request id."""

    async def waiting(self) -> list[ApprovalRecord]:
        """Return what has not ended, oldest first."""

    async def of_run(self, run_id: str) -> ApprovalRecord | None:
        """Return the approval that a run carried out: who approved it, when and why it was asked."""

    async def records(self, *, waiting: bool, page_size: int, page_token: str) -> Page[ApprovalRecord]:
        """Return approvals, newest first; `waiting` leaves out what has ended."""

    async def events_after(self, number: int, *, most: int) -> list[ApprovalEvent]:
        """Return events in the order of writing."""

    async def newest_event(self) -> int:
        """Return the number of the newest event, 0 where there is none."""

    async def alarms(self) -> int:
        """Return how often nothing could be sent without a person."""

    async def save_version(self, version: ComponentVersion) -> None:
        """Store what a component is from a moment on."""

    async def versions(self, component: Component, *, newest: int) -> list[ComponentVersion]:
        """Return the newest versions of a component, newest first."""

    async def close(self) -> None:
        """Let go of the database."""
