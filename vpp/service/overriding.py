"""The operator's desk for overrides: checked, stored, sent at once, kept up until they end.

```
    set ─► check (verifier, limits) ─► store ─► send ─► cost, from a rehearsal
                 │ refused, with the limit        └─► renewed from here while it fits; planned around
```
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import numpy as np
import structlog
from numpy.typing import NDArray

from vpp.adapters.rpc.overrides import OverrideOrder, OverrideRefusedError
from vpp.control.override_check import OverrideSituation, check_override
from vpp.control.override_powers import changes_later, override_of
from vpp.domain.forecasts import LoadForecast
from vpp.domain.overrides import LONGEST, Override, OverrideColumns, OverrideKind
from vpp.domain.readings import MICROSECOND, to_microseconds
from vpp.domain.runs import RunKind
from vpp.domain.setpoints import SetpointColumns
from vpp.ports import OperatorRegister, OverrideCost, StoredOverride, StoreError
from vpp.service.loop import DispatchLoop
from vpp.service.operator_orders import operators_orders, override_run, present_situation

log = structlog.get_logger()
MAX_IN_FORCE: Final = 1_000
LEAST_LEASE: Final = timedelta(seconds=10)  # nodes take no shorter one
COST_LIMIT_S: Final = 30.0  # of the wall, for which an answer waits for the cost
COST_SHARE: Final = 0.1  # of the time that an override lasts; the answer must not come when it is over
SAME_KW: Final = 1e-6
CostOf = Callable[[Override], Awaitable[OverrideCost | None]]


async def _no_cost(_override: Override) -> OverrideCost | None:
    return None


class Overriding:
    """Overrides of one fleet. `keep` is to be called every renewal period, `follow_plan` after each cycle."""

    def __init__(
        self,
        loop: DispatchLoop,
        register: OperatorRegister,
        new_id: Callable[[datetime], str],
        cost_of: CostOf = _no_cost,
    ) -> None:
        self._loop, self._register, self._new_id, self._cost_of = loop, register, new_id, cost_of
        self._lock = asyncio.Lock()
        self._forecast: LoadForecast | None = None
        self._tasks: set[asyncio.Task[OverrideCost | None]] = set()

    async def restore(self) -> int:
        """Take up what was stored before a restart; return how many are in force."""
        now = self._loop.clock.now()
        self._loop.overrides.take_up(await self._register.overrides_ending_after(now - LONGEST))
        return len(self._loop.overrides.in_force(now))

    async def set_override(self, order: OverrideOrder) -> StoredOverride:
        """Carry out an override; the same request again answers the same and changes nothing.

        Raises:
            InvalidValueError: a name that nobody knows, powers or times that make no override.
            OverrideRefusedError: it would break a limit of a device, a feeder or the portfolio.
            StoreError: it cannot be stored; nothing was sent.
        """
        async with self._lock:
            known = await self._register.get_override(order.request_id)
            if known is not None:
                return known
            loop, now = self._loop, self._loop.clock.now()
            if len(loop.overrides.in_force(now)) >= MAX_IN_FORCE:
                raise OverrideRefusedError(f"{MAX_IN_FORCE} overrides are in force; clear some of them")
            order.target.require_within(order.scope, loop.fleet)
            override = override_of(order.request(now), loop.fleet, loop.orders, loop.link.quarantined(), now)
            await self._require_fitting(override, now)
            await self._register.save_override(override)
            loop.overrides.add(override)
            log.warning(
                "override", override_id=override.override_id, operator=override.author,
                target=str(override.target), kind=str(override.kind), reason=override.reason,
                valid_until=override.valid_until.isoformat(),
            )  # fmt: skip
            await self._order(override, now)
        return StoredOverride(override=override, cost=await self._cost(override))

    async def clear_override(self, override_id: str, author: str, reason: str) -> Override | None:
        """End an override before its time; None where nobody knows it. Its assets go back to the plan."""
        async with self._lock:
            stored = await self._register.get_override(override_id)
            if stored is None:
                return None
            now = self._loop.clock.now()
            if stored.override.in_force(now):
                await self._register.clear_override(override_id, at=now, author=author, reason=reason)
                self._loop.overrides.clear(override_id, now, author)
                log.warning("override cleared", override_id=override_id, operator=author, reason=reason)
            return self._loop.overrides.find(override_id) or stored.override

    async def _cost(self, override: Override) -> OverrideCost | None:
        """Return what an override costs, None where that is not known in time: lists show it later."""
        task = asyncio.create_task(self._cost_stored(override))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        lasts_s = self._loop.clock.wall_seconds(override.valid_until - override.created_at)
        done, _ = await asyncio.wait({task}, timeout=min(COST_LIMIT_S, COST_SHARE * lasts_s))
        return task.result() if done else None

    async def _cost_stored(self, override: Override) -> OverrideCost | None:
        try:
            cost = await self._cost_of(override)
            if cost is not None:
                await self._register.save_override_cost(override.override_id, cost)
        except StoreError as error:
            log.warning("the cost of an override was not found", problem=str(error))
            return None
        return cost

    async def close(self) -> None:
        """Give up what is still being computed."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _require_fitting(self, override: Override, now: datetime) -> None:
        if override.kind is OverrideKind.HOLD:
            return  # nothing new is ordered, and each lease is checked before it is renewed
        columns = self._loop.overrides.columns_with(override, now)
        situation = await self._situation(now)
        if situation is None:
            raise OverrideRefusedError("there is no load forecast to check it against; `vpp stop` needs none")
        approval = await asyncio.to_thread(check_override, situation, columns, override.slot)
        if not approval.passed:
            raise OverrideRefusedError(approval.reason)

    async def _situation(self, now: datetime) -> OverrideSituation | None:
        """Return what overrides are checked against; from memory where the database is away."""
        try:
            self._forecast = await self._loop.store.newest_forecast(available_at=now)
        except StoreError:
            log.warning("overrides are checked against the forecast before: the database is away")
        return None if self._forecast is None else present_situation(self._loop, self._forecast, now)

    async def _order(self, override: Override, now: datetime) -> None:
        """Send what an override says at once to whoever does something else."""
        columns = self._loop.overrides.columns(now)
        if columns is None:
            return
        slots, power_kw = override.slot, columns.power_kw
        if override.kind is OverrideKind.ENVELOPE:  # only who is outside of it
            held, ordered_kw = self._loop.orders.power_at(now)
            inside = np.clip(ordered_kw, columns.min_kw, columns.max_kw)
            power_kw = np.where(held & (inside != ordered_kw), inside, np.nan)
        elif override.kind is OverrideKind.HOLD:  # only who was told to change: that order is taken back
            power_kw = np.where(changes_later(self._loop.orders, now), power_kw, np.nan)
        await self._give(slots[~np.isnan(power_kw[slots])], power_kw, columns, override.reason, now)

    async def keep(self) -> None:
        """Renew what overrides hold where the limits still allow it, and order again who lost it."""
        loop, now = self._loop, self._loop.clock.now()
        for override in loop.overrides.forget_over(now):
            log.info("override over", override_id=override.override_id, target=str(override.target))
        columns = loop.overrides.columns(now)
        if columns is None:
            return
        slots = np.flatnonzero(loop.reachable() & columns.fixed & ~np.isnan(columns.power_kw))
        columns = self._as_planned(columns, now)
        slots = await self._fitting(slots[~np.isnan(columns.power_kw[slots])], columns, now)
        held, power_kw = loop.orders.power_at(now)
        same = held[slots] & (np.abs(power_kw[slots] - columns.power_kw[slots]) <= SAME_KW)
        await self._renew(slots[same], columns, now)
        lost = slots[~same & ~columns.holds[slots]]
        for override in loop.overrides.in_force(now):
            mine = np.intersect1d(override.slot, lost)
            await self._give(mine, columns.power_kw, columns, override.reason, now)
            lost = np.setdiff1d(lost, mine)

    def _as_planned(self, columns: OverrideColumns, now: datetime) -> OverrideColumns:
        """Return `columns` with the powers that the newest plan found room for, in the present interval.

        A freeze orders nothing: where its power has no room any more it is NaN, and its lease runs out.
        """
        loop, plan = self._loop, self._loop.followed.plan
        if plan is None or loop.followed.run is None or not 0 <= plan.grid.index_of(now) < plan.grid.count:
            return columns
        made_us = to_microseconds(loop.followed.run.started_at)
        begun_us = np.zeros(len(loop.fleet), dtype=np.int64)
        for override in loop.overrides.in_force(now):
            begun_us[override.slot] = to_microseconds(override.created_at)
        planned_kw = plan.power_kw[:, plan.grid.index_of(now)]
        planned_kw = np.where(columns.fixed & (begun_us <= made_us), planned_kw, columns.power_kw)
        changed = np.abs(planned_kw - columns.power_kw) > SAME_KW
        return replace(columns, power_kw=np.where(columns.holds & changed, np.nan, planned_kw))

    async def _fitting(
        self, slots: NDArray[np.int64], columns: OverrideColumns, now: datetime
    ) -> NDArray[np.int64]:
        """Return which of `slots` may go on for one more lease; the limits of now have the last word."""
        situation = await self._situation(now) if len(slots) else None
        if situation is None:
            return slots[:0]
        lease_us = to_microseconds(now + self._loop.policy.setpoint_lifetime)
        short = replace(columns, until_us=np.minimum(columns.until_us, lease_us))
        kept = slots[:0]
        for override in self._loop.overrides.in_force(now):
            mine = np.intersect1d(override.slot, slots)
            candidate = np.union1d(kept, mine)
            beyond = np.ones(len(columns.fixed), dtype=np.bool_)
            beyond[candidate] = False
            only = replace(short, fixed=short.fixed & ~beyond)
            # A device whose readings are lost looks after itself; the limits count in any case.
            seen = mine[situation.trusted[mine] & situation.connected[mine]]
            approval = await asyncio.to_thread(check_override, situation, only, seen)
            if approval.passed:
                kept = candidate
            else:
                log.error(
                    "an override is not kept up", override_id=override.override_id, reason=approval.reason
                )
        return kept.astype(np.int64)

    async def _renew(self, slots: NDArray[np.int64], columns: OverrideColumns, now: datetime) -> None:
        loop = self._loop
        current = loop.orders.current
        for until_us, group in _by_end(slots, columns):
            lifetime = min(loop.policy.setpoint_lifetime, (until_us - to_microseconds(now)) * MICROSECOND)
            if lifetime >= LEAST_LEASE:
                await loop.link.renew(group, current.sequence[group], lifetime)

    async def follow_plan(self) -> None:
        """Order what the newest plan found room for, from its first interval on, where that changes."""
        loop, now = self._loop, self._loop.clock.now()
        plan, columns = loop.followed.plan, loop.overrides.columns(now)
        if (
            columns is None
            or plan is None
            or loop.followed.run is None
            or loop.followed.run.cycle_start != plan.grid.start
        ):
            return
        begins_us = to_microseconds(plan.grid.start)
        rows = columns.fixed & ~columns.holds & loop.reachable() & (columns.until_us > begins_us)
        _, ordered_kw = loop.orders.power_at(plan.grid.start)
        slots = np.flatnonzero(rows & (np.abs(ordered_kw - plan.power_kw[:, 0]) > SAME_KW))
        reason = "an override, as far as the limits and its energy allow"
        await self._give(slots, plan.power_kw[:, 0], columns, reason, max(now, plan.grid.start))

    async def _give(
        self,
        slots: NDArray[np.int64],
        power_kw: NDArray[np.float64],
        columns: OverrideColumns,
        reason: str,
        begin: datetime,
    ) -> None:
        """Store and send orders of overrides, whoever is reachable; one batch for each end."""
        loop = self._loop
        slots = slots[loop.reachable()[slots]]
        for until_us, group in _by_end(slots, columns):
            left = (until_us - to_microseconds(begin)) * MICROSECOND
            if left < LEAST_LEASE:
                continue
            async with loop.giving:
                orders = operators_orders(
                    loop, self._new_id(loop.clock.now()), group, power_kw, columns, reason, begin,
                    min(loop.policy.setpoint_lifetime, left),
                )  # fmt: skip
                await self._store_and_send(orders)

    async def _store_and_send(self, orders: SetpointColumns) -> None:
        run, state = override_run(self._loop, orders, RunKind.OVERRIDE)
        await self._loop.store.save_run(run, plan=None, state=state, setpoints=orders)
        self._loop.book.take(orders)
        self._loop.overrides.gave(orders)
        await self._loop.link.send(orders)


def _by_end(slots: NDArray[np.int64], columns: OverrideColumns) -> list[tuple[int, NDArray[np.int64]]]:
    """Return (end of the override, its slots): orders of one batch end together."""
    ends = columns.until_us[slots]
    return [(int(until_us), slots[ends == until_us]) for until_us in np.unique(ends)]
