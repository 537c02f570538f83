"""The fast loop between plans: looks, moves a few assets, and asks for a plan when that is not enough."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import structlog
from numpy.typing import NDArray

from vpp.control.compliance import Judgement
from vpp.control.estimate import estimate_state
from vpp.control.tracking import Situation, Step, deadband_kw, orders_of, track
from vpp.control.verification import approve_move
from vpp.domain.intervals import interval_start
from vpp.domain.runs import Rung, RunSummary
from vpp.service.loop import DispatchLoop

log = structlog.get_logger()
STEPS_BEFORE_PLAN = 3  # in a row in which too much stays uncovered
BETWEEN_EARLY_PLANS = timedelta(minutes=5)


@dataclass(slots=True)
class TrackingCounters:
    """What the loop did since the start."""

    steps: int = 0
    moves: int = 0
    refused: int = 0  # steps that the verifier did not let pass
    early_plans: int = 0


class TrackingLoop:
    """One step at a time; verified, stored, then sent, as every order."""

    def __init__(self, loop: DispatchLoop, new_id: Callable[[datetime], str]) -> None:
        self._loop, self._new_id = loop, new_id
        self._uncovered_steps = 0
        self._planned_at: datetime | None = None
        self.counters = TrackingCounters()

    async def step(self) -> Step | None:
        """Look at the fleet once; return what was found, None where no plan says what should be."""
        loop, now = self._loop, self._loop.clock.now()
        if loop.followed.plan is None:
            return None
        situation = Situation(
            now=now,
            fleet=loop.fleet,
            plan=loop.followed.plan,
            book=loop.book,
            readings=loop.link.latest_readings(),
            reachable=loop.reachable() & ~loop.link.quarantined() & ~_overridden(loop, now),
            judgement=loop.watch.judgement() if loop.watch else Judgement.none(len(loop.fleet)),
            policy=loop.policy,
        )
        step = await asyncio.to_thread(track, situation)
        if step is None:
            return None
        self.counters.steps += 1
        if len(step.moved):
            await self._move(step, situation)
        await self._plan_early(step, now)
        return step

    async def _move(self, step: Step, situation: Situation) -> None:
        async with self._loop.giving:
            await self._give(step, situation)

    async def _give(self, step: Step, situation: Situation) -> None:
        loop, now, plan = self._loop, situation.now, situation.plan
        held, ordered_kw = situation.book.table.at(now).power_at(now)
        left = plan.grid.start_of(step.interval + 1) - now
        approval = approve_move(
            plan,
            np.where(held, step.power_kw, 0.0),
            np.where(held, ordered_kw, 0.0),
            step.energy_kwh,
            step.interval,
            left / timedelta(hours=1),
            loop.fleet,
            loop.policy,
        )
        if not approval.passed:
            self.counters.refused += 1
            log.warning("a tracking step was refused", reason=approval.reason)
            return
        orders = orders_of(step, situation, self._new_id(now), loop.epoch)
        state = estimate_state(
            fleet=loop.fleet,
            readings=situation.readings,
            orders=situation.book.table.at(now),
            now=now,
            at=now,
            interval_start=interval_start(now, loop.policy.interval),
            max_age=loop.policy.reading_max_age,
            quarantined=loop.link.quarantined(),
        )
        run = RunSummary(
            run_id=orders.run_id,
            cycle_start=plan.grid.start_of(step.interval),
            started_at=now,
            finished_at=loop.clock.now(),
            trigger="tracking",
            rung=Rung.GREEDY,
            reason=orders.reason,
            forecast_id=None,
            input_sha256="",
            objective=None,
            lower_bound=None,
            gap=None,
            setpoints=len(orders),
            seconds_solve=0.0,
            killed=False,
            epoch=loop.epoch,
        )
        await loop.store.save_run(run, plan=None, state=state, setpoints=orders)
        loop.book.take(orders)
        await loop.link.send(orders)
        self.counters.moves += len(orders)

    async def _plan_early(self, step: Step, now: datetime) -> None:
        """Ask for a plan when too much has stayed uncovered for some steps, and not again at once."""
        most_kw = max(deadband_kw(step.target_kw), self._loop.policy.replan_share * abs(step.target_kw))
        self._uncovered_steps = self._uncovered_steps + 1 if abs(step.uncovered_kw) > most_kw else 0
        lately = self._planned_at is not None and now < self._planned_at + BETWEEN_EARLY_PLANS
        if self._uncovered_steps < STEPS_BEFORE_PLAN or lately:
            return
        self._planned_at, self._uncovered_steps = now, 0
        self.counters.early_plans += 1
        log.info("planning early", uncovered_kw=round(step.uncovered_kw, 2))
        await self._loop.run_cycle("deviation")


def _overridden(loop: DispatchLoop, now: datetime) -> NDArray[np.bool_]:
    """Return which assets an override is in force for, shape (N,): they are left alone."""
    columns = loop.overrides.columns(now)
    return np.zeros(len(loop.fleet), dtype=np.bool_) if columns is None else columns.until_us > 0
