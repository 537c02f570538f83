"""The standing job of shadows: plans each live cycle again with something changed, and keeps what came of it.

```
    live cycle ──stored──► its record ──► as it was, from the record ──────────────┐
                                └───────► with the change: prepare, solve, decide ─┴► stored side by side
    metering ──────────────────────────► what both would have come to, how good the forecasts were
```

It reads what was stored and solves aside. Nothing here can send: it is given no gateway and no loop, and an
import contract keeps it so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

import numpy as np
import structlog

from vpp.control.cycle import decide, prepare
from vpp.control.cycle_values import CycleInputs
from vpp.control.record import CycleRecord
from vpp.control.rehearsal import Rehearsed
from vpp.control.shadow_planning import scores_of, shadow_cycle
from vpp.control.shadows import Metered, mixed, outcome_of, swapped
from vpp.domain.assets import Fleet
from vpp.domain.errors import InvalidValueError
from vpp.domain.forecasts import LoadForecast
from vpp.domain.intervals import IntervalGrid
from vpp.domain.runs import DispatchPlan
from vpp.domain.shadows import Floats, Outcome, Shadow, ShadowCycle
from vpp.ports.clock import Clock
from vpp.ports.operation import RecordedOperation
from vpp.ports.records import FeederHistory
from vpp.ports.shadows import ShadowRegister

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MAX_BEHIND: Final = 4  # intervals that are made up for; what is older is left out
MAX_SETTLED: Final = 64  # cycles of a shadow in one step
SCORED: Final = timedelta(hours=6)  # of each forecast, from the start of the cycle that used it
ENOUGH_METERED: Final = 0.9  # of what is scored
PATIENCE: Final = timedelta(days=3)  # for metering; then a cycle stays without

Plans = tuple[DispatchPlan | None, DispatchPlan | None]
log = structlog.get_logger()


class Stored(Protocol):
    """What the job reads beside the records; see `vpp.ports.Store`."""

    async def feeder_history(self, *, grid: IntervalGrid, known_at: datetime) -> FeederHistory:
        """Return the metering over `grid`."""

    async def get_forecast(self, forecast_id: str) -> LoadForecast | None:
        """Return one forecast of live operation."""


@dataclass(slots=True, kw_only=True)
class ShadowJob:
    """All shadows of one portfolio. `plan_aside` solves where it delays no live cycle."""

    shadows: Sequence[Shadow]
    register: ShadowRegister
    operation: RecordedOperation
    store: Stored
    plan_aside: Callable[[CycleInputs], Awaitable[Rehearsed]]
    clock: Clock
    fleet: Fleet
    interval: timedelta
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _since: datetime | None = None  # start of the newest interval that was looked at
    _seen: int = 0  # cycles from there on
    _plans: dict[str, list[tuple[datetime, Plans]]] = field(default_factory=dict)

    async def step(self) -> None:
        """Plan what has come in since, then settle and score what was metered; steps that meet wait."""
        async with self._turn:
            await self._plan()
            for shadow in self.shadows:
                await self._settle(shadow)
                await self._score(shadow)

    # planning ----------------------------------------------------------------------------------

    async def _plan(self) -> None:
        now = self.clock.now()
        earliest = now - MAX_BEHIND * self.interval
        start = max(earliest, self._since or earliest)
        end = now + 2 * self.interval
        count = await self.operation.count(start=start, end=end)
        if (start, count) == (self._since, self._seen):
            return
        async for found in self.operation.cycles(start=start, end=end):
            cycle_start = found.run.cycle_start
            for shadow in self.shadows:
                if await self._due(shadow, cycle_start) and not await self.register.has(
                    shadow, found.run.run_id
                ):
                    await self._plan_beside(shadow, found.record)
            self._since = max(cycle_start, self._since or cycle_start)
        if self._since is not None:
            self._seen = await self.operation.count(start=self._since, end=end)

    async def _due(self, shadow: Shadow, cycle_start: datetime) -> bool:
        if (cycle_start - EPOCH) // self.interval % shadow.every_cycles:
            return False
        first = (await self.register.progress(shadow)).first
        return first is None or cycle_start < first + timedelta(days=shadow.days)

    async def _plan_beside(self, shadow: Shadow, record: CycleRecord) -> None:
        inputs, bound = record.inputs, log.bind(shadow=shadow.shadow_id, run_id=record.inputs.run_id)
        own = None
        if shadow.change.model:
            own = await self.register.newest_forecast(shadow.shadow_id, available_at=inputs.now)
            if own is None:
                bound.info("no shadow plan", reason="its model has issued no forecast yet")
                return
        try:
            changed = swapped(inputs, shadow.change, own)
        except InvalidValueError as error:
            bound.warning("no shadow plan", reason=str(error))
            return
        sides = (await asyncio.to_thread(_as_it_was, record), await self.plan_aside(changed))
        earlier = [one for one in self._plans.get(shadow.shadow_id, []) if one[0] < inputs.grid.start]
        before: Plans = (None, None)
        if earlier and inputs.grid.start - earlier[-1][0] <= shadow.every_cycles * self.interval:
            before = earlier[-1][1]
        cycle = shadow_cycle(shadow, sides, before, planned_at=self.clock.now())
        await self.register.save(cycle)
        plans = (sides[0].decision.plan, sides[1].decision.plan)
        self._plans[shadow.shadow_id] = [*earlier[-1:], (inputs.grid.start, plans)]
        bound.info(
            "shadow plan",
            rung=str(cycle.shadow.rung),
            cost=cycle.shadow.cost,
            in_force=cycle.in_force.cost,
            seconds=round(cycle.shadow.seconds, 3),
        )

    # what came of it ---------------------------------------------------------------------------

    async def _settle(self, shadow: Shadow) -> None:
        now = self.clock.now()
        waiting = await self.register.unsettled(shadow, start_before=now - self.interval, most=MAX_SETTLED)
        for cycle, before in waiting:
            first = IntervalGrid(start=cycle.cycle_start, length=timedelta(hours=cycle.hours), count=1)
            history = await self.store.feeder_history(grid=first, known_at=now)
            load_kw = (history.consumption_kw - history.pv_kw)[:, 0]
            if cycle.prices is not None and np.isfinite(load_kw).all():
                apart = None if before is None else cycle.cycle_start - before.cycle_start
                if apart is not None and apart > shadow.every_cycles * self.interval:
                    before = None  # noqa: PLW2901 - cycles are missing in between: nothing is said of moves
                outcomes = _outcomes(cycle, before, load_kw, self.fleet)
                await self.register.settle(cycle.number, outcomes, at=now)
            elif cycle.prices is None or now > cycle.cycle_start + PATIENCE:
                await self.register.settle(cycle.number, None, at=now)

    async def _score(self, shadow: Shadow) -> None:
        now = self.clock.now()
        for cycle in await self.register.unscored(shadow, start_before=now - SCORED, most=MAX_SETTLED):
            forecasts = await self._forecasts(shadow, cycle)
            if forecasts is None:
                await self.register.score(cycle.number, {}, at=now)
                continue
            length = timedelta(hours=cycle.hours)
            ahead = min(SCORED, *(one.grid.end - cycle.cycle_start for one in forecasts))
            grid = IntervalGrid(start=cycle.cycle_start, length=length, count=max(1, ahead // length))
            history = await self.store.feeder_history(grid=grid, known_at=now)
            rows = [history.feeder_ids.index(name) for name in forecasts[0].feeder_ids]
            actual_kw = history.consumption_kw[rows]
            known = float(np.isfinite(actual_kw).mean())
            if known >= ENOUGH_METERED:
                await self.register.score(cycle.number, scores_of(*forecasts, grid, actual_kw), at=now)
            elif now > cycle.cycle_start + PATIENCE:
                await self.register.score(cycle.number, {}, at=now)

    async def _forecasts(
        self, shadow: Shadow, cycle: ShadowCycle
    ) -> tuple[LoadForecast, LoadForecast] | None:
        """Return the forecasts of both sides on the same feeders, None where one is not there any more."""
        if cycle.in_force.forecast_id is None or cycle.shadow.forecast_id is None:
            return None
        was = await self.store.get_forecast(cycle.in_force.forecast_id)
        if shadow.change.model:
            own = await self.register.get_forecast(cycle.shadow.forecast_id)
        else:
            own = was if was is None or not shadow.change.weights else mixed(was, shadow.change.weights)
        if was is None or own is None or was.feeder_ids != own.feeder_ids:
            return None
        return was, own


def _as_it_was(record: CycleRecord) -> Rehearsed:
    """Decide a recorded cycle again, from the outcome of its solve: what was in force, without a solver."""
    prepared = prepare(record.inputs)
    decision = decide(record.inputs, prepared, record.outcome)
    return Rehearsed(inputs=record.inputs, prepared=prepared, outcome=record.outcome, decision=decision)


def _outcomes(
    cycle: ShadowCycle, before: ShadowCycle | None, load_kw: Floats, fleet: Fleet
) -> tuple[Outcome, Outcome]:
    assert cycle.prices is not None
    metered = Metered(
        start=cycle.cycle_start,
        hours=cycle.hours,
        load_kw=load_kw,
        import_price_per_kwh=cycle.prices.import_price_per_kwh,
        export_price_per_kwh=cycle.prices.export_price_per_kwh,
        stored_value_per_kwh=cycle.prices.stored_value_per_kwh,
    )
    earlier = (None, None) if before is None else (before.in_force.powers_kw, before.shadow.powers_kw)
    sides = zip((cycle.in_force.powers_kw, cycle.shadow.powers_kw), earlier, strict=True)
    first, second = (
        outcome_of(_of_fleet(kw, fleet), _of_fleet(was, fleet), metered, fleet) for kw, was in sides
    )
    return first, second


def _of_fleet(power_kw: Floats | None, fleet: Fleet) -> Floats | None:
    """Return powers for the fleet as it is now: assets keep their slots, those that came since rest."""
    if power_kw is None or len(power_kw) == len(fleet):
        return power_kw
    known = np.zeros(len(fleet))
    known[: len(power_kw)] = power_kw[: len(fleet)]
    return known
