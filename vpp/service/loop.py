"""The loop: reads what a cycle needs, lets it be solved, stores what was decided, then sends it.

The order is the promise: verified, stored, sent. Every step is written under one run id.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import InitVar, dataclass, field, replace
from datetime import date, datetime
from typing import Protocol

import numpy as np
import structlog
from numpy.typing import NDArray

from optimizer.plan import Schedule
from optimizer.problem import Problem
from vpp.control.compliance import ComplianceWatch
from vpp.control.cycle import decide, prepare
from vpp.control.cycle_values import CycleInputs, Decision, Prepared, SolveOutcome
from vpp.control.kept_plan import kept_outcome
from vpp.control.leases import OrdersInForce
from vpp.control.order_book import OrderBook
from vpp.control.override_book import OverrideBook
from vpp.control.record import CycleRecord, summary_of
from vpp.control.tracking import CHANGE_PERIOD
from vpp.domain.approvals import ApprovedPlan, StaleApprovalError
from vpp.domain.assets import Fleet
from vpp.domain.intervals import IntervalGrid, interval_start
from vpp.domain.overrides import same_overrides
from vpp.domain.policy import DispatchPolicy
from vpp.domain.portfolios import Portfolios
from vpp.domain.readings import from_microseconds
from vpp.domain.run_steps import Stage
from vpp.domain.runs import DispatchPlan, RunSummary
from vpp.ports import Clock, CycleStore, NodeLink, SendReport, SignalSource
from vpp.service.approvals import ApprovalDesk
from vpp.service.cycle_picture import inputs_of
from vpp.service.event_baselines import BaselineSource
from vpp.service.followed_plan import FollowedPlan
from vpp.service.peak import PeakMeter
from vpp.service.run_board import RunBoard

SHOWN_ASSETS = 10  # of those newly found not to follow, in the log
SCHEDULE = "schedule"  # who asks for a run that no person asked for

log = structlog.get_logger()


class Solver(Protocol):
    """Solves a problem in a process that can be killed."""

    def solve(
        self, problem: Problem, *, previous: Schedule | None, deadline_s: float, seed: int
    ) -> SolveOutcome:
        """Return what came of it, never later than a moment after the deadline."""


@dataclass(slots=True, kw_only=True)
class DispatchLoop:
    """One portfolio's cycles, one at a time."""

    fleet: Fleet
    policy: DispatchPolicy
    clock: Clock
    store: CycleStore
    link: NodeLink
    solver: Solver
    epoch: int
    new_id: Callable[[datetime], str]
    book: OrderBook
    peak: PeakMeter
    watch: ComplianceWatch | None = None
    signals: SignalSource | None = None
    baselines: BaselineSource | None = None  # of events; None: all of them are counted from zero
    timezone: str = "Europe/Berlin"  # of the people and the market
    holidays: frozenset[date] = frozenset()
    expect_stays: bool = False  # of cars that come by habit, beside the announced ones
    previous: InitVar[DispatchPlan | None] = None  # of the service before this one
    approvals: ApprovalDesk | None = None  # where decisions wait for people; None: they need nobody
    followed: FollowedPlan = field(init=False)
    overrides: OverrideBook = field(init=False)
    portfolios: Portfolios = field(default_factory=Portfolios)
    board: RunBoard = field(init=False)  # how far runs are
    after_cycle: list[Callable[[], Awaitable[None]]] = field(default_factory=list)
    # Whoever gives orders takes their sequences, stores and sends them while holding this.
    giving: asyncio.Lock = field(default_factory=asyncio.Lock)
    _busy: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self, previous: DispatchPlan | None) -> None:
        self.followed = FollowedPlan(self.fleet, plan=previous)
        self.overrides = OverrideBook(len(self.fleet))
        self.board = RunBoard(self.clock, len(self.fleet))

    @property
    def orders(self) -> OrdersInForce:
        """Return what each asset was told, as of now."""
        return self.book.table.at(self.clock.now())

    async def run_cycle(self, trigger: str, requester: str = SCHEDULE, portfolio: str = "") -> RunSummary:
        """Run one cycle for the next interval, and return what became of it.

        With a `portfolio` its assets alone are ordered something; InvalidValueError where there is none.
        """
        if portfolio:
            self.portfolios.require(portfolio)
        async with self._busy:
            started = self.clock.now()
            run_id = self.new_id(started)
            with self.board.run(run_id, trigger):
                return await self._cycle(run_id, started, trigger, requester, portfolio)

    async def _cycle(
        self, run_id: str, started: datetime, trigger: str, requester: str, portfolio: str
    ) -> RunSummary:
        inputs = await inputs_of(self, run_id, started, self._next_grid(started), portfolio)
        prepared = await asyncio.to_thread(prepare, inputs)
        self.board.note(run_id, Stage.PREPARED, detail=prepared.reason)
        outcome = await self._solve(prepared)
        decision = await asyncio.to_thread(decide, inputs, prepared, outcome)
        async with self.giving:
            inputs, prepared, outcome, decision = await self._with_latest_word(
                inputs, prepared, outcome, decision
            )
            self.board.note(run_id, Stage.DECIDED, rung=decision.rung, detail="; ".join(decision.refusals))
            if self.approvals is not None:
                asked = await self.approvals.decided(inputs, prepared, decision, requester=requester)
                if asked is not None:
                    self.board.note(
                        run_id, Stage.WAITING, approval_id=asked.approval_id, detail=asked.need.words
                    )
            run = await self._give(CycleRecord(inputs=inputs, outcome=outcome), prepared, decision, trigger)
        for follow in self.after_cycle:
            await follow()
        return run

    async def run_approved(
        self, run_id: str, approved: ApprovedPlan, still_wanted: Callable[[str], Awaitable[bool]]
    ) -> RunSummary | None:
        """Carry out what people approved, if it holds now; None where it is not wanted any more.

        Raises:
            StaleApprovalError: it does not hold; nothing was stored or sent.
        """
        await self.clock.sleep_until(self._rested_at())
        async with self._busy, self.giving:
            if not await still_wanted(approved.approval_id):
                return None
            trigger = f"approval:{approved.approval_id}"
            with self.board.run(run_id, trigger):
                inputs = await inputs_of(
                    self, run_id, self.clock.now(), approved.plan.grid, approved.portfolio
                )
                inputs = replace(inputs, approved=approved, orders=self.book.numbered(inputs.now))
                prepared = await asyncio.to_thread(prepare, inputs)
                decision = await asyncio.to_thread(decide, inputs, prepared, None)
                if decision.plan is None:
                    stopped = self.book.stopped_words(approved.plan.power_kw[:, 0])
                    raise StaleApprovalError("; ".join([*stopped, *decision.refusals]))
                record = CycleRecord(inputs=inputs, outcome=None)
                return await self._give(record, prepared, decision, trigger)

    def _rested_at(self) -> datetime:
        """Return from when every asset may be given another power."""
        changed_us = int(self.book.changed_at_us.max(initial=0))
        return max(from_microseconds(changed_us) + CHANGE_PERIOD, self.clock.now())

    async def _give(
        self, record: CycleRecord, prepared: Prepared, decision: Decision, trigger: str
    ) -> RunSummary:
        """Store a decision, then send it; `giving` is held."""
        bound = log.bind(run_id=record.inputs.run_id)
        run = summary_of(record, prepared, decision, finished_at=self.clock.now(), trigger=trigger)
        await self.store.save_run(
            run, plan=decision.plan, state=prepared.state, setpoints=decision.setpoints, record=record
        )
        self.board.note(run.run_id, Stage.STORED, rung=run.rung, run=run)
        if decision.setpoints is not None:
            self.book.take(decision.setpoints)
        self.board.sent(run, decision.setpoints, await self._send(decision, bound))
        self.followed.note(run, record.inputs.inside, planned=decision.plan is not None)
        bound.info("cycle", **_shown(run))
        return run

    async def _with_latest_word(
        self, inputs: CycleInputs, prepared: Prepared, outcome: SolveOutcome | None, decision: Decision
    ) -> tuple[CycleInputs, Prepared, SolveOutcome | None, Decision]:
        """Return a decision that knows what was ordered while it was solved, and what it rests on then.

        An override that came meanwhile outranks the plan: its assets are held at it, and the others keep
        what was solved for them where the verifier lets that pass.
        Sequences that were given meanwhile are not given again.
        """
        overrides = self.overrides.columns(inputs.now)
        if not same_overrides(overrides, inputs.overrides):
            inputs = replace(inputs, overrides=overrides, orders=self.book.numbered(self.clock.now()))
            prepared = await asyncio.to_thread(prepare, inputs)
            outcome = await asyncio.to_thread(kept_outcome, prepared, outcome)
            return inputs, prepared, outcome, await asyncio.to_thread(decide, inputs, prepared, outcome)
        highest = self.book.numbered(self.clock.now()).highest_sequence()
        orders = decision.setpoints
        if orders is None or (orders.sequence > highest[orders.slot]).all():
            return inputs, prepared, outcome, decision
        inputs = replace(inputs, orders=inputs.orders.numbered_from(highest))
        return inputs, prepared, outcome, await asyncio.to_thread(decide, inputs, prepared, outcome)

    async def renew(self) -> None:
        """Give the orders in force a later end, from memory: nothing new is ordered."""
        now = self.clock.now()
        orders = self.orders
        held, power_kw = orders.power_at(now)
        planned = held & self.followed.ordered(orders) & ~self.book.stopped & ~self.overrides.owns(orders)
        if (columns := self.overrides.columns(now)) is not None:
            planned &= ~columns.fixed
        slots = np.intersect1d(np.flatnonzero(planned), self.link.connected_slots()).astype(np.int64)
        if len(slots) == 0 or not self.followed.holds(now, np.where(held, power_kw, 0.0), self.policy):
            return
        await self.link.renew(slots, orders.current.sequence[slots], self.policy.setpoint_lifetime)

    async def between_cycles(self) -> None:
        """Return when no cycle is under way."""
        async with self._busy:
            return

    async def picture(self, run_id: str, now: datetime, portfolio: str = "") -> CycleInputs:
        """Return what a cycle at `now` would know; nobody's approval is asked for what is only looked at."""
        inputs = await inputs_of(self, run_id, now, self._next_grid(now), portfolio)
        return replace(inputs, approvals=None)

    def _next_grid(self, now: datetime) -> IntervalGrid:
        length = self.policy.interval
        start = interval_start(now, length)
        if now > start:
            start += length
        return IntervalGrid(start=start, length=length, count=self.policy.horizon_intervals)

    async def look_at_compliance(self) -> None:
        """Judge from metering whether the assets follow their orders."""
        if self.watch is None:
            return
        readings = self.link.latest_readings()
        for slot in self.watch.look(self.book, readings, self.clock.now())[:SHOWN_ASSETS].tolist():
            log.warning(
                "an asset does not follow its order",
                asset=self.fleet.assets[slot].asset_id,
                ordered_kw=round(float(self.book.newest_power()[slot]), 3),
                off_by_kw=round(float(self.watch.judgement().deviation_kw[slot]), 3),
                availability=round(float(self.watch.availability[slot]), 3),
            )

    def reachable(self) -> NDArray[np.bool_]:
        """Return which assets may be sent orders now: their node is here and no stop holds, shape (N,)."""
        reachable = np.zeros(len(self.fleet), dtype=np.bool_)
        reachable[self.link.connected_slots()] = True
        return reachable & ~self.book.stopped

    async def _solve(self, prepared: Prepared) -> SolveOutcome | None:
        if prepared.problem is None or not prepared.controllable.any():
            return None
        deadline_s = self.clock.wall_seconds(self.policy.solve_deadline)
        return await asyncio.to_thread(
            self.solver.solve, prepared.problem, previous=prepared.previous, deadline_s=deadline_s, seed=0
        )

    async def _send(
        self, decision: Decision, bound: structlog.typing.FilteringBoundLogger
    ) -> SendReport | None:
        if decision.plan is not None:
            self.followed.plan = decision.plan
            self.peak.ordered(decision.plan)
        if decision.setpoints is None:
            return None
        report = await self.link.send(decision.setpoints)
        if report.unreachable_slots:
            bound.warning(
                "nodes away", assets=[self.fleet.assets[slot].asset_id for slot in report.unreachable_slots]
            )
        return report


def _shown(run: RunSummary) -> dict[str, object]:
    """Return what the log says of a run."""
    return {
        "cycle_start": run.cycle_start.isoformat(),
        "rung": str(run.rung),
        "reason": run.reason,
        "gap": run.gap,
        "setpoints": run.setpoints,
        "forecast_id": run.forecast_id,
        "solve_s": round(run.seconds_solve, 3),
    }
