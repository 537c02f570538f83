"""The desk where decisions wait for people: stored before it answers, carried out once, never forgotten.

```
    cycle ──decided──► waiting ──enough words──► carried out as a run of its own, or stale
                          │ no, or nobody in time
                          └──► the next rung that needs people, or an alarm where nothing stands
```

The loop's turn is taken before the desk's, never the other way round.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import structlog

from vpp.control.approval_requests import (
    alarm,
    next_rung,
    plan_request,
    promotion_request,
    require_counts,
)
from vpp.control.cycle_values import CycleInputs, Decision, Prepared
from vpp.domain.approvals import (
    Approval,
    ApprovalEvent,
    ApprovalNeed,
    ApprovalRecord,
    ApprovalRefusedError,
    ApprovalTerms,
    EventKind,
    StaleApprovalError,
    Subject,
)
from vpp.ports import ApprovalRegister, Clock

log = structlog.get_logger()

CarryOut = Callable[[ApprovalRecord], Awaitable[str | None]]
"""Carries out what was approved and returns the id of its run, empty where it takes none; None where it is
not wanted any more; raises StaleApprovalError."""


class ApprovalDesk:
    """What waits for people, of one portfolio."""

    def __init__(
        self,
        *,
        register: ApprovalRegister,
        terms: ApprovalTerms,
        clock: Clock,
        epoch: int,
        new_id: Callable[[datetime], str],
    ) -> None:
        self._register, self._clock, self._epoch, self._new_id = register, clock, epoch, new_id
        self.terms = terms
        self.carry_out: dict[Subject, CarryOut] = {}
        self._lock = asyncio.Lock()
        self._changed = asyncio.Event()

    # what asks ---------------------------------------------------------------------------------

    async def decided(
        self, inputs: CycleInputs, prepared: Prepared, decision: Decision, *, requester: str
    ) -> Approval | None:
        """Store what a cycle puts before people, and end what it takes the place of; nothing is sent yet."""
        if decision.plan is None and not decision.pending:
            return None  # nothing was decided: what waits goes on waiting
        async with self._lock:
            superseded = await self._superseded_by(inputs)
            if not decision.pending:
                for event in superseded:
                    await self._append(event)
                return None
            approval = plan_request(self._new_id(inputs.now), inputs, prepared, decision, requester=requester)
            await self._open(approval, superseded)
            return approval

    async def propose(
        self,
        *,
        approval_id: str,
        requester: str,
        need: ApprovalNeed,
        verdict: str,
        detail: dict[str, Any],
    ) -> ApprovalRecord:
        """Put a promotion before people; the same one again returns how it stands.

        Raises:
            ApprovalRefusedError: the shadow waits for people already, or the id stands for another one.
        """
        async with self._lock:
            known = await self._register.get(approval_id)
            shadow_id = detail["shadow_id"]
            if known is not None and known.approval.detail.get("shadow_id") != shadow_id:
                raise ApprovalRefusedError("REQUEST_ID_USED", f"{approval_id} stands for another promotion")
            if known is not None:
                return known
            for record in await self._register.waiting():
                if record.approval.detail.get("shadow_id") == shadow_id:
                    waiting = f"{record.approval.approval_id} waits for the promotion of {shadow_id} already"
                    raise ApprovalRefusedError("ALREADY_PROPOSED", waiting)
            approval = promotion_request(
                approval_id,
                need,
                self._clock.now(),
                requester=requester,
                verdict=verdict,
                epoch=self._epoch,
                detail=detail,
            )
            await self._open(approval, [])
        return await self.get(approval_id)

    async def _superseded_by(self, inputs: CycleInputs) -> list[ApprovalEvent]:
        return [
            ApprovalEvent(
                approval_id=record.approval.approval_id,
                kind=EventKind.SUPERSEDED,
                at=inputs.now,
                detail=f"{inputs.run_id} decided anew",
            )
            for record in await self._register.waiting()
            if record.approval.subject is Subject.PLAN and _touch(record.approval.portfolio, inputs.portfolio)
        ]

    async def _open(self, approval: Approval, before: list[ApprovalEvent]) -> None:
        asked = ApprovalEvent(
            approval_id=approval.approval_id,
            kind=EventKind.REQUESTED,
            at=approval.requested_at,
            person=approval.requester,
            detail=approval.need.words,
        )
        events = [*before, asked]
        if approval.nothing_stands:
            events.append(alarm(approval, approval.requested_at, approval.need.words))
        await self._register.open(approval, events, epoch=self._epoch)
        log.warning(
            "waits for approval",
            approval_id=approval.approval_id,
            run_id=approval.run_id,
            reason=approval.need.words,
            until=approval.expires_at.isoformat(),
            stands=str(approval.standing_rung or "nothing"),
        )
        if approval.nothing_stands:
            _log_alarm(approval)
        self._notify()

    # what people say ---------------------------------------------------------------------------

    async def say(
        self, approval_id: str, *, request_id: str, person: str, approves: bool, comment: str
    ) -> ApprovalRecord:
        """Store a person's yes or no, carry out what it completes, and return how it stands.

        Raises:
            ApprovalRefusedError: the word does not count: nobody asked, it is over, the person asked for it
                or has spoken already, or the request id was used for something else.
        """
        kind = EventKind.APPROVED_BY if approves else EventKind.REJECTED_BY
        async with self._lock:
            said = await self._register.word(request_id)
            if said is not None:
                if (said.approval_id, said.person, said.kind) != (approval_id, person, kind):
                    raise ApprovalRefusedError(
                        "REQUEST_ID_USED", f"request_id {request_id!r} stands for another word already"
                    )
                return await self.get(approval_id)
            await self._time_out(await self.get(approval_id))
            record, now = await self.get(approval_id), self._clock.now()
            require_counts(record, person)
            word = ApprovalEvent(
                approval_id=approval_id,
                kind=kind,
                at=now,
                person=person,
                request_id=request_id,
                detail=comment,
            )
            await self._append(word)
            log.info(str(kind), approval_id=approval_id, person=person, request_id=request_id)
            record = await self.get(approval_id)
            if not approves:
                await self._end(record, EventKind.REJECTED, now, f"rejected by {person}")
        if record.granted:
            await asyncio.shield(self._carry_out(record))
        return await self.get(approval_id)

    async def get(self, approval_id: str) -> ApprovalRecord:
        """Return an approval; raise ApprovalRefusedError when there is none of that name."""
        record = await self._register.get(approval_id)
        if record is None:
            raise ApprovalRefusedError("NOT_FOUND", f"approval {approval_id!r} is not known")
        return record

    # what follows ------------------------------------------------------------------------------

    async def check(self) -> None:
        """Carry out what was approved before a restart, and end what nobody decided in time."""
        for record in await self._register.waiting():
            if record.granted:
                await self._carry_out(record)
            elif self._clock.now() >= record.approval.expires_at:
                async with self._lock:
                    await self._time_out(await self.get(record.approval.approval_id))

    async def _time_out(self, record: ApprovalRecord) -> None:
        now = self._clock.now()
        if record.end is None and not record.granted and now >= record.approval.expires_at:
            await self._end(record, EventKind.TIMED_OUT, now, "nobody decided in time")

    async def still_wanted(self, approval_id: str) -> bool:
        """Return whether an approval is granted and not over; asked in the loop's turn."""
        record = await self.get(approval_id)
        return record.granted and record.end is None

    async def _carry_out(self, record: ApprovalRecord) -> None:
        approval_id = record.approval.approval_id
        try:
            run_id = await self.carry_out[record.approval.subject](record)
        except StaleApprovalError as error:
            async with self._lock:
                record = await self.get(approval_id)
                if record.end is None:
                    log.error("an approved decision is stale", approval_id=approval_id, reason=str(error))  # noqa: TRY400 - foreseen
                    await self._end(record, EventKind.STALE, self._clock.now(), str(error))
            return
        async with self._lock:
            record = await self.get(approval_id)
            if record.end is None and run_id is not None:
                who = " and ".join(record.approvers)
                await self._end(record, EventKind.APPROVED, self._clock.now(), f"approved by {who}", run_id)

    async def _end(
        self, record: ApprovalRecord, kind: EventKind, now: datetime, detail: str, run_id: str = ""
    ) -> None:
        approval = record.approval
        end = ApprovalEvent(approval_id=approval.approval_id, kind=kind, at=now, run_id=run_id, detail=detail)
        await self._append(end)
        log.warning(str(kind), approval_id=approval.approval_id, reason=detail, run_id=run_id)
        if kind in (EventKind.APPROVED, EventKind.SUPERSEDED) or approval.subject is not Subject.PLAN:
            return
        follower = next_rung(approval, now, self._new_id)
        if follower is not None:
            await self._open(follower, [])
        elif approval.nothing_stands:
            await self._append(alarm(approval, now, f"{kind}: no rung is left, leases run out"))
            _log_alarm(approval)

    async def _append(self, event: ApprovalEvent) -> None:
        await self._register.append(event, epoch=self._epoch)
        self._notify()

    # who watches -------------------------------------------------------------------------------

    def _notify(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def changed(self, timeout_s: float) -> None:
        """Return when something happened, or after `timeout_s` of the wall."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._changed.wait()
        except TimeoutError:
            return


def _touch(one: str, other: str) -> bool:
    """Return whether two runs are for some of the same assets; an empty portfolio is everybody's."""
    return not (one and other) or one == other


def _log_alarm(approval: Approval) -> None:
    log.error(
        "every rung needs approval: nothing is sent, leases run out into default control",
        approval_id=approval.approval_id,
        run_id=approval.run_id,
        until=approval.expires_at.isoformat(),
    )
