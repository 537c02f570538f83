"""Carries out what people approved, once, as a run of its own."""

from __future__ import annotations

from vpp.domain.approvals import ApprovalRecord, ApprovedPlan, Subject
from vpp.ports import ApprovalRegister, Clock, Store
from vpp.service.approvals import ApprovalDesk
from vpp.service.errors import ServiceError
from vpp.service.ids import IdFactory
from vpp.service.loop import DispatchLoop
from vpp.service.settings import Settings
from vpp.service.versions import terms_of


class ApprovedRuns:
    """Runs of one loop that people have approved."""

    def __init__(self, loop: DispatchLoop, store: Store, desk: ApprovalDesk) -> None:
        self._loop, self._store, self._desk = loop, store, desk

    async def carry_out(self, record: ApprovalRecord) -> str | None:
        """Return the run that carries out a plan, stored once under a name of its own; None where none does.

        Raises:
            StaleApprovalError: the plan does not hold any more.
        """
        approval = record.approval
        assert approval.plan is not None
        run_id = f"run-{approval.approval_id}"
        approved = ApprovedPlan(
            approval_id=approval.approval_id,
            rung=approval.plan.rung,
            plan=approval.plan.plan,
            approvers=record.approvers,
            portfolio=approval.portfolio,
        )

        async def still_wanted(approval_id: str) -> bool:
            return await self._desk.still_wanted(approval_id) and await self._store.get_run(run_id) is None

        await self._loop.run_approved(run_id, approved, still_wanted)
        return run_id if await self._store.get_run(run_id) is not None else None


async def open_approval_desk(
    settings: Settings, register: ApprovalRegister, loop: DispatchLoop, store: Store, clock: Clock
) -> ApprovalDesk:
    """Return the desk of a loop, which from now on asks people where the rules say so.

    Raises:
        ServiceError: a rule names a feeder that the fleet does not have.
    """
    rules = settings.to_rules()
    known = {feeder.feeder_id for feeder in loop.fleet.feeders}
    for rule in rules:
        unknown = sorted(set(rule.feeder_ids) - known)
        if unknown:
            expected = "a feeder of the fleet register"
            raise ServiceError(f"approvals.{rule.rule_id}.feeders: got {unknown[0]!r}, expected {expected}")
    desk = ApprovalDesk(
        register=register,
        terms=await terms_of(settings, rules, register, clock.now()),
        clock=clock,
        epoch=loop.epoch,
        new_id=IdFactory(kind="approval", epoch=loop.epoch),
    )
    desk.carry_out[Subject.PLAN] = ApprovedRuns(loop, store, desk).carry_out
    loop.approvals = desk
    return desk
