"""Promotions: proposed, approved by people, in force from the next cycle on, taken back at once.

```
    propose ──► waits for people ──► stored ──► policy, forecaster, terms of the running service
                    │ no, or nobody in time                 ▲
                    └──► nothing changes        revert ─────┘ (stored, at once)
```
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final

import structlog

from vpp.control.approval_requests import promotion_need
from vpp.control.promotion_report import PromotionReport
from vpp.domain.approvals import ApprovalRecord, ApprovalRefusedError, StaleApprovalError
from vpp.domain.errors import InvalidValueError
from vpp.domain.promotions import AS_CONFIGURED, Overlay, Promotion, PromotionKind, in_force, overlay_of
from vpp.domain.shadows import Shadow, ShadowChange
from vpp.ports import Clock
from vpp.ports.promotions import PromotionRegister
from vpp.service.approvals import ApprovalDesk

VERDICT: Final = "not a plan: each plan made with it is verified as any other"
log = structlog.get_logger()


@dataclass(slots=True, kw_only=True)
class Promoting:
    """What is in force over the configuration. `apply` changes the running service; it may be repeated."""

    register: PromotionRegister
    desk: ApprovalDesk
    clock: Clock
    epoch: int
    check: Callable[[Overlay], None]  # raises InvalidValueError for one that cannot be in force
    apply: Callable[[Overlay], Awaitable[None]]
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def history(self) -> list[Promotion]:
        """Return what was promoted and taken back, oldest first."""
        return await self.register.history()

    def words(self, history: list[Promotion]) -> str:
        """Return what is in force, and why it is not what was promoted where that does not fit."""
        overlay = overlay_of(history)
        try:
            self.check(overlay)
        except InvalidValueError as error:
            return f"{AS_CONFIGURED.words}; {overlay.words} does not fit: {error}"
        return overlay.words

    async def propose(
        self, shadow: Shadow, report: PromotionReport, *, request_id: str, requester: str, comment: str
    ) -> ApprovalRecord:
        """Put a shadow and its report before people; the same request again returns how it stands.

        Raises:
            ApprovalRefusedError: nothing was compared, it waits already, or the id stands for another.
        """
        if not report.cycles:
            raise ApprovalRefusedError("NOTHING_COMPARED", f"{shadow.shadow_id} was beside no cycle yet")
        history, words = await self.register.history(), f"{shadow.shadow_id} ({shadow.change.words})"
        detail: dict[str, Any] = {
            "shadow_id": shadow.shadow_id,
            "change": shadow.change.plain(),
            "based_on": _newest(history),
            "report": report.plain(),
            "comment": comment,
        }
        return await self.desk.propose(
            approval_id=f"promotion-{hashlib.sha256(request_id.encode()).hexdigest()[:20]}",
            requester=requester,
            need=promotion_need(self.desk.terms.rules, words, report.against),
            verdict=VERDICT,
            detail=detail,
        )

    async def carry_out(self, record: ApprovalRecord) -> str:
        """Put in force what people approved, once; return no run.

        Raises:
            StaleApprovalError: what is in force has changed since, or the two do not fit together any more.
        """
        approval = record.approval
        change = ShadowChange(**approval.detail["change"])
        async with self._turn:
            history = await self.register.history()
            done = next((one for one in history if one.approval_id == approval.approval_id), None)
            if done is None:
                if _newest(history) != approval.detail["based_on"]:
                    raise StaleApprovalError("what is in force has changed since it was proposed")
                overlay = overlay_of(history).with_change(change)
                try:
                    self.check(overlay)
                except InvalidValueError as error:
                    raise StaleApprovalError(str(error)) from error
                done = await self._store(record, overlay)
                history = [*history, done]
            await self.apply(overlay_of(history))
        log.warning("promoted", shadow=done.shadow_id, in_force=done.overlay.words, people=list(done.people))
        return ""

    async def _store(self, record: ApprovalRecord, overlay: Overlay) -> Promotion:
        approval = record.approval
        promotion = Promotion(
            promotion_id=approval.approval_id,
            kind=PromotionKind.PROMOTED,
            shadow_id=str(approval.detail["shadow_id"]),
            overlay=overlay,
            at=self.clock.now(),
            people=record.approvers,
            reason=str(approval.detail.get("comment", "")),
            approval_id=approval.approval_id,
        )
        return await self.register.add(promotion, epoch=self.epoch)

    async def revert(self, *, request_id: str, person: str, reason: str) -> Promotion:
        """Take the newest promotion back, at once; the same request again changes nothing.

        Raises:
            ApprovalRefusedError: nothing is promoted.
        """
        async with self._turn:
            history = await self.register.history()
            said = next((one for one in history if one.request_id == request_id), None)
            if said is not None:
                return said
            held = in_force(history)
            if not held:
                raise ApprovalRefusedError("NOTHING_PROMOTED", "everything is as configured")
            before = held[-2].overlay if len(held) > 1 else AS_CONFIGURED
            promotion = Promotion(
                promotion_id=f"revert-{held[-1].promotion_id}",
                kind=PromotionKind.REVERTED,
                shadow_id=held[-1].shadow_id,
                overlay=before,
                at=self.clock.now(),
                people=(person,),
                reason=reason,
                request_id=request_id,
            )
            stored = await self.register.add(promotion, epoch=self.epoch)
            await self.apply(stored.overlay)
        log.warning("reverted", shadow=stored.shadow_id, in_force=stored.overlay.words, person=person)
        return stored


def _newest(history: list[Promotion]) -> int:
    return history[-1].number if history else 0
